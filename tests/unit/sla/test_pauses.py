"""A next-reply clock stands still while the desk waits for the requester: rule by rule, and as laws."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.sla import Armed
from services.chassis.decision import Say
from services.sla.domain.calendar import Calendar, Window
from services.sla.domain.policy import paused
from tests.unit.said import as_a
from tests.unit.sla.stories import CALENDAR, MONDAY, Desk, Snapshot, after, story, types
from tests.unit.sla.test_calendar import calendars_and_times

MINUTE = timedelta(minutes=1)


def day(number: int, hour: float = 9) -> datetime:
    """The `number`-th of June 2026 (the 1st is a Monday)."""
    return datetime(2026, 6, number, tzinfo=UTC) + timedelta(hours=hour)


def heard(*versions: Snapshot) -> Desk:
    desk = Desk()
    desk.hear(*versions)
    return desk


def asked_and_answered(*holds: tuple[datetime, datetime]) -> list[Snapshot]:
    """General: the desk asks on Monday at 10:00, the requester writes at 11:00 (next reply: 4 days, Friday at 11:00);
    then the desk asks and is answered as given."""
    versions = story(("assign", 0.5), ("ask", 1), ("customer", 2))
    for asks, replies in holds:
        versions.append(after(versions[-1], "ask", asks))
        versions.append(after(versions[-1], "customer", replies))
    return versions


DUE = day(5, 11)
HOLDS = {
    "none": ((), DUE),
    "within a day": (((day(2, 9), day(2, 12)),), day(5, 14)),
    "over midnight": (((day(2, 17), day(3, 9)),), day(5, 13)),
    "over the weekend": (((day(5, 10), day(8, 9)),), day(8, 10)),
    "outside hours it changes nothing": (((day(2, 19), day(3, 7)),), DUE),
    "of no length": (((day(2, 9), day(2, 9)),), DUE),
    "several within one minute": (
        tuple((day(2, 9) + n * MINUTE / 3, day(2, 9) + n * MINUTE / 3 + MINUTE / 6) for n in range(3)),
        DUE + MINUTE / 2,
    ),
    "of exactly what remains": (((day(5, 9), day(5, 11)),), day(5, 13)),
    "of one second more than what remains": (((day(5, 9), day(5, 11) + MINUTE / 60),), day(5, 13) + MINUTE / 60),
    "that begins when the time is over": (((day(5, 12), day(8, 12)),), DUE),
    "two": (((day(2, 9), day(2, 12)), (day(3, 9), day(3, 10))), day(5, 15)),
}


@pytest.mark.parametrize("case", HOLDS.values(), ids=HOLDS)
def test_a_pause_moves_the_deadline_by_its_business_time(
    case: tuple[tuple[tuple[datetime, datetime], ...], datetime],
) -> None:
    holds, due = case
    desk = heard(*asked_and_answered(*holds))
    assert desk.due()["breach"] == due
    assert desk.said[-1].type == "sla.armed"
    assert as_a(Armed, desk.said[-1].data).due_at == due


def test_a_paused_clock_has_no_timers_and_resumes_with_what_was_used() -> None:
    versions = asked_and_answered()
    desk = heard(*versions)
    assert set(desk.due()) == {"warning", "breach"}
    asks = after(versions[-1], "ask", day(2, 9))
    assert types(desk.hear(asks)) == []
    assert (desk.armed, desk.ticket.running) == ({}, None)
    assert types(desk.hear(after(asks, "customer", day(9, 9)))) == ["sla.armed"]
    assert desk.due() == {"warning": day(11, 11), "breach": day(12, 11)}


def test_the_first_reply_is_the_desks_first_message_of_any_kind_and_is_never_paused() -> None:
    desk = heard(*story(("assign", 0.5), ("ask", 1)))
    assert [as_a(Armed, say.data).target for say in desk.said if say.type == "sla.met"] == ["first_reply"]
    assert [countdown.clock.ended_at for countdown in desk.ticket.countdowns] == [MONDAY + timedelta(hours=1)]


def test_a_question_does_not_end_a_next_reply_but_a_suggestion_does() -> None:
    versions = asked_and_answered((day(2, 9), day(2, 12)))
    desk = heard(*versions)
    assert [as_a(Armed, say.data).target for say in desk.said if say.type == "sla.met"] == ["first_reply"]
    (met,) = desk.hear(after(versions[-1], "suggest", day(5, 14)))
    assert (met.type, as_a(Armed, met.data).target, as_a(Armed, met.data).due_at) == (
        "sla.met",
        "next_reply",
        day(5, 14),
    )


def verdicts(said: Sequence[Say]) -> list[str]:
    return [say.type for say in said if say.exchange == "helpdesk.events"]


@pytest.mark.parametrize(
    ("action", "asks", "verdict"),
    [
        ("close", day(5, 10), []),
        ("close", day(5, 11), []),
        ("close", day(5, 12), ["sla.breached"]),
        ("suggest", day(5, 10), ["sla.met"]),
        ("suggest", day(5, 12), ["sla.breached"]),
    ],
)
def test_a_clock_that_ends_while_paused_is_judged_by_the_time_before(
    action: str, asks: datetime, verdict: list[str]
) -> None:
    versions = asked_and_answered()
    desk = heard(*versions)
    versions.append(after(versions[-1], "ask", asks))
    desk.hear(versions[-1])
    assert verdicts(desk.hear(after(versions[-1], action, day(20)))) == verdict
    assert not {"warning", "breach"} & set(desk.due())


@pytest.mark.parametrize(("over", "verdict"), [(0, "sla.met"), (1, "sla.breached")])
def test_an_answer_is_in_time_up_to_the_moved_deadline_and_not_a_second_later(over: int, verdict: str) -> None:
    versions = asked_and_answered((day(5, 9), day(5, 11)))
    desk = heard(*versions)
    said = desk.hear(after(versions[-1], "suggest", day(5, 13) + over * MINUTE / 60))
    assert verdicts(said) == [verdict]


def test_reclassified_while_paused_has_the_new_categorys_days_from_the_same_start() -> None:
    versions = asked_and_answered()
    versions.append(after(versions[-1], "ask", day(2, 9)))
    versions.append(after(versions[-1], "reclassify", day(2, 10)))
    versions.append(after(versions[-1], "customer", day(2, 12)))
    assert heard(*versions).due()["breach"] == day(3, 14)


@pytest.mark.parametrize(("steps", "due"), [((), day(4)), ((("ask", 1), ("customer", 2)), day(4, 11))])
def test_escalated_is_served_to_a_vips_targets_with_what_was_used_kept(
    steps: tuple[tuple[str, float], ...], due: datetime
) -> None:
    versions = story(("assign", 0.5), *steps)
    desk = heard(*versions, after(versions[-1], "escalate", day(2)))
    assert desk.due()["breach"] == due


def test_escalation_counts_from_the_first_message_after_the_desks_last_reply_a_question_too() -> None:
    desk = heard(*asked_and_answered((day(2, 9), day(2, 12))))
    assert as_a(Armed, desk.said[-1].data).escalatable_at == day(9, 12)


def test_what_was_said_of_a_clock_stays_said_when_a_late_event_shows_that_it_only_went_on() -> None:
    *known, first, ask, later = asked_and_answered((day(2, 9), day(2, 12)))
    desk = heard(*known, ask, later)
    assert verdicts(desk.fire(day(12))) == ["sla.warning", "sla.breached"]
    desk.hear(first)
    assert [
        (countdown.clock.started_at, countdown.warned, countdown.breached) for countdown in desk.ticket.countdowns[1:]
    ] == [(day(1, 11), True, True)]
    assert not desk.armed


# ---- laws

Holds = list[tuple[datetime, datetime]]


@st.composite
def held(draw: st.DrawFn) -> tuple[Calendar, datetime, datetime, Holds]:
    """A calendar, a start and a deadline, and holds between times after the start, in order."""
    desk, start, _ = draw(calendars_and_times())
    due = desk.add_business_time(start, timedelta(minutes=draw(st.integers(1, 1200))))
    minutes = sorted(draw(st.lists(st.integers(0, 5 * 1440), max_size=8)))
    times = [start + timedelta(minutes=each) for each in minutes]
    return desk, start, due, list(zip(times[::2], times[1::2], strict=False))


def used(desk: Calendar, start: datetime, end: datetime, holds: Holds) -> timedelta:
    """The business time from `start` to `end` outside holds."""
    stood = sum(
        (desk.business_time_between(begins, min(ends, end)) for begins, ends in holds if begins < end), MINUTE * 0
    )
    return desk.business_time_between(start, end) - stood


@settings(max_examples=150, deadline=None)
@given(held())
def test_until_the_moved_deadline_the_clock_ran_for_just_the_target(
    case: tuple[Calendar, datetime, datetime, Holds],
) -> None:
    desk, start, due, holds = case
    assert used(desk, start, paused(desk, due, holds), holds) == desk.business_time_between(start, due)


@settings(max_examples=150, deadline=None)
@given(held(), st.data())
def test_splitting_a_pause_changes_nothing(
    case: tuple[Calendar, datetime, datetime, Holds], data: st.DataObject
) -> None:
    desk, _, due, holds = case
    split: Holds = []
    for begins, ends in holds:
        between = sorted(data.draw(st.lists(st.integers(0, int((ends - begins) / MINUTE)), max_size=3)))
        split += pairwise([begins, *(begins + each * MINUTE for each in between), ends])
    assert paused(desk, due, split) == paused(desk, due, holds)


@settings(max_examples=150, deadline=None)
@given(held())
def test_a_pause_never_brings_a_deadline_forward_and_later_deadlines_stay_later(
    case: tuple[Calendar, datetime, datetime, Holds],
) -> None:
    desk, _, due, holds = case
    moved = paused(desk, due, holds)
    assert due <= moved <= paused(desk, desk.add_business_time(due, MINUTE), holds)


def test_a_pause_outside_hours_is_none() -> None:
    night = (MONDAY.replace(hour=18), MONDAY.replace(hour=18) + timedelta(hours=14))
    assert paused(CALENDAR, day(2, 8.5), [night]) == day(2, 8.5)
    nights = Calendar("nights", "1", ZoneInfo("UTC"), ((Window.parse("22:00-06:00"),),) * 7)
    assert paused(nights, day(3, 1), [(day(2, 6), day(2, 22))]) == day(3, 1)
