"""From an agent's first answer to the end: work, questions, solutions, and the three ways in which a ticket closes.

The requester accepts, the agent closes, or nobody writes in the 7 days after the solution. Assignment is in
agents/assignment.py, what requesters write in replies.py. The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from contracts.payload import Payload
from contracts.snapshot import Author, EntryDetails, TicketAgent
from contracts.tickets import AgentReason, AgentText, AgentTicket, AutoClose, RequesterTicket, SuggestSolution
from services.chassis.decision import Decision, Message
from services.intake.domain import answers
from services.intake.domain.accounts.caller import Caller
from services.intake.domain.attachments.attaching import attached, files_needed, with_files
from services.intake.domain.life import moves
from services.intake.domain.life.recording import accepting, recorded, telling_agent
from services.intake.domain.needs import ArticleOf, Need
from services.intake.domain.state import View
from services.intake.domain.values.history import PLAIN, agent_as_author, requester_as_author, service_as_author
from services.intake.domain.values.ticket import Ticket

ACCEPTED = "accepted"
NO_REPLY = "no_reply"
"""`close_reason` of a ticket that its requester, or time, has closed; an agent gives a reason in words."""


def start_work(_: View, message: Message[AgentTicket], agent: TicketAgent, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.start_work`: the agent works on something that takes personal attention."""
    refused = moves.refusal(moves.START_WORK, ticket)
    if refused is not None:
        return Decision(answer=refused)
    working = moves.moved(moves.START_WORK, ticket, now)
    return accepting(recorded(message, working, moves.START_WORK.event, agent_as_author(agent), "", now))


def add_note(view: View, message: Message[AgentText], agent: TicketAgent, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.add_note`: only the desk sees the note and its files. Status and times of messages stay as they are."""
    refused = moves.refusal(moves.NOTE_BY_AGENT, ticket)
    if refused is not None:
        return Decision(answer=refused)
    noted = moves.moved(moves.NOTE_BY_AGENT, ticket, now)
    author, text = agent_as_author(agent), message.data.body
    decision = recorded(message, noted, moves.NOTE_BY_AGENT.event, author, text, now, visibility="internal")
    return with_files(accepting(decision), attached(view, message), message, now)


def ask_info(view: View, message: Message[AgentText], agent: TicketAgent, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.ask_info`: the desk waits for something from the requester."""
    return _agent_writes(moves.ASK_INFO, view, message, agent, ticket, now)


def suggest_solution(
    view: View, message: Message[SuggestSolution], agent: TicketAgent, ticket: Ticket, now: datetime
) -> Decision:
    """`ticket.suggest_solution`: the desk answered. A second suggestion restarts the 7 days."""
    details = EntryDetails(articles=message.data.articles)
    return _agent_writes(moves.SUGGEST, view, message, agent, ticket, now, details)


def suggest_needed(known: View, message: Message[SuggestSolution]) -> Iterable[Need]:
    """What its files need; and which of its articles are internal, for a view in the same turn."""
    yield from files_needed(known, message)
    yield from map(ArticleOf, message.data.articles)


def close(_: View, message: Message[AgentReason], agent: TicketAgent, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.close`: the agent closes an open ticket, with a reason in words."""
    reason = message.data.reason
    return _closed(moves.CLOSE, message, ticket, now, reason, agent_as_author(agent), reason)


def accept_solution(_: View, message: Message[RequesterTicket], __: Caller, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.accept_solution`: the requester closes an open ticket. It needs no suggested solution: perhaps the
    problem is gone."""
    return _closed(moves.ACCEPT, message, ticket, now, ACCEPTED, requester_as_author(ticket.requester))


def auto_close(_: View, message: Message[AutoClose], ticket: Ticket, now: datetime) -> Decision:
    """`ticket.auto_close`: closes the ticket if it is still in the `solution_suggested` that sla's timer was for.

    A note or a link since then makes no difference: only the version that entered the status counts.
    """
    if ticket.status not in moves.AUTO_CLOSE.to or ticket.status_version != message.data.status_version:
        return Decision(answer=answers.conflict(ticket, "The case has moved on since the solution was suggested."))
    return _closed(moves.AUTO_CLOSE, message, ticket, now, NO_REPLY, service_as_author(message.sender))


def _agent_writes(
    move: moves.Move,
    view: View,
    message: Message[AgentText],
    agent: TicketAgent,
    ticket: Ticket,
    now: datetime,
    details: EntryDetails = PLAIN,
) -> Decision:
    refused = moves.refusal(move, ticket)
    if refused is not None:
        return Decision(answer=refused)
    first = ticket.first_agent_message_at or now
    ticket = moves.moved(move, ticket, now, first_agent_message_at=first, last_agent_message_at=now)
    text = message.data.body
    decision = recorded(message, ticket, move.event, agent_as_author(agent), text, now, details=details)
    return with_files(accepting(decision), attached(view, message), message, now)


def _closed(
    move: moves.Move,
    message: Message[Payload],
    ticket: Ticket,
    now: datetime,
    reason: str,
    author: Author,
    text: str = "",
) -> Decision:
    refused = moves.refusal(move, ticket)
    if refused is not None:
        return Decision(answer=refused)
    ticket = moves.moved(move, ticket, now, closed_at=now, close_reason=reason)
    decision = recorded(message, ticket, move.event, author, text, now)
    return accepting(telling_agent(decision, ticket.agent, "ticket.closed"))
