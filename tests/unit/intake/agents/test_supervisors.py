"""The staff file in intake: who may act at all, and what supervisors may do to the tickets of their teams."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contracts.names import LIVE
from contracts.staff import Member, Staff
from tests.unit.intake.desk import Desk, Heard, account, temporary


def a_member(id_: str, *roles: str, teams: str = "x", skills: tuple[str, ...] = ("*",), **more: Any) -> Member:
    return Member(id_, frozenset(roles or ("agent",)), frozenset(teams), skills=skills, **more)  # type: ignore[arg-type]


LEAD = a_member("lead", "supervisor", display_name="Lea")


def staffed(*members: Member) -> Desk:
    """A desk whose staff are these."""
    desk = Desk()
    desk.state.staff = Staff({member.agent_id: member for member in members})
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


OTHER = a_member("other", "supervisor", teams="y")
EVERYBODY = (a_member("a1"), a_member("a2"), LEAD, OTHER, a_member("boss", "manager", teams=""))


def as_lead(desk: Desk, type_: str, number: str, **more: Any) -> Heard:
    return desk.agent(type_, number, "lead", **more)


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("ticket.assign_to", {"to_agent": "a2"}),
        ("ticket.take_away", {}),
        ("ticket.close", {}),
        ("ticket.reclassify", {"category": "technical"}),
        ("ticket.add_note", {}),
        ("ticket.view", {}),
    ],
)
def test_supervisors_act_on_a_ticket_of_their_team_and_nobody_else_does(command: str, more: dict[str, Any]) -> None:
    for who, may in (("lead", True), ("boss", True), ("other", False), ("a2", False)):
        desk = staffed(*EVERYBODY)
        heard = desk.agent(command, desk.opened(status="assigned"), who, **more)
        may_have_it = who == "a2" and command in ("ticket.view", "ticket.add_note")
        assert (heard.code != "forbidden") is (may or may_have_it), who


@pytest.mark.parametrize(
    "command", ["ticket.start_work", "ticket.ask_info", "ticket.suggest_solution", "ticket.transfer"]
)
def test_supervisors_do_not_answer_in_the_agents_stead(command: str) -> None:
    desk = staffed(*EVERYBODY)
    assert as_lead(desk, command, desk.opened(status="assigned")).code == "forbidden"


def test_a_supervisor_gives_what_nobody_has_to_an_agent() -> None:
    desk = staffed(*EVERYBODY)
    number = desk.opened()
    heard = as_lead(desk, "ticket.assign_to", number, to_agent="a2", reason="Knows cards")
    assert (heard.ticket["status"], heard.ticket["agent"]["id"], heard.ticket["assignment_seq"]) == (
        "assigned",
        "a2",
        1,
    )
    assert heard.events() == ["ticket.assigned"]
    assert heard.to_agents() == ["agent.a2.ticket.assigned"]
    entry = heard.event().data["entry"]
    assert (entry["author"], entry["text"], entry["visibility"]) == (
        {"kind": "agent", "id": "lead", "display_name": "Lea"},
        "Knows cards",
        "internal",
    )
    assert desk.ticket(number).changed_from is None
    assert desk.assign(number, seq=0).code == "conflict", "routing had meant it for another"


@pytest.mark.parametrize(
    "status", ["assigned", "work_in_progress", "needs_reply", "need_more_info", "solution_suggested"]
)
def test_a_supervisor_gives_a_ticket_on_and_routing_does_not_undo_it(status: str) -> None:
    desk = staffed(*EVERYBODY)
    number = desk.opened(status=status)
    heard = as_lead(desk, "ticket.assign_to", number, to_agent="a2")
    assert (heard.ticket["status"], heard.ticket["changed_from"]) == (status, "a1")
    assert heard.event().type == "ticket.transferred"
    assert heard.event().data["previous_agent"]["id"] == "a1"
    assert heard.to_agents() == ["agent.a1.ticket.unassigned", "agent.a2.ticket.assigned"]
    told = [say.data["previous_agent"]["id"] for say in heard.decision.said if say.exchange != LIVE]
    assert told == ["a1"] * 3
    assert as_lead(desk, "ticket.assign_to", number, to_agent="a1").type == "command.accepted", "and back, by name"


@pytest.mark.parametrize(
    ("why", "code"),
    [("has it", "invalid"), ("gone", "invalid"), ("paused", "invalid"), ("unskilled", "invalid"), ("left", "conflict")],
)
def test_nobody_gets_by_name_what_they_may_not_have(why: str, code: str) -> None:
    unskilled = a_member("a2", skills=("safety",))
    desk = staffed(a_member("a1"), unskilled if why == "unskilled" else a_member("a2"), LEAD)
    number = desk.opened(status="assigned")
    known = desk.state.agents["a2"]
    if why == "has it":
        as_lead(desk, "ticket.assign_to", number, to_agent="a2")
    elif why == "left":
        as_lead(desk, "ticket.assign_to", number, to_agent="a2")
        desk.requester("ticket.change_agent", number, reason="Another, please")
    elif why != "unskilled":
        desk.state.agents["a2"] = replace(known, signed_on=why != "gone", paused=why == "paused")
    before = desk.ticket(number)
    heard = as_lead(desk, "ticket.assign_to", number, to_agent="a2")
    assert heard.code == code
    assert desk.ticket(number) == before
    if why in ("gone", "paused", "unskilled"):
        assert desk.agent("ticket.transfer", number, to_agent="a2").code == code, "nor from its agent"


@pytest.mark.parametrize(("status", "after"), [("assigned", "new"), ("needs_reply", "needs_reply")])
def test_what_a_supervisor_takes_away_waits_and_never_goes_back(status: str, after: str) -> None:
    desk = staffed(*EVERYBODY)
    number = desk.opened(status=status)
    heard = as_lead(desk, "ticket.take_away", number)
    assert (heard.ticket["status"], heard.ticket["agent"], heard.ticket["changed_from"]) == (after, None, "a1")
    assert heard.to_agents() == ["agent.a1.ticket.unassigned"]
    assert heard.event().data["entry"]["changed"] == {"agent": {"old": "a1", "new": None}}
    assert as_lead(desk, "ticket.take_away", number).code == "wrong_status"


def test_a_supervisor_reopens_within_seven_days() -> None:
    desk = staffed(*EVERYBODY)
    number = desk.opened(status="closed")
    desk.later(days=7)
    heard = as_lead(desk, "ticket.reopen", number, reason="Closed by mistake")
    assert (heard.type, heard.ticket["status"], heard.ticket["reopen_count"]) == ("command.accepted", "reopened", 1)
    assert (heard.ticket["agent"]["id"], heard.ticket["closed_at"], heard.ticket["close_reason"]) == ("a1", None, None)
    assert heard.to_agents() == ["agent.a1.ticket.reopened"]
    assert heard.event().data["entry"]["text"] == "Closed by mistake"
    assert as_lead(desk, "ticket.reopen", number).code == "wrong_status"


def test_a_supervisor_does_not_reopen_what_stays_closed() -> None:
    desk = staffed(*EVERYBODY)
    late = desk.opened(status="closed")
    desk.later(days=7, microseconds=1)
    assert as_lead(desk, "ticket.reopen", late).code == "closed_too_long"
    again = desk.opened(status="closed", requester=account("bob"))
    holder = desk.opened(requester=account("bob"))
    heard = as_lead(desk, "ticket.reopen", again)
    assert (heard.code, heard.ticket["number"]) == ("conflict", holder)
    merged = desk.opened(status="assigned", requester=account("cy"))
    other = desk.opened(requester=account("cy"), subject="Other", category="technical", distinct_from=[merged])
    as_lead(desk, "ticket.merge_into", merged, to_number=other)
    assert other in as_lead(desk, "ticket.reopen", merged).data["message"]


def test_a_supervisor_does_not_reopen_the_ticket_of_an_account_that_has_ended() -> None:
    desk = staffed(*EVERYBODY)
    opened = desk.send("account.open_temporary", {"display_name": "Visitor"})
    desk.secrets.add((opened.data["account_id"], "s"))
    who = temporary(opened.data["account_id"], "s")
    number = desk.opened(status="closed", requester=who)
    key = f"temporary:{opened.data['account_id']}"
    held = desk.state.accounts[key].version
    assert as_lead(desk, "ticket.reopen", number).type == "command.accepted"
    assert desk.state.accounts[key].version == held + 1, "its end, at the same moment, conflicts"
    desk.agent("ticket.close", number)
    desk.state.accounts[key] = replace(desk.state.accounts[key], ended_at=desk.now)
    assert as_lead(desk, "ticket.reopen", number).code == "wrong_status"


@pytest.mark.parametrize("content", [False, True])
@pytest.mark.parametrize("kind", ["account", "temporary"])
def test_a_supervisor_does_not_reopen_the_ticket_of_who_is_erased(kind: str, content: bool) -> None:
    desk, who, key = staffed(*EVERYBODY), account("zoe"), "account:zoe"
    if kind == "temporary":
        opened = desk.send("account.open_temporary", {"display_name": "Visitor"})
        desk.secrets.add((opened.data["account_id"], "s"))
        who, key = temporary(opened.data["account_id"], "s"), f"temporary:{opened.data['account_id']}"
    number = desk.opened(status="assigned", requester=who)
    desk.state.persons = {key: (key,)}
    desk.send("account.erase", {"requester": who, "content": content})
    assert desk.ticket(number).status == "closed"
    assert as_lead(desk, "ticket.reopen", number).code == "wrong_status"


def test_a_supervisor_merges_two_tickets_of_one_person_alone() -> None:
    desk = staffed(*EVERYBODY)
    number = desk.opened(status="assigned")
    other = desk.opened(subject="App slow", category="technical", distinct_from=[number])
    strangers = desk.opened(requester=account("bob"))
    assert as_lead(desk, "ticket.merge_into", number, to_number=strangers).code == "forbidden"
    heard = as_lead(desk, "ticket.merge_into", number, to_number=other)
    assert (heard.ticket["status"], heard.ticket["merged_into"]) == ("closed", other)
    assert heard.to_agents() == ["agent.a1.ticket.closed"]
    second = desk.opened(status="assigned", requester=account("cy"))
    third = desk.opened(
        status="assigned", requester=account("cy"), subject="App slow", category="technical", distinct_from=[second]
    )
    heard = as_lead(desk, "ticket.merge_into", second, to_number=third)
    assert sorted(heard.to_agents()) == ["agent.a1.ticket.closed", "agent.a1.ticket.linked"], "of each of the two"


@pytest.mark.parametrize(
    ("command", "more", "hears"),
    [
        ("ticket.close", {}, "ticket.closed"),
        ("ticket.reclassify", {"category": "technical"}, "ticket.reclassified"),
        ("ticket.add_note", {}, "ticket.note_added"),
        ("ticket.link", {}, "ticket.linked"),
    ],
)
def test_the_agent_hears_what_a_supervisor_does_and_the_history_names_them(
    command: str, more: dict[str, Any], hears: str
) -> None:
    desk = staffed(*EVERYBODY)
    number = desk.opened(status="assigned")
    if command == "ticket.link":
        more = {"to_number": desk.opened(requester=account("bob"))}
    heard = as_lead(desk, command, number, **more)
    assert heard.to_agents() == [f"agent.a1.{hears}"]
    assert heard.event().data["entry"]["author"] == {"kind": "agent", "id": "lead", "display_name": "Lea"}


def test_a_supervisor_who_expects_another_version_is_told_so() -> None:
    desk = staffed(*EVERYBODY)
    number = desk.opened(status="assigned")
    for command in ("ticket.take_away", "ticket.close", "ticket.add_note"):
        assert as_lead(desk, command, number, expected_version=1).code == "conflict"


def test_what_the_staff_file_says_now_decides_who_may_have_a_ticket() -> None:
    desk = staffed(a_member("a1"), a_member("a2", skills=("safety",), languages=("en",)))
    number = desk.opened(status="assigned")
    assert desk.agent("ticket.add_note", number, "a2").code == "forbidden"
    desk.state.staff = Staff({"a1": a_member("a1"), "a2": a_member("a2", skills=("billing",), languages=("en",))})
    assert desk.agent("ticket.add_note", number, "a2").type == "command.accepted"


def test_pauses_are_heard_and_late_news_of_them_change_nothing() -> None:
    desk = Desk()
    news = {"agent_id": "a1", "at": desk.now}
    desk.hear("agent.paused", news, "routing")
    assert desk.state.agents["a1"].paused
    desk.hear("agent.resumed", {**news, "by": "lead", "at": desk.now - timedelta(seconds=1)}, "routing")
    assert desk.state.agents["a1"].paused
    desk.hear("agent.resumed", {**news, "at": desk.now + timedelta(seconds=1)}, "routing")
    assert not desk.state.agents["a1"].paused
    on = {"agent_id": "a1", "display_name": "A1", "capacity": 3, "skills": ["*"], "at": desk.now + timedelta(hours=1)}
    desk.hear("agent.signed_on", {**on, "paused": True}, "routing")
    assert desk.state.agents["a1"].paused
    assert desk.hear("agent.paused", {"agent_id": "stranger", "at": desk.now}, "routing").changes == ()


def test_nobody_gives_a_ticket_to_an_agent_whom_the_staff_file_does_not_name_or_not_as_one() -> None:
    desk = staffed(*EVERYBODY)
    number = desk.opened(status="assigned")
    desk.state.agents["lead"] = replace(desk.state.agents["a3"], id="lead")
    for agent in ("a3", "lead"):
        assert desk.agent("ticket.transfer", number, to_agent=agent).data["errors"].keys() == {"to_agent"}
    assert desk.agent("ticket.transfer", number, to_agent="a2").type == "command.accepted"


@pytest.mark.parametrize(("known", "shown"), [(None, "boss"), ("Bo", "Bo")])
def test_who_has_no_name_in_the_staff_file_is_shown_by_that_of_their_last_sign_on(
    known: str | None, shown: str
) -> None:
    desk = staffed(*EVERYBODY)
    number = desk.opened(status="assigned")
    if known is not None:
        desk.state.agents["boss"] = replace(desk.state.agents["a1"], id="boss", display_name=known)
    heard = desk.agent("ticket.take_away", number, "boss")
    assert heard.event().data["entry"]["author"]["display_name"] == shown


def test_a_category_that_the_catalogue_no_longer_has_keeps_its_supervisors() -> None:
    skilled = a_member("a1", teams="y", skills=("cats",))
    desk = staffed(skilled, a_member("a2", skills=("billing",)), LEAD, OTHER)
    assert desk.state.supervisors_of("cats") == ["other"]
    assert desk.state.supervisors_of("billing") == ["lead"]
