"""Routing's decisions: agents come and go, tickets change, reservations are made, end and are counted once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from contracts import registry
from contracts.agents import SignedOn
from contracts.names import DESK
from contracts.outcomes import Accepted, Rejected
from contracts.payload import encode
from contracts.snapshot import TicketAgent
from contracts.statuses import DESKS_TURN
from contracts.tickets import Assign, Unassign
from services.chassis.decision import Cause
from services.routing.domain.decide import decide
from services.routing.domain.presence import following
from services.routing.domain.rules import LEASE, MARGIN, REFUSED_PAUSE, conclude
from services.routing.domain.state import View
from tests.unit.routing.builders import (
    NOW,
    SKILLS,
    a_snapshot,
    a_ticket,
    a_view,
    accepted,
    an_agent,
    assignments,
    at,
    command,
    event,
    refused,
    sign_on,
    take,
    turn,
)
from tests.unit.said import as_a

# Agents come and go


def test_signing_on_is_answered_announced_and_takes_the_waiting_ticket() -> None:
    view = a_view(a_ticket(1))
    signed, concluded = turn(view, sign_on("a1", capacity=3, skills=["billing"], languages=["en"]))
    assert signed.answer is not None
    assert signed.answer.type == "command.accepted"
    (announced,) = signed.said
    assert (announced.exchange, announced.type, announced.subject) == ("helpdesk.events", "agent.signed_on", "a1")
    assert announced.data == SignedOn(
        agent_id="a1", display_name="A1", capacity=3, skills=("billing",), languages=("en",), tiers=(), at=NOW
    )
    assert assignments(concluded) == {1: "a1"}


def test_signing_on_again_changes_what_was_said_and_keeps_load_and_idle_time() -> None:
    view = a_view(an_agent(idle_since=at(-60)), a_ticket(1, agent="a1", status="assigned"))
    turn(view, sign_on("a1", capacity=9, skills=["safety"]))
    agent = view.agents["a1"]
    assert (agent.capacity, agent.skills, agent.load, agent.idle_since) == (9, ("safety",), 1, at(-60))


def test_a_category_listed_as_skill_stands_for_the_skill_it_asks_for() -> None:
    view = a_view()
    turn(view, sign_on(skills=["credits"]))
    assert view.agents["a1"].skills == ("billing",)


GONE = "No category of the catalogue asks for: "
NOTHING = "No category of the catalogue asks for any of your skills, so you will get no cases."


@pytest.mark.parametrize(
    ("skills", "hints"),
    [
        (["billing", "biling"], {"skills": [f"{GONE}biling."]}),
        (["*", "b", "a"], {"skills": [f"{GONE}a, b."]}),
        (["Billing"], {"skills": [f"{GONE}Billing.", NOTHING]}),
        (["gone", "never-there"], {"skills": [f"{GONE}gone, never-there.", NOTHING]}),
        (["billing", "credits", "*"], None),
    ],
    ids=["a typing error", "beside all", "other case", "nothing known", "all known"],
)
def test_who_lists_a_skill_that_nobody_asks_for_signs_on_and_hears_so(
    skills: list[str], hints: dict[str, list[str]] | None
) -> None:
    view = a_view(a_ticket(1, skill="safety"))
    decision, concluded = turn(view, sign_on(skills=skills))
    assert decision.answer is not None
    assert decision.answer.type == "command.accepted"
    assert as_a(Accepted, decision.answer.data).hints == hints
    assert view.agents["a1"].listed == tuple(skills)
    assert list(as_a(SignedOn, decision.said[0].data).skills) == skills
    assert assignments(concluded) == ({1: "a1"} if "*" in skills else {})


def test_who_lists_a_category_that_is_gone_gets_its_tickets_and_that_of_today_when_it_comes_back() -> None:
    view = a_view(a_ticket(1, skill="parking", category="parking"))
    _, concluded = turn(view, sign_on(skills=["parking"]))
    assert assignments(concluded) == {1: "a1"}
    back = following(view.agents["a1"], {"parking": "cars"})
    assert back.skills == ("cars",)


@pytest.mark.parametrize("type_", ["agent.sign_on", "agent.heartbeat", "agent.sign_off"])
def test_an_agent_speaks_only_for_themselves(type_: str) -> None:
    more = {"display_name": "A2", "capacity": 1, "skills": ["*"]} if type_ == "agent.sign_on" else {}
    decision = decide(a_view(an_agent("a2")), command(type_, "a2", sender="agent.a1", **more), NOW)
    assert decision.answer is not None
    assert as_a(Rejected, decision.answer.data).code == "forbidden"
    assert not decision.changes
    assert not decision.said


def test_a_heartbeat_says_when_the_agent_was_last_seen_and_is_not_remembered() -> None:
    view = a_view(an_agent())
    pool = view.pool
    decision, _ = turn(view, command("agent.heartbeat"), now=at(20))
    assert decision.answer is not None
    assert decision.answer.type == "command.accepted"
    assert not decision.remember
    assert view.agents["a1"].last_seen == at(20)
    assert view.pool is pool, "a heartbeat changes nobody's room"


@pytest.mark.parametrize("agents", [[], [an_agent(signed_on=False)]], ids=["never signed on", "signed off"])
def test_a_heartbeat_without_signing_on_is_refused(agents: list[Any]) -> None:
    decision = decide(a_view(*agents), command("agent.heartbeat"), NOW)
    assert decision.answer is not None
    assert as_a(Rejected, decision.answer.data).code == "wrong_status"
    assert not decision.remember


def test_signing_off_keeps_the_tickets() -> None:
    view = a_view(an_agent(), a_ticket(1, agent="a1", status="needs_reply"))
    decision, concluded = turn(view, command("agent.sign_off"))
    assert [say.type for say in decision.said] == ["agent.signed_off"]
    assert not concluded.said
    assert view.agents["a1"].load == 1


def test_signing_off_with_release_gives_back_what_awaits_the_desk() -> None:
    statuses = ["assigned", "work_in_progress", "needs_reply", "reopened", "need_more_info", "solution_suggested"]
    tickets = [a_ticket(n, agent="a1", status=status, assignment_seq=n) for n, status in enumerate(statuses, 1)]
    others = a_ticket(9, agent="a2", status="assigned")
    view = a_view(an_agent(), an_agent("a2", capacity=1), *tickets, others)
    decision, _ = turn(view, command("agent.sign_off", release=True))
    unassigned = [say for say in decision.said if say.type == "ticket.unassign"]
    assert [(say.subject, as_a(Unassign, say.data).assignment_seq) for say in unassigned] == [
        ("00000001", 1),
        ("00000002", 2),
        ("00000003", 3),
        ("00000004", 4),
    ]
    assert {(say.exchange, say.reply_to) for say in unassigned} == {("helpdesk.desk", "routing.outcomes")}
    assert view.agents["a1"].load == 4, "they are the agent's until intake says otherwise"


def test_a_released_ticket_waits_once_intake_announces_it() -> None:
    view = a_view(an_agent(), an_agent("a2"), a_ticket(1, agent="a1", status="assigned", assignment_seq=1))
    turn(view, command("agent.sign_off", release=True))
    *_, concluded = turn(view, event(a_snapshot(1, version=2, assignment_seq=2), "ticket.unassigned"))
    assert assignments(concluded) == {1: "a2"}
    assert (view.agents["a1"].load, view.agents["a2"].load) == (0, 1)


def test_what_was_on_its_way_to_an_agent_who_released_does_not_stay_with_them() -> None:
    view = a_view(an_agent())
    turn(view, event(a_snapshot(1)))
    turn(view, command("agent.sign_off", release=True))
    decision, _ = turn(view, event(a_snapshot(1, 2, "a1", status="assigned", assignment_seq=1)))
    assert [(say.type, as_a(Unassign, say.data).assignment_seq) for say in decision.said] == [("ticket.unassign", 1)]


def test_signing_off_twice_is_accepted_and_announced_once() -> None:
    view = a_view(an_agent())
    first, _ = turn(view, command("agent.sign_off"))
    second, _ = turn(view, command("agent.sign_off"))
    assert [say.type for say in first.said] == ["agent.signed_off"]
    assert not second.said
    assert not second.changes
    assert second.answer is not None
    assert second.answer.type == "command.accepted"


def test_who_never_signed_on_cannot_sign_off() -> None:
    decision = decide(a_view(), command("agent.sign_off"), NOW)
    assert decision.answer is not None
    assert as_a(Rejected, decision.answer.data).code == "wrong_status"


# Tickets change


def test_a_new_ticket_is_assigned_in_the_turn_that_hears_of_it() -> None:
    view = a_view(an_agent())
    *_, concluded = turn(view, event(a_snapshot(1, assignment_seq=4), "ticket.opened"))
    (say,) = concluded.said
    assert (say.exchange, say.routing_key, say.reply_to) == ("helpdesk.desk", "ticket.assign", "routing.outcomes")
    assert say.subject == "00000001"
    assert say.data == Assign(
        number="00000001",
        agent=TicketAgent(id="a1", display_name="A1"),
        assignment_seq=4,
        reason="least loaded",
        valid_until=NOW + LEASE - MARGIN,
    )
    reservation = view.tickets["t1"].reservation
    assert reservation is not None
    assert (reservation.agent, reservation.command_id, reservation.until) == ("a1", say.id, NOW + LEASE)
    assert (view.agents["a1"].load, view.agents["a1"].idle_since) == (1, NOW)


@pytest.mark.parametrize("status", ["new", "reopened", "needs_reply", "need_more_info", "solution_suggested"])
def test_any_open_ticket_without_agent_waits(status: str) -> None:
    *_, concluded = turn(a_view(an_agent()), event(a_snapshot(1, status=status)))
    assert assignments(concluded) == {1: "a1"}


@pytest.mark.parametrize(
    ("why", "snapshot"),
    [
        ("it is closed", {"status": "closed", "closed_at": NOW}),
        ("it has an agent", {"status": "assigned", "agent": "a2"}),
    ],
)
def test_other_tickets_do_not_wait(why: str, snapshot: dict[str, Any]) -> None:
    *_, concluded = turn(a_view(an_agent()), event(a_snapshot(1, **snapshot)))
    assert not concluded.said


@pytest.mark.parametrize("version", [3, 4])
def test_late_and_repeated_events_change_nothing(version: int) -> None:
    view = a_view(an_agent(), a_ticket(1, version=4, agent="a1", status="assigned"))
    decision, concluded = turn(view, event(a_snapshot(1, version=version)))
    assert not decision.changes
    assert not concluded.changes
    assert view.tickets == view.loaded_tickets


@pytest.mark.parametrize(
    ("status", "load"),
    [
        ("assigned", 1),
        ("work_in_progress", 1),
        ("needs_reply", 1),
        ("reopened", 1),
        ("need_more_info", 0),
        ("solution_suggested", 0),
        ("closed", 0),
    ],
)
def test_load_counts_what_the_desk_has_to_act_on(status: str, load: int) -> None:
    view = a_view(an_agent())
    turn(view, event(a_snapshot(1, 2, "a1", status=status, assignment_seq=1)))
    assert view.agents["a1"].load == load
    assert (status in DESKS_TURN) is bool(load)


def test_a_reply_may_exceed_capacity_and_then_nothing_more_is_given() -> None:
    agent = an_agent(capacity=1)
    view = a_view(
        agent, a_ticket(1, agent="a1", status="solution_suggested"), a_ticket(2, agent="a1", status="assigned")
    )
    *_, concluded = turn(view, event(a_snapshot(1, 2, "a1", status="needs_reply")), event(a_snapshot(3)))
    assert view.agents["a1"].load == 2
    assert not concluded.said


def test_room_that_appears_goes_to_the_ticket_that_deserves_it_first() -> None:
    waiting = [a_ticket(2, priority=6), a_ticket(3, priority=1)]
    view = a_view(an_agent(capacity=1), a_ticket(1, agent="a1", status="assigned"), *waiting)
    *_, concluded = turn(view, event(a_snapshot(1, 2, "a1", status="solution_suggested")))
    assert assignments(concluded) == {3: "a1"}


def test_an_assignment_goes_back_to_the_message_that_brought_the_ticket() -> None:
    view = a_view()
    opened = replace(event(a_snapshot(1), "ticket.opened"), correlationid="submit", traceparent="00-abc")
    turn(view, opened)
    *_, concluded = turn(view, sign_on("a1"))
    (say,) = concluded.said
    assert say.cause == Cause(opened.id, "submit", "00-abc")


def test_a_ticket_whose_category_was_changed_needs_the_other_skill() -> None:
    view = a_view(an_agent("a1", skills=("billing",)), an_agent("a2", skills=("technical",)))
    *_, concluded = turn(view, event(a_snapshot(1)), event(a_snapshot(1, 2, category="technical")))
    assert assignments(concluded) == {1: "a2"}


def test_the_load_of_an_agent_who_has_not_signed_on_here_is_counted_too() -> None:
    view = a_view()
    turn(view, event(a_snapshot(1, 2, "a7", status="assigned", assignment_seq=1)))
    assert (view.agents["a7"].load, view.agents["a7"].signed_on) == (1, False)
    turn(view, sign_on("a7"))
    assert (view.agents["a7"].load, view.agents["a7"].signed_on) == (1, True)


def test_a_reopened_ticket_goes_back_to_its_agent_while_they_are_signed_on() -> None:
    view = a_view(an_agent(), an_agent("a2"), a_ticket(1, version=5, agent="a1", status="closed", closed_at=NOW))
    decision, concluded = turn(view, event(a_snapshot(1, 6, "a1", status="reopened", reopen_count=1)))
    assert not decision.said
    assert not concluded.said
    assert view.agents["a1"].load == 1


@pytest.mark.parametrize("status", ["reopened", "needs_reply"], ids=["reopened", "the reply after it came first"])
def test_a_reopened_ticket_whose_agent_signed_off_is_taken_from_them(status: str) -> None:
    gone = an_agent(signed_on=False)
    view = a_view(gone, a_ticket(1, version=5, agent="a1", status="closed", closed_at=NOW, assignment_seq=1))
    snapshot = a_snapshot(1, 7, "a1", status=status, reopen_count=1, assignment_seq=1)
    decision, _ = turn(view, event(snapshot))
    assert [(say.type, as_a(Unassign, say.data).assignment_seq) for say in decision.said] == [("ticket.unassign", 1)]


def test_a_reply_to_a_ticket_of_an_agent_who_signed_off_leaves_it_with_them() -> None:
    view = a_view(an_agent(signed_on=False), a_ticket(1, agent="a1", status="solution_suggested"))
    decision, _ = turn(view, event(a_snapshot(1, 2, "a1", status="needs_reply")))
    assert not decision.said


@pytest.mark.parametrize("how", ["ticket.unassigned", "ticket.transferred"])
def test_a_ticket_never_goes_back_to_the_agent_it_was_changed_away_from(how: str) -> None:
    view = a_view(an_agent(), a_ticket(1, agent="a1", status="assigned", assignment_seq=1))
    given_up = a_snapshot(1, 2, assignment_seq=2, changed_from="a1")
    *_, concluded = turn(view, event(given_up, how))
    assert not concluded.said
    *_, concluded = turn(view, event({**given_up, "version": 3}), sign_on("a1"), now=at(9999))
    assert not concluded.said, "for good, not for a moment"
    *_, concluded = turn(view, sign_on("a2"), now=at(9999))
    assert assignments(concluded) == {1: "a2"}


def reclassified(agent: str = "a1", **more: Any) -> Any:
    """Ticket 1, that a1 got for its billing, as a technical one."""
    values = {"status": "assigned", "assignment_seq": 1, "category": "technical", **more}
    return event(a_snapshot(1, 3, agent, **values), "ticket.reclassified")


def with_agents(*skills: str) -> View:
    view = a_view(an_agent(skills=skills), an_agent("a2", skills=("technical",)))
    turn(view, event(a_snapshot(1, 2, "a1", status="assigned", assignment_seq=1)))
    return view


def test_a_reclassified_ticket_is_taken_from_an_agent_without_the_other_skill() -> None:
    view = with_agents("billing")
    decision, _ = turn(view, reclassified())
    (say,) = decision.said
    assert (say.type, as_a(Unassign, say.data).assignment_seq) == ("ticket.unassign", 1)
    *_, concluded = turn(view, event(a_snapshot(1, 4, assignment_seq=2, category="technical"), "ticket.unassigned"))
    assert assignments(concluded) == {1: "a2"}


@pytest.mark.parametrize("skills", [("billing", "technical"), ("*",)])
def test_a_reclassified_ticket_stays_with_an_agent_who_has_the_other_skill(skills: tuple[str, ...]) -> None:
    decision, _ = turn(with_agents(*skills), reclassified())
    assert not decision.said


def test_a_reclassified_ticket_that_waits_for_the_requester_is_taken_when_it_awaits_the_desk() -> None:
    view = with_agents("billing")
    decision, _ = turn(view, reclassified(status="need_more_info"))
    assert not decision.said
    reply = a_snapshot(1, 4, "a1", status="needs_reply", assignment_seq=1, category="technical")
    decision, _ = turn(view, event(reply))
    assert [say.type for say in decision.said] == ["ticket.unassign"]


def test_a_reclassification_that_is_heard_of_before_the_assignment_counts_all_the_same() -> None:
    view = a_view(an_agent(skills=("billing",)))
    turn(view, event(a_snapshot(1)))
    decision, _ = turn(view, reclassified())
    assert [say.type for say in decision.said] == ["ticket.unassign"]


def test_an_agent_who_signs_on_with_fewer_skills_keeps_what_they_have() -> None:
    view = with_agents("billing")
    turn(view, sign_on("a1", skills=["safety"]))
    decision, _ = turn(view, event(a_snapshot(1, 3, "a1", status="needs_reply", assignment_seq=1)))
    assert not decision.said


# Reservations


def reserved(capacity: int = 1) -> tuple[View, str]:
    """A view in which ticket 1 is reserved for a1, and the id of the command that was sent."""
    view = a_view(an_agent(capacity=capacity))
    *_, concluded = turn(view, event(a_snapshot(1)))
    command_id = concluded.said[0].id
    assert command_id is not None
    return view, command_id


ASSIGNED = a_snapshot(1, 2, "a1", status="assigned", assignment_seq=1)


@pytest.mark.parametrize("first", ["outcome", "event"])
def test_a_ticket_counts_once_whether_the_outcome_or_the_event_comes_first(first: str) -> None:
    view, command_id = reserved()
    messages = [accepted(command_id), event(ASSIGNED), accepted(command_id), event(ASSIGNED)]
    for message in messages if first == "outcome" else reversed(messages):
        turn(view, message)
        assert view.agents["a1"].load == 1
    assert view.tickets["t1"].reservation is None


def test_a_reserved_ticket_is_not_given_again_and_its_place_not_either() -> None:
    view, _ = reserved(capacity=1)
    *_, concluded = turn(view, event(a_snapshot(2)), sign_on("a2", capacity=1))
    assert assignments(concluded) == {2: "a2"}


def test_a_refusal_frees_the_place_at_once_and_the_ticket_is_looked_at_again_after_a_pause() -> None:
    view, command_id = reserved()
    _, concluded = turn(view, refused(command_id), now=at(2))
    assert view.agents["a1"].load == 0
    assert not concluded.said
    *_, concluded = turn(view, now=at(2) + REFUSED_PAUSE)
    assert assignments(concluded) == {1: "a1"}
    assert concluded.said[0].id != command_id


def test_a_place_that_a_refusal_freed_is_given_to_another_ticket() -> None:
    view, command_id = reserved()
    *_, concluded = turn(view, refused(command_id), event(a_snapshot(2)))
    assert assignments(concluded) == {2: "a1"}


def test_the_news_that_explain_a_refusal_end_the_pause() -> None:
    view, command_id = reserved()
    turn(view, refused(command_id))
    *_, concluded = turn(view, event(a_snapshot(1, 3, assignment_seq=2)))
    assert [as_a(Assign, say.data).assignment_seq for say in concluded.said] == [2]


def test_a_lease_that_ran_out_is_freed_and_the_ticket_given_again() -> None:
    view, command_id = reserved()
    assert not conclude(view, NOW + LEASE - (at(0.001) - NOW)).changes
    *_, concluded = turn(view, now=NOW + LEASE)
    assert assignments(concluded) == {1: "a1"}
    assert concluded.said[0].id != command_id
    assert view.agents["a1"].load == 1


def test_a_freed_place_goes_to_the_most_urgent_ticket() -> None:
    view, _ = reserved()
    turn(view, event(a_snapshot(2, priority=1)))
    *_, concluded = turn(view, now=NOW + LEASE)
    assert assignments(concluded) == {2: "a1"}
    assert view.tickets["t1"].waiting


def test_an_accepted_assignment_waits_for_its_event_however_late() -> None:
    view, command_id = reserved()
    turn(view, accepted(command_id))
    (concluded,) = turn(view, now=at(3600))
    assert not concluded.changes
    assert view.agents["a1"].load == 1


@pytest.mark.parametrize("outcome_of", [accepted, refused])
def test_the_outcome_of_a_command_whose_reservation_ended_is_harmless(outcome_of: Any) -> None:
    view, command_id = reserved()
    turn(view, now=NOW + LEASE)
    before = dict(view.tickets), dict(view.agents)
    turn(view, outcome_of(command_id), outcome_of("never-sent"), now=NOW + LEASE)
    assert (view.tickets, view.agents) == before


@pytest.mark.parametrize(
    ("news", "snapshot", "load"),
    [
        ("a note", {"subject": "x"}, 1),
        ("it is closed", {"status": "closed", "closed_at": NOW}, 0),
        ("another seq", {"assignment_seq": 2, "agent": "a2", "status": "assigned"}, 0),
    ],
)
def test_a_reservation_outlives_news_only_while_intake_could_apply_it(
    news: str, snapshot: dict[str, Any], load: int
) -> None:
    view, _ = reserved()
    turn(view, event(a_snapshot(1, 3, **snapshot)))
    assert view.agents["a1"].load == load


# Turns


def test_a_turn_that_finds_nothing_to_do_changes_nothing() -> None:
    view = a_view(an_agent(skills=("safety",)), a_ticket(1), a_ticket(2, agent="a1", status="assigned"))
    turn(view, now=at(5))
    assert view.pool is view.loaded_pool
    assert view.agents == view.loaded_agents
    assert view.tickets == view.loaded_tickets


@pytest.mark.parametrize(
    ("what", "message", "moves"),
    [
        ("a ticket begins to wait", event(a_snapshot(2)), True),
        ("a waiting ticket moves in its queue", event(a_snapshot(1, 2, escalated=True)), True),
        ("room appears", event(a_snapshot(3, 2, "a1", status="closed", closed_at=NOW)), True),
        ("an agent signs on", sign_on("a2", skills=["safety"]), True),
        ("an agent signs off", command("agent.sign_off"), True),
        ("a note on an assigned ticket", event(a_snapshot(3, 2, "a1", status="assigned")), False),
        ("a ticket is closed that nobody had to act on", event(a_snapshot(4, 2, "a1", status="closed")), False),
    ],
)
def test_turns_that_change_room_or_waiting_tickets_conflict_by_the_pool(what: str, message: Any, moves: bool) -> None:
    agent = an_agent(skills=("safety",))
    theirs = [a_ticket(3, agent="a1", status="assigned"), a_ticket(4, agent="a1", status="solution_suggested")]
    view = a_view(agent, a_ticket(1), *theirs)
    assert view.loaded_pool is not None
    turn(view, message)
    assert view.pool is not None
    assert view.pool.revision - view.loaded_pool.revision == int(moves)


def test_a_turn_moves_each_revision_once_however_often_it_changes_a_value() -> None:
    view = a_view(an_agent(capacity=2), a_ticket(1))
    turn(view, event(a_snapshot(1, 2)), event(a_snapshot(1, 3)), sign_on("a1", capacity=1))
    for before, after in (
        (view.loaded_agents["a1"], view.agents["a1"]),
        (view.loaded_tickets["t1"], view.tickets["t1"]),
    ):
        assert after.revision == before.revision + 1


def test_what_is_said_and_answered_is_as_the_contract_has_it() -> None:
    view = a_view(an_agent(), a_ticket(1, agent="a1", status="assigned"), a_ticket(2))
    decisions = turn(
        view,
        sign_on("a2", languages=["en"], tiers=["standard", "vip"]),
        sign_on("a3", skills=["unknown"]),
        command("agent.heartbeat", "a2"),
        command("agent.sign_off", "a1", release=True),
        command("agent.sign_off", "a4"),
    )
    said = [say for decision in decisions for say in decision.said]
    assert {say.type for say in said} == {"agent.signed_on", "agent.signed_off", "ticket.assign", "ticket.unassign"}
    for say in said:
        kind = registry.command(say.type) if say.exchange == DESK else registry.event(say.type)
        assert kind is not None
        assert "routing" in kind.senders
        kind.schema.load(orjson.loads(encode(say.data)))
    for decision in decisions[:-1]:
        assert decision.answer is not None
        kind = registry.outcome(decision.answer.type)
        assert kind is not None
        kind.schema.load(orjson.loads(encode(decision.answer.data)))


def test_a_type_without_a_rule_is_an_error_not_silence() -> None:
    with pytest.raises(ValueError, match=r"agent\.dance"):
        take(View(SKILLS), decide(View(SKILLS), replace(command("agent.heartbeat"), type="agent.dance"), NOW))
