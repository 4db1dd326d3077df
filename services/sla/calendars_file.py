"""Reads the operator's calendars (`deploy/calendars.yaml`) and refuses impossible ones, naming line and field.

`domain/calendar.py` says what a calendar is and which ones are impossible; this module says only how to write one down.
The page is docs/sla.md.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import field
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import holidays
from marshmallow import ValidationError

from contracts.catalogue import BUSINESS
from contracts.values import dataclass
from contracts.zones import UnknownZone, zone
from services.chassis.yaml_file import read_yaml
from services.sla.domain.calendar import WEEKDAYS, Calendar, CalendarError, OwnDay, Window, YearDay, own_day

HOLIDAY_YEARS = range(2020, 2051)
"""Years for which the library is asked for holidays. Beyond them, and beyond what it knows, there are no holidays."""

OWN_DAYS_IN = range(1970, 2200)
"""Years of own days. One beyond them is a slip (or means "always", which is written by leaving the weekdays out)."""

HALF_DAY = "half_day"
"""The library's category of days on which people work for part of the day."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,19}")


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the file: what is written there, and the steps that lead to it."""

    written: Any
    where: tuple[str | int, ...] = ()

    def wrong(self, problem: str) -> ValidationError:
        """What to raise, for `read_yaml` to name file, line and field."""
        found: Any = [f"{problem}."]
        for step in reversed(self.where):
            found = {step: found}
        return ValidationError(found)

    def at(self, step: str | int) -> _Part:
        """The part of this one that a step leads to."""
        return _Part(self.written[step], (*self.where, step))

    def fields(self, *, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()) -> dict[str, _Part]:
        """The fields of a mapping, which may have these names and no others; any names, if none are given."""
        if not isinstance(self.written, dict):
            raise self.wrong("must be a mapping")
        known = (*required, *optional)
        for name in self.written:
            if known and name not in known:
                raise self.at(name).wrong(f"is not known here; the known names are {', '.join(known)}")
        for name in required:
            if name not in self.written:
                raise self.wrong(f"{name} is missing")
        return {name: self.at(name) for name in self.written}

    def items(self) -> list[_Part]:
        """The items of a list."""
        if not isinstance(self.written, list):
            raise self.wrong("must be a list")
        return [self.at(place) for place in range(len(self.written))]

    def text(self) -> str:
        """A text that is not empty."""
        if not isinstance(self.written, str) or not self.written:
            raise self.wrong("must be a text")
        return self.written

    def name(self) -> str:
        """A short name: it becomes part of `calendar_version`."""
        text = self.text()
        if not _NAME.fullmatch(text):
            raise self.wrong(f"{text!r} must be up to 20 lower-case letters, digits, dots, hyphens and underscores")
        return text


def read_calendars(file: Path) -> Mapping[str, Calendar]:
    """The calendars of the file by name, `business` among them. Raises `WrongFile`."""
    return read_yaml(file, "the calendars file", _calendars, as_written=True)


def _calendars(written: Any) -> Mapping[str, Calendar]:
    fields = _Part(written).fields(required=("version", "calendars"))
    version = fields["version"].name()
    parts = fields["calendars"].fields()
    if BUSINESS not in parts:
        raise fields["calendars"].wrong(f"{BUSINESS} is missing")
    return {name: _calendar(name, version, part) for name, part in parts.items()}


def _calendar(name: str, version: str, part: _Part) -> Calendar:
    if not _NAME.fullmatch(name):
        raise part.wrong("must have a name of up to 20 lower-case letters, digits, dots, hyphens and underscores")
    fields = part.fields(required=("time_zone", "hours"), optional=("holidays", "closed_days", "own_hours"))
    local = _zone(fields["time_zone"])
    hours = _hours(fields["hours"])
    found = _holidays(fields["holidays"]) if "holidays" in fields else _Holidays()
    closed = {_day(item) for item in fields["closed_days"].items()} if "closed_days" in fields else set()
    own: dict[OwnDay, tuple[Window, ...]] = _own_hours(fields["own_hours"]) if "own_hours" in fields else {}
    for day in closed & own.keys():
        raise fields["own_hours"].wrong(f"{day} is also in closed_days")
    # What is said of a date comes before what is said of each year, and both before the holidays.
    own |= dict.fromkeys((day for day in closed if isinstance(day, YearDay) or _of_year(day) in own), ())
    dates = {day for day in closed if isinstance(day, date)}
    names = {day: name for day, name in found.names.items() if day not in own and _of_year(day) not in own}
    own |= {
        day: found.half_day_hours
        for day in found.half_days - dates - own.keys()
        if hours[day.weekday()] and _of_year(day) not in own
    }
    try:
        return Calendar(name, version, local, hours, found.closed | dates, own, names)
    except CalendarError as error:
        raise part.wrong(str(error)) from error


def _of_year(day: date) -> YearDay:
    return YearDay(day.month, day.day)


def _zone(part: _Part) -> ZoneInfo:
    try:
        return zone(part.text())
    except UnknownZone as error:
        raise part.wrong(str(error)) from error


def _hours(part: _Part) -> tuple[tuple[Window, ...], ...]:
    fields = part.fields(optional=WEEKDAYS)
    return tuple(_windows(fields[day]) if day in fields else () for day in WEEKDAYS)


def _own_hours(part: _Part) -> dict[OwnDay, tuple[Window, ...]]:
    """Days with hours of their own, by date or each year."""
    found: dict[OwnDay, tuple[Window, ...]] = {}
    for text, hours in part.fields().items():
        day = _day(hours, text)
        if day in found:
            raise hours.wrong("is listed twice")
        found[day] = _windows(hours)
        if not found[day]:
            raise hours.wrong("has no hours; put the day into closed_days")
    return found


def _windows(part: _Part) -> tuple[Window, ...]:
    return tuple(_window(item) for item in part.items())


def _window(part: _Part) -> Window:
    try:
        return Window.parse(part.text())
    except CalendarError as error:
        raise part.wrong(str(error)) from error


def _day(part: _Part, text: str | None = None) -> OwnDay:
    """The day that the part is, or that `text`, its field's name, is."""
    try:
        day = own_day(part.text() if text is None else text)
    except CalendarError as error:
        raise part.wrong(str(error)) from error
    if isinstance(day, date) and day.year not in OWN_DAYS_IN:
        raise part.wrong(f"{day} is not between the years {OWN_DAYS_IN[0]} and {OWN_DAYS_IN[-1]}")
    return day


@dataclass(frozen=True, slots=True)
class _Holidays:
    """What the library knows of a country's days."""

    closed: frozenset[date] = frozenset()
    half_days: frozenset[date] = frozenset()
    half_day_hours: tuple[Window, ...] = ()
    names: Mapping[date, str] = field(default_factory=dict)


def _holidays(part: _Part) -> _Holidays:
    fields = part.fields(required=("country",), optional=("subdivision", "categories", "half_days"))
    country = fields["country"].text()
    subdivision = fields["subdivision"].text() if "subdivision" in fields else None
    usual = _days(part, country, subdivision)
    if "categories" not in fields:
        if "half_days" in fields:
            raise fields["half_days"].wrong(f"are for the category {HALF_DAY}, which categories does not name")
        return _Holidays(frozenset(usual), names=dict(usual.items()))
    kinds = [(item, item.text()) for item in fields["categories"].items()]
    if not kinds:
        raise fields["categories"].wrong("is empty; leave it out to get the usual kinds")
    for item, kind in kinds:
        if kind not in usual.supported_categories:
            known = ", ".join(sorted(usual.supported_categories))
            raise item.wrong(f"{kind!r} is no category that the library `holidays` has for {country}; it has {known}")
    found = {kind: _days(item, country, subdivision, kind) for item, kind in kinds}
    for item, kind in kinds:
        if not found[kind]:
            place = " ".join(filter(None, (country, subdivision)))
            raise item.wrong(f"the library `holidays` has no day of the category {kind!r} for {place}")
    if (HALF_DAY in found) != ("half_days" in fields):
        raise part.wrong(f"the category {HALF_DAY} and half_days, the hours of such days, belong together")
    names = {day: name for days in found.values() for day, name in days.items()}
    half = frozenset(found.pop(HALF_DAY, ()))
    hours = _windows(fields["half_days"]) if half else ()
    if half and not hours:
        raise fields["half_days"].wrong("names no hours")
    closed = frozenset(day for days in found.values() for day in days)
    return _Holidays(closed, half - closed, hours, names)


NAMED_IN = "en_US"
"""In this language if the library has it, otherwise in the country's own. Without a language, the machine's locale
decides."""


def _days(part: _Part, country: str, subdivision: str | None, category: str | None = None) -> holidays.HolidayBase:
    """The days of one category, or of the library's usual ones, and their names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it knows fewer years than it was asked for
        error: Exception | None = None
        try:
            found = holidays.country_holidays(
                country, subdiv=subdivision, years=HOLIDAY_YEARS, categories=category, language=NAMED_IN
            )
            if getattr(found, "country", None) or getattr(found, "market", None):
                return found
        except (NotImplementedError, TypeError) as raised:  # TypeError: the name is not a country's
            error = raised
        raise part.wrong(f"the library `holidays` has no {' '.join(filter(None, (country, subdivision)))}") from error
