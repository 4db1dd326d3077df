"""What supervisors alone do to a ticket: give it to an agent, take it away, open it again within the 7 days.

What else they may do to the tickets of their teams (note, link, merge, reclassify, close) is decided as for an agent
who has the ticket. Who may supervise what is in contracts/staff.py. The page is docs/staff.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from contracts.snapshot import TicketAgent
from contracts.tickets import AssignTo, Supervise
from services.chassis.decision import Answer, Decision, Message
from services.intake.domain import answers
from services.intake.domain.agents.assignment import changed, handed_over, receiver
from services.intake.domain.life import moves
from services.intake.domain.life.recording import accepting, and_then, recorded, telling_agent
from services.intake.domain.needs import AccountOf, Need, OpenTickets
from services.intake.domain.state import View
from services.intake.domain.tickets.replies import may_reopen
from services.intake.domain.values.account import AccountWritten
from services.intake.domain.values.history import agent_as_author
from services.intake.domain.values.ticket import Ticket


def assign_to(
    view: View, message: Message[AssignTo], supervisor: TicketAgent, ticket: Ticket, now: datetime
) -> Decision:
    """`ticket.assign_to`: the ticket goes to an agent who is signed on and may have it, even beyond their capacity,
    whoever has it now; also to one from whom the desk took it, but never to one whom its requester left."""
    move = moves.GIVE if ticket.agent is None else moves.GIVE_ON
    refused = moves.refusal(move, ticket)
    if refused is not None:
        return Decision(answer=refused)
    to = receiver(view, ticket, message.data.to_agent)
    if isinstance(to, Answer):
        return Decision(answer=to)
    decision = changed(move, message, ticket, to, agent_as_author(supervisor), now)
    decision = telling_agent(decision, ticket.agent, "ticket.unassigned")
    return handed_over(decision, view, ticket, to)


def take_away(_: View, message: Message[Supervise], supervisor: TicketAgent, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.take_away`: the agent loses the ticket; routing finds another, and never gives it back to this agent."""
    refused = moves.refusal(moves.TAKE_AWAY, ticket)
    if refused is None and ticket.agent is None:
        refused = answers.wrong_status(ticket, "No agent has this case.")
    if refused is not None:
        return Decision(answer=refused)
    decision = changed(moves.TAKE_AWAY, message, ticket, None, agent_as_author(supervisor), now)
    return telling_agent(decision, ticket.agent, "ticket.unassigned")


def reopen(view: View, message: Message[Supervise], supervisor: TicketAgent, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.reopen`: a ticket closed no more than 7 days ago is open again. It keeps its agent, if routing finds them
    signed on."""
    account = view.accounts.get(ticket.requester.account)
    refused = moves.refusal(moves.REOPEN_BY_SUPERVISOR, ticket) or _cannot_open(view, ticket, now)
    if refused is None and ticket.erased:
        refused = answers.wrong_status(ticket, "The requester's data was erased, so nobody would read an answer.")
    if refused is None and account is not None and account.ended_at is not None:
        refused = answers.wrong_status(ticket, "The requester's account has ended, so nobody would read an answer.")
    if refused is not None:
        return Decision(answer=refused)
    opened = moves.moved(moves.REOPEN_BY_SUPERVISOR, ticket, now, **moves.opened_again(ticket))
    text = message.data.reason or ""
    author = agent_as_author(supervisor)
    decision = accepting(recorded(message, opened, moves.REOPEN_BY_SUPERVISOR.event, author, text, now))
    decision = telling_agent(decision, ticket.agent, "ticket.reopened")
    if account is None or ticket.requester.kind != "temporary":
        return decision
    # The account may end or join another at any moment: two such turns at once conflict.
    return and_then(decision, Decision([AccountWritten(replace(account, version=account.version + 1))]))


def _cannot_open(view: View, ticket: Ticket, now: datetime) -> Answer | None:
    if ticket.merged_into is not None:
        return answers.wrong_status(ticket, f"The case goes on as case {ticket.merged_into}.")
    if not may_reopen(ticket, now):
        return answers.closed_too_long()
    holder = view.holder(ticket.person, ticket.key)
    if holder is not None:
        return answers.conflict(holder, f"The issue is open again in case {holder.number}.")
    return None


def reopen_needed(known: View, message: Message[Supervise]) -> Iterable[Need]:
    """What else the person has open, and the account that filed it."""
    ticket = known.ticket(message.data.number)
    if ticket is not None:
        yield OpenTickets(ticket.person)
        yield AccountOf(ticket.requester.account)
