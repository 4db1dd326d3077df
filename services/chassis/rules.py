"""What makes the chassis's turn a service's own: its parts, and when each runs. The page is docs/turn.md."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from contracts.values import dataclass
from services.chassis.chores import Chore
from services.chassis.decision import Decision, Message, View
from services.chassis.gate import Gate
from services.chassis.outgoing import Outgoing
from services.chassis.unit_of_work import Write

V = TypeVar("V", bound=View)


class Repository(Protocol[V]):
    """A service's database, as the turn uses it."""

    def load(self, messages: Sequence[Message[Any]], now: datetime) -> V:
        """Everything that these messages may touch, in one query for each collection. The turn deals with what pymongo
        raises."""

    def writes(self, view: V) -> list[Write]:
        """What the turn changed in the view."""


@dataclass(frozen=True, slots=True)
class Preparation(Generic[V]):
    """What came of preparing messages: how the repository loads with what was found out (`Repository.load` with that
    bound), and the keys of the messages that are put off, so that the others need not wait for them."""

    load: Callable[[Sequence[Message[Any]], datetime], V]
    put_off: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Follower:
    """Keeps something in memory, in a thread of its own. `name` is for the log.

    `follow` runs once everything is set up, until the function that it gets says that the service stops. If it raises,
    the process ends. `problem` says in a few words why questions cannot be answered yet. Until it is None no question
    is taken, and `/readyz` says why.
    """

    name: str
    follow: Callable[[Callable[[], bool]], object]
    problem: Callable[[], str | None]


@dataclass(frozen=True)
class Rules(Generic[V]):
    """What makes a turn this service's turn: its parts in the order in which they run (docs/turn.md)."""

    repository: Repository[V]
    """`load` runs at the beginning of each attempt at a turn, `writes` at its end; both outside the transaction."""
    decide: Callable[[V, Message[Any], datetime], Decision]
    """Runs for each message, in order. Pure."""
    conclude: Callable[[V, datetime], Decision] | None = None
    """Runs after the last message of each attempt, even if there was none. Pure. Only routing has one: it matches
    tickets with agents."""
    prepare: Callable[[Sequence[Message[Any]], datetime], Preparation[V]] | None = None
    """Slow work (hash a secret, send a mail): runs once, before the attempts, and not again after a conflict."""
    needs_preparing: Callable[[Message[Any]], bool] = lambda _message: True
    """Which messages `prepare` gets."""
    gate: Gate | None = None
    """Passed by each attempt in the seconds after a lost race, where the turns of all instances change one document.
    Only routing and knowledge have one."""
    reveal: Callable[[Outgoing], Outgoing] | None = None
    """Runs for each message when it is published: it adds what may be published but never stored. Only intake has it:
    for secrets and codes."""
    chores: Sequence[Chore] = ()
    """Run beside the turns, each at its own interval."""
    follower: Follower | None = None
    """Runs beside the turns all the time. Only knowledge has one: it follows what is published."""
