"""Agents who have signed off keep what awaits the desk for the time that the operator sets, and no longer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from contracts.tickets import Unassign
from services.chassis.decision import Say
from services.routing.domain.state import Terms, View
from tests.unit.routing.builders import SKILLS, a_snapshot, a_view, at, command, event, sign_on, turn
from tests.unit.said import as_a

HOUR = 3600
HELD = a_snapshot(1, 2, "a1", status="assigned", assignment_seq=1)


def looked_at(view: View, seconds: float, hours: float | None = 1) -> list[Say]:
    """Routing's look at that moment, by a setting of this many hours (None: off), with everything that they have
    read."""
    terms = Terms(absent_after=None if hours is None else timedelta(hours=hours))
    seen = View(SKILLS, view.agents.values(), view.tickets.values(), view.pool, terms, leaving=("a1",))
    (concluded,) = turn(seen, now=at(seconds))
    view.agents.update(seen.agents)
    return list(concluded.said)


def gone_at(seconds: float) -> View:
    view = a_view()
    turn(view, sign_on("a1"), event(HELD))
    turn(view, command("agent.sign_off", "a1"), now=at(seconds))
    return view


@pytest.mark.parametrize(("after", "taken"), [(0, False), (HOUR - 1, False), (HOUR, True), (2 * HOUR, True)])
def test_what_awaits_the_desk_is_taken_back_when_its_time_is_over(after: float, taken: bool) -> None:
    view = gone_at(100)
    said = looked_at(view, 100 + after)
    assert [(say.type, as_a(Unassign, say.data).number) for say in said] == [("ticket.unassign", "00000001")] * taken
    assert view.agents["a1"].releases is taken


def test_it_is_taken_back_once() -> None:
    view = gone_at(0)
    assert looked_at(view, HOUR)
    assert looked_at(view, HOUR + 1) == []


def test_by_default_they_keep_it() -> None:
    assert looked_at(gone_at(0), 1000 * HOUR, hours=None) == []


def test_what_comes_to_await_the_desk_later_is_taken_back_too() -> None:
    view = gone_at(0)
    looked_at(view, HOUR)
    decision, _ = turn(view, event(a_snapshot(2, 5, "a1", status="needs_reply", assignment_seq=1)), now=at(HOUR + 5))
    assert [say.type for say in decision.said] == ["ticket.unassign"]


def test_who_is_back_in_time_keeps_it() -> None:
    view = gone_at(0)
    turn(view, sign_on("a1"), now=at(HOUR - 1))
    assert looked_at(view, 2 * HOUR) == []
    turn(view, command("agent.sign_off", "a1"), now=at(2 * HOUR))
    assert looked_at(view, 3 * HOUR - 1) == [], "the time begins with the last sign-off"
    assert looked_at(view, 3 * HOUR) != []


def test_signing_off_again_does_not_begin_the_time_again() -> None:
    view = gone_at(0)
    turn(view, command("agent.sign_off", "a1"), now=at(HOUR - 1))
    assert looked_at(view, HOUR) != []


def test_who_signed_off_before_it_was_kept_when_has_been_gone_for_long() -> None:
    view = gone_at(0)
    view.apply(replace(view.agents["a1"], left_at=None))
    assert looked_at(view, 1) != []
