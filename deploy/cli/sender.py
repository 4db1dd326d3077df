"""One sender of commands, a channel, an agent or the operator, and what it hears back.

Publishes commands as CloudEvents through a `Bus`, keeps when each was sent and which outcomes came for it, and hands
everything else that arrives to `on_other`. Decides nothing and prints nothing. The page is docs/cli.md.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from contracts.envelope import CONTENT_TYPE, Event, parse, serialise
from contracts.names import role_of, source_of
from contracts.registry import outcome
from contracts.topology import CHANNELS, DESK, INTAKE
from services.client.bus import Bus

ANSWER_WITHIN = 60.0
"""Seconds that `ask` waits."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One outcome: its `id` and `type`, the number of the ticket that it speaks of, and `at` (time.monotonic)."""

    id: str
    type: str
    at: float
    code: str = ""
    number: str = ""

    @property
    def label(self) -> str:
        """What to count it by: the type, with the code where it is a rejection."""
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


def _ignore(_event: Event) -> None:
    """What nobody asked for."""


class Sender:
    """Sends as the Bus's user; used from the Bus's thread. `on_other` gets every event that is no outcome."""

    def __init__(self, bus: Bus, on_other: Callable[[Event], None] = _ignore) -> None:
        source = source_of(bus.user)
        if source is None:
            raise ValueError(f"{bus.user} is no channel, no agent and not the operator")
        self.bus = bus
        self.name = bus.user
        self.source = source
        self.exchange = DESK if role_of(bus.user) in ("agent", "operator") else INTAKE
        self.sent: dict[str, Sent] = {}
        self.on_answer: Callable[[Event], None] = _ignore
        self.waiting = 0
        """Commands sent that have no outcome yet."""
        self.outcomes: Counter[str] = Counter()
        """Commands by the label of their first outcome."""
        self._on_other = on_other
        self._reply_to: str | None = None
        self._asked: dict[str, Event | None] = {}

    def listen(self) -> None:
        """Hear all that goes to the channel, on a temporary queue of one's own: nobody else misses anything."""
        self.bus.consume(self.bus.own_queue((CHANNELS, f"{self.name}.#")), self._receive, acknowledge=False)

    def listen_privately(self) -> None:
        """Hear the outcomes only, on a temporary queue that each command names as its `reply_to`."""
        self._reply_to = self.bus.own_queue()
        self.bus.consume(self._reply_to, self._receive, acknowledge=False)

    def listen_on(self, queue: str) -> None:
        """Hear what comes on a queue that is declared for the sender (`agent.a1.inbox`)."""
        self.bus.consume(queue, self._receive)

    def send(
        self, type_: str, data: Any, *, id_: str | None = None, subject: str | None = None, **properties: Any
    ) -> str:
        """Publish a command and return its id (a fresh one unless given); `properties` are AMQP's."""
        id_ = id_ or uuid.uuid4().hex
        event = Event(id_, type_, self.source, datetime.now(UTC), data, subject)
        return self.send_event(event, routing_key=type_, **properties)

    def send_event(self, event: Event, *, routing_key: str, **properties: Any) -> str:
        """Publish an event made by hand and return its id."""
        if event.id not in self.sent:
            self.sent[event.id] = Sent(event.type, time.monotonic())
            self.waiting += 1
        if self._reply_to:
            properties = {"reply_to": self._reply_to, "correlation_id": event.id, **properties}
        self.bus.publish(
            self.exchange, routing_key, serialise(event), message_id=event.id, content_type=CONTENT_TYPE, **properties
        )
        return event.id

    def ask(self, type_: str, data: Any, **more: Any) -> Event:
        """Send a command and wait for its outcome. Raises TimeoutError after ANSWER_WITHIN seconds."""
        return self.wait_for(self.send(type_, data, **more))

    def wait_for(self, id_: str) -> Event:
        """Drain until an outcome of the command with this id comes; the command may have been answered before."""
        self._asked[id_] = None
        end = time.monotonic() + ANSWER_WITHIN
        while (event := self._asked[id_]) is None:
            if time.monotonic() > end:
                raise TimeoutError(f"{self.name} has had no outcome of its {self.sent[id_].type}.")
            self.bus.drain(0.1)
        del self._asked[id_]
        return event

    def collect(self, patience: float, each: Callable[[], None] = lambda: None) -> None:
        """Drain until every command has its outcome, or nothing has arrived for `patience` seconds."""
        left, quiet_since = self.waiting, time.monotonic()
        while self.waiting and time.monotonic() - quiet_since < patience:
            self.bus.drain(0.2)
            each()
            if self.waiting != left:
                left, quiet_since = self.waiting, time.monotonic()

    def _receive(self, message: Any) -> None:
        event = parse(bytes(message.body) if not isinstance(message.body, str) else message.body.encode())
        sent = self.sent.get(event.causationid or "") if outcome(event.type) else None
        if sent is None:
            self._on_other(event)
            return
        ticket = event.data.get("ticket") or {}
        answer = Answer(event.id, event.type, time.monotonic(), event.data.get("code", ""), ticket.get("number", ""))
        if not sent.answers:
            self.waiting -= 1
            self.outcomes[answer.label] += 1
        sent.answers.setdefault(event.id, answer)
        if event.causationid in self._asked:
            self._asked[event.causationid] = event
        self.on_answer(event)


def latencies(sent: Iterable[Sent]) -> list[float]:
    """Seconds from publishing to the first outcome, of those that have one, ascending."""
    return sorted(command.answer.at - command.at for command in sent if command.answer)


def percentile(ascending: list[float], share: float) -> float:
    """The value below which `share` (0–1) of the values lie, by nearest rank; 0 for none."""
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))] if ascending else 0.0
