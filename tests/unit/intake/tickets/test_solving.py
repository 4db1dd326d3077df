"""What agents and time do to a ticket (docs/rules.md, "The life of a ticket")."""

from __future__ import annotations

import pytest

from contracts.statuses import OPEN
from tests.unit.intake.desk import Desk, account

OPEN_WITH_AGENT = tuple(status for status in OPEN if status != "new")
BECOMES = {
    "ticket.ask_info": ("need_more_info", "ticket.info_requested"),
    "ticket.suggest_solution": ("solution_suggested", "ticket.solution_suggested"),
    "ticket.close": ("closed", "ticket.closed"),
}


@pytest.mark.parametrize("status", OPEN_WITH_AGENT)
@pytest.mark.parametrize("type_", BECOMES)
def test_the_agent_asks_answers_and_closes_from_any_open_status(type_: str, status: str) -> None:
    desk = Desk()
    number = desk.opened(status=status)
    before = desk.ticket(number)
    desk.later(minutes=5)
    heard = desk.agent(type_, number)
    becomes, event = BECOMES[type_]
    assert heard.type == "command.accepted"
    assert heard.events() == [event]
    ticket = heard.ticket
    assert (ticket["status"], ticket["version"]) == (becomes, before.version + 1)
    # An agent's message enters its status again: a second suggestion restarts the 7 days.
    assert (ticket["status_version"], ticket["status_since"]) == (ticket["version"], desk.now)
    if type_ != "ticket.close":
        assert ticket["last_agent_message_at"] == desk.now
        assert ticket["first_agent_message_at"] == (before.first_agent_message_at or desk.now)
    assert heard.event().data["entry"]["author"] == {"kind": "agent", "id": "a1", "display_name": "A1"}
    assert heard.event().data["entry"]["visibility"] == "public"


@pytest.mark.parametrize("type_", BECOMES)
def test_nothing_of_an_agent_fits_a_closed_ticket(type_: str) -> None:
    desk = Desk()
    number = desk.opened(status="closed")
    heard = desk.agent(type_, number)
    assert (heard.type, heard.code) == ("command.rejected", "wrong_status")


@pytest.mark.parametrize("type_", BECOMES)
def test_only_the_tickets_agent_may_act_on_it(type_: str) -> None:
    desk = Desk()
    waiting = desk.opened(issue_key="1")
    taken = desk.opened(issue_key="2", status="assigned")
    assert desk.agent(type_, waiting).code == "forbidden"
    assert desk.agent(type_, taken, agent="a2").code == "forbidden"
    assert desk.agent(type_, "99999999").code == "unknown_ticket"


@pytest.mark.parametrize("type_", [*BECOMES, "ticket.view"])
def test_an_agent_may_only_act_in_their_own_name(type_: str) -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    data = {"agent_id": "a1", "number": number, "body": "Hi", "reason": "done"}
    for sender in ("agent.a2", "web"):
        assert desk.send(type_, data, sender).code == "forbidden"


def test_an_agent_cannot_speak_for_a_requester() -> None:
    desk = Desk()
    number = desk.opened()
    assert desk.send("ticket.view", {"requester": account(), "number": number}, "agent.a1").code == "forbidden"


@pytest.mark.parametrize("type_", BECOMES)
def test_an_expected_version_that_has_moved_on_is_a_conflict_with_the_present_ticket(type_: str) -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    desk.reply(number)
    heard = desk.agent(type_, number, expected_version=2)
    assert (heard.type, heard.code) == ("command.rejected", "conflict")
    assert heard.ticket["version"] == 3
    assert desk.agent(type_, number, expected_version=3).type == "command.accepted"


def test_articles_of_a_solution_stand_in_the_history() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    heard = desk.agent("ticket.suggest_solution", number, articles=["kb-1", "kb-2"])
    assert heard.event().data["entry"]["articles"] == ["kb-1", "kb-2"]


def test_the_requester_accepts_a_suggested_solution_and_the_ticket_closes() -> None:
    desk = Desk()
    number = desk.opened(status="solution_suggested")
    desk.later(hours=3)
    heard = desk.accept(number)
    assert heard.type == "command.accepted"
    assert heard.events() == ["ticket.closed"]
    assert (heard.ticket["status"], heard.ticket["close_reason"]) == ("closed", "accepted")
    assert heard.ticket["closed_at"] == desk.now
    assert heard.to_agents() == ["agent.a1.ticket.closed"]
    assert desk.ticket(number).open_key is None


@pytest.mark.parametrize("status", OPEN)
def test_the_requester_says_from_any_open_status_that_all_is_well_and_the_ticket_closes(status: str) -> None:
    desk = Desk()
    number = desk.opened(status=status)
    had = desk.ticket(number).agent
    heard = desk.accept(number)
    assert (heard.type, heard.events()) == ("command.accepted", ["ticket.closed"])
    assert (heard.ticket["status"], heard.ticket["close_reason"]) == ("closed", "accepted")
    assert heard.to_agents() == (["agent.a1.ticket.closed"] if had else [])
    assert desk.ticket(number).open_key is None


def test_a_closed_ticket_is_not_closed_again_by_its_requester() -> None:
    desk = Desk()
    assert desk.accept(desk.opened(status="closed")).code == "wrong_status"


def test_the_agents_reason_closes_the_ticket_in_words() -> None:
    desk = Desk()
    heard = desk.agent("ticket.close", desk.opened(status="assigned"), reason="Solved on the phone")
    assert heard.ticket["close_reason"] == "Solved on the phone"
    assert heard.event().data["entry"]["text"] == "Solved on the phone"


def test_no_reply_closes_by_the_version_that_entered_the_status() -> None:
    desk = Desk()
    number = desk.opened(status="solution_suggested")
    entered = desk.ticket(number).status_version
    heard = desk.auto_close(number, entered)
    assert (heard.type, heard.ticket["close_reason"]) == ("command.accepted", "no_reply")
    assert heard.event().data["entry"]["author"]["kind"] == "service"
    assert heard.to_agents() == ["agent.a1.ticket.closed"]
    assert desk.auto_close(number, entered).code == "conflict"


def test_a_reply_or_a_second_suggestion_saves_from_closing() -> None:
    desk = Desk()
    number = desk.opened(status="solution_suggested")
    first = desk.ticket(number).status_version
    desk.agent("ticket.suggest_solution", number)
    assert desk.auto_close(number, first).code == "conflict"
    second = desk.ticket(number).status_version
    desk.reply(number)
    heard = desk.auto_close(number, second)
    assert (heard.code, heard.ticket["status"]) == ("conflict", "needs_reply")


def test_a_change_of_agent_neither_saves_nor_breaks_closing() -> None:
    desk = Desk()
    number = desk.opened(status="solution_suggested")
    entered = desk.ticket(number).status_version
    desk.unassign(number)
    assert desk.auto_close(number, entered).type == "command.accepted"


def test_auto_close_of_a_missing_ticket_is_answered() -> None:
    assert Desk().auto_close("99999999", 1).code == "unknown_ticket"
