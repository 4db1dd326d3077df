"""What is hard about business time, held to the clock that walks: each row of the tables, and properties that draw the
hard cases on purpose (test_calendar.py draws any)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st

from services.sla.domain.calendar import Calendar, CalendarError, OwnDay, Window, YearDay
from services.sla.domain.policy import paused
from tests.unit.sla.stories import CALENDAR, Desk, Snapshot, after, types
from tests.unit.sla.test_calendar import ADD, BERLIN, BETWEEN, DAYS, TRANSITIONS, at, hours
from tests.unit.sla.test_pauses import DUE, HOLDS, Holds, asked_and_answered, day, heard, verdicts
from tests.unit.sla.walking import DAY, MINUTE, SECOND, walked, walked_days, walked_deadline

ROWS = {
    **{f"between: {name}": row for name, row in BETWEEN.items()},
    **{f"add: {name}": row for name, row in ADD.items()},
    **{f"days: {name}": row for name, row in DAYS.items()},
}


@pytest.mark.parametrize("name", ROWS)
def test_every_row_of_the_tables_is_what_the_clock_walks(name: str) -> None:
    desk, start, what, expected = ROWS[name]
    zone, kind = str(desk.zone), name.partition(":")[0]
    if kind == "between":
        assert walked(desk, at(start, zone), at(str(what), zone)) == hours(float(str(expected)))
    elif kind == "add":
        assert walked_deadline(desk, at(start, BERLIN), hours(float(str(what)))) == at(str(expected), BERLIN)
    else:
        assert walked_days(desk, at(start, zone), int(str(what))) == at(str(expected), zone)


# ---- calendars of hard cases

HARD = {
    "office": ("08:00-18:00",),
    "lunch breaks": ("08:00-12:00", "12:30-13:00", "13:00-18:00"),
    "until 24:00": ("18:00-24:00",),
    "from 00:00": ("00:00-02:30",),
    "nights": ("22:00-06:00",),
    "round the clock": ("00:00-24:00",),
    "within the hour that is lost or comes twice": ("02:15-02:45",),
    "within that at midnight": ("00:10-00:50", "23:10-23:50"),
    "opens in it": ("02:30-05:00",),
    "closes in it": ("01:00-02:30",),
}


OWN = ["08:00-12:00", "10:00-16:00", "22:00-02:00", "00:00-24:00", "02:15-02:45", "23:59-00:01"]


@st.composite
def own_days(draw: st.DrawFn, about: date) -> dict[OwnDay, tuple[Window, ...]]:
    """Up to three days about that one which have hours of their own, or none, in that year or each year."""
    dates = st.integers(-3, 4).map(lambda days: about + days * DAY)
    days = dates | dates.map(lambda day: YearDay(day.month, day.day))
    windows = st.lists(st.sampled_from(OWN).map(Window.parse), max_size=1).map(tuple)
    return draw(st.dictionaries(days, windows, max_size=3))


@st.composite
def hard_calendars_and_times(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    """Each day's windows of one hard sort or closed, about a transition; holidays, at times 26 in a row; and a start at
    an opening or closing minute or anywhere, with seconds."""
    zone, transition = draw(st.sampled_from(TRANSITIONS))
    sort = draw(st.sampled_from([*HARD]))
    is_open = draw(st.lists(st.booleans(), min_size=7, max_size=7).filter(any))
    windows = tuple(map(Window.parse, HARD[sort]))
    eve = transition.date() + draw(st.integers(-2, 3)) * DAY
    closed = frozenset(eve + n * DAY for n in range(draw(st.sampled_from([0, 1, 1, 2, 26]))))
    week = tuple(windows if each else () for each in is_open)
    try:
        desk = Calendar("hard", "1", ZoneInfo(zone), week, closed, draw(own_days(transition.date())))
    except CalendarError:
        reject()  # hours of its own run into a neighbour's
    edges = st.sampled_from([minute for window in windows for minute in (window.opens, window.closes)])
    minute = draw(edges | edges.map(lambda moment: moment - 1) | st.integers(0, 1439))
    wall = datetime.combine(transition.date(), datetime.min.time()) + draw(st.integers(-2, 1)) * DAY + minute * MINUTE
    second = timedelta(seconds=draw(st.sampled_from([0, 0, 1, 42, 59])))
    return desk, at(f"{wall + second}{draw(st.sampled_from(['', '*']))}", zone)


@settings(max_examples=50, deadline=None)
@given(hard_calendars_and_times(), st.integers(0, 12 * 3600) | st.integers(0, 12).map(lambda each: each * 3600))
def test_a_deadline_in_business_time_is_where_the_clock_walks_to(case: tuple[Calendar, datetime], seconds: int) -> None:
    desk, start = case
    duration = timedelta(seconds=seconds)
    deadline = desk.add_business_time(start, duration)
    assert deadline == walked_deadline(desk, start, duration)
    assert desk.business_time_between(start, deadline) == walked(desk, start, deadline) == duration
    assert desk.add_business_time(start, duration + SECOND) > deadline


@settings(max_examples=50, deadline=None)
@given(hard_calendars_and_times(), st.integers(1, 5))
def test_n_business_days_on_is_where_the_clock_walks_to(case: tuple[Calendar, datetime], days: int) -> None:
    desk, start = case
    due = desk.add_business_days(start, days)
    assert due == walked_days(desk, start, days)
    assert due > desk.add_business_days(start, days - 1)


# ---- what is refused

minutes_of_day = st.integers(0, 24 * 60) | st.integers(0, 24).map(lambda hour: hour * 60)
drawn_windows = st.tuples(minutes_of_day, minutes_of_day)


def clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@given(st.lists(st.just([]) | st.lists(drawn_windows, max_size=2), min_size=7, max_size=7))
@example([[(300, 720)], *[[]] * 5, [(1320, 360)]])
@example([[(300, 720)], *[[]] * 5, [(1320, 300)]])
def test_a_calendar_is_refused_if_and_only_if_a_window_is_none_or_the_walk_is_twice_or_never_in_one(
    week: list[list[tuple[int, int]]],
) -> None:
    """The week is walked minute by minute, also over its end, and each minute's windows are counted."""
    covered = [0] * (7 * 1440)
    is_wrong = False
    for number, windows in enumerate(week):
        for opens, closes in windows:
            is_wrong |= opens == closes or opens == 1440
            for minute in range(opens, closes if closes > opens else closes + 1440):
                covered[(number * 1440 + minute) % len(covered)] += 1
    try:
        parsed = [tuple(Window.parse(f"{clock(a)}-{clock(b)}") for a, b in windows) for windows in week]
        Calendar("drawn", "1", ZoneInfo("UTC"), tuple(parsed))
    except CalendarError:
        assert is_wrong or max(covered) > 1 or not any(covered)
    else:
        assert not is_wrong
        assert max(covered) == 1


# ---- pauses

START = day(1, 11)
"""When the clock of `asked_and_answered` starts: a Monday, and it has 4 business days of 10 hours."""


MORE_HOLDS: dict[str, tuple[Holds, datetime]] = {
    "from the very start, before anything else happened": ([(START, day(1, 12))], day(5, 12)),
    "split in two": ([(day(2, 9), day(2, 10)), (day(2, 10), day(2, 12))], day(5, 14)),
    "split at the closing": ([(day(2, 17), day(2, 18)), (day(2, 18), day(3, 9))], day(5, 13)),
    "from closing time to opening": ([(day(2, 18), day(3, 8))], DUE),
    "from the last second of a day": ([(day(2, 18) - SECOND, day(3, 8) + SECOND)], DUE + 2 * SECOND),
    "that begins in the very moment of the deadline": ([(DUE, day(5, 12))], DUE),
    "over midnight, twice": ([(day(2, 17), day(3, 9)), (day(3, 17), day(4, 9))], day(5, 15)),
}


@pytest.mark.parametrize("case", MORE_HOLDS.values(), ids=MORE_HOLDS)
def test_more_pauses_move_the_deadline_by_their_business_time(case: tuple[Holds, datetime]) -> None:
    holds, due = case
    assert heard(*asked_and_answered(*holds)).due()["breach"] == due


@pytest.mark.parametrize("name", [*HOLDS, *MORE_HOLDS])
def test_every_row_of_pauses_is_what_the_clock_walks(name: str) -> None:
    holds, due = {**HOLDS, **MORE_HOLDS}[name]
    target = walked(CALENDAR, START, walked_days(CALENDAR, START, 4))
    assert walked_deadline(CALENDAR, START, target, list(holds)) == due


def test_a_pause_before_the_first_opening_moves_the_deadline_by_what_lies_within_hours() -> None:
    """Written on Saturday, so that it counts from Monday's opening; the desk asks on Sunday, and is answered at 10."""
    versions = asked_and_answered()[:3]
    for action, moment in (("customer", day(6)), ("ask", day(7)), ("customer", day(8, 10))):
        versions.append(after(versions[-1], action, moment))
    desk = heard(*versions)
    assert desk.due()["breach"] == day(12, 10)
    target = walked(CALENDAR, day(6), walked_days(CALENDAR, day(6), 4))
    assert walked(CALENDAR, day(6), day(12, 10), [(day(7), day(8, 10))]) == target


@st.composite
def hard_holds(draw: st.DrawFn, most: int = 5) -> Holds:
    """Holds one after another from the start on: at once, after a second, hours or a night; as long; or of exactly what
    remains, and a second more."""
    lengths = st.sampled_from([0, 1, 20, 59, 60, 61, 3600, 7 * 3600, 10 * 3600, 24 * 3600, 72 * 3600])
    steps = draw(st.lists(lengths, max_size=2 * most))
    moments = list(accumulate(steps, lambda moment, step: moment + timedelta(seconds=step), initial=START))[1:]
    holds = list(zip(moments[::2], moments[1::2], strict=False))
    ends_it: bool = draw(st.booleans()) if holds else False
    if ends_it:
        begins, _ = holds[-1]
        left = CALENDAR.business_time_between(begins, paused(CALENDAR, DUE, holds[:-1]))
        holds[-1] = begins, CALENDAR.add_business_time(begins, left) + draw(st.sampled_from([-1, 0, 1])) * SECOND
    return [(begins, ends) for begins, ends in holds if begins <= ends]


@settings(max_examples=40, deadline=None)
@given(hard_holds())
def test_a_paused_deadline_is_where_the_clock_walks_to_and_split_pauses_are_the_same(holds: Holds) -> None:
    deadline = heard(*asked_and_answered(*holds)).due()["breach"]
    assert deadline == walked_deadline(CALENDAR, START, 40 * 60 * MINUTE, holds)
    split = [piece for begins, ends in holds for piece in pairwise([begins, begins + (ends - begins) // 2, ends])]
    assert paused(CALENDAR, DUE, split) == deadline


@settings(max_examples=40, deadline=None)
@given(hard_holds(), st.sampled_from([0, 1, 3600, 24 * 3600, 5 * 24 * 3600]), st.sampled_from(["close", "suggest"]))
def test_a_clock_that_ends_while_paused_is_late_only_if_it_was_paused_after_where_the_clock_walks_to(
    holds: Holds, later: int, action: str
) -> None:
    versions = asked_and_answered(*holds)
    asks = max([START, *(ends for _, ends in holds)]) + later * SECOND
    versions.append(after(versions[-1], "ask", asks))
    desk = heard(*versions)
    said = desk.hear(after(versions[-1], action, asks + 9 * DAY))
    is_late = asks > walked_deadline(CALENDAR, START, 40 * 60 * MINUTE, holds)
    in_time = ["sla.met"] if action == "suggest" else []
    assert verdicts(said) == (["sla.breached"] if is_late else in_time)
    assert "breach" not in desk.due()


def paused_while(
    action: str, hold: tuple[datetime, datetime], moment: datetime, *holds: tuple[datetime, datetime]
) -> Desk:
    """A ticket to which something else happens within the last hold."""
    versions: list[Snapshot] = asked_and_answered(*holds)
    for what, when in (("ask", hold[0]), (action, moment), ("customer", hold[1])):
        versions.append(after(versions[-1], what, when))
    return heard(*versions)


@settings(max_examples=40, deadline=None)
@given(hard_holds().filter(bool), st.sampled_from([("reclassify", 2), ("escalate", 3)]), st.floats(0, 1))
def test_another_priority_while_paused_has_its_days_from_the_same_start_and_the_same_pauses(
    holds: Holds, change: tuple[str, int], part: float
) -> None:
    *before, (begins, ends) = holds
    action, days = change
    moment = (begins + (ends - begins) * part).replace(microsecond=0)
    desk = paused_while(action, (begins, ends), moment, *before)
    target = walked(CALENDAR, START, walked_days(CALENDAR, START, days))
    assert desk.due()["breach"] == walked_deadline(CALENDAR, START, target, holds)
    assert types(desk.said)[-1] == "sla.armed"


def test_priority_changed_while_paused_back_and_forth_is_the_same_as_never() -> None:
    versions = asked_and_answered()
    for action, hour in (("ask", 9.0), ("reclassify", 9.5), ("reclassify", 10), ("customer", 12)):
        versions.append(after(versions[-1], action, day(2, hour)))
    assert heard(*versions).due()["breach"] == day(5, 14)


def test_26_closed_days_in_a_row_within_a_pause_count_for_nothing() -> None:
    closed = replace(CALENDAR, closed_days=frozenset(date(2026, 6, 3) + n * DAY for n in range(26)))
    due, hold = closed.add_business_time(START, hours(20)), (day(2, 17), day(30, 9))
    assert (
        paused(closed, due, [hold])
        == walked_deadline(closed, START, hours(20), [hold])
        == closed.add_business_time(due, hours(12))
    )
