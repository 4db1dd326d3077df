"""The table of moves: what the page shows is drawn from it, and what is decided follows from it."""

from __future__ import annotations

from contracts import registry
from contracts.statuses import STATUSES
from deploy.documents.ticket_life import PAGE, drawn
from services.intake.domain.life.moves import TABLE


def test_the_page_shows_the_table_as_it_is() -> None:
    page = PAGE.read_text()
    assert drawn(page) == page, "run make contracts"
    assert "stateDiagram-v2" in page


def test_every_event_and_command_of_the_table_is_of_the_contract() -> None:
    for move in TABLE:
        assert registry.event(move.event) is not None
        assert all(registry.command(command) is not None for command in move.commands)


def test_every_command_that_changes_a_ticket_is_in_the_table() -> None:
    """And what opens one, `ticket.submit`; and what makes it another person's."""
    named = {command for move in TABLE for command in move.commands}
    intakes = {each.type for each in registry.TYPES.values() if each.answered_by == "intake"}
    of_tickets = {type_ for type_ in intakes if type_.startswith("ticket.")} - {"ticket.list", "ticket.view"}
    assert named == of_tickets | {"account.confirm_contact", "account.merge", "account.erase"}


def test_a_closed_ticket_only_reopens() -> None:
    leads = {move.event: move.to["closed"] for move in TABLE if "closed" in move.to}
    assert leads.pop("ticket.reopened") == "reopened"
    assert set(leads.values()) == {"closed"}, "or becomes another person's, is noted on, erased or redacted, closed"


def test_from_every_status_there_is_a_way_to_the_end() -> None:
    assert all(status == "closed" or any(move.to.get(status) == "closed" for move in TABLE) for status in STATUSES)
