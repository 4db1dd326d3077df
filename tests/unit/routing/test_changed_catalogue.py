"""The operator changes what skill a category asks for, while agents are signed on and tickets wait or are with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.routing.domain.state import View
from tests.unit.routing.builders import NOW, SKILLS, a_snapshot, a_view, assignments, event, sign_on, turn


def changed(view: View, **skills: str | None) -> View:
    """The next turn's view, by a catalogue in which these categories ask for other skills (None: they are gone)."""
    catalogue = {category: skill for category, skill in {**SKILLS, **skills}.items() if skill is not None}
    return View(catalogue, view.agents.values(), view.tickets.values(), view.pool)


def test_who_listed_the_category_gets_what_is_filed_in_it_from_then_on() -> None:
    view = a_view()
    turn(view, sign_on("a1", skills=["credits"]), sign_on("a2", skills=["technical"]))
    view = changed(view, credits="money")
    *_, concluded = turn(view, event(a_snapshot(1, category="credits")))
    assert assignments(concluded) == {1: "a1"}
    *_, concluded = turn(view, event(a_snapshot(2, category="billing")))
    assert assignments(concluded) == {}, "credits asked for the skill billing, and does no longer"


@pytest.mark.parametrize("skill", ["money", None])
def test_what_waited_before_is_given_to_who_signs_on_afterwards(skill: str | None) -> None:
    view = a_view()
    turn(view, event(a_snapshot(1, category="credits")))
    view = changed(view, credits=skill)
    *_, concluded = turn(view, sign_on("a1", skills=["credits"] if skill else ["*"]))
    assert assignments(concluded) == {1: "a1"}
    assert view.tickets["t1"].skill == (skill or "credits")


def test_a_ticket_stays_with_its_agent() -> None:
    view = a_view()
    with_agent = a_snapshot(1, 2, "a1", status="assigned", assignment_seq=1)
    turn(view, sign_on("a1", skills=["billing"]), event(with_agent))
    view.apply(replace(view.agents["a1"], listed=()))  # signed on before what they listed was kept
    decision, _ = turn(changed(view, billing="money"), event({**with_agent, "version": 3, "status": "needs_reply"}))
    assert decision.said == []


def test_a_ticket_that_is_reclassified_afterwards_goes_by_the_new_skills() -> None:
    view = a_view()
    with_agent = a_snapshot(1, 2, "a1", status="assigned", assignment_seq=1)
    turn(view, sign_on("a1", skills=["billing"]), event(with_agent))
    view = changed(view, billing="money")
    turn(view)
    decision, _ = turn(view, event({**with_agent, "version": 3, "category": "technical"}))
    assert [say.type for say in decision.said] == ["ticket.unassign"]


def test_an_agent_who_signed_on_before_it_was_kept_what_they_listed_keeps_their_skills() -> None:
    view = a_view()
    turn(view, sign_on("a1", skills=["credits"]))
    view.apply(replace(view.agents["a1"], listed=()))
    view = changed(view, credits="money")
    turn(view, now=NOW)
    assert view.agents["a1"].skills == ("billing",)
