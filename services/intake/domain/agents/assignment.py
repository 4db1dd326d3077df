"""Who has a ticket: routing decides, and intake applies it if it still fits; requester and agent may change it.

Each change of agent raises `assignment_seq`. Routing names the one that it saw; if the ticket has moved on, intake
refuses with the current ticket, so that routing decides again. The page is docs/ticket-life.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial

from contracts.snapshot import Author, EntryDetails, TicketAgent, Visibility
from contracts.tickets import (
    AgentReason,
    Assign,
    AssignTo,
    ChangeAgent,
    LostAgent,
    Supervise,
    TicketEvent,
    Transfer,
    Unassign,
)
from services.chassis.decision import Answer, Decision, Message
from services.intake.domain import answers
from services.intake.domain.abuse import hourly
from services.intake.domain.accounts.caller import Caller
from services.intake.domain.life import moves
from services.intake.domain.life.recording import accepting, handing_over, recorded, telling_agent
from services.intake.domain.needs import AgentOf, HistoryOf, Need
from services.intake.domain.state import View
from services.intake.domain.values.history import (
    agent_as_author,
    change,
    entry_data,
    requester_as_author,
    service_as_author,
    within,
)
from services.intake.domain.values.ticket import Ticket

Reasoned = Assign | Unassign | ChangeAgent | AgentReason | Supervise
"""Commands that change the agent, each with its reason."""

HANDED_OVER = 64 * 1024
"""Bytes of history that an agent gets with a ticket; `ticket.view` gives the rest."""


def assign(view: View, message: Message[Assign], ticket: Ticket, now: datetime) -> Decision:
    """`ticket.assign`: an open ticket without an agent gets one, who hears of it with the conversation so far."""
    if not ticket.is_open or ticket.agent is not None or ticket.assignment_seq != message.data.assignment_seq:
        return Decision(answer=answers.conflict(ticket, "The case is not waiting for this assignment."))
    if ticket.held:
        return Decision(answer=answers.conflict(ticket, "The case is held until a supervisor releases it."))
    valid_until = message.data.valid_until
    if valid_until is not None and now > valid_until:
        return Decision(answer=answers.conflict(ticket, "The agent's place for this case is no longer reserved."))
    agent = message.data.agent
    decision = changed(moves.ASSIGN, message, ticket, agent, service_as_author(message.sender), now)
    decision = replace(decision, valid_until=valid_until)
    return handed_over(decision, view, ticket, agent)


def unassign(_: View, message: Message[Unassign], ticket: Ticket, now: datetime) -> Decision:
    """`ticket.unassign`: an open ticket loses its agent; one that was only assigned waits as it did before."""
    if not ticket.is_open or ticket.agent is None or ticket.assignment_seq != message.data.assignment_seq:
        return Decision(answer=answers.conflict(ticket, "That agent no longer has the case."))
    decision = changed(moves.UNASSIGN, message, ticket, None, service_as_author(message.sender), now)
    return telling_agent(decision, ticket.agent, "ticket.unassigned")


def change_agent(view: View, message: Message[ChangeAgent], _: Caller, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.change_agent`: the requester wants another agent; routing finds one, and never this one again."""
    refused = moves.refusal(moves.CHANGE_AGENT, ticket)
    if refused is None and ticket.agent is None:
        refused = answers.wrong_status(ticket, "No agent has this case yet.")
    refused = refused or hourly.of_ticket(view, ticket, now)
    if refused is not None:
        return Decision(answer=refused)
    author = requester_as_author(ticket.requester)
    decision = changed(moves.CHANGE_AGENT, message, ticket, None, author, now, "public")
    return telling_agent(decision, ticket.agent, "ticket.unassigned")


def transfer(view: View, message: Message[Transfer], agent: TicketAgent, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.transfer`: the agent gives the ticket to another who is signed on and may have it, even beyond their
    capacity; or back to the desk, for routing to find somebody else. A colleague who had it may get it back, but never
    the agent whom the requester left."""
    refused = moves.refusal(moves.HAND_OVER, ticket)
    if refused is not None:
        return Decision(answer=refused)
    to_agent, author = message.data.to_agent, agent_as_author(agent)
    if to_agent is None:
        decision = changed(moves.GIVE_BACK, message, ticket, None, author, now)
        return telling_agent(decision, agent, "ticket.unassigned")
    to = receiver(view, ticket, to_agent)
    if isinstance(to, Answer):
        return Decision(answer=to)
    decision = changed(moves.HAND_OVER, message, ticket, to, author, now)
    decision = telling_agent(decision, agent, "ticket.unassigned")
    return handed_over(decision, view, ticket, to)


def receiver(view: View, ticket: Ticket, to_agent: str) -> TicketAgent | Answer:
    """The agent to whom people give the ticket by name: signed on and allowed to have it, even beyond their
    capacity."""
    known = view.agents.get(to_agent)
    if ticket.agent is not None and to_agent == ticket.agent.id:
        return answers.invalid({"to_agent": ["This agent already has the case."]})
    if known is None or not known.signed_on:
        return answers.invalid({"to_agent": [f"Agent {to_agent} is not signed on."]})
    if known.paused:
        return answers.invalid({"to_agent": [f"Agent {to_agent} has paused and gets no new cases."]})
    if not view.may_have(known, ticket):
        return answers.invalid({"to_agent": [f"Agent {to_agent} does not have the skills for this case."]})
    if to_agent == ticket.requester_left:
        return answers.conflict(ticket, f"The requester asked for an agent other than {to_agent}.")
    return known.as_agent


def changed(
    move: moves.Move,
    message: Message[Reasoned],
    ticket: Ticket,
    agent: TicketAgent | None,
    author: Author,
    now: datetime,
    visibility: Visibility = "internal",
) -> Decision:
    """The ticket with `agent` from now on. It remembers from whom people took it, so that routing does not undo
    that."""
    before = ticket.agent
    by_people = before is not None and author.kind != "service"
    by_requester = before is not None and author.kind == "requester"
    after = moves.moved(
        move,
        ticket,
        now,
        agent=agent,
        assignment_seq=ticket.assignment_seq + 1,
        changed_from=before.id if before is not None and by_people else ticket.changed_from,
        requester_left=before.id if before is not None and by_requester else ticket.requester_left,
        **(hourly.one_more(ticket, now) if author.kind == "requester" else {}),
    )
    decision = recorded(
        message,
        after,
        move.event,
        author,
        message.data.reason or "",
        now,
        visibility=visibility,
        details=EntryDetails(changed={"agent": change(before and before.id, agent and agent.id)}),
        announcing=TicketEvent if before is None else partial(LostAgent, previous_agent=before),
    )
    return accepting(decision)


def handed_over(decision: Decision, view: View, ticket: Ticket, agent: TicketAgent) -> Decision:
    """The same decision, with `ticket.assigned` and the conversation so far to the agent who gets the ticket."""
    history = [entry_data(entry) for entry in within(view.history(ticket), HANDED_OVER)]
    return handing_over(decision, agent, history, truncated=ticket.history_size > HANDED_OVER)


def handing_over_needed(
    known: View, message: Message[Assign] | Message[Transfer] | Message[AssignTo]
) -> Iterable[Need]:
    """As much of the history as an agent gets with the ticket, and what is known of the agent who is named."""
    data, ticket = message.data, known.ticket(message.data.number)
    if ticket is not None:
        yield HistoryOf(ticket.id, ticket.version, ticket.history_size, HANDED_OVER)
    if not isinstance(data, Assign) and data.to_agent is not None:
        yield AgentOf(data.to_agent)
