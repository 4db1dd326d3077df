"""The calendars file: what it gives, and that every mistake in it names its line and field."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from services.chassis.settings import WrongSettings, read
from services.sla.calendars_file import WrongCalendars, read_calendars
from services.sla.settings import SlaSettings

GOOD = """\
version: "7"
calendars:
  business:
    time_zone: Europe/Berlin
    hours:
      monday: ["08:00-12:00", "13:00-18:00"]
      saturday: [22:00-06:00]
    holidays:
      country: DE
      subdivision: BE
    closed_days: [2026-12-24]
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "calendars.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_calendar_as_it_is_written(tmp_path: Path) -> None:
    calendar = read_calendars(write(tmp_path, GOOD))["business"]
    assert (calendar.name, calendar.version, calendar.zone.key) == ("business", "7", "Europe/Berlin")
    assert [" ".join(map(str, windows)) for windows in calendar.hours] == [
        "08:00-12:00 13:00-18:00",
        *[""] * 4,
        "22:00-06:00",
        "",
    ]
    assert {date(2026, 12, 24), date(2026, 12, 25), date(2026, 3, 8)} <= calendar.closed_days
    assert date(2026, 12, 23) not in calendar.closed_days


def test_the_shipped_calendar() -> None:
    calendar = read_calendars(Path("deploy/calendars.yaml"))["business"]
    friday_evening = datetime(2026, 7, 3, 1, tzinfo=UTC)  # Thursday, 18:00 in Los Angeles; Friday is a holiday
    assert calendar.add_business_days(friday_evening, 1) == datetime(2026, 7, 7, 15, tzinfo=UTC)


WRONG = {
    "empty file": ("", "line 1: the file is empty"),
    "not YAML": (GOOD.replace("[2026-12-24]", "[2026-12-24"), "line 12: not YAML"),
    "a list": ("- 1", "line 1: the file: must be a mapping"),
    "no version": (GOOD.replace('version: "7"\n', ""), "line 1: the file: version is missing"),
    "no calendar": ('version: "7"\ncalendars: {}', "line 2: calendars: business is missing"),
    "a field that is not known": (
        GOOD.replace("closed_days", "closed"),
        "line 11: calendars.business.closed: is not known",
    ),
    "a weekday that is not known": (
        GOOD.replace("monday", "mon"),
        "line 6: calendars.business.hours.mon: is not known",
    ),
    "a field that stands twice": (
        GOOD.replace("saturday", "monday"),
        "line 7: calendars.business.hours.monday: stands here twice",
    ),
    "no such zone": (
        GOOD.replace("Europe/Berlin", "Europe/Bärlin"),
        "line 4: calendars.business.time_zone: 'Europe/Bärlin' is no time zone",
    ),
    "a zone that is a folder": (GOOD.replace("Europe/Berlin", "Europe"), "line 4: calendars.business.time_zone"),
    "no window": (
        GOOD.replace("22:00-06:00", "22-6"),
        "line 7: calendars.business.hours.saturday[0]: '22-6' is not a window",
    ),
    "an hour that is not": (
        GOOD.replace("12:00", "25:00"),
        "line 6: calendars.business.hours.monday[0]: '08:00-25:00'",
    ),
    "overlap": (
        GOOD.replace("13:00", "11:00"),
        "line 4: calendars.business: hours: monday 08:00-12:00 and monday 11:00-18:00 overlap",
    ),
    "never open": (
        'version: "7"\ncalendars:\n  business:\n    time_zone: UTC\n    hours: {}',
        "line 4: calendars.business: hours: the calendar is never open",
    ),
    "no such country": (GOOD.replace("DE", "XX"), "line 9: calendars.business.holidays: the library `holidays` has no"),
    "no such state": (GOOD.replace("BE\n", "XX\n"), "has no DE XX"),
    "no date": (
        GOOD.replace("2026-12-24", "2026-02-30"),
        "line 11: calendars.business.closed_days[0]: '2026-02-30' is no date",
    ),
    "a day of no calendar's years": (
        GOOD.replace("2026-12-24", "9999-12-31"),
        "line 11: calendars.business.closed_days[0]: 9999-12-31 is not of the years 1970 to 2199",
    ),
    "the first day there is": (GOOD.replace("2026-12-24", "0001-01-01"), "line 11: calendars.business.closed_days[0]"),
    "a country that is a word of the library's": (
        GOOD.replace("DE", "registry"),
        "line 9: calendars.business.holidays",
    ),
    "a country that has no days": (
        GOOD.replace("DE", "HolidayBase").replace("      subdivision: BE\n", ""),
        "line 9: calendars.business.holidays: the library `holidays` has no HolidayBase",
    ),
    "nested without end": ("[" * 3000, "calendars.yaml cannot be read (it is nested too deep"),
    "closed days that are no list": (
        GOOD.replace("[2026-12-24]", "2026-12-24"),
        "line 11: calendars.business.closed_days: must be a list",
    ),
    "a version too long": (GOOD.replace('"7"', "7" * 21), "line 1: version: '77"),
    "a mapping where a text should be": (GOOD.replace("Europe/Berlin", "{}"), "line 4: calendars.business.time_zone"),
    "a key that is no text": ("? [a]\n: b", "line 1: the file: the name of a field must be a text"),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_a_mistake_names_its_line_and_field(case: tuple[str, str], tmp_path: Path) -> None:
    text, message = case
    with pytest.raises(WrongCalendars, match=re.escape(message)):
        read_calendars(write(tmp_path, text))


def test_without_the_business_calendar(tmp_path: Path) -> None:
    with pytest.raises(WrongCalendars, match="business is missing"):
        read_calendars(write(tmp_path, GOOD.replace("business", "chat")))


def test_a_wrong_file_is_a_wrong_setting(tmp_path: Path) -> None:
    environment = {
        "CASEBUS_AMQP": "amqp://u:p@host",
        "CASEBUS_MONGO": "mongodb://",
        "CASEBUS_CALENDARS": str(tmp_path / "no"),
    }
    with pytest.raises(WrongSettings, match=r"CASEBUS_CALENDARS: .*/no cannot be read \(FileNotFoundError\)"):
        read(SlaSettings, environment)
