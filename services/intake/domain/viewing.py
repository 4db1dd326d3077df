"""Looking: a requester's tickets, and one ticket with its history. Nothing changes and nothing is remembered.

The page is docs/intake.md.
"""

from __future__ import annotations

from typing import Any

from services.chassis.decision import Answer, Decision, Message
from services.intake.domain.history import entry_data, within
from services.intake.domain.requesters import Caller
from services.intake.domain.state import PageAsked, State
from services.intake.domain.tickets import Ticket, snapshot

PAGE = 20
"""Tickets a page."""

SHOWN = 768 * 1024
"""Bytes of history in one answer; what is older than fits is left out, and the answer says `truncated`."""


def page_asked(message: Message, account: str, person: str) -> PageAsked:
    """The page that a `ticket.list` of an account asks for, which is `person`'s."""
    return PageAsked(account, person, message.data.get("status"), message.data.get("page", 1))


def list_tickets(state: State, message: Message, caller: Caller) -> Decision:
    """`ticket.list`: the requester's tickets, newest first, 20 a page."""
    asked = page_asked(message, caller.requester.account, caller.person)
    page = state.pages[asked]
    found = [state.tickets[id_] for id_ in page.ticket_ids]
    # Earlier in this turn one may have left the status that is asked for.
    tickets = [snapshot(ticket) for ticket in found if asked.status in (None, ticket.status)]
    data = {"tickets": tickets, "page": message.data.get("page", 1), "pages": page.pages}
    return Decision(answer=Answer("ticket.listed", data))


def view_own(state: State, ticket: Ticket) -> Decision:
    """`ticket.view` of a requester: the ticket, and of its history what is public."""
    return _viewed(state, ticket, public_only=True)


def view_as_agent(state: State, ticket: Ticket) -> Decision:
    """`ticket.view` of an agent who has the ticket, or may have it: with internal entries."""
    return _viewed(state, ticket, public_only=False)


def _viewed(state: State, ticket: Ticket, *, public_only: bool) -> Decision:
    entries = [one for one in state.history(ticket) if one.visibility == "public" or not public_only]
    data: dict[str, Any] = {
        "ticket": snapshot(ticket),
        "history": [entry_data(entry) for entry in within(entries, SHOWN)],
    }
    if ticket.history_size > SHOWN:
        data["truncated"] = True
    return Decision(answer=Answer("ticket.viewed", data, ticket.number))
