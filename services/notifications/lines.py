"""Sends a batch of things to one destination over a few connections, each thing with an outcome, in bounded time.

No connection waits for another. mailer.py and webhooks.py say what is sent and how. See docs/notifications.md.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from services.notifications.domain.state import Outcome

log = logging.getLogger(__name__)

LINES = 4
"""Connections to one destination at a time."""

BATCH_TIME = 20.0
"""Seconds after which a batch begins nothing more: the turn whose timers ask for it should not wait forever. What is in
work then has half as much time again to end: if it were cut off, the other side might have taken it all the same, and
it would be sent once more."""

AWAY_IN_A_ROW = 2
"""If a line finds the destination away this often in a row, it leaves the rest untried."""


class NoConnection(Exception):
    """No connection can be made; the message is the reason, without anything that the other side wrote."""


class HasId(Protocol):
    """A thing to send."""

    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=HasId)
T_contra = TypeVar("T_contra", bound=HasId, contravariant=True)


class Link(Protocol[T_contra]):
    """One connection, made when it is needed."""

    def send(self, item: T_contra) -> Outcome:
        """Try one thing. Raises `NoConnection` if it was not even tried."""

    def leave(self) -> None:
        """Say goodbye, if there is a connection."""

    def cut(self) -> None:
        """Cut the connection, which ends whatever waits on it in another thread."""


def send_all(items: Sequence[T], link: Callable[[], Link[T]], batch_time: float = BATCH_TIME) -> dict[str, Outcome]:
    """Try each item once. Returns the outcome of each by id, after one and a half times `batch_time` seconds at the
    latest (and a moment). An item whose turn has not come within `batch_time`, or which no connection could take, is
    `deferred`."""
    batch = _Batch(items)
    lines = [_Line(link(), batch) for _ in range(min(LINES, len(items)))]
    for line in lines:
        line.start()
    _wait_for(lines, batch_time)
    batch.begin_no_more()
    _wait_for(lines, batch_time / 2)
    outcomes = batch.close()
    for line in lines:
        if not line.ended.is_set():
            line.abort()
    return outcomes


def _wait_for(lines: Sequence[_Line[T]], seconds: float) -> None:
    end = time.monotonic() + seconds
    for line in lines:
        line.ended.wait(max(0.0, end - time.monotonic()))


class Circuit:
    """Whether a destination is asked: after a batch in which it was away for all items, it is left alone, for longer
    and longer until it answers."""

    FIRST = timedelta(seconds=5)
    LONGEST = timedelta(minutes=5)

    def __init__(self) -> None:
        self._closed_until: datetime | None = None
        self._failures = 0
        self._reason = ""

    def refusal(self, now: datetime) -> Outcome | None:
        """The outcome of whatever should go out now, without asking; None: ask. It also asks if its time is further off
        than it ever was: then the clock was set back."""
        until = self._closed_until
        if until is None or not until - self.LONGEST <= now < until:
            return None
        return Outcome("deferred", self._reason, away=True, asked_again_at=until)

    def heard(self, outcomes: Sequence[Outcome], now: datetime) -> str | None:
        """How a batch went. Returns the reason if the destination was found away and had not been away before."""
        if not all(outcome.away for outcome in outcomes):
            self._closed_until, self._failures = None, 0
            return None
        self._closed_until = now + min(self.FIRST * (1 << min(self._failures, 10)), self.LONGEST)
        self._failures += 1
        self._reason = next((outcome.reason for outcome in outcomes), "")
        return self._reason if self._failures == 1 else None


class _Batch(Generic[T]):
    """Things that still have to be tried, and the outcomes of those that were."""

    def __init__(self, items: Sequence[T]) -> None:
        self._left = deque(items)
        self._ids = [item.id for item in items]
        self._outcomes: dict[str, Outcome] = {}
        self._lock = threading.Lock()
        self._problem = "the server is too slow"
        self._begins_no_more = False
        self._closed = False

    def next(self) -> T | None:
        """An item to try, or None: all are tried, or time is up."""
        with self._lock:
            return self._left.popleft() if self._left and not self._begins_no_more else None

    def begin_no_more(self) -> None:
        """Drop what has not begun."""
        with self._lock:
            self._begins_no_more = True

    def put_back(self, item: T, problem: str) -> None:
        """It could not be tried for lack of a connection; another line may have one."""
        with self._lock:
            self._left.appendleft(item)
            self._problem = problem

    def tried(self, item: T, outcome: Outcome) -> None:
        """It has been tried. Whatever comes after the end does not count."""
        with self._lock:
            if not self._closed:
                self._outcomes[item.id] = outcome
                if outcome.away:
                    self._problem = outcome.reason

    def close(self) -> dict[str, Outcome]:
        """The end: the outcome of each."""
        with self._lock:
            self._closed = True
            untried = {item.id for item in self._left}
            rest = {
                id_: Outcome("deferred", self._problem if id_ in untried else "timed out", away=True)
                for id_ in self._ids
                if id_ not in self._outcomes
            }
            return {**self._outcomes, **rest}


class _Line(threading.Thread, Generic[T]):
    """One link, and the items that it takes from the batch one by one. (A green thread in a running service.)"""

    def __init__(self, link: Link[T], batch: _Batch[T]) -> None:
        super().__init__(daemon=True)
        self._link = link
        self._batch = batch
        self.ended = threading.Event()
        """What to wait for instead of `join`, which on green threads of Python 3.13 raises when its time is up."""

    def run(self) -> None:
        """Until no items are left, or the destination is away."""
        try:
            self._send_all()
        finally:
            self.ended.set()

    def _send_all(self) -> None:
        in_a_row = 0
        while in_a_row < AWAY_IN_A_ROW and (item := self._batch.next()):
            try:
                outcome = self._link.send(item)
            except NoConnection as error:
                log.warning("no connection", extra={"error": str(error)})
                self._batch.put_back(item, str(error))
                return
            self._batch.tried(item, outcome)
            in_a_row = in_a_row + 1 if outcome.away else 0
        self._link.leave()

    def abort(self) -> None:
        """Time is up."""
        self._link.cut()
