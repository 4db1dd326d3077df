"""The values that a domain's pure `decide` takes and returns.

Domains import no other module of the chassis: these are plain values, without I/O or a framework. The turn (`turn.py`)
gives each `Message` to `decide(view, message, now) -> Decision`, applies the changes to the view, then stores and
publishes what was said. The page is docs/turn.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from contracts.outcomes import Code, Rejected
from contracts.payload import Payload
from contracts.snapshot import Snapshot
from contracts.values import dataclass

D_co = TypeVar("D_co", covariant=True)
P = TypeVar("P")
T = TypeVar("T")
V = TypeVar("V")


def derived_id(*parts: str) -> str:
    """A stable id (32 hex digits) made of what it stands for: the same parts give the same id on every retry."""
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Cause:
    """What a message goes back to: the message that caused it, the first of the chain, and its trace."""

    id: str
    chain: str
    """`correlationid` on the wire: the id of the first message of the chain."""
    trace: str | None = None
    """`traceparent` on the wire: W3C trace context."""


@dataclass(frozen=True, slots=True)
class Message(Generic[D_co]):
    """One message as the domain sees it. `data` is the payload of `type`; for a timer, the `Timer` that was armed.

    `sender` is the broker user (`web`, `agent.a7`, `routing`), verified by RabbitMQ. A timer's sender is its own
    service.
    """

    id: str
    type: str
    sender: str
    data: D_co
    subject: str | None = None
    key: str = ""
    """`id` scoped to the sender: views index facts about a message by it (two senders may use one id)."""
    causationid: str | None = None
    """On events and outcomes: the id of the message that caused it."""
    correlationid: str | None = None
    traceparent: str | None = None
    hints: Mapping[str, Sequence[str]] | None = None
    """What it brought that could not be read and changes nothing: sentences by field, for its outcome."""

    @property
    def cause(self) -> Cause:
        """This message as the cause of another."""
        return Cause(self.id, self.correlationid or self.id, self.traceparent)


@dataclass(frozen=True, slots=True)
class Say:
    """One message to publish. Its id is derived from the causing message and its place, unless `id` is given."""

    exchange: str
    routing_key: str
    type: str
    data: Payload
    subject: str | None = None
    id: str | None = None
    reply_to: str | None = None
    cause: Cause | None = None
    """What it goes back to, if that is not the message being decided (in `conclude`, for example)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender of a command hears: published to its own key and to its `reply_to`."""

    type: str
    data: Payload
    subject: str | None = None
    about: Sequence[str] = ()
    """Finds the stored answer again, if what it says may have to go before it is forgotten."""


class Timer(Payload):
    """What a timer says when it fires: the data of the message `timer.<kind>`, for the service that armed it.

    Each kind of a service is a class of its own; its table `TAKEN` has a line for each. Timers are stored, and a later
    release reads them: a field that is added to a kind needs a default.
    """

    kind: ClassVar[str]

    due: datetime
    """When it fires, aware UTC."""

    @classmethod
    def type_(cls) -> str:
        """The type of the message."""
        return f"timer.{cls.kind}"


def timers_of(service: str) -> Iterator[type[Timer]]:
    """The kinds of timer that the imported modules of a service declare."""
    kinds = Timer.__subclasses__()
    for kind in kinds:
        kinds += kind.__subclasses__()
        if kind.__module__.startswith(f"services.{service}."):
            yield kind


@dataclass(frozen=True, slots=True)
class Arm:
    """Set the timer `id`, to fire when it is due; replaces one of that id."""

    id: str
    timer: Timer
    about: str
    """Id of what it is about (a ticket, an account, an agent, a delivery): arrives as the message's `subject`."""
    lane: str = ""
    """A lane's timers fire apart from all others, and wait for none of them (`due_timers(lanes=…)`)."""


@dataclass(frozen=True, slots=True)
class Disarm:
    """Remove the timer `id`, if it is set."""

    id: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What one message changes and what is said about it.

    `changes` are values of the service's own, applied to its view in order. `remember` False: the message is not
    recorded as handled, so it is decided each time it comes (views, heartbeats). `valid_until`: the decision may be
    stored only until then, by the database's clock; later the message is decided again. `waits`: an event that it needs
    may be on its way. For this long after the message came, it is decided again; after that this decision, which must
    change nothing, holds.
    """

    changes: Sequence[Any] = ()
    said: Sequence[Say] = ()
    answer: Answer | None = None
    timers: Sequence[Arm | Disarm] = ()
    remember: bool = True
    valid_until: datetime | None = None
    waits: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Taken(Generic[V, P]):
    """How a service decides one type of message: a line of its table `TAKEN`, which lists by type everything that it
    takes.

    The type is that of a command, a question, an event or an outcome, or `timer.<kind>` of a timer of its own.
    """

    data: type[P]
    decide: Callable[[V, Message[P], datetime], Decision]
    """What the message changes and says. Pure."""


def line_of(table: Mapping[str, T], message: Message[Any]) -> T:
    """The line of a message's type. Raises ValueError if the table has no such type."""
    line = table.get(message.type)
    if line is None:
        raise ValueError(f"{message.type} is nothing that this service takes")
    return line


def carrying(messages: Iterable[Message[Any]], form: type[P]) -> list[Message[P]]:
    """The messages whose data is of this class."""
    return [message for message in messages if isinstance(message.data, form)]


class View(Protocol):
    """A service's state as one turn sees it: what was read, then what the turn's messages changed."""

    def apply(self, change: Any) -> None:
        """Take one change of a decision in, so that later messages of the turn see it."""


def rejected(
    code: Code,
    message: str,
    errors: Mapping[str, Sequence[str]] | None = None,
    *,
    ticket: Snapshot | None = None,
    retry_at: datetime | None = None,
    eligible_at: datetime | None = None,
) -> Answer:
    """`command.rejected` with a code of the wire contract, a sentence for a person, and errors by field. The moments
    are aware UTC."""
    refusal = Rejected(
        code=code, message=message, errors=errors or {}, ticket=ticket, retry_at=retry_at, eligible_at=eligible_at
    )
    return Answer("command.rejected", refusal)
