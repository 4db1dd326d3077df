"""How often a sender may ask for something dear: so many at once, and so many a second in the long run.

In memory, for one instance: each has its own. The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

GRANTED_SECONDS = 60.0
"""So long a grant is kept for who has not used it: what was put off comes again in a moment, or to another instance."""


@dataclass(slots=True)
class _Sender:
    """What is left to a sender at the clock's `at`, and until when those refused were told to wait."""

    left: float
    at: float
    told_until: float = 0.0


class Allowance:
    """`at_once` for each sender, refilled by `a_second`. `clock` gives seconds."""

    def __init__(self, at_once: int, a_second: float, clock: Callable[[], float]) -> None:
        self._at_once = at_once
        self._a_second = a_second
        self._clock = clock
        self._senders: dict[str, _Sender] = {}
        self._granted: dict[Hashable, float] = {}

    def ask(self, sender: str, what: Hashable) -> float:
        """0 if the sender may do `what`, once; else the seconds after which to try again.

        Asking again costs nothing until it is `used`. Those refused together are told moments one after the other, so
        that they do not come back together.
        """
        now = self._clock()
        if self._granted.get(what, 0.0) > now:
            return 0.0
        one = self._senders.setdefault(sender, _Sender(self._at_once, now))
        one.left = min(self._at_once, one.left + (now - one.at) * self._a_second)
        one.at = now
        if one.left >= 1:
            one.left -= 1
            self._granted = {key: until for key, until in self._granted.items() if until > now}
            self._granted[what] = now + GRANTED_SECONDS
            return 0.0
        one.told_until = max(one.told_until, now + (1 - one.left) / self._a_second) + 1 / self._a_second
        return one.told_until - now

    def used(self, what: Hashable) -> None:
        """It was done: whoever asks for it again is counted again."""
        self._granted.pop(what, None)
