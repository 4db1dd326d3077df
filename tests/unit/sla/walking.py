"""The oracle of business time: a clock that walks minute by minute, and by the second where a minute is not whole.

It looks at the wall and at the windows as they are written, and shares nothing with the arithmetic that it judges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from functools import cache, partial

from services.sla.domain.calendar import Calendar, Window

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
Holds = Sequence[tuple[datetime, datetime]]

_BEFORE = timedelta(hours=3)
"""How long before it counts it sets out: within a repeated hour it has to know how the first pass ended."""


def ticks(desk: Calendar, start: datetime, holds: Holds = ()) -> Iterator[tuple[datetime, timedelta, date | None]]:
    """From `start` on without end: a moment, how long until the next one, and the local day whose window is open in
    between, if one is. The second pass of a repeated hour is as its first ended."""
    moments = {start, *(at for hold in holds for at in hold)}
    not_whole = {minute for at in moments if (minute := at.replace(second=0, microsecond=0)) != at}
    written = cache(partial(_written, desk))
    instant, of_day = start.replace(second=0, microsecond=0) - _BEFORE, None
    while True:
        minute = instant.replace(second=0, microsecond=0)
        whole = instant == minute and minute not in not_whole
        step = MINUTE if whole else SECOND
        wall = instant.astimezone(desk.zone)
        if not wall.fold:
            of_day = _open_day(written, wall)
        if instant >= start:
            yield instant, step, of_day
        instant += step


def _open_day(written: Callable[[date], Sequence[Window]], wall: datetime) -> date | None:
    minute = wall.hour * 60 + wall.minute
    for since in (0, 1):
        day = wall.date() - since * DAY
        if any(window.opens <= minute + since * 1440 < window.closes for window in written(day)):
            return day
    return None


def _written(desk: Calendar, day: date) -> Sequence[Window]:
    """What was written for that day: for its date, else for each year, else that it is closed, else for its weekday."""
    said = {str(of): windows for of, windows in desk.own_hours.items()}
    for of in (day.isoformat(), day.strftime("%m-%d")):
        if of in said:
            return said[of]
    return () if day in desk.closed_days else desk.hours[day.weekday()]


def walked(desk: Calendar, start: datetime, end: datetime, holds: Holds = ()) -> timedelta:
    """How long the desk was open from `start` to `end`, without the holds."""
    total = timedelta()
    for instant, step, of_day in ticks(desk, start, [*holds, (end, end)]):
        if instant >= end:
            return total
        if of_day is not None and not any(begins <= instant < ends for begins, ends in holds):
            total += step
    raise AssertionError("unreachable: the walk has no end")


def walked_deadline(desk: Calendar, start: datetime, duration: timedelta, holds: Holds = ()) -> datetime:
    """The first moment by which the desk was open for this long, without the holds."""
    if not duration:
        return start
    for instant, step, of_day in ticks(desk, start, holds):
        if of_day is not None and not any(begins <= instant < ends for begins, ends in holds):
            if duration <= step:
                return instant + duration
            duration -= step
    raise AssertionError("unreachable: the walk has no end")


def walked_days(desk: Calendar, start: datetime, days: int) -> datetime:
    """The same time of day this many business days later: walk to the next opening, on to as many days that open after
    it, then until the wall shows that time or a later one for the first time."""
    opened: list[date] = []
    since = timedelta()
    for instant, _, of_day in ticks(desk, start):
        if of_day is not None and of_day not in opened:
            opened.append(of_day)
            if len(opened) == 1:
                since = instant.astimezone(desk.zone).replace(tzinfo=None) - datetime.combine(of_day, time())
        if len(opened) > days:
            break
    wanted = datetime.combine(opened[-1], time()) + since
    past_the_minute = timedelta(seconds=wanted.second, microseconds=wanted.microsecond)
    minute = instant.replace(second=0, microsecond=0) - 2 * DAY
    while True:
        for at in (minute, minute + past_the_minute):
            if at.astimezone(desk.zone).replace(tzinfo=None) >= wanted:
                return at
        minute += MINUTE
