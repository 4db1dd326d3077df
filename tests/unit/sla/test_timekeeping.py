"""Reply targets, verdicts and closing, rule by rule; and the same in whatever order events come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import registry
from contracts.catalogue import Catalogue
from contracts.payload import document, encode, plain, read
from contracts.sla import Armed, ClosingSoon, Fired
from contracts.staff import Member, Staff
from contracts.statuses import CLOSES_AFTER
from contracts.tickets import AutoClose
from services.chassis.decision import Message, Say, Timer
from services.sla.domain.calendar import Calendar, Window
from services.sla.domain.decide import decide
from services.sla.domain.policy import Policy
from services.sla.domain.state import Supervision
from services.sla.domain.timekeeping import (
    CLOSING_SOON_BEFORE,
    AutoCloseTimer,
    BreachTimer,
    ClosingSoonTimer,
    WarningTimer,
    timers,
)
from tests.unit.said import as_a
from tests.unit.sla.stories import (
    CALENDAR,
    CATALOGUE,
    EVENTS,
    MONDAY,
    POLICY,
    Desk,
    Snapshot,
    after,
    opened,
    possible,
    story,
    types,
)


def day(number: int, hour: float = 9) -> datetime:
    """The `number`-th of June 2026 (the 1st is a Monday)."""
    return datetime(2026, 6, number, tzinfo=UTC) + timedelta(hours=hour)


def heard(*steps: tuple[str, float], **opening: Any) -> Desk:
    """A desk that heard this story in order, no timer having fired."""
    desk = Desk()
    desk.hear(*story(*steps, **opening))
    return desk


# ---- when clocks run, and what they arm

CLOCKS = {
    "first reply: from opening": ((), {"due": day(8), "target": "first_reply", "escalatable": day(8)}),
    "first reply: an assignment changes nothing": (
        (("assign", 1),),
        {"due": day(8), "target": "first_reply", "escalatable": day(8)},
    ),
    "first reply: more from the customer changes nothing": (
        (("customer", 1), ("assign", 2), ("customer", 30)),
        {"due": day(8), "target": "first_reply", "escalatable": day(8)},
    ),
    "first reply: work changes nothing": (
        (("assign", 1), ("work", 2)),
        {"due": day(8), "target": "first_reply", "escalatable": day(8)},
    ),
    "need_more_info: none runs": ((("assign", 1), ("ask", 2)), None),
    "solution_suggested: none runs": ((("assign", 1), ("suggest", 2)), None),
    "an internal note wakes none": ((("assign", 1), ("ask", 2), ("internal", 3)), None),
    "closed: none runs": ((("close", 2),), None),
    "next reply: from the customer's message": (
        (("assign", 1), ("ask", 2), ("customer", 24)),
        {"due": day(8), "target": "next_reply", "escalatable": day(9)},
    ),
    "next reply: from the first that is not answered": (
        (("assign", 1), ("ask", 2), ("customer", 24), ("work", 25), ("customer", 48)),
        {"due": day(8), "target": "next_reply", "escalatable": day(9)},
    ),
    "next reply: from the reopening message": (
        (("suggest", 2), ("close", 3), ("reopen", 24)),
        {"due": day(8), "target": "next_reply", "escalatable": day(9)},
    ),
    "next reply: reopened without ever a reply": (
        (("close", 3), ("reopen", 24)),
        {"due": day(8), "target": "next_reply", "escalatable": day(9)},
    ),
    "next reply: from the reopening by a supervisor, whatever was unanswered as it was closed": (
        (("close", 3), ("supervisor reopens", 24)),
        {"due": day(8), "target": "next_reply", "escalatable": day(9)},
    ),
    "next reply: the same, after a reply": (
        (("assign", 1), ("ask", 2), ("customer", 3), ("close", 4), ("supervisor reopens", 24)),
        {"due": day(8), "target": "next_reply", "escalatable": day(9)},
    ),
    "next reply: reopened by a supervisor a second time": (
        (("close", 3), ("supervisor reopens", 4), ("close", 5), ("supervisor reopens", 24)),
        {"due": day(8), "target": "next_reply", "escalatable": day(9)},
    ),
    "vip: never more than three days": (
        (),
        {"due": day(4), "target": "first_reply", "escalatable": day(4), "tier": "vip"},
    ),
    "the category's own days": (
        (),
        {"due": day(2), "target": "first_reply", "escalatable": day(8), "category": "safety"},
    ),
    "reclassified: the new category's days from the same start": (
        (("reclassify", 1),),
        {"due": day(2), "target": "first_reply", "escalatable": day(8)},
    ),
}


@pytest.mark.parametrize("case", CLOCKS.values(), ids=CLOCKS)
def test_which_clock_runs(case: tuple[tuple[tuple[str, float], ...], dict[str, Any] | None]) -> None:
    steps, expected = case
    desk = heard(*steps, **{name: value for name, value in (expected or {}).items() if name in ("tier", "category")})
    armed = [say for say in desk.said if say.type == "sla.armed"]
    if expected is None:
        assert desk.ticket.running is None
        assert not {"warning", "breach"} & set(desk.due())
    else:
        data = as_a(Armed, armed[-1].data)
        assert data.due_at == desk.due()["breach"] == expected["due"]
        assert data.warn_at == desk.due()["warning"]
        assert (data.target, data.escalatable_at) == (expected["target"], expected["escalatable"])


def test_the_warning_comes_at_three_quarters_of_the_business_time() -> None:
    desk = heard(category="safety")
    assert desk.due() == {"warning": day(1, 16.5), "breach": day(2)}


def test_armed_is_said_once_for_each_wait_and_when_its_deadline_moves() -> None:
    steps = [("customer", 1), ("internal", 2), ("assign", 3), ("customer", 4), ("customer", 5), ("reclassify", 6)]
    versions = story(*steps)
    armed = [as_a(Armed, say.data) for say in Desk().hear(*versions)]
    assert [(data.status_version, data.due_at) for data in armed] == [
        (1, day(8)),
        (5, day(2)),
    ]


def test_armed_is_said_for_each_wait_also_when_its_deadline_is_that_of_the_one_before() -> None:
    """Asked twice and answered twice on a Saturday: all that is due counts from Monday's opening."""
    versions = story(("assign", 1), ("ask", 121), ("customer", 122), ("ask", 123), ("customer", 124))
    armed = [as_a(Armed, say.data) for say in Desk().hear(*versions) if say.type == "sla.armed"]
    assert [data.status_version for data in armed] == [1, 4, 6]
    assert armed[1].due_at == armed[2].due_at
    assert armed[1].escalatable_at == armed[2].escalatable_at


def test_armed_is_said_again_when_only_the_moment_of_an_escalation_moves() -> None:
    """Reclassified to a category whose calendar has a holiday after the deadline: due as before, escalatable later."""
    other = replace(CALENDAR, name="other", closed_days=frozenset({date(2026, 6, 4)}))
    safety = CATALOGUE.categories["safety"]
    categories = {"safety": safety, "general": replace(safety, id="general", calendar="other")}
    desk = Desk(Policy.of({"business": CALENDAR, "other": other}, Catalogue(categories)))
    desk.hear(opened(category="safety"), after(opened(category="safety"), "reclassify", day(1, 10)))
    told = (as_a(Armed, say.data) for say in desk.said)
    armed = [(data.due_at, data.escalatable_at, data.revision) for data in told]
    assert armed == [(day(2), day(8), 1), (day(2), day(9), 2)]


def test_a_deadline_once_set_outlives_a_change_of_policy() -> None:
    desk, versions = Desk(), story(("assign", 1), ("internal", 2))
    desk.hear(versions[0])
    desk.view.policy = Policy.of({"business": replace(CALENDAR, version="2")}, Catalogue({}))
    desk.hear(*versions[1:])
    assert desk.due()["breach"] == day(8)
    assert as_a(Armed, desk.said[-1].data).calendar_version == f"business-1-{POLICY.digest}"
    assert desk.view.policy.digest != POLICY.digest


def test_a_clock_that_was_running_counts_its_pauses_by_the_calendar_that_it_started_with() -> None:
    """Round the clock from Tuesday on, the pause of a night would count."""
    always = Calendar("business", "2", CALENDAR.zone, ((Window.parse("00:00-24:00"),),) * 7)
    versions = story(("ask", 1), ("customer", 2), ("ask", 24 + 10), ("customer", 48 - 1))
    desk = Desk()
    desk.hear(*versions[:3])
    desk.view.policy = Policy.of({"business": always}, CATALOGUE)
    desk.hear(*versions[3:])
    assert desk.due()["breach"] == day(5, 11)
    assert as_a(Armed, desk.said[-1].data).calendar_version == f"business-1-{POLICY.digest}"


def test_each_categorys_targets_count_by_its_own_calendar() -> None:
    weekend = Calendar("weekend", "3", CALENDAR.zone, ((),) * 5 + ((Window.parse("10:00-12:00"),),) * 2)
    safety = replace(CATALOGUE.categories["safety"], calendar="weekend")
    policy = Policy.of(
        {"business": CALENDAR, "weekend": weekend}, Catalogue({**CATALOGUE.categories, "safety": safety})
    )
    desk = Desk(policy)
    desk.hear(opened(category="safety"))
    assert (desk.due()["breach"], as_a(Armed, desk.said[-1].data).calendar_version) == (
        day(7, 10),
        f"weekend-3-{policy.digest}",
    )
    desk.hear(after(opened(category="safety"), "reclassify", day(1, 10)))
    assert (desk.due()["breach"], as_a(Armed, desk.said[-1].data).calendar_version) == (
        day(8),
        f"business-1-{policy.digest}",
    )


def test_a_category_that_is_gone_has_the_longest_target() -> None:
    desk = Desk(Policy.of({"business": CALENDAR}, Catalogue({})))
    desk.hear(opened(category="gone"))
    assert desk.due()["breach"] == day(8)


# ---- warning, breach, met

TO_AGENT = "agent.a1."


def test_warning_then_breach_each_once_to_desk_and_agent() -> None:
    desk = heard(("assign", 1))
    assert desk.ticket.revision == 2
    assert types(desk.fire(day(30))) == [
        "sla.warning",
        TO_AGENT + "sla.warning",
        "sla.breached",
        TO_AGENT + "sla.breached",
    ]
    assert not desk.armed
    assert desk.ticket.revision == 4


def test_without_an_agent_only_the_event_is_said() -> None:
    assert types(heard().fire(day(30))) == ["sla.warning", "sla.breached"]


LEAD = Member("lead", frozenset({"supervisor"}), frozenset({"x"}))
ANN = Member("ann", frozenset({"agent"}), frozenset({"x"}), skills=("general",))
BOB = Member("bob", frozenset({"agent", "supervisor"}), frozenset({"y"}), skills=("safety",))


@pytest.mark.parametrize(
    ("category", "steps", "told"),
    [
        ("general", [], ["lead", "boss"]),
        ("safety", [], ["bob", "boss"]),
        ("gone", [], ["boss"]),
        ("general", [("assign", 1)], ["lead", "boss"]),  # to a1, who is not of the staff
    ],
)
def test_the_supervisors_hear_of_targets_of_what_nobody_has(
    category: str, steps: list[tuple[str, float]], told: list[str]
) -> None:
    desk = Desk()
    members = (LEAD, ANN, BOB, Member("boss", frozenset({"manager"})))
    skills = {"general": "general", "safety": "safety"}
    desk.view.supervision = Supervision(Staff({member.agent_id: member for member in members}), skills)
    desk.hear(*story(*steps, category=category))
    said = desk.fire(day(30))
    assert types(said) == [
        key for type_ in ("sla.warning", "sla.breached") for key in (type_, *(f"agent.{id_}.{type_}" for id_ in told))
    ]
    assert all(list(as_a(Fired, say.data).supervisors) == told for say in said)


def test_of_a_ticket_that_a_member_has_its_agent_alone_hears() -> None:
    desk = Desk()
    a1 = Member("a1", frozenset({"agent"}), frozenset({"x"}), skills=("*",))
    desk.view.supervision = Supervision(Staff({"a1": a1, "lead": LEAD}), {})
    desk.hear(*story(("assign", 1)))
    said = desk.fire(day(30))
    assert {say.routing_key for say in said if say.routing_key.startswith("agent.")} == {
        TO_AGENT + "sla.warning",
        TO_AGENT + "sla.breached",
    }
    assert not any(getattr(say.data, "supervisors", ()) for say in said)


def test_a_warning_after_the_breach_is_not_said() -> None:
    assert types(heard().fire(day(30), at=day(30))) == ["sla.breached"]


@pytest.mark.parametrize(
    ("hour", "verdict"), [(2, ["sla.met"]), (7 * 24, ["sla.met"]), (7 * 24 + 0.001, ["sla.breached"])]
)
def test_the_verdict_of_an_answer(hour: float, verdict: list[str]) -> None:
    """Due at exactly seven days: an answer then is in time. A breach that no timer noticed is said late."""
    desk = heard()
    assert types(desk.hear(after(opened(), "ask", MONDAY + timedelta(hours=hour)))) == verdict
    assert not desk.armed


def test_an_answer_after_the_breach_says_nothing_more() -> None:
    desk = heard()
    desk.fire(day(8))
    assert types(desk.hear(after(opened(), "ask", day(9)))) == []


def test_an_answer_in_time_whose_event_comes_after_the_breach_is_met() -> None:
    desk = heard()
    assert types(desk.fire(day(8))) == ["sla.warning", "sla.breached"]
    assert types(desk.hear(after(opened(), "ask", day(8, 8.99)), at=day(8, 9.01))) == ["sla.met"]


def test_closing_without_an_answer_is_no_verdict() -> None:
    desk = heard()
    assert types(desk.hear(after(opened(), "close", day(2)))) == []
    assert not desk.armed


def test_a_requester_who_wrote_last_and_closes_leaves_the_next_clock_without_a_verdict() -> None:
    """As `ticket.accept_solution` does from `needs_reply`: the desk has neither met nor missed its target."""
    desk = heard(("ask", 2), ("customer", 24))
    assert types(desk.hear(after(document(desk.ticket.newest), "close", day(3)))) == []
    assert not desk.armed


def test_a_requester_who_closes_when_the_next_reply_was_overdue_leaves_a_breach() -> None:
    desk = heard(("ask", 2), ("customer", 24))
    assert types(desk.hear(after(document(desk.ticket.newest), "close", day(20)))) == ["sla.breached"]


def test_closing_after_the_time_is_a_breach() -> None:
    assert types(heard().hear(after(opened(), "close", day(9)))) == ["sla.breached"]


def test_a_timer_acts_only_in_the_state_that_armed_it() -> None:
    desk = heard()
    fired = list(desk.armed.values())
    desk.hear(after(opened(), "ask", day(2)))
    assert [say for arm in fired for say in desk.fire_one(arm, day(30))] == []


def test_a_timer_of_an_earlier_deadline_does_nothing() -> None:
    desk = heard(category="safety")
    fired = list(desk.armed.values())
    desk.hear(after(opened(category="safety"), "reclassify", day(1, 10)))
    assert [say for arm in fired for say in desk.fire_one(arm, arm.timer.due)] == []
    assert desk.due()["breach"] == day(8)


def test_a_timer_that_fires_twice_acts_once() -> None:
    desk = heard()
    warning, breach = sorted(desk.armed.values(), key=lambda arm: arm.timer.due)
    assert [types(desk.fire_one(arm, arm.timer.due)) for arm in (warning, warning, breach, breach)] == [
        ["sla.warning"],
        [],
        ["sla.breached"],
        [],
    ]


def test_a_second_clock_has_a_warning_of_its_own() -> None:
    versions = story(("ask", 2), ("customer", 24))
    desk = Desk()
    desk.hear(versions[0])
    assert types(desk.fire(day(5, 17))) == ["sla.warning"]
    desk.hear(*versions[1:])
    assert types(desk.fire(day(30))) == ["sla.warning", "sla.breached"]


# ---- closing seven days after a suggested solution

CLOSING = {
    "exactly 7 days after it": ((("suggest", 2),), MONDAY + timedelta(days=7, hours=2), 2),
    "a new suggestion restarts it": ((("suggest", 2), ("suggest", 20)), MONDAY + timedelta(days=7, hours=20), 3),
    "an internal note does not": ((("suggest", 2), ("internal", 20)), MONDAY + timedelta(days=7, hours=2), 2),
    "an assignment does not": ((("suggest", 2), ("assign", 20)), MONDAY + timedelta(days=7, hours=2), 2),
    "a reply saves it": ((("suggest", 2), ("customer", 20)), None, 0),
    "a question saves it": ((("suggest", 2), ("ask", 20)), None, 0),
    "closed is closed": ((("suggest", 2), ("close", 20)), None, 0),
}


@pytest.mark.parametrize("case", CLOSING.values(), ids=CLOSING)
def test_closing(case: tuple[tuple[tuple[str, float], ...], datetime | None, int]) -> None:
    steps, due, status_version = case
    desk = heard(*steps)
    assert desk.due().get("auto_close") == due
    if due is not None:
        *_, command = desk.fire(due)
        assert (command.exchange, command.routing_key, command.reply_to) == ("helpdesk.desk", "ticket.auto_close", None)
        assert command.data == AutoClose(number="00000001", status_version=status_version)
        note = after(story(*steps)[-1], "internal", due)
        assert desk.hear(note) == []
        assert not desk.armed


def test_the_closing_of_an_earlier_suggestion_does_nothing() -> None:
    desk = heard(("suggest", 2))
    fired = list(desk.armed.values())
    again = MONDAY + CLOSES_AFTER
    desk.hear(after(story(("suggest", 2))[-1], "suggest", again))
    assert [say for arm in fired for say in desk.fire_one(arm, arm.timer.due)] == []
    assert desk.due() == {
        "auto_close": again + CLOSES_AFTER,
        "closing_soon": again + CLOSES_AFTER - CLOSING_SOON_BEFORE,
    }


# ---- the reminder a day before that


@pytest.mark.parametrize(("hour", "starts"), [(1, 5), (4, 4)], ids=["before the suggestion", "after it"])
def test_what_came_along_from_a_merged_ticket_runs_a_clock_and_ends_the_closing(hour: float, starts: float) -> None:
    """It became `needs_reply` by a merge: by words in another ticket, before or after the suggestion."""
    told = story(("assign", 0), ("suggest", 2))
    wrote = max(MONDAY + timedelta(hours=hour), told[-1]["last_customer_message_at"])
    at = MONDAY + timedelta(hours=5)
    merged = {**told[-1], "version": 4, "status": "needs_reply", "status_since": at, "status_version": 4}
    desk = Desk()
    desk.hear(*told)
    assert set(desk.due()) == {"auto_close", "closing_soon"}
    desk.hear({**merged, "last_customer_message_at": wrote})
    assert set(desk.due()) == {"warning", "breach"}
    (clock,) = [countdown.clock for countdown in desk.ticket.countdowns if countdown.clock.is_running]
    assert (clock.target, clock.started_at) == ("next_reply", MONDAY + timedelta(hours=starts))


def test_the_requester_is_reminded_once_a_day_before_the_closing() -> None:
    desk = heard(("assign", 1), ("suggest", 2))
    closes_at = MONDAY + timedelta(hours=2) + CLOSES_AFTER
    (reminder,) = (arm for arm in desk.armed.values() if arm.timer.kind == "closing_soon")
    assert reminder.timer.due == closes_at - timedelta(days=1)
    (said,) = desk.fire(reminder.timer.due)
    assert (said.type, as_a(ClosingSoon, said.data).status_version, as_a(ClosingSoon, said.data).closes_at) == (
        "sla.closing_soon",
        3,
        closes_at,
    )
    assert desk.fire_one(reminder, reminder.timer.due) == []
    desk.hear(after(story(("assign", 1), ("suggest", 2))[-1], "internal", reminder.timer.due))
    assert desk.due() == {"auto_close": closes_at}


@pytest.mark.parametrize("action", ["customer", "ask", "close", "suggest"])
def test_no_reminder_when_the_ticket_has_left_the_suggestion_that_armed_it(action: str) -> None:
    desk = heard(("suggest", 2))
    (reminder,) = (arm for arm in desk.armed.values() if arm.timer.kind == "closing_soon")
    desk.hear(after(story(("suggest", 2))[-1], action, reminder.timer.due))
    assert desk.fire_one(reminder, reminder.timer.due) == []


def test_a_reminder_that_is_late_for_its_closing_is_not_said() -> None:
    desk = heard(("suggest", 2))
    assert types(desk.fire(day(30), at=day(30))) == ["ticket.auto_close"]


# ---- what goes out is as the contract says


def test_everything_said_passes_its_schema() -> None:
    desk = heard(("assign", 1))
    desk.fire(day(30))
    desk.hear(*story(("assign", 1), ("ask", 2), ("customer", 3), ("ask", 4), ("suggest", 5)))
    desk.fire(day(30))
    assert {say.type for say in desk.said} == {
        "sla.armed",
        "sla.warning",
        "sla.breached",
        "sla.met",
        "sla.closing_soon",
        "ticket.auto_close",
    }
    for say in desk.said:
        data = orjson.loads(encode(say.data))
        assert plain(read(_kind(say).data, data).data) == plain(say.data)


def _kind(say: Say) -> registry.MessageType:
    kinds = [kind for kind in registry.TYPES.values() if kind.type == say.type and say.exchange in kind.exchanges]
    (kind,) = [kind for kind in kinds if kind.may_be_sent_by("sla")]
    return kind


@pytest.mark.parametrize(
    "timer",
    [
        WarningTimer(due=MONDAY, clock="c"),
        BreachTimer(due=MONDAY, clock="c"),
        ClosingSoonTimer(due=MONDAY, status_version=1),
        AutoCloseTimer(due=MONDAY, status_version=1),
    ],
)
def test_a_timer_of_a_ticket_that_is_gone_changes_nothing(timer: Timer) -> None:
    decision = decide(Desk().view, Message("m", timer.type_(), "sla", timer, "unknown"), MONDAY)
    assert not [*decision.changes, *decision.said, *decision.timers]


@pytest.mark.parametrize("type_", ["sla.armed", "agent.signed_on", "timer.tea"])
def test_what_is_not_slas_to_decide_is_refused(type_: str) -> None:
    with pytest.raises(ValueError, match=type_):
        decide(Desk().view, Message("m", type_, "sla", {}, "unknown"), MONDAY)


# ---- in whatever order


def test_no_verdict_before_all_that_could_change_it_is_known() -> None:
    """From the second message alone the answer would be in time; it is late, counted from the first."""
    opened, assigned, asked, first, work, second, answer = story(
        ("assign", 1), ("ask", 2), ("customer", 24), ("work", 25), ("customer", 72), ("suggest", 171)
    )
    desk = Desk()
    assert types(desk.hear(opened, assigned, asked, second, answer)) == [
        "sla.armed",
        "sla.met",
        "sla.armed",
    ]
    assert types(desk.hear(work)) == []
    assert types(desk.hear(first)) == ["sla.breached", TO_AGENT + "sla.breached"]


def test_an_earlier_message_heard_late_arms_again() -> None:
    *known, first, work, second = story(("assign", 1), ("ask", 2), ("customer", 24), ("work", 25), ("customer", 72))
    desk = Desk()
    desk.hear(*known, second)
    assert desk.due()["breach"] == day(10)
    assert types(desk.hear(first)) == ["sla.armed"]
    assert desk.due()["breach"] == day(8)
    assert desk.hear(work) == []


@st.composite
def stories(draw: st.DrawFn) -> list[Snapshot]:
    """A ticket's versions, as intake would let them come about; things may happen in the same millisecond, and the
    clock may be set back."""
    versions = [opened(tier=draw(st.sampled_from(["standard", "vip"])))]
    at = MONDAY
    for action in draw(st.lists(st.sampled_from([*EVENTS][1:]), max_size=14)):
        if possible(versions[-1], action):
            at += timedelta(hours=draw(st.sampled_from([0, 0, 1, 3, 24, 80, -1])))
            versions.append(after(versions[-1], action, at))
    return versions


@st.composite
def reordered(draw: st.DrawFn) -> tuple[list[Snapshot], list[Snapshot]]:
    """A story, and the same with its events in another order, some of them twice."""
    versions = draw(stories())
    twice = draw(st.lists(st.sampled_from(versions), max_size=4))
    return versions, draw(st.permutations(versions + twice))


def state(desk: Desk) -> tuple[Any, ...]:
    return replace(desk.ticket, revision=0), desk.armed


def verdicts(said: list[Say]) -> list[tuple[Any, ...]]:
    """What was said of clocks that ended."""
    verdicts = [say for say in said if say.type in ("sla.met", "sla.breached")]
    return sorted(
        (say.routing_key, as_a(Armed, say.data).target, as_a(Armed, say.data).due_at)
        for say in verdicts
        if say.exchange == "helpdesk.events"
    )


def test_two_answers_in_the_same_instant_are_answers_to_two_waits() -> None:
    desk = Desk()
    desk.hear(*story(("assign", 0), ("suggest", 1), ("customer", 1), ("suggest", 1), ("customer", 1)))
    *answered, running = desk.ticket.countdowns
    assert [countdown.met for countdown in answered] == [True, True]
    assert (running.met, running.is_running) == (False, True)
    assert len({countdown.clock.id for countdown in desk.ticket.countdowns}) == 3


def test_an_answer_in_two_messages_of_the_same_instant_is_one_answer() -> None:
    """The next wait is the second after that instant, and not the third."""
    desk = Desk()
    desk.hear(*story(("assign", 0), ("suggest", 1), ("customer", 1), ("ask", 1), ("suggest", 1), ("customer", 1)))
    assert [countdown.clock.id.partition("+00:00")[2] for countdown in desk.ticket.countdowns[1:]] == ["", "/1"]


@pytest.mark.parametrize("steps", [(("ask", 2), ("customer", 1)), (("suggest", 2), ("close", 3), ("reopen", 1))])
def test_a_clock_runs_also_for_what_was_written_when_the_databases_clock_had_been_set_back(
    steps: tuple[tuple[str, float], ...],
) -> None:
    """As after a failover: else the ticket had neither a target nor a moment of escalation until the desk wrote."""
    desk = heard(*steps)
    assert desk.ticket.running is not None
    assert desk.ticket.running.clock.started_at == MONDAY + timedelta(hours=2)
    assert desk.said[-1].type == "sla.armed"
    assert desk.due()["breach"] == day(5, 11)


@pytest.mark.parametrize("late", [3, 4, 5, 6])
def test_waits_of_one_instant_are_not_mixed_up_by_events_that_come_late(late: int) -> None:
    versions = story(*[("suggest", 1), ("customer", 1)] * 3, ("suggest", 1), ("suggest", 1), ("customer", 50))
    in_order, desk = Desk(), Desk()
    in_order.hear(*versions)
    desk.hear(*versions[:late], *versions[late + 2 :], *versions[late : late + 2])
    assert [countdown.met for countdown in desk.ticket.countdowns] == [
        countdown.met for countdown in in_order.ticket.countdowns
    ]
    events = [say.type for say in desk.said if say.exchange == "helpdesk.events"]
    assert events.count("sla.met") == sum(countdown.met for countdown in desk.ticket.countdowns) == 4
    assert desk.ticket.countdowns[-1].clock.id == in_order.ticket.countdowns[-1].clock.id


def test_a_wait_whose_reopening_comes_late_is_breached_once() -> None:
    """Without it and with the closing before it, nothing tells which message the requester waits with."""
    opening, closed, reopened, assigned = story(("close", 3), ("supervisor reopens", 4), ("assign", 5))
    desk = Desk()
    desk.hear(opening)
    for version in (assigned, closed, reopened):
        desk.hear(version)
        desk.fire(day(30))
    events = [say.type for say in desk.said if say.exchange == "helpdesk.events"]
    assert (events.count("sla.warning"), events.count("sla.breached")) == (1, 1)
    assert [countdown.breached for countdown in desk.ticket.countdowns] == [False, True]


@settings(max_examples=300, deadline=None)
@given(reordered())
def test_any_order_ends_in_the_same_state_timers_and_verdicts(case: tuple[list[Snapshot], list[Snapshot]]) -> None:
    in_order, shuffled = Desk(), Desk()
    in_order.hear(*case[0])
    shuffled.hear(*case[1])
    assert state(shuffled) == state(in_order)
    assert verdicts(shuffled.said) == verdicts(in_order.said)
    assert shuffled.armed == {arm.id: arm for arm in timers(shuffled.ticket).values()}


@settings(max_examples=200, deadline=None)
@given(reordered(), st.data())
def test_timers_firing_in_between_say_each_thing_once(
    case: tuple[list[Snapshot], list[Snapshot]], data: st.DataObject
) -> None:
    """Whatever fires while events are still on their way: the last word on each clock is the truth, said once; and once
    of each clock that a late event shows to be another's going on."""
    desk, now, clocks = Desk(), MONDAY, set[str]()
    for version in case[1]:
        now = max(now, version["opened_at"]) + timedelta(hours=data.draw(st.sampled_from([0, 5, 50])))
        desk.fire(now, at=now)
        desk.hear(version, at=now)
        clocks |= {countdown.clock.id for countdown in desk.ticket.countdowns}
    in_order = Desk()
    in_order.hear(*case[0])
    wanted = {arm.timer.kind: arm.timer.due for arm in timers(desk.ticket).values()}
    # the timer of a closing that fired changes nothing
    desk.armed = {id_: arm for id_, arm in desk.armed.items() if arm.timer.kind != "auto_close"}
    assert desk.due() == {kind: due for kind, due in wanted.items() if kind != "auto_close"}
    events = [say.type for say in desk.said if say.exchange == "helpdesk.events"]
    countdowns = desk.ticket.countdowns
    assert [countdown.met for countdown in countdowns] == [countdown.met for countdown in in_order.ticket.countdowns]
    assert all(
        countdown.breached
        for countdown, truth in zip(countdowns, in_order.ticket.countdowns, strict=True)
        if truth.breached
    )
    assert events.count("sla.met") == sum(countdown.met for countdown in countdowns)
    gone, breached = (
        len(clocks - {countdown.clock.id for countdown in countdowns}),
        sum(countdown.breached for countdown in countdowns),
    )
    assert breached <= events.count("sla.breached") <= breached + gone
    assert events.count("sla.warning") <= sum(countdown.warned for countdown in countdowns) + gone


def test_a_thousand_notes_stay_small() -> None:
    versions = story(*(("customer", number / 100) for number in range(999)))
    desk = Desk()
    desk.hear(*versions[::2], *versions[1::2])
    assert (len(desk.ticket.spans), len(desk.ticket.countdowns)) == (1, 1)
