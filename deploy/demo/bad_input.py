"""Bad input of every kind, sent among good input: each must get the contract's answer, and none may stop its
neighbours.

If the sender can be told: a rejection with a code. If nobody can be told: a dead letter with a reason. What the broker
itself forbids: the broker names it to its sender. The page is docs/cli.md.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from contracts.common import AccountRequester, Secret, TemporaryRequester
from contracts.envelope import Event
from contracts.file_forms import AttachmentContent
from contracts.payload import plain
from contracts.tickets import Reply, Submit, TicketOutcome
from contracts.topology import DESK, INTAKE
from deploy.trouble import Trouble
from services.client import core
from services.client.blocking import Client
from services.client.core import Outcome, Sending
from services.client.errors import ClientError, NotTaken

from .dead import DeadLetters
from .speaker import Speaker

DEAD_LETTER = "dead letter"
PROGRAM = AttachmentContent(name="me.png", media_type="image/png", content=bytes.fromhex("4d5a90000300000004000000"))
REFUSED_406 = "refused by the broker (406)"
REFUSED_403 = "refused by the broker (403)"
REFUSED_BY_BROKER = {"PRECONDITION_FAILED": REFUSED_406, "ACCESS_REFUSED": REFUSED_403}


@dataclass(frozen=True, slots=True)
class Trial:
    """A piece of bad input, the answer that the contract gives it, and the answer that came."""

    what: str
    expected: str
    got: str

    @property
    def passed(self) -> bool:
        """Whether the contract's answer came."""
        return self.got == self.expected


class BadInput:
    """Sends all of it as one channel. `trials` are the results, `dead_ids` the message ids that had to die."""

    def __init__(
        self, url: str, dead: DeadLetters, good: Submit, requester: AccountRequester, visitor: TemporaryRequester
    ) -> None:
        """`good`: what is spoilt to make bad input, and `requester`, whose it is."""
        self.trials: list[Trial] = []
        self.dead_ids: set[str] = set()
        self.sender: Speaker | None = None
        self._url = url
        self._dead = dead
        self._good = good
        self._requester = requester
        self._visitor = visitor

    def work(self) -> None:
        """Send everything, wait for each answer."""
        with Client(self._url) as client:
            self.sender = Speaker(client)
            mine = self._own_ticket()
            self._rejected()
            self._about(mine)
            self._unreadable()
            self._forbidden_by_the_broker()

    def _own_ticket(self) -> str:
        """A ticket to do wrong things to, filed twice with one id: the second body must change nothing."""
        assert self.sender
        id_ = uuid.uuid4().hex
        first = self.sender.ask("ticket.submit", self._good, id_=id_)
        try:
            number = first.expect(TicketOutcome).ticket.number
        except ClientError as error:
            raise Trouble(f"A good submission among the bad input came to {first.type}: {error}") from error
        again = self.sender.ask("ticket.submit", replace(self._good, subject="Another subject"), id_=id_)
        same = first.event == again.event
        self._note("the same id with another body", "the first outcome", "the first outcome" if same else again.type)
        return number

    def _rejected(self) -> None:
        good = plain(self._good)
        without = {name: value for name, value in good.items() if name != "subject"}
        for what, code, data in (
            ("a field missing", "invalid", without),
            ("a field too long", "invalid", {**good, "subject": "x" * 201}),
            ("a field of the wrong type", "invalid", {**good, "body": 42}),
            ("data that is a list", "invalid", []),
            ("an unknown category", "unknown_category", {**good, "category": "lost-umbrellas"}),
            ("a body of 10 MB", "too_large", {**good, "body": "x" * 10_000_000}),
        ):
            self._ask(what, code, "ticket.submit", data)
        self._claiming("a forged source", "forbidden", source="/channels/game", type="ticket.submit")
        self._claiming("an unknown type", "invalid", source="/channels/web", type="ticket.teleport")

    def _about(self, number: str) -> None:
        known, secret = self._requester, self._visitor.temporary
        stranger = replace(known, account_id=known.account_id + "-stranger")
        wrong = Secret(account_id=secret.account_id, secret=secret.secret[::-1])
        for what, code, reply in (
            ("an unknown ticket", "unknown_ticket", Reply(requester=known, number="99999999", body="Hello?")),
            ("somebody else's ticket", "forbidden", Reply(requester=stranger, number=number, body="Hello?")),
            (
                "a wrong secret",
                "unauthenticated",
                Reply(requester=TemporaryRequester(temporary=wrong), number=number, body="Hello?"),
            ),
        ):
            self._ask(what, code, "ticket.reply", reply)
        alone = Reply(requester=known, number=number, attachments=[PROGRAM])
        self._ask("nothing but a program that calls itself a picture", "invalid", "ticket.reply", alone)

    def _unreadable(self) -> None:
        assert self.sender
        bodies = {"not JSON": b"Hello, desk!", "JSON that is no CloudEvent": json.dumps({"hello": "desk"}).encode()}
        ids = {what: uuid.uuid4().hex for what in bodies}
        for what, body in bodies.items():
            self.sender.client.publish(Sending(ids[what], "ticket.submit", INTAKE, "ticket.submit", body)).result()
        self.dead_ids |= set(ids.values())
        for what, id_ in ids.items():
            self._note(what, DEAD_LETTER, DEAD_LETTER if self._dead.wait_for(id_) else "nothing")

    def _forbidden_by_the_broker(self) -> None:
        assert self.sender
        for what, expected, exchange, key, user in (
            ("a forged user_id", REFUSED_406, INTAKE, "ticket.submit", "game"),
            ("a channel writing as an agent", REFUSED_403, DESK, "ticket.close", "web"),
        ):
            sending = Sending(uuid.uuid4().hex, key, exchange, key, b"{}", properties={"user_id": user})
            try:
                self.sender.client.publish(sending).result()
                got = "taken"
            except NotTaken as refused:
                got = next((words for code, words in REFUSED_BY_BROKER.items() if code in refused.why), refused.why)
            self._note(what, expected, got)

    def _ask(self, what: str, code: str, command: str, data: Any) -> None:
        assert self.sender
        self._note(what, code, _code(self.sender.ask(command, data)))

    def _claiming(self, what: str, code: str, **claims: str) -> None:
        """Send an event whose envelope is made by hand."""
        assert self.sender
        event = Event(uuid.uuid4().hex, time=datetime.now(UTC), data=self._good, **claims)
        self._note(what, code, _code(self.sender.send(core.by_hand(event, INTAKE, "ticket.submit"))))

    def _note(self, what: str, expected: str, got: str) -> None:
        self.trials.append(Trial(what, expected, got))


def _code(outcome: Outcome) -> str:
    return outcome.type if outcome.rejected is None else outcome.rejected.code
