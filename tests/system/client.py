"""Channels and agents of the tests: they publish commands with the desk's client and keep everything that they hear.

They judge nothing, and the client itself waits for no outcome: what the desk loses must stay lost. The page is
docs/testing.md.
"""

from __future__ import annotations

import json
import math
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

from contracts.envelope import Event, serialise
from contracts.names import AGENT_PREFIX, DESK, INTAKE, source_of
from services.client.blocking import Client
from services.client.core import Sending
from services.client.link import INBOX
from tests.system.evidence import Asked, Heard, Sent
from tests.waiting import wait

PATIENCE = 60.0
HEARTBEAT = 20.0
"""Seconds between an agent's heartbeats while they are signed on."""


class Ledger:
    """All commands that the broker has confirmed and all messages that were heard, by anybody."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.heard: list[Heard] = []
        self.asked: list[Asked] = []
        """Questions that were answered, by whoever keeps them."""
        self.not_taken: list[BaseException] = []
        """Why the broker did not take what was sent without waiting."""
        self._outcomes: dict[tuple[str, str], Heard] = {}
        self._unanswered: dict[tuple[str, str], Sent] = {}
        self._changing = threading.Lock()

    def note_sent(self, sent: Iterable[Sent]) -> None:
        """The broker has these commands."""
        with self._changing:
            for request in sent:
                self.sent.append(request)
                if (request.user, request.id) not in self._outcomes:
                    self._unanswered[request.user, request.id] = request

    def note_heard(self, heard: Heard) -> None:
        """This message came."""
        cause = heard.event.get("causationid")
        with self._changing:
            self.heard.append(heard)
            if cause is not None:
                self._outcomes.setdefault((heard.user, cause), heard)
                self._unanswered.pop((heard.user, cause), None)

    def outcome(self, user: str, id_: str) -> Heard | None:
        """The first message that the command of this id caused for its sender."""
        return self._outcomes.get((user, id_))

    def unanswered(self) -> list[Sent]:
        """Commands without an outcome yet."""
        with self._changing:
            return list(self._unanswered.values())

    def wait(self, holds: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
        """Like `tests.waiting.wait`, but fails at once when the broker did not take something."""

        def look() -> bool:
            assert not self.not_taken, self.not_taken
            return holds()

        wait(look, what, patience=patience)


class Listener:
    """Hears everything that comes for one channel or agent on its own queue, in a thread, until it is closed."""

    def __init__(self, url: str, user: str, queue: str, heard: Callable[[Heard], None]) -> None:
        self.user = user
        self.client = Client(url, hears=queue, within=PATIENCE)
        self._heard = heard
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"listener {queue}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._closing.set()
        self._thread.join(PATIENCE)

    def look_after(self) -> None:
        """Called often, in the listener's thread."""

    def _run(self) -> None:
        with self.client:
            while not self._closing.is_set():
                message = self.client.hear(0.05)
                if message is not None:
                    self._heard(Heard(self.user, message.body))
                self.look_after()


class Agent(Listener):
    """An agent who signs on and, for each message of `hears` that comes, does once what `answer(ticket)` says: (type,
    data), or nothing."""

    def __init__(
        self,
        url: str,
        agent_id: str,
        ledger: Ledger,
        capacity: int,
        answer: Callable[[Mapping[str, Any]], tuple[str, dict[str, Any]] | None] = lambda _ticket: None,
        skills: Iterable[str] = ("*",),
        hears: Collection[str] = ("ticket.assigned",),
        beats: float = HEARTBEAT,
    ) -> None:
        """`beats`: seconds between heartbeats."""
        self.id = agent_id
        self._ledger = ledger
        self._answer = answer
        self._hears = hears
        self._done: set[tuple[str, int]] = set()
        self._back_after: str | None = None
        self._beats = beats
        self._beats_at = time.monotonic() + beats
        self._me = {"display_name": agent_id.upper(), "capacity": capacity, "skills": list(skills)}
        super().__init__(url, AGENT_PREFIX + agent_id, INBOX, self._hear)
        self._say("agent.sign_on", self._me)

    def take_a_break(self) -> None:
        """Sign off, giving back what awaits the desk, and on again as soon as that was answered."""
        self._back_after = uuid.uuid4().hex
        self._say("agent.sign_off", {"release": True}, self._back_after)

    def stop_beating(self) -> None:
        """Send no more heartbeats, so that nothing of theirs is under way when the desk stops."""
        self._beats_at = self._beats = math.inf

    def look_after(self) -> None:
        if self._back_after is None and time.monotonic() > self._beats_at:
            self._beats_at = time.monotonic() + self._beats
            self._say("agent.heartbeat", {})

    def _hear(self, heard: Heard) -> None:
        self._ledger.note_heard(heard)
        if heard.type in self._hears:
            ticket = heard.event["data"]["ticket"]
            key = (ticket["number"], ticket["version"])
            if key not in self._done:
                self._done.add(key)
                todo = self._answer(ticket)
                if todo is not None:
                    self._say(todo[0], {"number": ticket["number"], **todo[1]})
        elif self._back_after is not None and heard.event.get("causationid") == self._back_after:
            self._back_after = None
            self._say("agent.sign_on", self._me)

    def _say(self, type_: str, data: dict[str, Any], id_: str | None = None) -> None:
        made = command(self.user, type_, {"agent_id": self.id, **data}, id_)
        begin(self.client, made, self._ledger)


def command(user: str, type_: str, data: Any, id_: str | None = None, **claims: str) -> tuple[str, bytes]:
    """A command's type and body, with a new id unless one is given; `claims` replace attributes of the envelope."""
    source = source_of(user)
    assert source is not None, f"{user} is no sender"
    attributes: dict[str, Any] = {"type": type_, "source": source, **claims}
    return type_, serialise(Event(id_ or uuid.uuid4().hex, time=datetime.now(UTC), data=data, **attributes))


def begin(client: Client, made: tuple[str, bytes], ledger: Ledger) -> Future[None]:
    """Publish a command; it is in the ledger when the broker has confirmed it."""
    type_, body = made
    id_ = json.loads(body)["id"]
    exchange = DESK if client.user.startswith(AGENT_PREFIX) else INTAKE

    def note(confirmed: Future[None]) -> None:
        error = confirmed.exception()
        if error is None:
            ledger.note_sent([Sent(client.user, id_, type_, body)])
        else:
            ledger.not_taken.append(error)

    confirmed = client.publish(Sending(id_, type_, exchange, type_, body))
    confirmed.add_done_callback(note)
    return confirmed


def publish(client: Client, commands: Iterable[tuple[str, bytes]], ledger: Ledger) -> list[str]:
    """Publish commands and wait for their confirms; returns their ids."""
    made = list(commands)
    for confirmed in [begin(client, request, ledger) for request in made]:
        confirmed.result()
    return [json.loads(body)["id"] for _, body in made]


def submission(account: str, issue: str | None, **more: Any) -> dict[str, Any]:
    """Data of a `ticket.submit` of this account about this issue (its key)."""
    requester = {"account_id": account, "display_name": account.title(), "tier": "standard"}
    data = {
        "requester": requester,
        "category": "technical",
        "subject": f"Something about {issue}",
        "body": f"It does not work: {issue}.",
        "issue_key": issue,
        **more,
    }
    return {name: value for name, value in data.items() if value is not None}
