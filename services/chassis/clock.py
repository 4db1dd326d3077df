"""The database's clock: read once a second, and counted on in between. All instances of a service go by it.

A reading says that the database's clock showed a time at some moment between question and answer. It corrects this
clock only as far as that proves it wrong. So an answer that was long under way does not set it back, and it is wrong by
no more than the quickest reading took. The host's wall clock has no part in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

COUNTED_ON = 1.0
"""Seconds after a reading until the next."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def seconds() -> float:
    """Seconds of a clock that counts while the machine sleeps and that nobody can set, where the system has such a
    clock."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class DatabaseClock:
    """The time by a database's clock. Threads may share it."""

    def __init__(self, read: Callable[[], datetime], ahead: timedelta, counter: Callable[[], float] = seconds) -> None:
        """`read` asks the database for its time, aware; `ahead` is added to it; `counter` counts seconds."""
        self._read = read
        self._ahead = ahead
        self._counter = counter
        self._offset: float | None = None
        """What the database's clock shows, in seconds since 1970, when the counter is at 0."""
        self._read_at = 0.0

    def now(self) -> datetime:
        """The time, aware UTC, in milliseconds. Raises what `read` raises."""
        offset = self._offset
        if offset is None or self._counter() - self._read_at > COUNTED_ON:
            offset = self._corrected()
        return EPOCH + timedelta(milliseconds=int((self._counter() + offset) * 1000)) + self._ahead

    def _corrected(self) -> float:
        asked = self._counter()
        shown = (self._read() - EPOCH).total_seconds()
        answered = self._counter()
        least, most = shown - answered, shown - asked
        offset = self._offset = least if self._offset is None else min(max(self._offset, least), most)
        self._read_at = answered
        return offset
