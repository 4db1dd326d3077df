"""The catalogue loses a category that has tickets: their life goes on, and only new ones are refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.catalogue import Catalogue
from contracts.statuses import OPEN
from services.intake.domain.values.agent import KnownAgent
from tests.unit.intake.desk import Desk


def lose(desk: Desk, *gone: str) -> None:
    """The operator takes these categories out of the catalogue."""
    left = {id_: kept for id_, kept in desk.state.catalogue.categories.items() if id_ not in gone}
    desk.state.catalogue = Catalogue(left)


@pytest.mark.parametrize("status", OPEN)
def test_every_command_about_a_ticket_of_a_gone_category_is_as_before(status: str) -> None:
    desk = Desk()
    number = desk.opened(status=status)
    if status == "new":
        desk.assign(number)
    other = desk.submit(subject="Another matter", body="Which is not like it at all", issue_key="other").ticket[
        "number"
    ]
    lose(desk, "billing")
    assert desk.view(number).type == "ticket.viewed"
    done = [
        desk.reply(number),
        desk.requester("ticket.edit", number, subject="Card is late"),
        desk.agent("ticket.start_work", number),
        desk.agent("ticket.add_note", number),
        desk.agent("ticket.link", number, to_number=other),
        desk.agent("ticket.ask_consent", number),
        desk.requester("ticket.answer_consent", number, granted=True),
        desk.agent("ticket.ask_info", number),
        desk.agent("ticket.suggest_solution", number),
        desk.agent("ticket.transfer", number, to_agent="a2"),
        desk.requester("ticket.change_agent", number, reason="please"),
        desk.assign(number, "a3"),
        desk.agent("ticket.reclassify", number, "a3", category="technical"),
        desk.requester("ticket.accept_solution", number),
    ]
    assert [answer.type for answer in done] == ["command.accepted"] * len(done)
    assert desk.reply(number).ticket["category"] == "technical"


@pytest.mark.parametrize("category", ["billing", "access", "general"])
def test_a_closed_ticket_of_a_gone_category_is_reopened_by_a_reply_and_by_a_submission_that_names_it(
    category: str,
) -> None:
    for way in ("reply", "submit"):
        desk = Desk()
        number = desk.opened(status="closed", category=category, subcategory="card")
        lose(desk, category)
        heard = desk.reply(number) if way == "reply" else desk.submit(refers_to=number, category=category)
        assert (heard.type, heard.ticket["category"]) == ("ticket.reopened", category)
        again = desk.submit(refers_to=number, category=category, subcategory="card")
        assert (again.type, again.ticket["number"]) == ("ticket.duplicate", number)


@pytest.mark.parametrize(
    ("more", "code"),
    [({"category": "billing"}, "unknown_category"), ({"category": "technical", "subcategory": "lost"}, "invalid")],
)
def test_a_new_ticket_needs_a_category_of_the_catalogue_also_where_it_names_an_earlier_one(
    more: dict[str, Any], code: str
) -> None:
    desk = Desk()
    number = desk.opened(status="closed")
    lose(desk, "billing")
    desk.now += timedelta(days=8)
    naming: tuple[dict[str, Any], ...] = ({}, {"refers_to": number})
    for named in naming:
        heard = desk.submit(**more, **named)
        assert (heard.type, heard.code) == ("command.rejected", code)
        assert not heard.decision.changes


def test_two_open_tickets_of_a_gone_category_are_merged() -> None:
    desk = Desk()
    first = desk.opened(status="assigned")
    second = desk.submit(issue_key="2", subject="?", body="!").ticket["number"]
    desk.assign(second)
    lose(desk, "billing")
    assert desk.agent("ticket.merge_into", second, to_number=first).type == "command.accepted"
    assert desk.reply(second).ticket["number"] == first


@pytest.mark.parametrize(("skill", "may"), [("billing", True), ("*", True), ("technical", False)])
def test_an_agent_who_lists_the_gone_category_may_have_its_tickets(skill: str, may: bool) -> None:
    desk = Desk()
    ticket = desk.ticket(desk.opened())
    lose(desk, "billing")
    assert KnownAgent("a7", "A7", (skill,)).may_have(ticket, desk.state.skills) == may
