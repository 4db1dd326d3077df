"""Missing heartbeats: away after a minute, offline after ten, back at the next one; by one timer an agent."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from contracts.agents import SignedOff
from contracts.outcomes import Rejected
from contracts.tickets import Unassign
from services.chassis.decision import Arm, Decision, Disarm, Message, Timer
from services.chassis.settings import WrongSettings, read
from services.routing.domain.decide import decide
from services.routing.domain.presence import STOOD_STILL, AwayTimer, OfflineTimer
from services.routing.domain.rules import conclude
from services.routing.domain.state import Terms, View
from services.routing.settings import RoutingSettings
from tests.unit.routing.builders import (
    NOW,
    a_snapshot,
    a_ticket,
    a_view,
    an_agent,
    assignments,
    at,
    command,
    event,
    sign_on,
    take,
    timer,
    turn,
)
from tests.unit.said import as_a

AWAY, OFFLINE = timedelta(seconds=60), timedelta(minutes=10)
AWAY_SINCE = NOW + AWAY
GONE = NOW + OFFLINE
URLS = {"CASEBUS_AMQP": "amqp://routing:p@broker/v", "CASEBUS_MONGO": "mongodb://db"}


def armed(decision: Decision) -> list[tuple[str, str, datetime]]:
    return [(arm.timer.kind, arm.about, arm.timer.due) for arm in decision.timers if isinstance(arm, Arm)]


def missing() -> View:
    """A view whose agent a1 was last heard of at NOW and is away since a minute later."""
    view = a_view(an_agent(), an_agent("a2", capacity=1), a_ticket(9, agent="a2", status="assigned"))
    turn(view, timer(AwayTimer(due=AWAY_SINCE)), now=AWAY_SINCE)
    return view


def fire(view: View, message: Message[Timer]) -> Decision:
    return take(view, decide(view, message, message.data.due))


@pytest.mark.parametrize("known", [False, True])
def test_signing_on_is_a_sign_of_life_and_has_heartbeats_looked_after(known: bool) -> None:
    view = a_view(an_agent(away=True)) if known else a_view()
    signed, _ = turn(view, sign_on(), now=at(5))
    assert armed(signed) == [("away", "a1", at(5) + AWAY)]
    assert (view.agents["a1"].last_seen, view.agents["a1"].away) == (at(5), False)


def test_an_agent_that_misses_heartbeats_for_60_s_is_away_and_gets_nothing_new() -> None:
    view = a_view(an_agent())
    decision = fire(view, timer(AwayTimer(due=AWAY_SINCE)))
    assert view.agents["a1"].away
    assert not decision.said
    assert armed(decision) == [("offline", "a1", GONE)]
    *_, concluded = turn(view, event(a_snapshot(1)), now=AWAY_SINCE)
    assert not concluded.said


def test_a_timer_that_finds_a_heartbeat_goes_on_from_it() -> None:
    view = a_view(an_agent())
    beat, _ = turn(view, command("agent.heartbeat"), now=at(20))
    assert not beat.timers, "a heartbeat of one who is there sets no timer"
    decision = fire(view, timer(AwayTimer(due=AWAY_SINCE)))
    assert not view.agents["a1"].away
    assert armed(decision) == [("away", "a1", at(20) + AWAY)]


def test_a_heartbeat_brings_who_is_away_back_at_once_and_they_get_what_waits() -> None:
    view = missing()
    turn(view, event(a_snapshot(1)), now=at(70))
    beat, concluded = turn(view, command("agent.heartbeat"), now=at(80))
    assert armed(beat) == [("away", "a1", at(80) + AWAY)]
    assert assignments(concluded) == {1: "a1"}


def test_an_agent_that_misses_heartbeats_for_10_minutes_is_offline_and_what_awaits_the_desk_is_routed_again() -> None:
    statuses = ["assigned", "needs_reply", "need_more_info", "solution_suggested"]
    theirs = [a_ticket(n, agent="a1", status=status, assignment_seq=n) for n, status in enumerate(statuses, 1)]
    view = a_view(an_agent(away=True), *theirs)
    decision = fire(view, timer(OfflineTimer(due=GONE)))
    announced, *asked = decision.said
    assert (announced.type, announced.data) == (
        "agent.signed_off",
        SignedOff(agent_id="a1", release=True, reason="offline", at=GONE),
    )
    unassigned = [as_a(Unassign, say.data) for say in asked]
    assert [(data.number, data.assignment_seq) for data in unassigned] == [
        ("00000001", 1),
        ("00000002", 2),
    ]
    assert not decision.timers
    assert (view.agents["a1"].signed_on, view.agents["a1"].releases) == (False, True)


def test_a_heartbeat_after_going_offline_is_refused_until_they_sign_on_again() -> None:
    view = missing()
    fire(view, timer(OfflineTimer(due=GONE)))
    decision = decide(view, command("agent.heartbeat"), GONE)
    assert decision.answer is not None
    assert as_a(Rejected, decision.answer.data).code == "wrong_status"
    *_, concluded = turn(view, sign_on(), event(a_snapshot(1)), now=GONE)
    assert assignments(concluded) == {1: "a1"}


def test_a_reply_to_a_ticket_of_who_went_offline_is_routed_again() -> None:
    view = missing()
    turn(view, event(a_snapshot(1, 2, "a1", status="solution_suggested")), now=at(90))
    fire(view, timer(OfflineTimer(due=GONE)))
    decision, _ = turn(view, event(a_snapshot(1, 3, "a1", status="needs_reply")), now=GONE)
    assert [say.type for say in decision.said] == ["ticket.unassign"]


def test_who_is_away_keeps_their_tickets_and_gets_back_one_that_is_reopened() -> None:
    view = missing()
    turn(view, event(a_snapshot(1, 2, "a1", status="closed", closed_at=NOW)), now=at(90))
    decision, _ = turn(view, event(a_snapshot(1, 3, "a1", status="reopened", reopen_count=1)), now=at(95))
    assert not decision.said
    assert view.agents["a1"].load == 1


def test_signing_off_ends_the_timer_and_one_that_fires_all_the_same_does_nothing() -> None:
    view = missing()
    decision, _ = turn(view, command("agent.sign_off"), now=at(90))
    assert [timer.id for timer in decision.timers if isinstance(timer, Disarm)] == ["presence:a1"]
    for kind in (AwayTimer, OfflineTimer):
        assert decide(view, timer(kind(due=at(91))), at(91)) == Decision()
    assert decide(view, timer(AwayTimer(due=at(91)), "nobody"), at(91)) == Decision()


@pytest.mark.parametrize("first", ["heartbeat", "timer"])
def test_a_heartbeat_that_meets_the_timer_in_one_turn_keeps_the_agent_in_either_order(first: str) -> None:
    view = missing()
    messages = [command("agent.heartbeat"), timer(OfflineTimer(due=GONE - timedelta(milliseconds=1)))]
    decisions = turn(view, *messages if first == "heartbeat" else reversed(messages), now=GONE)
    agent = view.agents["a1"]
    if first == "heartbeat":
        assert (agent.signed_on, agent.away) == (True, False)
        assert [kind for decision in decisions for kind, *_ in armed(decision)] == ["away"]
    else:
        assert not agent.signed_on
        answer = decisions[1].answer
        assert answer is not None
        assert as_a(Rejected, answer.data).code == "wrong_status"


@pytest.mark.parametrize("kind", [AwayTimer, OfflineTimer])
def test_after_a_time_in_which_no_routing_ran_agents_have_a_minute_to_be_heard(
    kind: type[AwayTimer | OfflineTimer],
) -> None:
    view = missing() if kind is OfflineTimer else a_view(an_agent())
    due = at(30)
    back = due + STOOD_STILL + timedelta(seconds=1)
    decision = take(view, decide(view, timer(kind(due=due)), back))
    assert armed(decision) == [(kind.kind, "a1", back + AWAY)]
    assert not decision.said
    assert not decision.changes


def test_agents_who_signed_on_before_there_were_timers_are_looked_after_from_now_on() -> None:
    view = a_view(an_agent(watched=False, last_seen=at(-9999)), an_agent("a2", signed_on=False, watched=False))
    concluded = take(view, conclude(view, NOW))
    assert armed(concluded) == [("away", "a1", AWAY_SINCE)]
    assert view.agents["a1"].last_seen == NOW
    assert not conclude(view, NOW).timers


def test_the_terms_are_settings() -> None:
    view = a_view()
    view.terms = Terms(timedelta(seconds=5), timedelta(seconds=9))
    signed, _ = turn(view, sign_on())
    assert armed(signed) == [("away", "a1", at(5))]
    assert armed(fire(view, timer(AwayTimer(due=at(5))))) == [("offline", "a1", at(9))]
    set_ = read(RoutingSettings, {**URLS, "CASEBUS_AWAY_AFTER": "5", "CASEBUS_OFFLINE_AFTER": "9"})
    assert set_.terms == view.terms
    assert read(RoutingSettings, URLS).terms == Terms(AWAY, OFFLINE)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"CASEBUS_AWAY_AFTER": "0"}, "CASEBUS_AWAY_AFTER must be a number of seconds, more than 0."),
        ({"CASEBUS_OFFLINE_AFTER": "60"}, "CASEBUS_OFFLINE_AFTER must be greater than CASEBUS_AWAY_AFTER."),
        ({"CASEBUS_OFFLINE_AFTER": "inf"}, "CASEBUS_OFFLINE_AFTER must be at most 2592000 seconds, 30 days."),
    ],
)
def test_terms_that_make_no_sense_are_refused(settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(WrongSettings, match=sentence):
        read(RoutingSettings, {**URLS, **settings})
