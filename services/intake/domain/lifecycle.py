"""From an agent's first answer to the end: questions, solutions, and the three ways in which a ticket closes.

A requester accepts the solution, the agent closes, or nobody wrote in the 7 days after the solution. Assignment is in
assignment.py, what requesters write in replies.py. The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.chassis.decision import Decision, Message
from services.intake.domain import answers
from services.intake.domain.history import Author, requester_as_author
from services.intake.domain.recording import as_it_stands, recorded, telling_agent
from services.intake.domain.tickets import Agent, Status, Ticket, entered, next_version

ACCEPTED = "accepted"
NO_REPLY = "no_reply"
"""`close_reason` of a ticket closed by its requester and by time; an agent gives a reason in words."""


def ask_info(message: Message, agent: Agent, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.ask_info`: the desk waits for something from the requester."""
    return _agent_writes(message, agent, ticket, now, "need_more_info", "ticket.info_requested")


def suggest_solution(message: Message, agent: Agent, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.suggest_solution`: the desk answered. A second suggestion restarts the 7 days."""
    articles = message.data.get("articles")
    details = {"articles": articles} if articles else None
    return _agent_writes(message, agent, ticket, now, "solution_suggested", "ticket.solution_suggested", details)


def close(message: Message, agent: Agent, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.close`: the agent closes an open ticket, with a reason in words."""
    if not ticket.is_open:
        return Decision(answer=answers.wrong_status(ticket))
    reason = message.data["reason"]
    return _closed(message, ticket, now, reason, Author("agent", agent.id, agent.display_name), reason)


def accept_solution(message: Message, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.accept_solution`: the requester closes a ticket whose solution was suggested."""
    if ticket.status != "solution_suggested":
        return Decision(answer=answers.wrong_status(ticket))
    return _closed(message, ticket, now, ACCEPTED, requester_as_author(ticket.requester))


def auto_close(message: Message, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.auto_close`: closes if the ticket still is in the very `solution_suggested` that the timer was for.

    A note or a link since then neither saves nor breaks it: only the version that entered the status counts.
    """
    if ticket.status != "solution_suggested" or ticket.status_version != message.data["status_version"]:
        return Decision(answer=answers.conflict(ticket, "The case has moved on since the solution was suggested."))
    return _closed(message, ticket, now, NO_REPLY, Author("service", message.sender))


def _agent_writes(
    message: Message,
    agent: Agent,
    ticket: Ticket,
    now: datetime,
    status: Status,
    event: str,
    details: Mapping[str, Any] | None = None,
) -> Decision:
    if not ticket.is_open:
        return Decision(answer=answers.wrong_status(ticket))
    first = ticket.first_agent_message_at or now
    ticket = next_version(ticket, now, first_agent_message_at=first, last_agent_message_at=now)
    ticket = entered(ticket, status, now)
    author = Author("agent", agent.id, agent.display_name)
    decision = recorded(message, ticket, event, author, message.data["body"], now, details=details)
    return replace(decision, answer=answers.accepted(as_it_stands(decision)))


def _closed(message: Message, ticket: Ticket, now: datetime, reason: str, author: Author, text: str = "") -> Decision:
    ticket = next_version(ticket, now, "closed", closed_at=now, close_reason=reason)
    decision = recorded(message, ticket, "ticket.closed", author, text, now)
    decision = telling_agent(decision, ticket.agent, "ticket.closed")
    return replace(decision, answer=answers.accepted(as_it_stands(decision)))
