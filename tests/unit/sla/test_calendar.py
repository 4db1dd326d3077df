"""Business calendars, by table and against an oracle that walks the clock minute by minute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.sla.domain.calendar import Calendar, CalendarError, Window

MINUTE = timedelta(minutes=1)
A_DAY = 24 * 60
OFFICE = ("08:00-18:00",)


def calendar(zone: str, *week: Sequence[str], closed: Sequence[date] = ()) -> Calendar:
    """Windows by weekday from Monday on; days not given are closed."""
    hours = [tuple(Window.parse(text) for text in windows) for windows in week]
    return Calendar("test", "1", ZoneInfo(zone), tuple(hours + [()] * (7 - len(hours))), frozenset(closed))


def office(zone: str, closed: Sequence[date] = ()) -> Calendar:
    return calendar(zone, *[OFFICE] * 5, closed=closed)


def always(zone: str) -> Calendar:
    return calendar(zone, *[("00:00-24:00",)] * 7)


def at(text: str, zone: str) -> datetime:
    """`2026-03-27 08:00` on the wall of `zone`; the second time of two when it ends with `*`."""
    wall = datetime.fromisoformat(text.removesuffix("*"))
    return wall.replace(tzinfo=ZoneInfo(zone), fold=int(text.endswith("*"))).astimezone(UTC)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


# ---- business time, by table

BERLIN, SYDNEY, SAO_PAULO, TEHRAN = "Europe/Berlin", "Australia/Sydney", "America/Sao_Paulo", "Asia/Tehran"
NIGHTS = [("22:00-06:00",)] * 7
CLOSED_26 = [date(2026, 12, 7) + timedelta(days=n) for n in range(26)]

BETWEEN = {
    "within one window": (office(BERLIN), "2026-06-01 09:00", "2026-06-01 11:30", 2.5),
    "over lunch": (calendar(BERLIN, ("08:00-12:00", "13:00-18:00")), "2026-06-01 11:00", "2026-06-01 14:00", 2),
    "over a weekend": (office(BERLIN), "2026-06-05 17:00", "2026-06-08 09:00", 2),
    "all outside hours": (office(BERLIN), "2026-06-06 10:00", "2026-06-07 10:00", 0),
    "end before start": (office(BERLIN), "2026-06-02 10:00", "2026-06-01 10:00", 0),
    "over a holiday": (office(BERLIN, [date(2026, 6, 2)]), "2026-06-01 17:00", "2026-06-03 09:00", 2),
    "26 closed days in a row": (office(BERLIN, CLOSED_26), "2026-12-04 17:00", "2027-01-04 09:00", 2),
    "overnight": (calendar(BERLIN, *NIGHTS), "2026-06-01 12:00", "2026-06-02 12:00", 8),
    "overnight from the evening before": (calendar(BERLIN, *NIGHTS), "2026-06-01 05:00", "2026-06-01 07:00", 1),
    "a holiday's eve runs to its end": (
        calendar(BERLIN, *NIGHTS, closed=[date(2026, 6, 2)]),
        "2026-06-01 12:00",
        "2026-06-03 12:00",
        8,
    ),
    "until 24:00": (calendar(BERLIN, ("20:00-24:00",)), "2026-06-01 12:00", "2026-06-02 12:00", 4),
    "round the clock": (always(BERLIN), "2026-06-01 12:00", "2026-06-02 12:00", 24),
    "Berlin loses an hour": (always(BERLIN), "2026-03-28 12:00", "2026-03-29 12:00", 23),
    "Berlin gains an hour": (always(BERLIN), "2026-10-24 12:00", "2026-10-25 12:00", 25),
    "Berlin, a night shift over the lost hour": (
        calendar(BERLIN, *NIGHTS),
        "2026-03-28 22:00",
        "2026-03-29 06:00",
        7,
    ),
    "Berlin, a window within the lost hour": (
        calendar(BERLIN, *[("02:00-03:00",)] * 7),
        "2026-03-29 00:00",
        "2026-03-29 12:00",
        0,
    ),
    "Berlin, a window opening within the lost hour": (
        calendar(BERLIN, *[("02:30-05:00",)] * 7),
        "2026-03-29 00:00",
        "2026-03-29 12:00",
        2,
    ),
    "Berlin, a window closing within the lost hour": (
        calendar(BERLIN, *[("01:00-02:30",)] * 7),
        "2026-03-29 00:00",
        "2026-03-29 12:00",
        1,
    ),
    "Berlin, the hour that comes twice, opened at its first time": (
        calendar(BERLIN, *[("02:00-03:00",)] * 7),
        "2026-10-25 00:00",
        "2026-10-25 12:00",
        2,
    ),
    "Berlin, the hour that comes twice, closed at its first time": (
        calendar(BERLIN, *[("01:00-02:30",)] * 7),
        "2026-10-25 00:00",
        "2026-10-25 12:00",
        1.5,
    ),
    "Berlin, a window within the hour that comes twice": (
        calendar(BERLIN, *[("02:15-02:45",)] * 7),
        "2026-10-25 00:00",
        "2026-10-25 12:00",
        0.5,
    ),
    "from the closing minute": (office(BERLIN), "2026-06-01 17:59", "2026-06-02 08:00", 1 / 60),
    "from closing time": (office(BERLIN), "2026-06-01 18:00", "2026-06-02 08:00", 0),
    "seconds": (office(BERLIN), "2026-06-01 17:59:18", "2026-06-02 08:00:07", 49 / 3600),
    "Sydney gains an hour in April": (always(SYDNEY), "2026-04-04 12:00", "2026-04-05 12:00", 25),
    "Sydney loses an hour in October": (always(SYDNEY), "2026-10-03 12:00", "2026-10-04 12:00", 23),
    "São Paulo has no midnight": (always(SAO_PAULO), "2015-10-17 12:00", "2015-10-18 12:00", 23),
    "São Paulo, until a midnight that never is": (
        calendar(SAO_PAULO, *[("20:00-24:00",)] * 7),
        "2015-10-17 12:00",
        "2015-10-18 12:00",
        4,
    ),
    "São Paulo, from a midnight that never is": (
        calendar(SAO_PAULO, *[("00:00-04:00",)] * 7),
        "2015-10-17 12:00",
        "2015-10-18 12:00",
        3,
    ),
    "São Paulo has 23:00 twice": (
        calendar(SAO_PAULO, *[("20:00-24:00",)] * 7),
        "2015-02-21 12:00",
        "2015-02-22 12:00",
        5,
    ),
    "Tehran loses an hour at midnight": (always(TEHRAN), "2021-03-21 12:00", "2021-03-22 12:00", 23),
    "Tehran gains an hour at midnight": (always(TEHRAN), "2021-09-21 12:00", "2021-09-22 12:00", 25),
    "Apia has no 30 December 2011": (office("Pacific/Apia"), "2011-12-29 08:00", "2012-01-02 18:00", 20),
}


@pytest.mark.parametrize("case", BETWEEN.values(), ids=BETWEEN)
def test_business_time_between(case: tuple[Calendar, str, str, float]) -> None:
    desk, start, end, expected = case
    zone = str(desk.zone)
    assert desk.business_time_between(at(start, zone), at(end, zone)) == hours(expected)


ADD = {
    "within a window": (office(BERLIN), "2026-06-01 09:00", 2, "2026-06-01 11:00"),
    "exactly to closing time": (office(BERLIN), "2026-06-01 09:00", 9, "2026-06-01 18:00"),
    "one hour more is the next morning": (office(BERLIN), "2026-06-01 09:00", 10, "2026-06-02 09:00"),
    "from outside hours": (office(BERLIN), "2026-06-06 13:00", 1, "2026-06-08 09:00"),
    "nothing to add is the start itself": (office(BERLIN), "2026-06-06 13:00", 0, "2026-06-06 13:00"),
    "over 26 closed days": (office(BERLIN, CLOSED_26), "2026-12-04 17:00", 2, "2027-01-04 09:00"),
    "from the closing minute": (office(BERLIN), "2026-06-01 17:59", 1, "2026-06-02 08:59"),
    "from closing time": (office(BERLIN), "2026-06-01 18:00", 1, "2026-06-02 09:00"),
    "seconds are kept": (office(BERLIN), "2026-06-01 17:30:42", 1, "2026-06-02 08:30:42"),
    "over lunch": (calendar(BERLIN, *[("08:00-12:00", "13:00-18:00")] * 5), "2026-06-01 11:30", 1, "2026-06-01 13:30"),
    "until 24:00": (calendar(BERLIN, ("20:00-24:00",)), "2026-06-01 21:00", 3, "2026-06-02 00:00"),
    "a holiday's eve runs to its end": (
        calendar(BERLIN, *NIGHTS, closed=[date(2026, 6, 2)]),
        "2026-06-01 23:00",
        8,
        "2026-06-03 23:00",
    ),
    "over the lost hour": (always(BERLIN), "2026-03-29 01:00", 2, "2026-03-29 04:00"),
    "over the hour that comes twice": (always(BERLIN), "2026-10-25 01:00", 2, "2026-10-25 02:00*"),
}


@pytest.mark.parametrize("case", ADD.values(), ids=ADD)
def test_add_business_time(case: tuple[Calendar, str, float, str]) -> None:
    desk, start, duration, expected = case
    assert desk.add_business_time(at(start, BERLIN), hours(duration)) == at(expected, BERLIN)


# ---- N business days: the same time of day, N business days on

SHORT_FRIDAY = calendar(BERLIN, *[OFFICE] * 4, ("08:00-14:00",))
DAYS = {
    "the next day": (office(BERLIN), "2026-06-01 11:17", 1, "2026-06-02 11:17"),
    "over a weekend": (office(BERLIN), "2026-06-05 11:17", 1, "2026-06-08 11:17"),
    "five days are a week": (office(BERLIN), "2026-06-03 11:17", 5, "2026-06-10 11:17"),
    "over a holiday": (office(BERLIN, [date(2026, 6, 2)]), "2026-06-01 11:17", 1, "2026-06-03 11:17"),
    "over 26 closed days": (office(BERLIN, CLOSED_26), "2026-12-04 17:00", 1, "2027-01-04 17:00"),
    "Saturday counts from Monday's opening": (office(BERLIN), "2026-06-06 13:00", 1, "2026-06-09 08:00"),
    "evening counts from the next opening": (office(BERLIN), "2026-06-05 20:00", 1, "2026-06-09 08:00"),
    "closing time counts from the next opening": (office(BERLIN), "2026-06-01 18:00", 1, "2026-06-03 08:00"),
    "before opening counts from opening": (office(BERLIN), "2026-06-01 06:00", 1, "2026-06-02 08:00"),
    "a holiday counts from the next opening": (
        office(BERLIN, [date(2026, 6, 2)]),
        "2026-06-02 11:00",
        1,
        "2026-06-04 08:00",
    ),
    "lunch counts from its end": (
        calendar(BERLIN, *[("08:00-12:00", "13:00-18:00")] * 5),
        "2026-06-01 12:30",
        1,
        "2026-06-02 13:00",
    ),
    "the time of day is kept on a day of other hours": (SHORT_FRIDAY, "2026-06-04 16:00", 1, "2026-06-05 16:00"),
    "no days is the start within hours": (office(BERLIN), "2026-06-01 11:17", 0, "2026-06-01 11:17"),
    "no days is the next opening outside": (office(BERLIN), "2026-06-06 11:17", 0, "2026-06-08 08:00"),
    "the closing minute is within hours": (office(BERLIN), "2026-06-01 17:59", 1, "2026-06-02 17:59"),
    "seconds are kept": (office(BERLIN), "2026-06-05 11:17:42", 1, "2026-06-08 11:17:42"),
    "a night before a holiday": (
        calendar(BERLIN, *NIGHTS, closed=[date(2026, 6, 2)]),
        "2026-06-02 02:00",  # in the window of the 1st
        1,
        "2026-06-04 02:00",
    ),
    "small hours belong to the evening before": (
        calendar(BERLIN, *[("22:00-06:00",)] * 5),
        "2026-06-06 02:00",  # Saturday, in Friday's window
        1,
        "2026-06-09 02:00",  # Tuesday, in Monday's window
    ),
    "daylight saving keeps the time of day": (office(BERLIN), "2026-03-27 11:17", 1, "2026-03-30 11:17"),
    "into the lost hour is the instant of the jump": (always(BERLIN), "2026-03-28 02:30", 1, "2026-03-29 03:00"),
    "into the hour that comes twice is its first time": (always(BERLIN), "2026-10-24 02:30", 1, "2026-10-25 02:30"),
    "São Paulo, into the midnight that never is": (always(SAO_PAULO), "2015-10-17 00:30:42", 1, "2015-10-18 01:00"),
    "São Paulo, into the 23:00 that comes twice": (always(SAO_PAULO), "2015-02-20 23:30", 1, "2015-02-21 23:30"),
    "Sydney, into the lost hour": (always(SYDNEY), "2026-10-03 02:30", 1, "2026-10-04 03:00"),
    "Tehran, into the midnight that never is": (always(TEHRAN), "2021-03-21 00:15", 1, "2021-03-22 01:00"),
    "Tehran, over the hour that comes twice": (office(TEHRAN), "2021-09-21 11:17", 1, "2021-09-22 11:17"),
}


@pytest.mark.parametrize("case", DAYS.values(), ids=DAYS)
def test_add_business_days(case: tuple[Calendar, str, int, str]) -> None:
    desk, start, days, expected = case
    zone = str(desk.zone)
    assert desk.add_business_days(at(start, zone), days) == at(expected, zone)


def test_seconds_and_less_are_kept() -> None:
    start = at("2026-06-05 11:17:42.123", BERLIN)
    assert office(BERLIN).add_business_days(start, 1) == at("2026-06-08 11:17:42.123", BERLIN)


# ---- what is refused at load

REFUSED = {
    "never open": ([], "never open"),
    "overlap on one day": ([("08:00-12:00", "11:59-18:00")], "monday 08:00-12:00 and monday 11:59-18:00 overlap"),
    "twice the same": ([("08:00-12:00", "08:00-12:00")], "overlap"),
    "overlap across midnight": ([("22:00-06:00",), ("05:00-12:00",)], "monday 22:00-06:00 and tuesday 05:00-12:00"),
    "overlap across the end of the week": (
        [("05:00-12:00",), (), (), (), (), (), ("22:00-06:00",)],
        "sunday 22:00-06:00 and monday 05:00-12:00 overlap",
    ),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_impossible_calendars_are_refused(case: tuple[list[tuple[str, ...]], str]) -> None:
    week, text = case
    with pytest.raises(CalendarError, match=text):
        calendar(BERLIN, *week)


@pytest.mark.parametrize(
    "text", ["08:00-08:00", "24:00-24:00", "24:00-06:00", "08:00-24:01", "08:60-09:00", "25:00-26:00", "8-18", "", "x"]
)
def test_impossible_windows_are_refused(text: str) -> None:
    with pytest.raises(CalendarError):
        Window.parse(text)


def test_closed_for_over_a_year_is_refused() -> None:
    closed = [date(2026, 1, 1) + timedelta(days=n) for n in range(367)]
    with pytest.raises(CalendarError, match="nothing is open from 2026-01-01 to"):
        calendar(BERLIN, *[OFFICE] * 7, closed=closed)


def test_windows_that_touch_do_not_overlap() -> None:
    desk = calendar(BERLIN, ("00:00-12:00", "12:00-24:00"), ("00:00-08:00", "22:00-02:00"), ("02:00-03:00",))
    assert desk.is_open(at("2026-06-01 12:00", BERLIN))


@pytest.mark.parametrize("text", ["08:00-18:00", "18:00-24:00", "22:00-06:00", "00:00-24:00", "23:59-00:01"])
def test_windows_read_as_they_are_written(text: str) -> None:
    assert str(Window.parse(text)) == text


def test_times_without_a_zone_are_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        office(BERLIN).add_business_days(datetime(2026, 6, 1, 9), 1)  # noqa: DTZ001


# ---- against the oracle

TRANSITIONS = [
    (BERLIN, datetime(2026, 3, 29, 1, tzinfo=UTC)),
    (BERLIN, datetime(2026, 10, 25, 1, tzinfo=UTC)),
    (SYDNEY, datetime(2026, 4, 4, 16, tzinfo=UTC)),
    (SYDNEY, datetime(2026, 10, 3, 16, tzinfo=UTC)),
    (SAO_PAULO, datetime(2015, 2, 22, 2, tzinfo=UTC)),
    (SAO_PAULO, datetime(2015, 10, 18, 3, tzinfo=UTC)),
    (TEHRAN, datetime(2021, 3, 21, 20, 30, tzinfo=UTC)),
    (TEHRAN, datetime(2021, 9, 21, 19, 30, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ("UTC", datetime(2026, 6, 1, tzinfo=UTC)),
]


@st.composite
def calendars_and_times(draw: st.DrawFn) -> tuple[Calendar, datetime, datetime]:
    """A week of disjoint windows (overnight ones too), some closed days, and two ordered times about a transition."""
    zone, transition = draw(st.sampled_from(TRANSITIONS))
    points = sorted(draw(st.sets(st.integers(0, 7 * A_DAY - 1), min_size=2, max_size=14)))
    week: list[list[Window]] = [[] for _ in range(7)]
    for opens, closes in zip(points[::2], points[1::2], strict=False):
        day, first = divmod(opens, A_DAY)
        week[day].append(Window(first, first + min(closes - opens, A_DAY)))
    nearby = st.integers(-5, 5).map(lambda days: transition.date() + timedelta(days=days))
    closed = draw(st.frozensets(nearby, max_size=3))
    desk = Calendar("drawn", "1", ZoneInfo(zone), tuple(map(tuple, week)), closed)
    start, end = sorted(draw(st.tuples(*[st.integers(-2 * A_DAY, 2 * A_DAY)] * 2)))
    return desk, transition + start * MINUTE, transition + end * MINUTE


def minutes_open(desk: Calendar, start: datetime, end: datetime) -> timedelta:
    """Walk the clock: is the wall time within a window? The second pass of a repeated hour is as its first pass
    ended."""
    total, instant, is_open = timedelta(), start - timedelta(hours=2), False
    while instant < end:
        wall = instant.astimezone(desk.zone)
        if not wall.fold:
            minute, today = wall.hour * 60 + wall.minute, wall.date()
            is_open = any(
                window.opens <= minute + since * A_DAY < window.closes
                for since in (0, 1)
                if (day := today - timedelta(days=since)) not in desk.closed_days
                for window in desk.hours[day.weekday()]
            )
        if is_open and instant >= start:
            total += MINUTE
        instant += MINUTE
    return total


@settings(max_examples=80, deadline=None)
@given(calendars_and_times())
def test_elapsed_time_is_what_the_walked_clock_counts(case: tuple[Calendar, datetime, datetime]) -> None:
    desk, start, end = case
    assert desk.business_time_between(start, end) == minutes_open(desk, start, end)


durations = st.timedeltas(min_value=timedelta(), max_value=timedelta(hours=20))


@settings(max_examples=100, deadline=None)
@given(calendars_and_times(), durations)
def test_the_deadline_is_the_first_instant_by_which_the_time_has_passed(
    case: tuple[Calendar, datetime, datetime], duration: timedelta
) -> None:
    desk, start, _ = case
    deadline = desk.add_business_time(start, duration)
    assert desk.business_time_between(start, deadline) == duration
    if duration:
        assert desk.business_time_between(start, deadline - timedelta(microseconds=1)) < duration


@settings(max_examples=100, deadline=None)
@given(calendars_and_times(), durations, durations, st.integers(0, 4))
def test_later_or_longer_is_never_due_sooner(
    case: tuple[Calendar, datetime, datetime], first: timedelta, other: timedelta, days: int
) -> None:
    desk, start, end = case
    shorter, longer = sorted((first, other))
    assert desk.add_business_time(start, shorter) <= desk.add_business_time(start, longer)
    assert desk.add_business_time(start, first) <= desk.add_business_time(end, first)
    assert start < desk.add_business_days(start, days + 1)
    assert desk.add_business_days(start, days) < desk.add_business_days(start, days + 1)
    overnight = any(window.closes > 1440 for windows in desk.hours for window in windows)
    if not overnight and not start.astimezone(desk.zone).fold:
        assert desk.add_business_days(start, days) <= desk.add_business_days(end, days)


@given(st.integers(0, 60 * 24 * 28), st.integers(0, 12))
@example(0, 5)
def test_n_days_of_equal_hours_are_n_times_those_hours(minutes: int, days: int) -> None:
    desk = office("UTC", [date(2026, 6, 10)])
    start = datetime(2026, 6, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    assert desk.business_time_between(start, desk.add_business_days(start, days)) == days * hours(10)
