"""Days with hours of their own, by date and each year: what they open, what they come before, what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sla.domain.calendar import Calendar, CalendarError, OwnDay, Window, YearDay, in_order, own_day
from tests.unit.sla.test_calendar import BERLIN, NIGHTS, OFFICE, at, calendar, hours, office
from tests.unit.sla.walking import walked, walked_days

CLOSED: tuple[Window, ...] = ()


def with_own(desk: Calendar, **days: str) -> Calendar:
    """`d2026_12_24="08:00-12:00"` for a date, `y12_24=""` for each year."""
    own: dict[OwnDay, tuple[Window, ...]] = {
        own_day(name[1:].replace("_", "-")): tuple(map(Window.parse, text.split())) for name, text in days.items()
    }
    return replace(desk, own_hours=own)


# Monday to Friday 08:00-18:00. 24 December 2026 is a Thursday, 26 December 2026 a Saturday, 1 January 2027 a Friday.
DAYS_OF_THEIR_OWN = {
    "a half day": (with_own(office(BERLIN), d2026_12_24="08:00-12:00"), "2026-12-24", "2026-12-25", 4),
    "a half day each year": (with_own(office(BERLIN), y12_24="08:00-12:00"), "2026-12-24", "2026-12-25", 4),
    "… in another year": (with_own(office(BERLIN), y12_24="08:00-12:00"), "2041-12-24", "2041-12-25", 4),
    "an extra opening on a Saturday": (
        with_own(office(BERLIN), d2026_12_26="10:00-16:00"), "2026-12-26", "2026-12-28", 6,
    ),
    "… each year, on a Sunday too": (with_own(office(BERLIN), y12_26="10:00-16:00"), "2027-12-26", "2027-12-27", 6),
    "an extra opening on a holiday": (
        with_own(office(BERLIN, [date(2026, 12, 25)]), d2026_12_25="10:00-11:00"), "2026-12-25", "2026-12-26", 1,
    ),
    "closed each year": (with_own(office(BERLIN), y12_31=""), "2026-12-31", "2027-01-01", 0),
    "its date comes before each year": (
        with_own(office(BERLIN), y12_24="", d2026_12_24="09:00-10:00"), "2026-12-24", "2026-12-25", 1,
    ),
    "a date that is closed comes before each year": (
        with_own(office(BERLIN), y12_24="09:00-10:00", d2026_12_24=""), "2026-12-24", "2026-12-25", 0,
    ),
    "each year comes before a holiday": (
        with_own(office(BERLIN, [date(2026, 12, 24)]), y12_24="09:00-10:00"), "2026-12-24", "2026-12-25", 1,
    ),
    "longer hours, into the next day": (
        with_own(office(BERLIN), d2026_12_24="20:00-02:00"), "2026-12-24", "2026-12-25 08:00", 6,
    ),
    "two windows": (with_own(office(BERLIN), d2026_12_24="08:00-09:00 11:00-12:00"), "2026-12-24", "2026-12-25", 2),
    "an overnight window of the day before runs to its end": (
        with_own(calendar(BERLIN, *NIGHTS), d2026_12_24=""), "2026-12-24", "2026-12-25", 6,
    ),
    "29 February in a leap year": (with_own(office(BERLIN), y02_29="08:00-09:00"), "2028-02-29", "2028-03-01", 1),
    "… in no other": (with_own(office(BERLIN), y02_29="08:00-09:00"), "2027-02-28 18:00", "2027-03-02", 10),
}  # fmt: skip


@pytest.mark.parametrize("case", DAYS_OF_THEIR_OWN.values(), ids=DAYS_OF_THEIR_OWN)
def test_a_day_has_its_own_hours(case: tuple[Calendar, str, str, float]) -> None:
    desk, start, end, expected = case
    begins, ends = at(start, BERLIN), at(end, BERLIN)
    assert desk.business_time_between(begins, ends) == walked(desk, begins, ends) == hours(expected)


def test_a_business_day_is_one_that_opens_with_whatever_hours_and_the_time_of_day_is_kept() -> None:
    desk = with_own(office(BERLIN), d2026_12_24="08:00-12:00", y12_26="10:00-16:00", y12_28="")
    for days, due in enumerate(["2026-12-23 16:00", "2026-12-24 16:00", "2026-12-25 16:00", "2026-12-26 16:00",
                                "2026-12-29 16:00"]):  # fmt: skip
        found = desk.add_business_days(at("2026-12-23 16:00", BERLIN), days)
        assert found == walked_days(desk, at("2026-12-23 16:00", BERLIN), days) == at(due, BERLIN)


REFUSED = {
    "overlap on one day": ({"d2026_12_24": "08:00-12:00 11:00-13:00"}, "2026-12-24 08:00-12:00 and 2026-12-24 11:00"),
    "into the next day's hours": ({"d2026_12_24": "20:00-09:00"}, "2026-12-24 20:00-09:00 and 2026-12-25 08:00-18:00"),
    "into the next day's own hours": (
        {"d2026_12_24": "20:00-03:00", "d2026_12_25": "02:00-03:00"}, "12-24 20:00-03:00 and 2026-12-25 02:00-03:00",
    ),
    "each year, in a year whose next day is a weekday": ({"y12_25": "20:00-09:00"}, "own hours: 20"),
    "each year, into a day that only leap years have": (
        {"y02_28": "20:00-04:00", "y02_29": "03:00-05:00"}, "02-28 20:00-04:00 and 2000-02-29 03:00-05:00",
    ),
    "each year, into a day that follows in no leap year": (
        {"y02_28": "20:00-04:00", "y02_29": "", "y03_01": "03:00-05:00"},
        "02-28 20:00-04:00 and 1999-03-01 03:00-05:00",
    ),
    "each year, into a date": (
        {"y12_24": "20:00-04:00", "d2033_12_25": "03:00-05:00"}, "and 2033-12-25 03:00-05:00 overlap",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_windows_that_overlap_in_any_year_are_refused(case: tuple[dict[str, str], str]) -> None:
    days, message = case
    with pytest.raises(CalendarError, match=f"own hours: .*{message.removeprefix('own hours: ')}"):
        with_own(office(BERLIN), **days)


def test_the_hours_of_the_day_before_may_not_run_into_its_own() -> None:
    with pytest.raises(CalendarError, match="own hours: 2026-12-23 22:00-06:00 and 2026-12-24 05:00-06:00 overlap"):
        with_own(calendar(BERLIN, *NIGHTS), d2026_12_24="05:00-06:00")


@pytest.mark.parametrize("weekday", range(7))
def test_what_recurs_is_looked_at_in_years_of_every_kind(weekday: int) -> None:
    """The desk opens on one weekday alone: so the two meet in one year out of about seven."""
    week = [OFFICE if day == weekday else () for day in range(7)]
    with pytest.raises(CalendarError, match=r"own hours: \d{4}-12-25 20:00-09:00 and \d{4}-12-26 08:00-18:00 overlap"):
        with_own(calendar(BERLIN, *week), y12_25="20:00-09:00")


def test_closed_on_every_day_of_the_year_is_refused() -> None:
    every = [date(2028, 1, 1) + timedelta(days=n) for n in range(366)]
    own: dict[OwnDay, tuple[Window, ...]] = {YearDay(day.month, day.day): CLOSED for day in every}
    with pytest.raises(CalendarError, match="nothing is open from"):
        replace(office(BERLIN), own_hours=own)
    del own[YearDay(2, 29)]
    with pytest.raises(CalendarError, match="nothing is open from"):
        replace(office(BERLIN), own_hours=own)
    del own[YearDay(6, 1)], own[YearDay(6, 2)], own[YearDay(6, 3)]
    assert replace(office(BERLIN), own_hours=own).windows_on(date(2026, 6, 1)) == (Window.parse(*OFFICE),)


def test_closed_dates_between_days_that_are_closed_each_year_are_counted_together() -> None:
    year = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    own: dict[OwnDay, tuple[Window, ...]] = {YearDay(1, 1): CLOSED, YearDay(1, 2): CLOSED, YearDay(12, 31): CLOSED}
    with pytest.raises(CalendarError, match="nothing is open from 2025-12-31 to 2027-01-01"):
        replace(calendar(BERLIN, *[OFFICE] * 7, closed=year), own_hours=own)


@pytest.mark.parametrize(
    "text", ["02-30", "00-10", "13-01", "04-31", "2026-02-29", "24-12", "12-4", "Dec 24", "", "١٢-٢٤"]
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(CalendarError, match=r"is a day that no year has|is no date such as"):
        own_day(text)


@given(st.dates(date(1970, 1, 1), date(2199, 12, 31)))
def test_days_read_as_they_are_written(day: date) -> None:
    assert own_day(str(day)) == day
    each = YearDay(day.month, day.day)
    assert own_day(str(each)) == each
    assert [when for when, _ in in_order({day: CLOSED, each: CLOSED})] == [each, day]


spans = st.integers(0, 1438).flatmap(lambda opens: st.tuples(st.just(opens), st.integers(opens + 1, 2 * 1440)))


@settings(max_examples=60)
@given(st.dictionaries(st.integers(0, 6), spans, max_size=4), st.dictionaries(st.integers(0, 6), spans, max_size=2))
def test_own_hours_are_refused_if_and_only_if_a_minute_is_covered_twice(
    week: dict[int, tuple[int, int]], own: dict[int, tuple[int, int]]
) -> None:
    """The fortnight about the days is covered minute by minute, as the weekdays and the own days are written."""
    windows = {day: Window(opens, min(closes, opens + 1440)) for day, (opens, closes) in week.items()}
    mine = {day: Window(opens, min(closes, opens + 1440)) for day, (opens, closes) in own.items()}
    monday = date(2026, 6, 8)
    hours_ = tuple((windows[day],) if day in windows else () for day in range(7))
    try:
        plain = Calendar("drawn", "1", office(BERLIN).zone, hours_)
    except CalendarError:
        return  # the weekdays alone are invalid, which another test covers
    covered: list[int] = [0] * (23 * 1440)
    for day in range(-7, 14):
        window = mine[day] if day in mine else windows.get(day % 7)
        for minute in range(window.opens, window.closes) if window else ():
            covered[(day + 7) * 1440 + minute] += 1
    try:
        replace(plain, own_hours={monday + timedelta(days=day): (window,) for day, window in mine.items()})
    except CalendarError:
        assert max(covered) > 1
    else:
        assert max(covered) <= 1
