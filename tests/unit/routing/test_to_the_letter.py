"""What routing says and keeps, to the letter: the words that people read, and the fields that other tests leave out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from contracts.agents import SignedOff, SignedOn
from contracts.names import DESK, ROUTING_OUTCOMES
from contracts.outcomes import Accepted, Rejected
from contracts.staff import Staff
from contracts.tickets import Unassign
from services.chassis.decision import Answer, Arm, Decision, Say
from services.routing.domain.ageing import aged
from services.routing.domain.decide import decide
from services.routing.domain.presence import OfflineTimer, following
from services.routing.domain.rules import conclude
from services.routing.domain.state import Agent, Terms, Ticket, View
from tests.unit.routing.builders import (
    NOW,
    SKILLS,
    a_snapshot,
    a_ticket,
    a_view,
    an_agent,
    at,
    command,
    event,
    sign_on,
    take,
    timer,
    turn,
)
from tests.unit.routing.test_staff import a_member, by
from tests.unit.said import as_a

AWAY, OFFLINE = timedelta(seconds=60), timedelta(minutes=10)


def told(decision: Decision) -> tuple[str, str, Mapping[str, Sequence[str]]]:
    """A refusal: its code, its sentence and the fields that are wrong."""
    assert decision.answer is not None
    data = as_a(Rejected, decision.answer.data)
    return data.code, data.message, data.errors


def test_signing_off_with_release_is_said_whole() -> None:
    view = a_view(an_agent(), a_ticket(1, agent="a1", status="assigned", assignment_seq=3))
    decision, _ = turn(view, command("agent.sign_off", release=True), now=at(5))
    off, taken = decision.said
    assert off.data == SignedOff(agent_id="a1", release=True, at=at(5))
    asked = Unassign(number="00000001", assignment_seq=3, reason="the agent signed off")
    assert taken == Say(DESK, "ticket.unassign", "ticket.unassign", asked, "00000001", reply_to=ROUTING_OUTCOMES)
    assert decision.answer == Answer("command.accepted", Accepted(), "a1")
    agent = view.agents["a1"]
    assert (agent.signed_on, agent.watched, agent.left_at) == (False, False, at(5))


def test_signing_off_without_release_says_so() -> None:
    decision, _ = turn(a_view(an_agent()), command("agent.sign_off"), now=at(5))
    assert [say.data for say in decision.said] == [SignedOff(agent_id="a1", release=False, at=at(5))]


def test_why_a_ticket_is_taken_back_is_said() -> None:
    held = a_ticket(1, agent="a1", status="assigned")
    gone = a_view(an_agent(signed_on=False, left_at=NOW), held)
    late = View(SKILLS, gone.agents.values(), gone.tickets.values(), None, Terms(absent_after=AWAY), leaving=("a1",))
    offline = a_view(an_agent(away=True), held)
    dismissed = by(a_view(an_agent(), held), a_member("a2"), leaving=("a1",))
    reclassified = a_view(an_agent(skills=("billing",)), held)
    moved = event(a_snapshot(1, 2, "a1", status="assigned", category="safety"))
    said = [
        *conclude(late, NOW + AWAY).said,
        *decide(offline, timer(OfflineTimer(due=NOW + OFFLINE)), NOW + OFFLINE).said,
        *conclude(dismissed, NOW).said,
        *decide(reclassified, moved, NOW).said,
    ]
    assert [as_a(Unassign, say.data).reason for say in said if say.type == "ticket.unassign"] == [
        "the agent has been gone for long",
        "the agent went offline",
        "the agent is not of the staff any more",
        "its agent is not skilled for the new category",
    ]


def test_who_leaves_the_staff_is_signed_off_with_all_that_they_have() -> None:
    view = by(a_view(an_agent(), an_agent("a2")), a_member("a1"), leaving=("a1", "a2"))
    concluded = take(view, conclude(view, at(3)))
    assert [say.data for say in concluded.said] == [
        SignedOff(agent_id="a2", release=True, reason="not_of_staff", at=at(3))
    ], "a1 may stay, and is not in the way of who has to go"
    assert view.agents["a1"].signed_on


def test_who_signs_on_to_what_the_staff_file_does_not_give_reads_what_it_gives() -> None:
    view = by(a_view(), a_member("a1", skills=("billing", "safety"), languages=("en", "pt")))
    stranger = decide(view, sign_on("a9"), NOW)
    foreign = decide(view, sign_on("a1", languages=["fr"]), NOW)
    unskilled = decide(view, sign_on("a1", skills=["technical"]), NOW)
    assert told(stranger) == ("forbidden", "Agent a9 is not an agent of this desk.", {})
    assert told(foreign) == (
        "invalid",
        "The staff file gives this agent none of these languages.",
        {"languages": ["a1 speaks en, pt."]},
    )
    assert told(unskilled) == (
        "invalid",
        "The staff file gives this agent none of these skills.",
        {"skills": ["a1 has billing, safety."]},
    )


@pytest.mark.parametrize(
    ("type_", "sender", "code", "sentence"),
    [
        ("sign_off", None, "wrong_status", "Agent a1 has never signed on."),
        ("heartbeat", None, "wrong_status", "Agent a1 is not signed on."),
        ("pause", None, "wrong_status", "Agent a1 is not signed on."),
        (
            "heartbeat",
            "agent.a2",
            "forbidden",
            "An agent may sign on, send heartbeats and sign off only for themselves.",
        ),
        ("pause", "agent.a2", "forbidden", "Agents may pause only themselves."),
    ],
)
def test_who_may_not_reads_why(type_: str, sender: str | None, code: str, sentence: str) -> None:
    decision = decide(a_view(), command(f"agent.{type_}", sender=sender), NOW)
    assert told(decision) == (code, sentence, {})
    assert decision.remember is (type_ != "heartbeat" or sender is not None)


def test_a_heartbeat_is_answered_with_whose_it_was() -> None:
    decision = decide(a_view(an_agent()), command("agent.heartbeat"), at(7))
    assert decision.answer == Answer("command.accepted", Accepted(), "a1")
    assert not decision.remember


def test_who_signs_on_is_looked_after() -> None:
    view = a_view()
    take(view, decide(view, sign_on("a1"), NOW))
    assert view.agents["a1"].watched, "at once: the timer is set with it"


def test_a_timer_of_who_is_away_goes_on_from_what_was_heard_of_them_since() -> None:
    view = a_view(an_agent(away=True, last_seen=at(100)))
    decision = decide(view, timer(OfflineTimer(due=NOW + OFFLINE)), NOW + OFFLINE)
    assert decision == Decision(timers=[Arm("presence:a1", OfflineTimer(due=at(100) + OFFLINE), "a1")])


def test_an_agent_of_an_older_release_keeps_the_skills_that_were_stored() -> None:
    old = Agent("a1", display_name="A1", skills=("credits",))
    assert following(old, SKILLS) is old
    staff = Staff({"a1": a_member("a1")})
    assert following(old, SKILLS, staff).skills == ("billing",), "the staff file decides what they have"


def test_a_changed_staff_file_is_announced_at_the_moment_of_the_turn() -> None:
    view = a_view()
    turn(view, sign_on("a1", skills=["billing", "safety"]))
    concluded = conclude(by(view, a_member("a1", skills=("billing",))), at(9))
    assert [(say.type, as_a(SignedOn, say.data).skills, as_a(SignedOn, say.data).at) for say in concluded.said] == [
        ("agent.signed_on", ("billing",), at(9))
    ]


@pytest.mark.parametrize(
    ("snapshot", "since"),
    [
        (a_snapshot(1), at(1)),
        (a_snapshot(1, assignment_seq=1), at(500)),
        (a_snapshot(1, reopen_count=1, status="reopened"), at(500)),
    ],
    ids=["it never had an agent", "it lost one", "it was reopened"],
)
def test_a_ticket_waits_since_it_was_filed_or_since_it_is_heard_that_it_has_nobody(
    snapshot: dict[str, object], since: object
) -> None:
    view = a_view()
    turn(view, event(snapshot), now=at(500))
    assert view.tickets["t1"].waiting_since == since


def test_who_is_given_a_ticket_is_idle_from_then_on() -> None:
    """So of two agents with the same load, the one who has waited longer comes first."""
    view = a_view(an_agent(idle_since=at(-60)), a_ticket(1))
    turn(view, now=at(30))
    assert view.agents["a1"].idle_since == at(30)
    view = a_view(an_agent(idle_since=at(-60)))
    turn(view, event(a_snapshot(1, 2, "a1", status="assigned", assignment_seq=1)), now=at(30))
    assert view.agents["a1"].idle_since == at(-60), "not by what a supervisor gave them"


def test_each_version_of_a_ticket_is_given_under_an_id_of_its_own_the_same_on_every_try() -> None:
    first, again, later = (
        [say.id for say in conclude(a_view(an_agent(), a_ticket(1, version=version)), NOW).said]
        for version in (1, 1, 2)
    )
    assert len(first) == 1
    assert first == again
    assert first != later


def test_what_a_turn_changes_is_one_revision_on_however_often_it_changes_it() -> None:
    view = View(SKILLS, [an_agent(revision=4)], [a_ticket(1, revision=7)])
    for value in (an_agent(capacity=1), an_agent(capacity=2), a_ticket(1, version=2), a_ticket(1, version=3)):
        view.apply(value)
    view.apply(an_agent("new"))
    view.apply(a_ticket(2))
    assert {agent.id: agent.revision for agent in view.agents.values()} == {"a1": 5, "new": 1}
    assert {ticket.id: ticket.revision for ticket in view.tickets.values()} == {"t1": 8, "t2": 1}


@pytest.mark.parametrize("ticket", [a_ticket(1, agent="a1", status="assigned"), a_ticket(2, status="closed")])
def test_a_ticket_that_does_not_wait_and_is_as_it_was_is_the_same_object(ticket: Ticket) -> None:
    """Every turn looks at tickets, and a copy would be written."""
    assert aged(ticket, AWAY, NOW) is ticket
