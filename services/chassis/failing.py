"""Whether one message fails, or the whole service: what became of the latest messages of one entrypoint.

A message that raises is dead-lettered, and its neighbours go on. When many raise (a bad release, a full disk), the
messages are not to blame. Then the entrypoint pauses, tries one a minute, and goes on when one succeeds. Pure: the
clock is passed in. The page is docs/turn.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import field
from itertools import repeat

from contracts.values import dataclass

TRIED_EVERY = 60.0
"""Seconds between tries while it pauses."""

SOON = 1.0
"""Seconds after a try that showed nothing: the message was put off, or needed no decision."""

FEWEST = 5
"""Fewer failures than this are never a reason to pause."""


@dataclass(frozen=True, slots=True)
class Try:
    """A message that was decided, or raised. `is_first`: it had not failed here before. `is_probe`: it was tried while
    the entrypoint paused, to see whether it would succeed."""

    failed: bool
    is_first: bool = True
    is_probe: bool = False


@dataclass(slots=True)
class Failing:
    """Records the messages of one entrypoint, `what`. It pauses when `share` or more of the last `of` messages raised
    at their first try (of fewer messages, while there have not been `of`). `clock` gives seconds."""

    what: str
    share: float
    of: int
    clock: Callable[[], float]
    succeeded: int = 0
    """How many have succeeded since the process began."""
    why: str = ""
    """While it pauses: what was seen, for the operator."""
    paused: bool = False
    _last: deque[bool] = field(init=False)
    _next_try: float = 0.0

    def __post_init__(self) -> None:
        self._last = deque(maxlen=self.of)

    def note(self, tries: Iterable[Try], error: str = "") -> None:
        """What became of the messages of a turn, in their order; `error`: what one of them raised."""
        tries = list(tries)
        self.succeeded += sum(not attempt.failed for attempt in tries)
        if self.paused:
            self._note_probes([attempt for attempt in tries if attempt.is_probe], error)
            return
        self._last.extend(attempt.failed for attempt in tries if attempt.is_first)
        failed = sum(self._last)
        if any(attempt.failed for attempt in tries) and failed >= max(FEWEST, self.share * len(self._last)):
            self.paused = True
            self.why = f"{failed} of the last {len(self._last)} of {self.what} failed ({error})"
            self._next_try = self.clock() + TRIED_EVERY

    def note_good(self, count: int) -> None:
        """Like `note`, for `count` messages that were tried for the first time and succeeded while nothing pauses."""
        self.succeeded += count
        self._last.extend(repeat(False, min(count, self.of)))

    def _note_probes(self, probes: list[Try], error: str) -> None:
        """Failures from before the pause say nothing: some of these messages may have been right all the time."""
        if any(not probe.failed for probe in probes):
            self.paused, self.why = False, ""
            self._last.clear()
        elif probes:
            self.why = f"{self.why.rpartition(' (')[0]} ({error})"

    def may_try(self) -> bool:
        """Whether one message may be tried now; if so, the next may be tried in a minute. Always True unless it
        pauses."""
        if not self.paused:
            return True
        if self.clock() < self._next_try:
            return False
        self._next_try = self.clock() + TRIED_EVERY
        return True

    def seconds_until_try(self) -> float:
        """Until `may_try`."""
        return max(0.0, self._next_try - self.clock()) if self.paused else 0.0

    def showed_nothing(self) -> None:
        """The try neither failed nor succeeded: another may follow soon."""
        self._next_try = min(self._next_try, self.clock() + SOON)
