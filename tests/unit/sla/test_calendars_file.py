"""The calendars file: what it yields, and that every mistake in it names its line and field."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from services.chassis.settings import WrongSettings, read
from services.chassis.yaml_file import WrongFile
from services.sla.calendars_file import read_calendars
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
    closed = sorted(day for day in calendar.closed_days if day.year == 2026 and day.weekday() < 5)
    assert [f"{day:%m-%d} {calendar.names[day]}" for day in closed] == [
        "01-01 New Year's Day",
        "01-19 Martin Luther King Jr. Day",
        "02-16 Washington's Birthday",
        "05-25 Memorial Day",
        "06-19 Juneteenth National Independence Day",
        "07-03 Independence Day (observed)",
        "09-07 Labor Day",
        "10-12 Columbus Day",
        "11-11 Veterans Day",
        "11-26 Thanksgiving Day",
        "12-25 Christmas Day",
    ], "the federal holidays and no others"
    assert not calendar.own_hours


ESTONIAN = """\
version: "7"
calendars:
  business:
    time_zone: Europe/Tallinn
    hours: {monday: [08:00-18:00], tuesday: [08:00-18:00], wednesday: [08:00-18:00], thursday: [08:00-18:00],
            friday: [08:00-18:00]}
    holidays: {country: EE, categories: [public, half_day], half_days: [08:00-12:00]}
    closed_days: [12-31, 2026-05-15, 2027-12-24, 02-29]
    own_hours:
      12-24: [08:00-11:00]
      2026-11-28: [10:00-16:00]
      2026-12-31: [08:00-09:00]
"""


def test_days_with_hours_of_their_own_as_they_are_written(tmp_path: Path) -> None:
    calendar = read_calendars(write(tmp_path, ESTONIAN))["business"]

    def on(day: str) -> str:
        return " ".join(map(str, calendar.windows_on(date.fromisoformat(day))))

    assert {day: on(day) for day in OPEN} == OPEN


OPEN = {
    "2026-12-24": "08:00-11:00",
    "2029-12-24": "08:00-11:00",
    "2027-12-24": "",  # a date that is closed comes before each year
    "2026-12-31": "08:00-09:00",
    "2027-12-31": "",
    "2026-05-15": "",
    "2028-05-15": "08:00-18:00",
    "2026-11-28": "10:00-16:00",  # a Saturday
    "2026-11-27": "08:00-18:00",
    "2026-06-22": "08:00-12:00",  # the day before Victory Day, half a day by law
    "2026-06-23": "",
    "2026-12-23": "08:00-12:00",
    "2028-02-29": "",
    "2028-02-28": "08:00-18:00",
}


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "en_US.UTF-8", "et", "uk"])
def test_names_are_those_of_the_days_that_the_library_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locale: str
) -> None:
    monkeypatch.setenv("LANGUAGE", locale)
    calendar = read_calendars(write(tmp_path, ESTONIAN))["business"]
    told = {day: calendar.names.get(date.fromisoformat(day)) for day in ("2026-06-23", "2026-12-24", "2026-12-31")}
    assert told == {"2026-06-23": "Victory Day", "2026-12-24": None, "2026-12-31": None}, (
        "the others are the operator's"
    )
    assert "shortened by 3 hours" in calendar.names[date(2026, 6, 22)]


def test_the_examples_of_the_page_are_calendars(tmp_path: Path) -> None:
    whole, kinds = re.findall(r"```yaml\n(.*?)```", Path("docs/sla.md").read_text(encoding="utf-8"), re.DOTALL)
    calendar = read_calendars(write(tmp_path, whole))["business"]
    assert [str(window) for window in calendar.windows_on(date(2026, 11, 28))] == ["10:00-16:00"]
    for line in kinds.splitlines():
        text = whole.replace("    holidays: {country: US} ", f"{line}\n#")
        assert read_calendars(write(tmp_path, text))["business"].closed_days != calendar.closed_days


def test_half_days_open_no_weekday_that_is_closed_and_replace_no_hours_of_the_operators(tmp_path: Path) -> None:
    text = ESTONIAN.replace("monday: [08:00-18:00], ", "").replace("12-24: [08:00-11:00]", "12-23: [08:00-11:00]")
    calendar = read_calendars(write(tmp_path, text))["business"]
    assert calendar.windows_on(date(2026, 6, 22)) == (), "a Monday"
    assert [str(window) for window in calendar.windows_on(date(2026, 12, 23))] == ["08:00-11:00"], (
        "own hours come first"
    )
    assert [str(window) for window in calendar.windows_on(date(2027, 6, 22))] == ["08:00-12:00"]


@pytest.mark.parametrize(
    ("holidays", "closed", "open_"),
    [
        ("{country: US, subdivision: CA}", "2026-03-31", "2026-10-12"),
        ("{country: US}", "2026-10-12", "2026-03-31"),
        ("{country: AT, categories: [bank]}", "2026-12-24", "2026-12-25"),
        ("{country: AT, categories: [public, bank]}", "2026-12-25", "2026-12-23"),
        ("{country: DE, subdivision: BY, categories: [public, catholic]}", "2026-08-15", "2026-08-14"),
    ],
)
def test_the_operator_chooses_the_kinds_of_holidays(holidays: str, closed: str, open_: str, tmp_path: Path) -> None:
    text = GOOD.replace("holidays:\n      country: DE\n      subdivision: BE\n", f"holidays: {holidays}\n")
    calendar = read_calendars(write(tmp_path, text))["business"]
    assert date.fromisoformat(closed) in calendar.closed_days
    assert calendar.names[date.fromisoformat(closed)]
    assert date.fromisoformat(open_) not in calendar.closed_days


WRONG = {
    "empty file": ("", "calendars.yaml: the calendars file is empty"),
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
        "line 7: monday is there twice",
    ),
    "no such zone": (
        GOOD.replace("Europe/Berlin", "Europe/Bärlin"),
        "line 4: calendars.business.time_zone: 'Europe/Bärlin' is not a time zone",
    ),
    "a zone that is a folder": (GOOD.replace("Europe/Berlin", "Europe"), "line 4: calendars.business.time_zone"),
    "no window": (
        GOOD.replace("22:00-06:00", "22-6"),
        "line 7: calendars.business.hours.saturday.1: '22-6' is not a window",
    ),
    "an hour that is not": (
        GOOD.replace("12:00", "25:00"),
        "line 6: calendars.business.hours.monday.1: '08:00-25:00'",
    ),
    "overlap": (
        GOOD.replace("13:00", "11:00"),
        "line 3: calendars.business: hours: monday 08:00-12:00 and monday 11:00-18:00 overlap",
    ),
    "never open": (
        'version: "7"\ncalendars:\n  business:\n    time_zone: UTC\n    hours: {}',
        "line 3: calendars.business: hours: the calendar is never open",
    ),
    "no such country": (GOOD.replace("DE", "XX"), "line 8: calendars.business.holidays: the library `holidays` has no"),
    "no such state": (GOOD.replace("BE\n", "XX\n"), "has no DE XX"),
    "no date": (
        GOOD.replace("2026-12-24", "2026-02-30"),
        "line 11: calendars.business.closed_days.1: '2026-02-30' is no date",
    ),
    "a day of no calendar's years": (
        GOOD.replace("2026-12-24", "9999-12-31"),
        "line 11: calendars.business.closed_days.1: 9999-12-31 is not between the years 1970 and 2199",
    ),
    "the first day there is": (GOOD.replace("2026-12-24", "0001-01-01"), "line 11: calendars.business.closed_days.1"),
    "a country that is a word of the library's": (
        GOOD.replace("DE", "registry"),
        "line 8: calendars.business.holidays",
    ),
    "a country that has no days": (
        GOOD.replace("DE", "HolidayBase").replace("      subdivision: BE\n", ""),
        "line 8: calendars.business.holidays: the library `holidays` has no HolidayBase",
    ),
    "nested without end": ("[" * 3000, "calendars.yaml: the calendars file cannot be read (it is nested too deep"),
    "closed days that are no list": (
        GOOD.replace("[2026-12-24]", "2026-12-24"),
        "line 11: calendars.business.closed_days: must be a list",
    ),
    "a zone of another case": (
        GOOD.replace("Europe/Berlin", "europe/berlin"),
        "line 4: calendars.business.time_zone: 'europe/berlin' is not a time zone of the IANA database",
    ),
    "a zone with leap seconds": (
        GOOD.replace("Europe/Berlin", "right/Europe/Berlin"),
        "the nearest one is Europe/Berlin",
    ),
    "the machine's zone": (
        GOOD.replace("Europe/Berlin", "localtime"),
        "line 4: calendars.business.time_zone: 'localtime'",
    ),
    "a kind of holidays that there is not": (
        GOOD.replace("BE\n", "BE\n      categories: [public, banc]\n"),
        "line 11: calendars.business.holidays.categories.2: 'banc' is no category that the library `holidays` has for "
        "DE; it has catholic, public, school",
    ),
    "a kind that another country has": (
        GOOD.replace("BE\n", "BE\n      categories: [bank]\n"),
        "'bank' is no category that",
    ),
    "a kind that this state has not": (
        GOOD.replace("BE\n", "BE\n      categories: [catholic]\n"),
        "line 11: calendars.business.holidays.categories.1: the library `holidays` has no day of the category "
        "'catholic' for DE BE",
    ),
    "no kind": (
        GOOD.replace("BE\n", "BE\n      categories: []\n"),
        "line 11: calendars.business.holidays.categories: is empty",
    ),
    "kinds that are no list": (GOOD.replace("BE\n", "BE\n      categories: bank\n"), "categories: must be a list"),
    "half days without hours": (
        ESTONIAN.replace(", half_days: [08:00-12:00]", ""),
        "line 7: calendars.business.holidays: the cat",
    ),
    "half days of no hours": (
        ESTONIAN.replace("[08:00-12:00]", "[]"),
        "line 7: calendars.business.holidays.half_days: names no hours",
    ),
    "hours of no half days": (
        ESTONIAN.replace(", half_day]", "]"),
        "line 7: calendars.business.holidays: the category half_day",
    ),
    "hours of half days without kinds": (
        GOOD.replace("BE\n", "BE\n      half_days: [08:00-12:00]\n"),
        "line 11: calendars.business.holidays.half_days: are for the category half_day",
    ),
    "a day that no year has": (
        ESTONIAN.replace("02-29]", "02-30]"),
        "line 8: calendars.business.closed_days.4: '02-30' is a day that no year has",
    ),
    "own hours of a day that no year has": (
        ESTONIAN.replace("12-24:", "13-24:"),
        "line 10: calendars.business.own_hours.13-24: '13-24' is a day that no year has",
    ),
    "own hours of no calendar's years": (
        ESTONIAN.replace("2026-11-28", "2226-11-28"),
        "line 11: calendars.business.own_hours.2226-11-28: 2226-11-28 is not between the years 1970 and 2199",
    ),
    "own hours of what is no day": (
        ESTONIAN.replace("12-24:", "Christmas Eve:"),
        "line 10: calendars.business.own_hours.Chr",
    ),
    "own hours that are no window": (
        ESTONIAN.replace("08:00-11:00", "8-11"),
        "line 10: calendars.business.own_hours.12-24.1",
    ),
    "own hours of none": (
        ESTONIAN.replace("[08:00-11:00]", "[]"),
        "12-24: has no hours; put the day into closed_days",
    ),
    "own hours twice": (
        ESTONIAN.replace("2026-12-31: [", "12-24: ["),
        "line 12: 12-24 is there twice",
    ),
    "own hours twice, written otherwise": (
        ESTONIAN.replace("2026-12-31: [", "20261128: ["),
        "line 12: calendars.business.own_hours.20261128: is listed twice",
    ),
    "closed and open": (
        ESTONIAN.replace("2026-12-31: [", "12-31: ["),
        "calendars.business.own_hours: 12-31 is also in closed_days",
    ),
    "own hours that run into the next day's": (
        ESTONIAN.replace("10:00-16:00", "16:00-09:00").replace("2026-11-28", "2026-11-26"),
        "line 3: calendars.business: own hours: 2026-11-26 16:00-09:00 and 2026-11-27 08:00-18:00 overlap",
    ),
    "own hours that are a list": (
        GOOD + "    own_hours: [12-24]\n",
        "line 12: calendars.business.own_hours: must be a map",
    ),
    "a version too long": (GOOD.replace('"7"', "7" * 21), "line 1: version: '77"),
    "a mapping where a text should be": (GOOD.replace("Europe/Berlin", "{}"), "line 4: calendars.business.time_zone"),
    "a key that is no text": ("? [a]\n: b", "line 1: not YAML (found unhashable key)"),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_a_mistake_names_its_line_and_field(case: tuple[str, str], tmp_path: Path) -> None:
    text, message = case
    with pytest.raises(WrongFile, match=re.escape(message)):
        read_calendars(write(tmp_path, text))


def test_without_the_business_calendar(tmp_path: Path) -> None:
    with pytest.raises(WrongFile, match="business is missing"):
        read_calendars(write(tmp_path, GOOD.replace("business", "chat")))


def test_a_wrong_file_is_a_wrong_setting(tmp_path: Path) -> None:
    environment = {
        "CASEBUS_AMQP": "amqp://u:p@host",
        "CASEBUS_MONGO": "mongodb://",
        "CASEBUS_CALENDARS": str(tmp_path / "no"),
    }
    with pytest.raises(
        WrongSettings,
        match=r"CASEBUS_CALENDARS: .*/no: the calendars file cannot be read \(No such file or directory\)",
    ):
        read(SlaSettings, environment)
