"""Who has a ticket: routing decides, intake applies it if it still fits.

Each change of agent raises `assignment_seq`; a command names the one that routing saw, and any other is refused with
the present ticket, so that routing looks again. The page is docs/intake.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from services.chassis.decision import Decision, Message
from services.intake.domain import answers
from services.intake.domain.history import Author, entry_data, within
from services.intake.domain.recording import as_it_stands, recorded, telling_agent
from services.intake.domain.state import State
from services.intake.domain.tickets import Agent, Status, Ticket, fields_of, next_version

HANDED_OVER = 64 * 1024
"""Bytes of history that an agent gets with a ticket; the rest is asked for with `ticket.view`."""


def assign(state: State, message: Message, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.assign`: an open ticket without agent gets one, who hears of it with the conversation so far."""
    if not ticket.is_open or ticket.agent is not None or ticket.assignment_seq != message.data["assignment_seq"]:
        return Decision(answer=answers.conflict(ticket, "The case does not wait for this assignment."))
    if "valid_until" in message.data and now > message.data["valid_until"]:
        return Decision(answer=answers.conflict(ticket, "The place kept for the case is not kept any longer."))
    agent = Agent(message.data["agent"]["id"], message.data["agent"]["display_name"])
    status: Status = "assigned" if ticket.status in ("new", "reopened") else ticket.status
    assigned = next_version(ticket, now, status, agent=agent, assignment_seq=ticket.assignment_seq + 1)
    decision = _recorded(message, assigned, "ticket.assigned", now)
    decision = replace(decision, valid_until=message.data.get("valid_until"))
    kept = within(state.history(ticket), HANDED_OVER)
    more = {"history": [entry_data(entry) for entry in kept]}
    if ticket.history_size > HANDED_OVER:
        return telling_agent(decision, agent, "ticket.assigned", **more, truncated=True)
    return telling_agent(decision, agent, "ticket.assigned", **more)


def unassign(message: Message, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.unassign`: an open ticket loses its agent; one that was only assigned waits as it did before."""
    if not ticket.is_open or ticket.agent is None or ticket.assignment_seq != message.data["assignment_seq"]:
        return Decision(answer=answers.conflict(ticket, "The case is not with that agent any more."))
    status: Status = ticket.status
    if status == "assigned":
        status = "reopened" if ticket.reopen_count else "new"
    unassigned = next_version(ticket, now, status, agent=None, assignment_seq=ticket.assignment_seq + 1)
    decision = _recorded(message, unassigned, "ticket.unassigned", now, previous_agent=fields_of(ticket.agent))
    return telling_agent(decision, ticket.agent, "ticket.unassigned")


def _recorded(message: Message, ticket: Ticket, event: str, now: datetime, **more: Any) -> Decision:
    author = Author("service", message.sender)
    decision = recorded(message, ticket, event, author, message.data["reason"], now, visibility="internal", more=more)
    return replace(decision, answer=answers.accepted(as_it_stands(decision)))
