"""What requesters and agents may see; looking changes nothing and is answered anew each time."""

from __future__ import annotations

from datetime import timedelta

from services.intake.domain.agents import KnownAgent
from services.intake.domain.viewing import SHOWN
from tests.unit.intake.desk import Desk, account


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
