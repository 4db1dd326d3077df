"""Agents who pause get nothing new and keep what they have; supervisors pause members of their teams."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.agents import Paused, SignedOn
from contracts.outcomes import Accepted
from contracts.staff import Member, Staff
from services.chassis.decision import Decision, Message
from services.routing.domain.state import View
from tests.unit.routing.builders import SKILLS, a_snapshot, a_view, assignments, at, command, event, sign_on, turn
from tests.unit.said import as_a


def a_member(id_: str, *roles: str, team: str = "x") -> Member:
    return Member(id_, frozenset(roles), frozenset({team}), skills=("*",))  # type: ignore[arg-type]


MEMBERS = (a_member("a1", "agent"), a_member("a2", "agent"), a_member("lead", "supervisor"))
STAFF = Staff({member.agent_id: member for member in (*MEMBERS, a_member("other", "supervisor", team="y"))})


def by_staff(view: View) -> View:
    return View(SKILLS, view.agents.values(), view.tickets.values(), view.pool, view.terms, STAFF)


def pause(agent_id: str = "a1", member: str | None = None, **more: Any) -> Message[Any]:
    return command("agent.pause", agent_id, **({"member": member} if member else {}), **more)


def resume(agent_id: str = "a1", member: str | None = None) -> Message[Any]:
    return command("agent.resume", agent_id, **({"member": member} if member else {}))


def code(decision: Decision) -> str | None:
    assert decision.answer is not None
    return getattr(decision.answer.data, "code", None)


def test_who_pauses_gets_nothing_new_and_keeps_what_they_have() -> None:
    view = a_view()
    turn(view, sign_on("a1"), event(a_snapshot(1, 2, "a1", status="assigned", assignment_seq=1)))
    decision, concluded = turn(view, pause(), now=at(1))
    assert [(say.type, say.data) for say in decision.said] == [("agent.paused", Paused(agent_id="a1", at=at(1)))]
    *_, concluded = turn(view, event(a_snapshot(2)), now=at(2))
    assert concluded.said == []
    replied = a_snapshot(1, 3, "a1", status="needs_reply", assignment_seq=1)
    decision, _ = turn(view, event(replied), command("agent.heartbeat"), now=at(3))[:2]
    assert decision.said == []
    decision, concluded = turn(view, resume(), now=at(4))
    assert [say.type for say in decision.said] == ["agent.resumed"]
    assert assignments(concluded) == {2: "a1"}


def test_a_pause_goes_to_the_others_at_once() -> None:
    view = a_view()
    turn(view, sign_on("a1"), sign_on("a2"), pause("a1"))
    *_, concluded = turn(view, *(event(a_snapshot(number)) for number in range(1, 6)))
    assert set(assignments(concluded).values()) == {"a2"}


def test_pausing_twice_is_accepted_and_said_once() -> None:
    view = a_view()
    turn(view, sign_on("a1"))
    said = []
    for message in (pause(), pause(), resume(), resume()):
        decision, _ = turn(view, message)
        assert code(decision) is None
        said += [say.type for say in decision.said]
    assert said == ["agent.paused", "agent.resumed"]


@pytest.mark.parametrize("end", [sign_on("a1"), command("agent.sign_off", "a1")])
def test_signing_on_or_off_ends_ones_own_pause(end: Message[Any]) -> None:
    view = a_view()
    turn(view, sign_on("a1"), pause(), end)
    assert not view.agents["a1"].paused


def test_only_who_is_signed_on_pauses() -> None:
    view = a_view()
    decision, _ = turn(view, pause())
    assert code(decision) == "wrong_status"
    turn(view, sign_on("a1"), command("agent.sign_off", "a1"))
    decision, _ = turn(view, pause())
    assert code(decision) == "wrong_status"
    decision, _ = turn(view, command("agent.pause", "a1", sender="agent.a2"))
    assert code(decision) == "forbidden"


@pytest.mark.parametrize(("who", "may"), [("lead", True), ("other", False), ("a2", False)])
def test_a_supervisor_pauses_members_of_their_teams(who: str, may: bool) -> None:
    view = by_staff(a_view())
    turn(view, sign_on("a1"))
    decision, _ = turn(view, pause(who, "a1"), now=at(1))
    assert (code(decision) is None) is may
    assert view.agents["a1"].paused is may
    if may:
        assert decision.said[0].data == Paused(agent_id="a1", at=at(1), by=who)


def test_without_a_staff_file_nobody_pauses_another() -> None:
    view = a_view()
    turn(view, sign_on("a1"), sign_on("lead"))
    decision, _ = turn(view, pause("lead", "a1"))
    assert code(decision) == "forbidden"


def test_whom_a_supervisor_paused_only_a_supervisor_lets_go_on() -> None:
    view = by_staff(a_view())
    turn(view, sign_on("a1"), pause("a1"), pause("lead", "a1"))
    decision, _ = turn(view, resume("a1"))
    assert code(decision) == "forbidden"
    turn(view, command("agent.sign_off", "a1"))
    signed_on, concluded = turn(view, sign_on("a1"), event(a_snapshot(1)))[::2]
    assert as_a(SignedOn, signed_on.said[0].data).paused is True
    assert signed_on.answer is not None
    hints = as_a(Accepted, signed_on.answer.data).hints
    assert hints is not None
    (hint,) = hints["agent_id"]
    assert hint.startswith("lead has paused you")
    assert concluded.said == []
    decision, concluded = turn(view, resume("lead", "a1"))
    assert [say.type for say in decision.said] == ["agent.resumed"]
    assert assignments(concluded) == {1: "a1"}


def test_a_member_who_has_never_signed_on_is_paused_beforehand() -> None:
    view = by_staff(a_view())
    turn(view, pause("lead", "a1"))
    *_, concluded = turn(view, sign_on("a1"), event(a_snapshot(1)))
    assert concluded.said == []
    assert view.agents["a1"].display_name == "A1"


@pytest.mark.parametrize("release", [False, True])
def test_who_was_paused_before_they_ever_signed_on_has_not_signed_on_yet(release: bool) -> None:
    view = by_staff(a_view())
    turn(view, pause("lead", "a1"))
    for message in (command("agent.sign_off", release=release), command("agent.heartbeat"), pause("a1"), resume("a1")):
        decision, _ = turn(view, message)
        assert code(decision) == "wrong_status"
    assert not view.agents["a1"].releases


def test_once_there_is_no_staff_file_any_more_everybody_lets_themselves_go_on() -> None:
    view = by_staff(a_view())
    turn(view, sign_on("a1"), pause("lead", "a1"))
    view = View(SKILLS, view.agents.values(), view.tickets.values(), view.pool)
    decision, _ = turn(view, resume("a1"))
    assert code(decision) is None
