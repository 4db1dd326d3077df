"""An assignment that is under way when its agent signs off must not end with somebody who may never come back."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.tickets import Assign
from services.routing.domain.rules import LEASE
from services.routing.domain.state import View
from tests.unit.routing.builders import a_snapshot, a_ticket, a_view, accepted, an_agent, at, command, event, turn
from tests.unit.said import as_a

LEAVES = command("agent.sign_off")


def given(view: View, **more: Any) -> str:
    """Ticket 1 is on its way to a1; the id of the command."""
    *_, concluded = turn(view, event(a_snapshot(1, **more), "ticket.opened"))
    (say,) = concluded.said
    assert as_a(Assign, say.data).agent.id == "a1"
    assert say.id is not None
    return say.id


def arrives(status: str = "assigned", version: int = 2, **more: Any) -> Any:
    return event(a_snapshot(1, version, "a1", status=status, assignment_seq=1, **more), "ticket.assigned")


def taken_back(*decisions: Any) -> list[tuple[str, int]]:
    said = [say for decision in decisions for say in decision.said if say.type == "ticket.unassign"]
    return [(say.data.number, say.data.assignment_seq) for say in said]


@pytest.mark.parametrize("is_accepted", [False, True], ids=["", "intake has accepted"])
@pytest.mark.parametrize("status", ["new", "needs_reply", "work_in_progress"])
def test_what_reaches_an_agent_only_after_they_signed_off_is_routed_again(status: str, is_accepted: bool) -> None:
    view = a_view(an_agent())
    command_id = given(view, status=status)
    turn(view, *([accepted(command_id)] if is_accepted else []), LEAVES)
    decision, _ = turn(view, arrives("assigned" if status == "new" else status), now=at(2))
    assert taken_back(decision) == [("00000001", 1)]
    turn(view, command("agent.sign_on", "a2", display_name="A2", capacity=1, skills=["*"]), now=at(3))
    back = event(a_snapshot(1, 3, status=status, assignment_seq=2), "ticket.unassigned")
    *_, concluded = turn(view, back, now=at(3))
    assert [as_a(Assign, say.data).agent.id for say in concluded.said] == ["a2"]
    assert view.agents["a1"].load == 0


def test_the_other_way_round_they_had_it_and_keep_it() -> None:
    view = a_view(an_agent())
    given(view)
    first, left, concluded = turn(view, arrives(), LEAVES)
    assert not taken_back(first, left, concluded)
    later, _ = turn(view, event(a_snapshot(1, 3, "a1", status="needs_reply", assignment_seq=1)), now=at(2))
    assert not taken_back(later)


def test_what_they_had_before_stays_theirs() -> None:
    had = a_ticket(2, agent="a1", status="assigned", assignment_seq=1)
    view = a_view(an_agent(), had)
    given(view)
    turn(view, LEAVES)
    news = event(a_snapshot(2, 2, "a1", status="assigned", assignment_seq=1))
    assert taken_back(*turn(view, arrives(), news, now=at(2))) == [("00000001", 1)]


def test_nothing_is_taken_back_of_an_agent_who_is_on_again() -> None:
    view = a_view(an_agent())
    given(view)
    turn(view, LEAVES, command("agent.sign_on", display_name="A1", capacity=5, skills=["*"]))
    assert not taken_back(*turn(view, arrives(), now=at(2)))


@pytest.mark.parametrize("status", ["work_in_progress", "need_more_info", "solution_suggested", "closed"])
def test_what_they_have_worked_on_already_stays_theirs(status: str) -> None:
    view = a_view(an_agent())
    given(view)
    turn(view, LEAVES)
    assert not taken_back(*turn(view, arrives(status, version=3), now=at(2)))


def test_a_transfer_by_name_to_one_who_then_signed_off_stays_theirs() -> None:
    """No place was reserved for it: a colleague gave it to them, and they were there."""
    view = a_view(an_agent(), an_agent("a2"), a_ticket(1, agent="a2", status="assigned", assignment_seq=1))
    turn(view, LEAVES)
    handed = event(a_snapshot(1, 2, "a1", status="assigned", assignment_seq=2), "ticket.transferred")
    assert not taken_back(*turn(view, handed))


def test_news_older_than_a_reservation_take_nothing_away() -> None:
    """Routing stood still in between: they may have worked on it for long before they signed off."""
    view = a_view(an_agent())
    given(view)
    late = at(LEASE.total_seconds())
    assert not taken_back(*turn(view, LEAVES, arrives(), now=late))
