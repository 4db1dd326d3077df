"""The staff file in intake: who may act at all, and what supervisors may do to the tickets of their teams."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.staff import Member, Staff
from tests.unit.intake.desk import Desk, account


def a_member(id_: str, *roles: str, teams: str = "x", skills: tuple[str, ...] = ("*",), **more: Any) -> Member:
    return Member(id_, frozenset(roles or ("agent",)), frozenset(teams), skills=skills, **more)  # type: ignore[arg-type]


LEAD = a_member("lead", "supervisor", display_name="Lea")


def staffed(*members: Member) -> Desk:
    """A desk whose staff are these."""
    desk = Desk()
    desk.state.staff = Staff({one.agent_id: one for one in members})
    return desk


def test_an_agent_whom_the_staff_file_does_not_name_may_do_nothing() -> None:
    desk = staffed(a_member("a1"))
    number = desk.opened(status="work_in_progress")
    desk.state.staff = Staff({"a2": a_member("a2")})
    for command in ("ticket.suggest_solution", "ticket.add_note", "ticket.close"):
        assert desk.agent(command, number).code == "forbidden"
    assert (
        "not among the staff"
        in desk.send("ticket.view", {"agent_id": "a1", "number": number}, "agent.a1").data["message"]
    )


def test_without_a_staff_file_nobody_supervises() -> None:
    desk = Desk()
    assert not desk.state.may_supervise("a1", desk.ticket(desk.opened()))


@pytest.mark.parametrize(("who", "may"), [("lead", True), ("a1", False), ("other", False), ("boss", True)])
def test_supervisors_act_on_what_their_teams_have_or_could_have(who: str, may: bool) -> None:
    other = a_member("other", "supervisor", teams="y")
    desk = staffed(a_member("a1"), LEAD, other, a_member("boss", "manager", teams=""))
    held, nobodys = desk.opened(status="assigned"), desk.opened(requester=account("bob"))
    assert desk.state.may_supervise(who, desk.ticket(held)) is may
    assert desk.state.may_supervise(who, desk.ticket(nobodys)) is may
