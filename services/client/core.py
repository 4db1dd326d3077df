"""What a sender says, and what it has under way: envelopes, ids, which outcome answers which command, when to send
something again.

Pure: no I/O and no clock (times are seconds of any clock that only goes forward). The page is docs/client.md.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from marshmallow import ValidationError

from contracts import registry
from contracts.agents import Agent, SignOff, SignOn
from contracts.envelope import CONTENT_TYPE, Event, from_dict, parse, serialise
from contracts.names import AGENT_PREFIX, AGENTS, CHANNELS, DESK, INTAKE, LIVE, QUESTIONS, role_of, source_of
from contracts.outcomes import Rejected
from contracts.payload import Payload, read
from contracts.registry import TYPES, Kind, MessageType
from contracts.topology import ASKED_WITHIN, LARGEST_TAKEN
from contracts.values import dataclass

from .errors import CommandRejected, NotTaken, UnexpectedOutcome

P = TypeVar("P", bound=Payload)

SEND_AGAIN = 60.0
"""Seconds after which a command without an outcome is sent again, under its id: it has no second effect."""

ASK_AGAIN = ASKED_WITHIN / 1000
"""Seconds after which a question without an answer is asked again: by then the desk has dropped it."""

REMEMBERED = 10_000
"""How many outcomes it remembers, in case they come once more."""

HEARTBEAT = 20.0
"""Seconds between an agent's heartbeats. The desk takes an agent for away after 60 (`CASEBUS_AWAY_AFTER`)."""

LONGEST_ID = 255
"""Bytes: the id is AMQP's `message_id` too, a short string."""

Data = Payload | Mapping[str, Any]
"""What a command carries: the contract's class, or JSON of its form, which the desk judges."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One message to publish; the same each time it is sent. `again_after`: seconds without an outcome after which it
    is sent again."""

    id: str
    type: str
    exchange: str
    routing_key: str
    body: bytes
    again_after: float = SEND_AGAIN
    properties: Mapping[str, Any] = field(default_factory=dict)
    """AMQP's properties, beside those that every message of the desk has."""

    @property
    def all_properties(self) -> dict[str, Any]:
        """AMQP's properties, except `user_id` and `reply_to`, which the connection sets."""
        return {"message_id": self.id, "content_type": CONTENT_TYPE, **self.properties}


def new_id() -> str:
    """An id for one intent of a sender. If a program may have to send again after a crash, it stores the id before it
    sends."""
    return uuid.uuid4().hex


def command(user: str, type_: str, data: Data, *, id_: str | None = None, subject: str | None = None) -> Sending:
    """A command of this broker user. `subject`: the ticket number, account id or agent id that it is about.

    Raises ValueError for a type that is not a command of such a user, TypeError for data of another type.
    """
    _declared(registry.command(type_), "command", user, type_, data)
    exchange = INTAKE if role_of(user) == "channel" else DESK
    event = Event(id_ or new_id(), type_, str(source_of(user)), datetime.now(UTC), data, subject)
    return by_hand(event, exchange, type_)


def question(user: str, type_: str, data: Data) -> Sending:
    """A question of this broker user, answered only at its `reply_to`. Raises what `command` raises."""
    declared = _declared(registry.question(type_), "question", user, type_, data)
    event = Event(new_id(), type_, str(source_of(user)), datetime.now(UTC), data)
    return by_hand(event, QUESTIONS, declared.key_of(user), again_after=ASK_AGAIN)


def by_hand(event: Event, exchange: str, routing_key: str, **more: Any) -> Sending:
    """A message whose envelope the caller has made; `more`: fields of `Sending`. It checks only what would end the
    sender's connection.

    Raises ValueError for an id that AMQP has no room for, NotTaken for a message that is larger than the broker takes.
    """
    if len(event.id.encode()) > LONGEST_ID:
        raise ValueError(f"an id has {LONGEST_ID} bytes at most")
    sending = Sending(event.id, event.type, exchange, routing_key, serialise(event), **more)
    if len(sending.body) > LARGEST_TAKEN:
        raise NotTaken(event.id, event.type, f"the broker takes {LARGEST_TAKEN // 2**20} MiB at most")
    return sending


def _declared(declared: MessageType | None, kind: str, user: str, type_: str, data: Data) -> MessageType:
    if source_of(user) is None:
        raise ValueError(f"{user} is no channel, no agent and not the operator")
    if declared is None or not declared.may_be_sent_by(user):
        raise ValueError(f"{type_} is not a {kind} of {user}")
    if isinstance(data, Payload) and type(data) is not declared.data:
        raise TypeError(f"{type_} carries {declared.data.__name__}, not {type(data).__name__}")
    return declared


# What comes back


@dataclass(frozen=True, slots=True)
class Heard:
    """One message that came, as it came."""

    event: Event
    body: bytes
    kind: Kind

    @property
    def type(self) -> str:
        """The type of its event."""
        return self.event.type

    @property
    def data(self) -> Payload:
        """What it says, as the contract's class. Raises UnexpectedOutcome for what this version of the contract does
        not know; `event.data` has it as JSON."""
        declared = TYPES.get((self.kind, self.event.type))
        if declared is None:
            raise UnexpectedOutcome(f"The contract has no {self.kind} {self.event.type}.")
        try:
            return read(declared.data, self.event.data, is_whole=True).data
        except ValidationError as error:
            raise UnexpectedOutcome(f"{self.event.type} is not as this version of the contract has it.") from error


@dataclass(frozen=True, slots=True)
class Outcome(Heard):
    """The outcome of a command or a question."""

    @property
    def rejected(self) -> Rejected | None:
        """Why it did not take effect; None if it did."""
        data = self.data if self.type == "command.rejected" else None
        return data if isinstance(data, Rejected) else None

    def expect(self, form: type[P]) -> P:
        """The outcome's data, of a class that the caller can use: `outcome.expect(TicketOutcome).ticket`.

        Raises CommandRejected if the desk refused the command, UnexpectedOutcome for data of another class.
        """
        data = self.data
        if isinstance(data, form):
            return data
        if isinstance(data, Rejected):
            raise CommandRejected(data.code, data.message, data.errors)
        raise UnexpectedOutcome(f"The outcome is {self.type}.")


def heard(user: str, body: bytes) -> Heard:
    """The message in a body that came for this user. Raises NotAnEvent."""
    try:
        event = from_dict(msgspec.json.decode(body))
    except (msgspec.DecodeError, RecursionError):
        event = parse(body)
    own: Kind = "agent_message" if user.startswith(AGENT_PREFIX) else "channel_message"
    kinds: tuple[Kind, ...] = (own, "live_message")
    for kind in kinds:
        if (kind, event.type) in TYPES and not _is_outcome(event):
            return Heard(event, body, kind)
    return Outcome(event, body, "outcome")


def _is_outcome(event: Event) -> bool:
    """For a type that is both: messages to agents carry the entry of the history, outcomes never do."""
    return ("outcome", event.type) in TYPES and not (isinstance(event.data, dict) and "entry" in event.data)


def own_door(user: str) -> tuple[str, str]:
    """The exchange and the binding key of all that goes to a channel or an agent."""
    return (AGENTS if user.startswith(AGENT_PREFIX) else CHANNELS), f"{user}.#"


CHANGES = (LIVE, "ticket.changed.#")
"""The exchange and the binding key of what is said of tickets that change. The broker lets the help center hear it."""


def inbox(user: str) -> str:
    """The queue that is declared for a channel or an agent."""
    return f"{user}.inbox" if user.startswith(AGENT_PREFIX) else f"{user}.outcomes"


def heartbeat(me: SignOn) -> Sending:
    """The agent is there."""
    return command(AGENT_PREFIX + me.agent_id, "agent.heartbeat", Agent(agent_id=me.agent_id), subject=me.agent_id)


def sign_on(me: SignOn) -> Sending:
    """The agent comes."""
    return command(AGENT_PREFIX + me.agent_id, "agent.sign_on", me, subject=me.agent_id)


def sign_off(me: SignOn, *, release: bool) -> Sending:
    """The agent goes."""
    going = SignOff(agent_id=me.agent_id, release=release)
    return command(AGENT_PREFIX + me.agent_id, "agent.sign_off", going, subject=me.agent_id)


# What is under way


@dataclass(slots=True)
class _Entry:
    sending: Sending
    awaited: bool
    deadline: float
    sent_at: float = 0.0
    state: str = "waiting"
    """`waiting` to be published, `flying` (published, not confirmed), `resting` (confirmed, without an outcome)."""


class UnderWay:
    """What was given to send and is not done yet, by numbers 1, 2, … in order.

    A message is done when it is confirmed or, if its outcome is awaited, when that is heard.
    """

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}
        self._waiting: deque[int] = deque()
        self._flying: set[int] = set()
        self._suspects: set[int] = set()
        self._awaiting: dict[str, int] = {}
        self._answered: dict[str, None] = {}
        self._given = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def unconfirmed(self) -> int:
        """How many are still to be published, or were published and are not confirmed."""
        return len(self._waiting) + len(self._flying)

    def add(self, sending: Sending, *, awaited: bool, deadline: float) -> int:
        """A message to send, until `deadline`; the number by which it goes."""
        self._given += 1
        self._entries[self._given] = _Entry(sending, awaited, deadline)
        self._waiting.append(self._given)
        if awaited:
            self._awaiting[sending.id] = self._given
        else:
            self._answered.pop(sending.id, None)  # it awaits one, although its id may have had one
        return self._given

    def prolong(self, number: int, deadline: float) -> None:
        """Somebody else waits for the same outcome, perhaps longer."""
        entry = self._entries[number]
        entry.deadline = max(entry.deadline, deadline)

    def awaiting(self, id_: str) -> int | None:
        """The number of what has this id and waits for its outcome."""
        return self._awaiting.get(id_)

    def answered(self, number: int) -> None:
        """Its outcome is here: it is done."""
        self._answered[self._entries[number].sending.id] = None
        while len(self._answered) > REMEMBERED:
            del self._answered[next(iter(self._answered))]
        self.forget(number)

    def was_answered(self, id_: str) -> bool:
        """Whether the outcome of this id was awaited, and came: after a crash of the desk, or when it was sent again,
        it may come once more."""
        return id_ in self._answered

    def sending(self, number: int) -> Sending:
        """What goes by that number."""
        return self._entries[number].sending

    def next(self, window: int) -> int | None:
        """What to publish now, with at most `window` unconfirmed. A message that may have made the broker close the
        channel is published alone, to find out which one did."""
        if self._suspects:
            window = 1
        if not self._waiting or len(self._flying) >= window:
            return None
        return self._waiting[0]

    def published(self, number: int, now: float) -> None:
        """It is on its way to the broker."""
        self._waiting.remove(number) if self._waiting[0] != number else self._waiting.popleft()
        entry = self._entries[number]
        entry.state, entry.sent_at = "flying", now
        self._flying.add(number)

    def confirmed(self, number: int) -> bool:
        """The broker has it. Returns whether it is done."""
        self._flying.discard(number)
        self._suspects.discard(number)
        entry = self._entries.get(number)
        if entry is None:  # answered before it was confirmed, or given up
            return False
        if entry.awaited:
            entry.state = "resting"
            return False
        self.forget(number)
        return True

    def forget(self, number: int) -> None:
        """It is done, or given up."""
        entry = self._entries.pop(number, None)
        if entry is None:
            return
        self._suspects.discard(number)
        if entry.state == "waiting":
            self._waiting.remove(number)
        if entry.awaited and self._awaiting.get(entry.sending.id) == number:
            del self._awaiting[entry.sending.id]

    def not_taken(self, number: int) -> None:
        """The broker did not take it."""
        self._flying.discard(number)
        self.forget(number)

    def lost(self) -> None:
        """The connection is gone, and its queue of answers with it: all that is not done is sent again, in order."""
        for entry in self._entries.values():
            entry.state = "waiting"
        self._flying.clear()
        self._waiting = deque(self._entries)

    def refused_one(self) -> int | None:
        """The broker closed the channel because of a message that it should not have been sent: returns which, if that
        is certain; otherwise the suspects are sent alone from now on. Call `lost` next."""
        if len(self._flying) == 1:
            (number,) = self._flying
            return number
        self._suspects |= {number for number in self._flying if number in self._entries}
        return None

    def look(self, now: float) -> list[int]:
        """Send again what has waited long enough for its outcome. Returns those whose time is over: forget them."""
        over = []
        for number, entry in self._entries.items():
            if now >= entry.deadline:
                over.append(number)
            elif entry.state == "resting" and now >= entry.sent_at + entry.sending.again_after:
                entry.state = "waiting"
                self._waiting.append(number)
        return over
