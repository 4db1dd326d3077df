"""How often a sender may ask for expensive work: a number at once, and in the long run a number a second.

An origin has its own allowance, and its channel's is the ceiling for all origins: no single origin comes near to using
that up. Each instance counts for itself, in memory. The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from contracts.values import dataclass

GRANTED_SECONDS = 60.0
"""How long a grant is kept unused: what a turn puts off comes again in a moment, perhaps to another instance."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`at_once` for each sender, refilled by `a_second`."""

    at_once: int
    a_second: float


@dataclass(slots=True)
class _Sender:
    """What a sender has left at `at`, and until when refused senders were told to wait."""

    left: float
    at: float
    told_until: float = 0.0


class Allowance:
    """`rate` for each sender. `clock` gives seconds. `apart`: senders that are refused together are told different
    moments, so that they do not come back together."""

    def __init__(self, rate: Rate, clock: Callable[[], float], *, apart: bool = True) -> None:
        self._rate = rate
        self._clock = clock
        self._apart = apart
        self._senders: dict[str, _Sender] = {}
        self._granted: dict[Hashable, float] = {}
        self._tidied = clock()

    def ask(self, sender: str, what: Hashable) -> float:
        """0 if the sender may do `what` once; otherwise the seconds after which to try again. Asking again costs
        nothing until it is `used`."""
        now = self._clock()
        if self._granted.get(what, 0.0) > now:
            return 0.0
        self._tidy(now)
        rate = self._rate
        record = self._senders.setdefault(sender, _Sender(rate.at_once, now))
        record.left = min(rate.at_once, record.left + (now - record.at) * rate.a_second)
        record.at = now
        if record.left >= 1:
            record.left -= 1
            self._granted[what] = now + GRANTED_SECONDS
            return 0.0
        wait = (1 - record.left) / rate.a_second
        if not self._apart:
            return wait
        record.told_until = max(record.told_until, now + wait) + 1 / rate.a_second
        return record.told_until - now

    def used(self, what: Hashable) -> None:
        """It was done: the next time counts."""
        self._granted.pop(what, None)

    def _tidy(self, now: float) -> None:
        """Once a minute, forget old grants, and senders that have their whole allowance again."""
        if now - self._tidied < GRANTED_SECONDS:
            return
        self._tidied = now
        rate = self._rate
        self._granted = {key: until for key, until in self._granted.items() if until > now}
        self._senders = {
            name: record
            for name, record in self._senders.items()
            if record.told_until > now or record.left + (now - record.at) * rate.a_second < rate.at_once
        }


class ByOrigin:
    """The allowance of an origin, within that of its channel; without an origin only the channel counts."""

    def __init__(self, of_a_channel: Rate, of_an_origin: Rate, clock: Callable[[], float]) -> None:
        self._channels = Allowance(of_a_channel, clock)
        self._origins = Allowance(of_an_origin, clock, apart=False)

    def ask(self, channel: str, origin: str, what: Hashable) -> float:
        """Like `Allowance.ask`. Refusing an origin costs its channel nothing."""
        wait = self._origins.ask(f"{channel}\x1f{origin}", what) if origin else 0.0
        return wait or self._channels.ask(channel, what)

    def used(self, what: Hashable) -> None:
        """Like `Allowance.used`."""
        self._origins.used(what)
        self._channels.used(what)
