"""Business calendars: when the desk is open, and arithmetic in business days and business time.

Pure and exact: windows are written in local wall time, turned into UTC instants one local day at a time, and kept. It
reads no file and knows no ticket; `calendars_file.py` builds calendars, and `policy.py` uses them. The page is
docs/sla.md.
"""

from __future__ import annotations

import re
from calendar import isleap
from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from contracts.values import dataclass

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_DAY = timedelta(days=1)
_MINUTES_A_DAY = 24 * 60
_MINUTES_A_WEEK = 7 * _MINUTES_A_DAY
_LONGEST_CLOSURE = 366
"""Days. A calendar that stays closed for longer is a mistake; it also bounds every search for the next opening."""
_DAYS_KEPT = 4096
_CYCLE = (date(2000, 1, 1), date(2028, 12, 31))
"""After 28 years each date falls on the same weekday again: that is how far one has to look to see everything that
recurs each year."""
_WINDOW = re.compile(r"(\d{2}):(\d{2})\s*[-–]\s*(\d{2}):(\d{2})")

Interval = tuple[datetime, datetime]
"""From (included) to (excluded), aware UTC."""


class CalendarError(ValueError):
    """A calendar that cannot be: empty, overlapping, of zero length, never open. The message says which part."""


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Hours of one weekday, in minutes after its midnight. `closes` is over 1440 when they run into the next day."""

    opens: int
    closes: int

    def __post_init__(self) -> None:
        if not 0 <= self.opens < _MINUTES_A_DAY:
            raise CalendarError(f"{self}: a window opens between 00:00 and 23:59")
        if self.closes <= self.opens:
            raise CalendarError(f"{self}: a window of zero length; a whole day is 00:00-24:00")
        if self.closes - self.opens > _MINUTES_A_DAY:
            raise CalendarError(f"{self}: a window of more than 24 hours")

    @classmethod
    def parse(cls, text: str) -> Window:
        """Read `08:00-18:00`, `18:00-24:00`, or, overnight, `22:00-06:00`.

        Raises `CalendarError` for anything else, times that do not exist and windows of zero length.
        """
        match = _WINDOW.fullmatch(text.strip())
        if match is None:
            raise CalendarError(f"{text!r} is not a window such as 08:00-18:00")
        opens_hour, opens_minute, closes_hour, closes_minute = map(int, match.groups())
        opens, closes = opens_hour * 60 + opens_minute, closes_hour * 60 + closes_minute
        if opens_minute > 59 or closes_minute > 59 or opens >= _MINUTES_A_DAY or closes > _MINUTES_A_DAY:
            raise CalendarError(f"{text!r}: times go from 00:00 to 23:59, and 24:00 for the end of a day")
        return cls(opens, closes + _MINUTES_A_DAY if closes < opens else closes)

    def __str__(self) -> str:
        def clock(minutes: int) -> str:
            # 1440 means 24:00; only what lies beyond it is a time of the next day
            minutes -= _MINUTES_A_DAY if minutes > _MINUTES_A_DAY else 0
            return f"{minutes // 60:02}:{minutes % 60:02}"

        return f"{clock(self.opens)}-{clock(self.closes)}"


class YearDay(NamedTuple):
    """A day of every year. The 29th of February is one of leap years alone."""

    month: int
    day: int

    @classmethod
    def parse(cls, text: str) -> YearDay:
        """Read `12-24`: two numbers of two digits. Raises `CalendarError` for days that no year has."""
        month, day = map(int, text.split("-"))
        try:
            date(2000, month, day)
        except ValueError as error:
            raise CalendarError(f"{text!r} is a day that no year has") from error
        return cls(month, day)

    def __str__(self) -> str:
        return f"{self.month:02}-{self.day:02}"


OwnDay: TypeAlias = date | YearDay


def own_day(text: str) -> OwnDay:
    """A date such as 2026-12-24, or a day of each year such as 12-24. Raises `CalendarError`."""
    if re.fullmatch(r"[0-9]{2}-[0-9]{2}", text):
        return YearDay.parse(text)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CalendarError(f"{text!r} is no date such as 2026-12-24, and no day of each year such as 12-24") from error


def in_order(own_hours: Mapping[OwnDay, tuple[Window, ...]]) -> list[tuple[OwnDay, tuple[Window, ...]]]:
    """Days of each year first, each group in order."""
    return sorted(own_hours.items(), key=lambda item: (isinstance(item[0], date), str(item[0])))


@dataclass(frozen=True, slots=True)
class Calendar:
    """When the desk is open. Equal calendars give equal deadlines.

    A window belongs to the day on which it opens: a window that runs overnight into a closed day runs to its end, and
    the closed day opens none of its own. A day has the hours that are given for its date; otherwise those for its day
    of the year; otherwise none, if it is a closed day; otherwise those of its weekday. A wall time that daylight saving
    skips means the instant of the jump; one that comes twice means its first time. Raises `CalendarError` when the
    calendar is empty, when windows overlap (also across midnight and the end of the week, and with those of a day that
    has hours of its own), or when nothing is open for over a year.
    """

    name: str
    version: str
    zone: ZoneInfo
    hours: tuple[tuple[Window, ...], ...]
    """Seven tuples of windows, Monday's first; an empty one is a day on which the desk is closed."""
    closed_days: frozenset[date] = frozenset()
    """Holidays and own days, as local dates."""
    own_hours: Mapping[OwnDay, tuple[Window, ...]] = field(default_factory=dict)
    """Days with hours of their own, whatever their weekday and whether or not they are closed days; with none, the
    desk is closed."""
    names: Mapping[date, str] = field(default_factory=dict, compare=False)
    """What holidays and half days are called; for people only."""
    _days: dict[date, tuple[Interval, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.hours) != len(WEEKDAYS):
            raise CalendarError("hours: seven weekdays are needed, Monday first")
        if not any(self.hours):
            raise CalendarError("hours: the calendar is never open")
        self._refuse_overlaps()
        self._refuse_endless_closure()

    def business_time_between(self, start: datetime, end: datetime) -> timedelta:
        """How long the desk is open from `start` to `end` (aware, any zone); zero when `end` is not later."""
        return sum((closes - opens for opens, closes in self.open_between(start, end)), timedelta())

    def open_between(self, start: datetime, end: datetime) -> Iterator[Interval]:
        """The intervals within which the desk is open from `start` to `end` (aware, any zone), in order."""
        start, end = _utc(start), _utc(end)
        if end <= start:
            return
        for opens, closes in self._open_after(start):
            if opens >= end:
                break
            yield max(opens, start), min(closes, end)

    def add_business_time(self, start: datetime, duration: timedelta) -> datetime:
        """Return the first instant (UTC) by which the desk was open for `duration` since `start` (aware, any zone).

        If the time is used up exactly at closing time, it is closing time, not the next opening; with no duration it is
        `start` itself. Raises `ValueError` for a negative duration.
        """
        start = _utc(start)
        if duration < timedelta():
            raise ValueError("duration: must not be negative")
        if not duration:
            return start
        for opens, closes in self._open_after(start):
            begins = max(opens, start)
            if duration <= closes - begins:
                return begins + duration
            duration -= closes - begins
        raise AssertionError("unreachable: a calendar opens again and again")

    def add_business_days(self, start: datetime, days: int) -> datetime:
        """Return the same local time of day, `days` business days after `start` (aware, any zone), in UTC.

        A start outside hours counts from the next opening: what comes in on Saturday counts from Monday's opening.
        A business day is one on which a window opens; the small hours of an overnight window belong to the day
        before. The time of day is kept even where the last day has other hours. Raises `ValueError` for `days` < 0.
        """
        if days < 0:
            raise ValueError("days: must not be negative")
        day, since_midnight = self._business_moment(_utc(start))
        for _ in range(days):
            day += _DAY
            while not self._open_on(day):
                day += _DAY
        return self._instant(datetime.combine(day, time()) + since_midnight)

    def is_open(self, at: datetime) -> bool:
        """Whether a window is open at that instant (aware, any zone); a closing time itself is outside."""
        at = _utc(at)
        opens, _ = next(self._open_after(at))
        return opens <= at

    def opens_on(self, day: date) -> bool:
        """Whether a window opens on that local day."""
        return bool(self._open_on(day))

    def windows_on(self, day: date) -> tuple[Window, ...]:
        """The windows of that local day, as they are written."""
        if self.own_hours:
            for of in (day, YearDay(day.month, day.day)):
                if of in self.own_hours:
                    return self.own_hours[of]
        return () if day in self.closed_days else self.hours[day.weekday()]

    def is_usual(self, day: date) -> bool:
        """Whether that local day has the hours of its weekday, if any."""
        return self.windows_on(day) == self.hours[day.weekday()]

    def _business_moment(self, start: datetime) -> tuple[date, timedelta]:
        """The business day to which `start` or the next opening belongs, and the wall time since its midnight."""
        day = self._day_before(start)
        while True:
            for opens, closes in self._open_on(day):
                if closes > start:
                    wall = max(opens, start).astimezone(self.zone).replace(tzinfo=None)
                    return day, wall - datetime.combine(day, time())
            day += _DAY

    def _open_after(self, start: datetime) -> Iterator[Interval]:
        """Every interval, in order and without end, that closes later than `start`."""
        day = self._day_before(start)
        while True:
            for interval in self._open_on(day):
                if interval[1] > start:
                    yield interval
            day += _DAY

    def _day_before(self, instant: datetime) -> date:
        """The local day before that of `instant`: its overnight window may still be open."""
        return instant.astimezone(self.zone).date() - _DAY

    def _open_on(self, day: date) -> tuple[Interval, ...]:
        """The intervals of the windows that open on the local `day`; computed once."""
        found = self._days.get(day)
        if found is None:
            if len(self._days) >= _DAYS_KEPT:
                self._days.clear()
            found = self._days[day] = self._work_out(day)
        return found

    def _work_out(self, day: date) -> tuple[Interval, ...]:
        midnight = datetime.combine(day, time())
        intervals = (
            (
                self._instant(midnight + timedelta(minutes=window.opens)),
                self._instant(midnight + timedelta(minutes=window.closes)),
            )
            for window in self.windows_on(day)
        )
        # a window that lies within the hour skipped by daylight saving has no length on that day
        return tuple((opens, closes) for opens, closes in intervals if opens < closes)

    def _instant(self, wall: datetime) -> datetime:
        """When the local clock first reads `wall` (naive); the instant of the jump when it never does."""
        first, second = wall.replace(tzinfo=self.zone, fold=0), wall.replace(tzinfo=self.zone, fold=1)
        before, after = first.utcoffset() or timedelta(), second.utcoffset() or timedelta()
        latest = (wall - before).replace(tzinfo=UTC)
        if after <= before:
            return latest
        # `wall` lies in a jump forward, which then happens later than `earliest` and no later than `latest`
        earliest = (wall - after).replace(tzinfo=UTC)
        not_yet, jumped = 0, -(-(latest - earliest) // timedelta(seconds=1))
        base = earliest.replace(microsecond=0)
        while jumped - not_yet > 1:
            middle = (not_yet + jumped) // 2
            if (base + timedelta(seconds=middle)).astimezone(self.zone).utcoffset() == before:
                not_yet = middle
            else:
                jumped = middle
        return base + timedelta(seconds=jumped)

    def _refuse_overlaps(self) -> None:
        week = sorted(
            (day * _MINUTES_A_DAY + window.opens, day * _MINUTES_A_DAY + window.closes, f"{WEEKDAYS[day]} {window}")
            for day, windows in enumerate(self.hours)
            for window in windows
        )
        opens, closes, text = week[0]
        following = [*week[1:], (opens + _MINUTES_A_WEEK, closes + _MINUTES_A_WEEK, text)]
        for (_, closes, first), (opens, _, second) in zip(week, following, strict=True):
            if opens < closes:
                raise CalendarError(f"hours: {first} and {second} overlap")
        for day in sorted(self._dates_with_own_hours()):
            self._refuse_overlaps_about(day)

    def _refuse_overlaps_about(self, day: date) -> None:
        """Raises for windows of that day that overlap each other, or those of the day before or after."""
        about = sorted(
            (offset * _MINUTES_A_DAY + window.opens, offset * _MINUTES_A_DAY + window.closes, f"{each} {window}")
            for offset in (-1, 0, 1)
            for each in [day + offset * _DAY]
            for window in self.windows_on(each)
        )
        for (_, closes, first), (opens, _, second) in pairwise(about):
            if opens < closes:
                raise CalendarError(f"own hours: {first} and {second} overlap")

    def _dates_with_own_hours(self) -> Iterator[date]:
        """The dates with hours of their own; for hours that recur each year, all dates near the others, and of a whole
        cycle."""
        dates = [day for day in self.own_hours if isinstance(day, date)]
        yield from dates
        recurring = [day for day in self.own_hours if isinstance(day, YearDay)]
        if not recurring:
            return
        first, last = self._span()
        for year in range(first.year - 1, last.year + 2):
            for month, day in recurring:
                if (month, day) != (2, 29) or isleap(year):
                    yield date(year, month, day)

    def _span(self) -> tuple[date, date]:
        """From the first to the last day that has a date here; if days recur, a whole cycle of theirs too."""
        dates = [*self.closed_days, *(day for day in self.own_hours if isinstance(day, date))]
        if any(isinstance(day, YearDay) for day in self.own_hours):
            dates += _CYCLE
        return min(dates), max(dates)

    def _refuse_endless_closure(self) -> None:
        if not self.closed_days and not self.own_hours:
            return
        first, last = self._span()
        # what recurs may close the desk before the first date, and after the last, for up to a year
        day, last = first - _LONGEST_CLOSURE * _DAY, last + _LONGEST_CLOSURE * _DAY
        closed = 0
        while day <= last:
            closed = 0 if self.windows_on(day) else closed + 1
            if closed > _LONGEST_CLOSURE:
                raise CalendarError(f"closed days: nothing is open from {day - (closed - 1) * _DAY} to {day}")
            day += _DAY


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("a time without a zone")
    return instant.astimezone(UTC)
