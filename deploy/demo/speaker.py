"""One broker user of the demo, and all that they said: when each command was sent, and which outcomes came.

It decides nothing and prints nothing. The page is docs/cli.md.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

from contracts.outcomes import Accepted, Rejected
from contracts.payload import Payload
from contracts.tickets import Duplicate, TicketOutcome
from deploy.trouble import Trouble
from services.client import core
from services.client.blocking import Client
from services.client.core import Data, Heard, Outcome, Sending
from services.client.errors import ClientError, NotTaken

P = TypeVar("P", bound=Payload)


@dataclass(frozen=True, slots=True)
class Answer:
    """One outcome: its `id` and `type`, the number and version of the ticket that it carries, the id of the note that a
    duplicate became, and `at` (time.monotonic)."""

    id: str
    type: str
    at: float
    code: str = ""
    number: str = ""
    version: int = 0
    note: str = ""

    @property
    def label(self) -> str:
        """The label to count it by: the type, with the code if it is a rejection."""
        return f"{self.type} ({self.code})" if self.code else self.type


@dataclass(slots=True)
class Sent:
    """One command: `at` is time.monotonic of its first publishing; outcomes by their id, in order of arrival."""

    type: str
    at: float
    answers: dict[str, Answer] = field(default_factory=dict)

    @property
    def answer(self) -> Answer | None:
        """The first outcome."""
        return next(iter(self.answers.values()), None)


class Speaker:
    """Sends as the client's user, and keeps what comes of it. Used from one thread."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.name = client.user
        self.sent: dict[str, Sent] = {}
        self.waiting = 0
        """Commands sent that have no outcome yet."""
        self.outcomes: Counter[str] = Counter()
        """Commands by the label of their first outcome."""
        self.not_taken: list[NotTaken] = []
        """What the broker did not take or could not route."""

    def say(self, type_: str, data: Data, *, id_: str | None = None, subject: str | None = None) -> None:
        """Send a command; `hear` returns its outcome."""
        sending = core.command(self.name, type_, data, id_=id_, subject=subject)
        self._note_sent(sending)
        self.client.publish(sending).add_done_callback(self._note_taken)

    def ask(self, type_: str, data: Data, *, id_: str | None = None, subject: str | None = None) -> Outcome:
        """Send a command and wait for its outcome."""
        return self.send(core.command(self.name, type_, data, id_=id_, subject=subject))

    def expect(self, type_: str, data: Payload, form: type[P]) -> P:
        """Send a command and return the data of its outcome. Raises Trouble if that is not of this class."""
        outcome = self.ask(type_, data)
        try:
            return outcome.expect(form)
        except ClientError as error:
            raise Trouble(f"{type_} of {self.name} came to {outcome.type}: {error}") from error

    def send(self, sending: Sending) -> Outcome:
        """Send a message that was made by hand, and wait for its outcome."""
        self._note_sent(sending)
        outcome = self.client.send(sending).result()
        self._note_outcome(outcome)
        return outcome

    def hear(self, timeout: float) -> Heard | None:
        """The next message, an outcome or anything else; None if none comes within `timeout` seconds."""
        heard = self.client.hear(timeout)
        if isinstance(heard, Outcome):
            self._note_outcome(heard)
        return heard

    def _note_sent(self, sending: Sending) -> None:
        if sending.id not in self.sent:
            self.sent[sending.id] = Sent(sending.type, time.monotonic())
            self.waiting += 1

    def _note_taken(self, confirmed: Future[None]) -> None:
        error = confirmed.exception()
        if isinstance(error, NotTaken):
            self.not_taken.append(error)

    def _note_outcome(self, outcome: Outcome) -> None:
        sent = self.sent.get(outcome.event.causationid or "")
        if sent is None:
            return
        data = outcome.data
        ticket = data.ticket if isinstance(data, Accepted | TicketOutcome) else None
        answer = Answer(
            outcome.event.id,
            outcome.type,
            time.monotonic(),
            code=data.code if isinstance(data, Rejected) else "",
            number=ticket.number if ticket is not None else "",
            version=ticket.version if ticket is not None else 0,
            note=data.note_id if isinstance(data, Duplicate) else "",
        )
        if not sent.answers:
            self.waiting -= 1
            self.outcomes[answer.label] += 1
        sent.answers.setdefault(answer.id, answer)


def latencies(sent: Iterable[Sent]) -> list[float]:
    """Seconds from publishing to the first outcome, for commands that have one, ascending."""
    return sorted(command.answer.at - command.at for command in sent if command.answer)
