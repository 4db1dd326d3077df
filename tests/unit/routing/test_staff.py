"""The staff file in routing: who may sign on, what it narrows, and what a change of it does to agents who are signed
on."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.agents import SignedOff, SignedOn
from contracts.outcomes import Rejected
from contracts.staff import Member, Staff
from services.routing.domain.state import View
from tests.unit.routing.builders import (
    SKILLS,
    a_snapshot,
    a_view,
    assignments,
    at,
    command,
    event,
    sign_on,
    turn,
)
from tests.unit.said import as_a


def a_member(id_: str, *roles: str, **more: Any) -> Member:
    values: dict[str, Any] = {"roles": frozenset(roles or ("agent",)), "teams": frozenset({"desk"}), "skills": ("*",)}
    return Member(id_, **{**values, **more})


def by(view: View, *members: Member, leaving: tuple[str, ...] = ()) -> View:
    """The next turn's view, by a staff file that names these."""
    staff = Staff({member.agent_id: member for member in members})
    return View(SKILLS, view.agents.values(), view.tickets.values(), view.pool, view.terms, staff, leaving)


def signed_on(view: View, agent_id: str) -> bool:
    return agent_id in view.agents and view.agents[agent_id].signed_on


@pytest.mark.parametrize("member", [None, a_member("a1", "supervisor"), a_member("a1", "editor", "manager")])
def test_who_is_no_agent_of_the_staff_does_not_sign_on(member: Member | None) -> None:
    view = by(a_view(), a_member("a2"), *([member] if member else []))
    decision, _ = turn(view, sign_on("a1"))
    assert decision.answer is not None
    assert as_a(Rejected, decision.answer.data).code == "forbidden"
    assert not signed_on(view, "a1")


def test_a_sign_on_narrows_the_staff_file_and_never_widens_it() -> None:
    file = a_member("a1", skills=("billing", "safety"), languages=("en", "pt"), capacity=3, display_name="Ada")
    view = by(a_view(), file)
    decision, _ = turn(view, sign_on("a1", capacity=50, skills=["*"], display_name="Boss", languages=["pt-BR", "fr"]))
    agent = view.agents["a1"]
    assert (agent.capacity, agent.skills, agent.languages) == (3, ("billing", "safety"), ("pt-BR",))
    assert agent.display_name == "Ada"
    told = as_a(SignedOn, decision.said[0].data)
    assert len(decision.said) == 1
    assert (told.capacity, told.skills, told.languages, told.display_name) == (
        3,
        ("billing", "safety"),
        ("pt-BR",),
        "Ada",
    )
    turn(view, sign_on("a1", capacity=2, skills=["credits"]))  # credits asks for billing
    assert (view.agents["a1"].capacity, view.agents["a1"].skills) == (2, ("billing",))


@pytest.mark.parametrize(
    ("said", "field"), [({"skills": ["technical"]}, "skills"), ({"languages": ["de", "fr"]}, "languages")]
)
def test_a_sign_on_with_nothing_that_the_file_allows_is_refused(said: dict[str, Any], field: str) -> None:
    view = by(a_view(), a_member("a1", skills=("billing",), languages=("en",)))
    decision, _ = turn(view, sign_on("a1", **said))
    assert decision.answer is not None
    refusal = as_a(Rejected, decision.answer.data)
    assert (refusal.code, list(refusal.errors)) == (
        "invalid",
        [field],
    )
    assert not signed_on(view, "a1")


def test_a_changed_file_holds_at_once_for_who_is_signed_on() -> None:
    view = by(a_view(), a_member("a1", capacity=5))
    turn(view, sign_on("a1", capacity=5))
    with_agent = a_snapshot(1, 2, "a1", status="assigned", assignment_seq=1)
    turn(view, event(with_agent))
    view = by(view, a_member("a1", capacity=1, skills=("technical",), display_name="Ada"))
    waits = event(a_snapshot(2, category="technical"))
    *_, concluded = turn(view, waits)
    assert (view.agents["a1"].capacity, view.agents["a1"].skills) == (1, ("technical",))
    assert [say.type for say in concluded.said] == ["agent.signed_on"], "full now, and nobody's tickets are taken"
    assert as_a(SignedOn, concluded.said[0].data).display_name == "Ada"
    decision, _ = turn(view, event({**with_agent, "version": 3, "status": "needs_reply"}))
    assert decision.said == []
    view = by(view, a_member("a1"))
    *_, concluded = turn(view)
    assert (view.agents["a1"].capacity, view.agents["a1"].skills) == (5, ("*",)), "what they said on signing on"
    assert assignments(concluded) == {2: "a1"}


def test_who_has_no_language_left_gets_nothing() -> None:
    view = by(a_view(), a_member("a1"))
    turn(view, sign_on("a1", languages=["de"]))
    view = by(view, a_member("a1", languages=("en",)))
    *_, concluded = turn(view, event(a_snapshot(1)))
    assert concluded.said == []
    assert view.agents["a1"].signed_on


def test_who_is_taken_out_of_the_file_is_signed_off_and_their_tickets_go_to_others() -> None:
    view = by(a_view(), a_member("a1"), a_member("a2"))
    turn(view, sign_on("a1"), event(a_snapshot(1, 2, "a1", status="assigned", assignment_seq=1)))
    view = by(view, a_member("a2"))
    *_, concluded = turn(view, event(a_snapshot(2)))
    assert concluded.said == [], "not a ticket more, before the look that takes theirs back"
    view = by(view, a_member("a2"), leaving=("a1",))
    (concluded,) = turn(view)
    assert [(say.type, say.subject) for say in concluded.said] == [
        ("agent.signed_off", "a1"),
        ("ticket.unassign", "00000001"),
    ]
    assert as_a(SignedOff, concluded.said[0].data).reason == "not_of_staff"
    assert not view.agents["a1"].signed_on
    (again,) = turn(by(view, a_member("a2"), leaving=("a1",)))
    assert again.said == [], "once"
    resting = a_snapshot(3, 3, "a1", status="needs_reply", assignment_seq=1)
    decision, _ = turn(by(view, a_member("a2")), event(resting))
    assert [say.type for say in decision.said] == ["ticket.unassign"], "also what comes to await the desk later"


def test_who_signed_off_and_is_taken_out_of_the_file_keeps_nothing_either() -> None:
    view = by(a_view(), a_member("a1"))
    turn(view, sign_on("a1"), event(a_snapshot(1, 2, "a1", status="assigned", assignment_seq=1)))
    turn(view, command("agent.sign_off", "a1"), now=at(1))
    view = by(view, a_member("a2"), leaving=("a1",))
    (concluded,) = turn(view, now=at(2))
    assert [say.type for say in concluded.said] == ["ticket.unassign"]


def test_without_a_staff_file_everybody_signs_on_as_before() -> None:
    view = a_view()
    turn(view, sign_on("whoever", capacity=99, languages=["de"]))
    agent = view.agents["whoever"]
    assert (agent.capacity, agent.skills, agent.languages, agent.display_name) == (99, ("*",), ("de",), "WHOEVER")
