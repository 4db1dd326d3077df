"""Why a deadline is what it is: the pieces of a clock's time, by table and as laws."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from services.sla.domain.calendar import Calendar, Window
from services.sla.domain.clocks import Clock
from services.sla.domain.explanation import Counts, explain
from services.sla.domain.policy import Deadline, paused
from services.sla.domain.state import Countdown
from tests.unit.sla.stories import CALENDAR, Desk, story
from tests.unit.sla.test_calendar import calendars_and_times
from tests.unit.sla.test_pauses import Holds, held, used

HOUR = timedelta(hours=1)


def day(number: int, hour: float) -> datetime:
    """The `number`-th of June 2026 (the 1st is a Monday)."""
    return datetime(2026, 6, number, tzinfo=UTC) + hour * HOUR


def countdown(start: datetime, due: datetime, holds: Holds, ended_at: datetime | None) -> Countdown:
    clock = Clock("0/opened", "next_reply", "general", start, start, pauses=tuple(holds), ended_at=ended_at)
    return Countdown(clock, Deadline(1, due, due, due, "business-1-00000000"))


def test_a_clock_that_was_worked_paused_over_night_and_late() -> None:
    # filed on Monday at 9, answered with a question at 10, written at 11: next reply in 4 days, on Friday at 11
    desk = Desk()
    desk.hear(
        *story(("assign", 0.5), ("ask", 1), ("customer", 2), ("ask", 4), ("customer", 6), ("suggest", 24 * 4 + 5))
    )
    first, following = desk.ticket.countdowns
    assert [(segment.ends, segment.counts) for segment in explain(first, CALENDAR, day(9, 0)).segments] == [
        (day(1, 10), Counts.WORKED)
    ]
    found = explain(following, CALENDAR, day(9, 0))
    assert [(segment.begins, segment.counts, segment.open_for / HOUR) for segment in found.segments] == [
        (day(1, 11), Counts.WORKED, 2),
        (day(1, 13), Counts.PAUSED, 2),
        (day(1, 15), Counts.WORKED, 3),
        (day(1, 18), Counts.OUTSIDE_HOURS, 0),
        (day(2, 8), Counts.WORKED, 10),
        (day(2, 18), Counts.OUTSIDE_HOURS, 0),
        (day(3, 8), Counts.WORKED, 10),
        (day(3, 18), Counts.OUTSIDE_HOURS, 0),
        (day(4, 8), Counts.WORKED, 10),
        (day(4, 18), Counts.OUTSIDE_HOURS, 0),
        (day(5, 8), Counts.WORKED, 5),
        (day(5, 13), Counts.OVER, 1),
    ]
    assert (found.worked, found.paused, found.remaining) == (40 * HOUR, 2 * HOUR, 0 * HOUR)
    assert found.segments[-1].ends == day(5, 14)


def test_a_clock_that_stands_still_has_what_was_left_when_it_was_paused() -> None:
    desk = Desk()
    desk.hear(*story(("assign", 0.5), ("ask", 1), ("customer", 2), ("ask", 4)))
    found = explain(desk.ticket.countdowns[-1], CALENDAR, day(2, 12))
    assert [segment.counts for segment in found.segments] == [Counts.WORKED, Counts.PAUSED]
    assert (found.worked, found.paused, found.remaining) == (2 * HOUR, 9 * HOUR, 38 * HOUR)


def test_a_pause_that_began_when_no_time_was_left_is_none_for_it_moved_nothing() -> None:
    """Written on Monday evening, due at the opening of the Monday after: by Friday evening nothing is left."""
    desk = Desk()
    desk.hear(*story(("assign", 0.5), ("ask", 1), ("customer", 11), ("ask", 4 * 24 + 11), ("customer", 7 * 24 + 3)))
    following = desk.ticket.countdowns[-1]
    assert following.deadline.due_at == day(8, 8)
    found = explain(following, CALENDAR, day(8, 13))
    assert (found.worked, found.paused, found.remaining) == (40 * HOUR, 0 * HOUR, 0 * HOUR)
    assert [(segment.begins, segment.ends, segment.counts) for segment in found.segments][-2:] == [
        (day(5, 18), day(8, 8), Counts.OUTSIDE_HOURS),
        (day(8, 8), day(8, 13), Counts.OVER),
    ]


def test_days_on_which_the_desk_does_not_open_are_named() -> None:
    calendar = Calendar("holiday", "1", ZoneInfo("UTC"), CALENDAR.hours, frozenset({date(2026, 6, 8)}))
    found = explain(countdown(day(5, 17), day(9, 17), [], None), calendar, day(5, 17))
    assert found.skipped == (date(2026, 6, 6), date(2026, 6, 7), date(2026, 6, 8))
    assert found.segments == ()
    assert found.remaining == 10 * HOUR


def test_a_night_shift_is_worked_over_midnight_in_one_piece() -> None:
    nights = Calendar("nights", "1", ZoneInfo("UTC"), ((Window.parse("22:00-06:00"),),) * 7)
    found = explain(countdown(day(1, 23), day(2, 23), [], day(2, 7)), nights, day(9, 0))
    assert [(segment.ends, segment.counts) for segment in found.segments] == [
        (day(2, 6), Counts.WORKED),
        (day(2, 7), Counts.OUTSIDE_HOURS),
    ]


@settings(max_examples=150, deadline=None)
@given(held(), st.integers(0, 5 * 1440))
def test_the_pieces_tile_the_clocks_time_and_add_up(
    case: tuple[Calendar, datetime, datetime, Holds], minutes: int
) -> None:
    desk, start, target, holds = case
    due = paused(desk, target, holds)
    until = max([start + minutes * HOUR / 60, *(ends for _, ends in holds)])
    found = explain(countdown(start, due, holds, until), desk, start)
    ends = [start, *(segment.ends for segment in found.segments)]
    assert [segment.begins for segment in found.segments] == ends[:-1]
    assert ends[-1] == until
    assert all(begins < after for begins, after in pairwise(ends))
    assert all(segment.counts != other.counts for segment, other in pairwise(found.segments))
    assert found.worked == used(desk, start, min(until, due), holds)
    assert found.paused == desk.business_time_between(target, due), "the deadline was moved by this much"
    if until >= due:
        assert found.worked == desk.business_time_between(start, target)
        assert found.remaining == timedelta()
    else:
        assert found.worked + found.remaining == desk.business_time_between(start, target)


@settings(max_examples=100, deadline=None)
@given(calendars_and_times(), st.integers(0, 3))
def test_what_is_worked_and_left_of_n_days_is_their_business_time(
    case: tuple[Calendar, datetime, datetime], days: int
) -> None:
    desk, start, now = case
    due = desk.add_business_days(start, days + 1)
    found = explain(countdown(start, due, [], None), desk, now)
    assert found.worked + found.remaining == desk.business_time_between(start, due)
