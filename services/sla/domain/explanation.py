"""Why a deadline is what it is: a clock's time cut into pieces, worked, paused, outside hours or over.

It explains afterwards and decides nothing: it takes the countdown as it was kept and the calendar that the deadline was
computed with, and shows the sum. The page is docs/sla.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import groupby, pairwise

from contracts.values import dataclass
from services.sla.domain.calendar import Calendar
from services.sla.domain.state import Countdown


class Counts(StrEnum):
    """What a piece of a clock's time is."""

    WORKED = "worked"
    """The desk is open and the requester waits: the only time that is used up."""
    OUTSIDE_HOURS = "outside hours"
    PAUSED = "paused"
    """The desk waits for the requester."""
    OVER = "over"
    """After the deadline."""


@dataclass(frozen=True, slots=True)
class Segment:
    """From when to when (aware UTC), what it is, and how long the desk was open meanwhile."""

    begins: datetime
    ends: datetime
    counts: Counts
    open_for: timedelta


@dataclass(frozen=True, slots=True)
class Explanation:
    """A clock's time from its start until it ended, or until now; durations are business time."""

    segments: tuple[Segment, ...]
    remaining: timedelta
    """What is left until the deadline; zero once it has passed."""
    skipped: tuple[date, ...]
    """Local days between start and deadline on which the desk does not open."""
    own_hours: tuple[date, ...]
    """Local days on which it opens at other hours than usual on that weekday."""

    @property
    def worked(self) -> timedelta:
        """How much of the target was used up."""
        return self._open_for(Counts.WORKED)

    @property
    def paused(self) -> timedelta:
        """How long the clock stood still: the deadline moves by this much once the pause is over."""
        return self._open_for(Counts.PAUSED)

    def _open_for(self, counts: Counts) -> timedelta:
        return sum((segment.open_for for segment in self.segments if segment.counts == counts), timedelta())


def explain(countdown: Countdown, calendar: Calendar, now: datetime) -> Explanation:
    """How the time of this clock was counted by this calendar until it ended, or until `now` (aware UTC)."""
    clock, due_at = countdown.clock, countdown.deadline.due_at
    until = max(clock.ended_at or now, clock.started_at)
    counted_until = min(clock.paused_at or until, until)
    days = list(_days(calendar, clock.started_at, due_at))
    return Explanation(
        segments=tuple(_segments(countdown, calendar, until)),
        remaining=calendar.business_time_between(counted_until, due_at),
        skipped=tuple(day for day in days if not calendar.opens_on(day)),
        own_hours=tuple(day for day in days if calendar.opens_on(day) and not calendar.is_usual(day)),
    )


def _segments(countdown: Countdown, calendar: Calendar, until: datetime) -> Iterator[Segment]:
    clock, due_at = countdown.clock, countdown.deadline.due_at
    pauses = [*clock.pauses, *([(clock.paused_at, until)] if clock.paused_at else [])]
    # like policy.paused: a pause that begins when no business time is left moves nothing
    pauses = [pause for pause in pauses if calendar.business_time_between(pause[0], due_at)]
    hours = calendar.open_between(clock.started_at, min(until, due_at))
    cuts = {clock.started_at, until, *(at for interval in (*hours, *pauses) for at in interval)}
    if clock.started_at < due_at < until:
        cuts.add(due_at)

    def counts(begins: datetime) -> Counts:
        if any(since <= begins < over for since, over in pauses):
            return Counts.PAUSED
        if begins >= due_at:
            return Counts.OVER
        return Counts.WORKED if calendar.is_open(begins) else Counts.OUTSIDE_HOURS

    pieces = [(begins, ends, counts(begins)) for begins, ends in pairwise(sorted(cuts))]
    for kind, run in groupby(pieces, key=lambda piece: piece[2]):
        alike = list(run)
        begins, ends = alike[0][0], alike[-1][1]
        yield Segment(begins, ends, kind, calendar.business_time_between(begins, ends))


def _days(calendar: Calendar, start: datetime, due_at: datetime) -> Iterator[date]:
    """Every local day from start to deadline."""
    day, last = (at.astimezone(calendar.zone).date() for at in (start, due_at))
    while day <= last:
        yield day
        day += timedelta(days=1)
