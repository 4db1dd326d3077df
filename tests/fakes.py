"""What a turn or a consumer needs, in memory: for unit tests that need no broker and no database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from services.chassis.database import Conflict
from services.chassis.failing import Failing
from services.chassis.outgoing import Outgoing
from services.chassis.publisher import BrokerAway
from services.chassis.reading import Delivery
from services.chassis.turn import Decided
from services.chassis.unit_of_work import DueTimer, Handled, Work


def toy(**data: Any) -> Any:
    """What a toy service says: of no payload's class."""
    return data


@dataclass
class FakeStore:
    """Keeps handled ids and outgoing messages as the database would; `on_commit` applies a toy service's writes.

    `trouble` holds exceptions for the next commits, in order: a `Conflict`, a `DatabaseAway`. With `lost_answer` such a
    commit is stored all the same, as when the connection breaks before the answer.
    """

    on_commit: Callable[[Work], None] = lambda _work: None
    clock: datetime = datetime(2026, 1, 5, 12, tzinfo=UTC)
    trouble: list[Exception] = field(default_factory=list)
    lost_answer: bool = False
    commits: list[Work] = field(default_factory=list)
    outbox: dict[str, list[Outgoing]] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    gone_timers: set[str] = field(default_factory=set)
    _handled: dict[str, Handled] = field(default_factory=dict)

    def now(self) -> datetime:
        """The clock, which only the test moves."""
        return self.clock

    def handled(self, keys: Sequence[str]) -> dict[str, Handled]:
        """Those of `keys` that were handled before."""
        return {key: self._handled[key] for key in keys if key in self._handled}

    def standing(self, fired: Sequence[DueTimer]) -> set[str]:
        """Timers that still stand."""
        return {timer.id for timer in fired} - self.gone_timers

    def commit(self, work: Work) -> None:
        """Store all or nothing."""
        if work.valid_until is not None and self.clock > work.valid_until:
            raise Conflict("decided too long ago")
        if self.trouble and not self.lost_answer:
            raise self.trouble.pop(0)
        if any(handled.key in self._handled for handled in work.handled):
            raise Conflict("a key is taken")
        self.on_commit(work)
        if not work.is_empty():
            self.commits.append(work)
        self._handled |= {handled.key: handled for handled in work.handled}
        self.gone_timers |= {timer.id for timer in work.fired}
        if work.outgoing:
            self.outbox[work.turn] = list(work.outgoing)
        if self.trouble:
            raise self.trouble.pop(0)

    def unsent(self, turns: Sequence[str]) -> list[Outgoing]:
        """What these turns left."""
        return [message for turn in turns for message in self.outbox.get(turn, [])]

    def sent(self, turns: Sequence[str]) -> None:
        """The broker has them."""
        for turn in turns:
            self.outbox.pop(turn, None)

    def count_attempt(self, key: str) -> int:
        """One more."""
        self.attempts[key] = self.attempts.get(key, 0) + 1
        return self.attempts[key]

    def uncount_attempt(self, key: str) -> None:
        """One less."""
        self.attempts[key] -= 1

    def forget_attempts(self, key: str) -> None:
        """Handled after all."""
        self.attempts.pop(key, None)


@dataclass
class FakePublisher:
    """Takes every message; `away`: how often the broker is away first; `unroutable`: (exchange, key)s without a
    queue."""

    away: int = 0
    unroutable: set[tuple[str, str]] = field(default_factory=set)
    published: list[Outgoing] = field(default_factory=list)

    def publish(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """Published, or `BrokerAway`."""
        if messages and self.away:
            self.away -= 1
            raise BrokerAway("fake")
        self.published += messages
        return [message for message in messages if message.mandatory and message.address[:2] in self.unroutable]


def never_pausing() -> Failing:
    """What a consumer calls that goes on, whatever fails."""
    return Failing("toys", 1, 1, time.monotonic)


@dataclass
class FakeHandler:
    """Turns that only call `handle`, which gets deliveries and returns those to try again later."""

    handle: Callable[[list[Delivery]], list[Delivery]]
    deciding: AbstractContextManager[Any] = field(default_factory=threading.Lock)
    published: list[Decided] = field(default_factory=list)

    def decide(self, deliveries: list[Delivery]) -> Decided:
        """Nothing is left to publish."""
        return Decided(self.handle(deliveries))

    def publish(self, decided: Decided) -> None:
        """Record it."""
        self.published.append(decided)
