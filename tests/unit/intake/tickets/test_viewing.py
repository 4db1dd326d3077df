"""What requesters and agents may see; looking changes nothing and is answered again each time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from contracts.statuses import CLOSES_AFTER, REOPENS_WITHIN
from contracts.tickets import Listed, ListTickets
from services.chassis.decision import Message
from services.intake.domain.tickets.viewing import SHOWN
from services.intake.domain.values.agent import KnownAgent
from services.intake.domain.values.pages import AgentPageAsked, Page, PageAsked
from tests.unit.intake.desk import MORNING, Desk, Heard, account
from tests.unit.said import as_a


def test_a_requester_sees_the_public_history_of_their_ticket() -> None:
    desk = Desk()
    number = desk.opened(status="solution_suggested")
    heard = desk.view(number)
    assert heard.type == "ticket.viewed"
    assert heard.ticket["status"] == "solution_suggested"
    assert [entry["kind"] for entry in heard.data["history"]] == ["opened", "solution_suggested"]
    assert "truncated" not in heard.data


def test_an_agent_sees_internal_entries_too() -> None:
    desk = Desk()
    number = desk.opened(status="solution_suggested")
    heard = desk.agent("ticket.view", number)
    assert [entry["kind"] for entry in heard.data["history"]] == ["opened", "assigned", "solution_suggested"]


def test_a_ticket_is_shown_to_the_agent_who_has_it_and_to_those_who_may_have_it() -> None:
    desk = Desk()
    number = desk.opened(language="en")
    desk.assign(number, "a1")
    desk.state.apply(KnownAgent("a2", "A2", ("safety",)))
    desk.state.apply(KnownAgent("a3", "A3", ("billing",), ("en",), ("standard",)))
    desk.state.apply(KnownAgent("a4", "A4", ("billing",), ("pt-BR",)))
    desk.state.apply(KnownAgent("a5", "A5", ("billing",), (), ("vip",)))
    seen = {agent: desk.agent("ticket.view", number, agent).type for agent in ("a1", "a2", "a3", "a4", "a5")}
    assert [agent for agent, type_ in seen.items() if type_ == "ticket.viewed"] == ["a1", "a3"]
    assert desk.agent("ticket.view", number, "a2").code == "forbidden"
    assert desk.agent("ticket.view", "99999999").code == "unknown_ticket"


def test_an_agent_of_whom_nothing_is_known_yet_waits_five_seconds_and_is_then_refused() -> None:
    desk = Desk()
    heard = desk.agent("ticket.view", desk.opened(), "newcomer")
    assert heard.decision.waits == timedelta(seconds=5)
    assert heard.code == "forbidden"


def test_a_list_has_the_requesters_tickets_newest_first() -> None:
    desk = Desk()
    numbers = [desk.opened(issue_key=str(place)) for place in range(25)]
    desk.opened(requester=account("bob"))
    heard = desk.send("ticket.list", {"requester": account()})
    assert heard.type == "ticket.listed"
    assert [ticket["number"] for ticket in heard.data["tickets"]] == numbers[:4:-1]
    assert (heard.data["page"], heard.data["pages"]) == (1, 2)


def test_a_list_of_nothing_is_empty() -> None:
    heard = Desk().send("ticket.list", {"requester": account(), "page": 3})
    assert (heard.data["tickets"], heard.data["page"], heard.data["pages"]) == ([], 3, 0)


def test_looking_changes_nothing_and_is_not_remembered() -> None:
    desk = Desk()
    number = desk.opened()
    for heard in (
        desk.view(number),
        desk.view(number, account("bob")),
        desk.view("99999999"),
        desk.agent("ticket.view", number),
        desk.send("ticket.list", {"requester": account()}),
    ):
        assert not heard.decision.remember
        assert not heard.decision.changes
        assert not heard.decision.said
    assert desk.reply(number).decision.remember


def test_of_a_very_long_history_the_newest_is_shown() -> None:
    desk = Desk()
    number = desk.opened(body="opening")
    for place in range(45):
        desk.reply(number, body=f"{place} " + "x" * 19_000)
    heard = desk.view(number)
    texts = [entry["text"] for entry in heard.data["history"]]
    assert heard.data["truncated"] is True
    assert texts[0] == "opening"
    assert texts[-1].startswith("44 ")
    assert sum(map(len, texts)) <= SHOWN


def listed(desk: Desk, agent: str = "a1", sender: str | None = None, **more: Any) -> Heard:
    return desk.send("ticket.list", {"agent_id": agent, **more}, sender or f"agent.{agent}")


def numbers(heard: Heard) -> list[str]:
    return [ticket["number"] for ticket in heard.data["tickets"]]


def test_an_agent_lists_the_tickets_that_are_theirs_newest_first() -> None:
    desk = Desk()
    first, second, other, closed, nobodys = (
        desk.opened(status=status, requester=account(id_))
        for id_, status in zip("abcde", ["assigned"] * 4 + ["new"], strict=True)
    )
    desk.agent("ticket.transfer", other, to_agent="a2")
    desk.agent("ticket.close", closed)
    heard = listed(desk)
    assert (heard.type, heard.decision.remember) == ("ticket.listed", False)
    assert (numbers(heard), heard.data["page"], heard.data["pages"]) == ([second, first], 1, 1)
    assert numbers(listed(desk, status="closed")) == [closed]
    assert numbers(listed(desk, status="needs_reply")) == []
    assert numbers(listed(desk, "a2")) == [other]
    assert nobodys not in numbers(listed(desk))


def test_an_agent_lists_nobody_elses_tickets() -> None:
    desk = Desk()
    desk.opened(status="assigned")
    assert [listed(desk, sender=sender).code for sender in ("agent.a2", "web")] == ["forbidden"] * 2
    assert desk.send("ticket.list", {"requester": account()}, "agent.a1").code == "forbidden"


def test_a_ticket_that_goes_to_another_in_the_very_turn_is_not_listed() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    pages: dict[PageAsked | AgentPageAsked, Page] = {AgentPageAsked("a1", None, 1): Page((desk.ticket(number).id,), 1)}
    desk.agent("ticket.transfer", number, to_agent="a2")
    desk.state.pages = pages
    message = Message("m", "ticket.list", "agent.a1", ListTickets(agent_id="a1"))
    answer = desk.decide(message).answer
    assert answer is not None
    assert as_a(Listed, answer.data).tickets == []


MOMENTS = ("answer_due_at", "escalatable_at", "closes_at", "reopens_until")


def moments(desk: Desk, number: str) -> dict[str, datetime]:
    return {name: value for name, value in desk.view(number).data.items() if name in MOMENTS}


def test_a_view_says_by_when_the_desk_should_reply_and_from_when_the_requester_may_escalate() -> None:
    desk = Desk()
    number = desk.opened()
    assert moments(desk, number) == {}, "sla has said nothing yet"
    desk.armed(number, MORNING + timedelta(days=7))
    assert moments(desk, number) == {"answer_due_at": MORNING, "escalatable_at": MORNING + timedelta(days=7)}
    desk.assign(number)
    assert set(moments(desk, number)) == {"answer_due_at", "escalatable_at"}, "the requester still waits"
    desk.agent("ticket.ask_info", number)
    assert moments(desk, number) == {}, "it is the requester's turn"
    desk.reply(number)
    assert moments(desk, number) == {}, "what sla said was of the wait before"


def test_what_is_escalated_is_not_escalated_again() -> None:
    desk = Desk()
    number = desk.opened()
    desk.armed(number, MORNING)
    assert desk.requester("ticket.escalate", number, reason="Please.").type == "command.accepted"
    assert set(moments(desk, number)) == {"answer_due_at"}


def test_a_view_says_when_the_ticket_closes_and_until_when_a_reply_reopens_it() -> None:
    desk = Desk()
    number = desk.opened(status="solution_suggested")
    assert moments(desk, number) == {"closes_at": MORNING + CLOSES_AFTER}
    desk.later(days=1)
    desk.agent("ticket.suggest_solution", number)
    assert moments(desk, number) == {"closes_at": desk.now + CLOSES_AFTER}, "the last one counts"
    desk.agent("ticket.close", number)
    assert moments(desk, number) == {"reopens_until": desk.now + REOPENS_WITHIN}


def test_a_merged_ticket_never_reopens() -> None:
    desk = Desk()
    number, other = desk.opened(status="assigned", issue_key="1"), desk.opened(status="assigned", issue_key="2")
    desk.agent("ticket.merge_into", number, to_number=other)
    assert moments(desk, number) == {}
