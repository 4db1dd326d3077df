"""The one door into the rules: each command goes to the function that decides it, once it is known who asks.

What holds for every command of a kind is checked here: the requester is authenticated and owns the ticket, the agent
is the sender and has the ticket, and the ticket is the version that was expected. The page is docs/intake.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from contracts.names import role_of
from services.chassis.decision import Answer, Decision, Message
from services.intake.domain import answers
from services.intake.domain.assignment import assign, unassign
from services.intake.domain.lifecycle import accept_solution, ask_info, auto_close, close, suggest_solution
from services.intake.domain.replies import reply
from services.intake.domain.requesters import caller, open_temporary
from services.intake.domain.state import State
from services.intake.domain.submission import submit
from services.intake.domain.viewing import list_tickets, view_as_agent, view_own

VIEWS = frozenset({"ticket.list", "ticket.view"})
"""Answered anew each time they come."""


def decide(state: State, message: Message, now: datetime) -> Decision:
    """What one command changes and how it is answered. Its data has passed its schema, its sender may send its type.

    Raises ValueError for a type that is not intake's.
    """
    decision = _decide(state, message, now)
    return replace(decision, remember=False) if message.type in VIEWS else decision


def _decide(state: State, message: Message, now: datetime) -> Decision:
    match message.type:
        case "account.open_temporary":
            return open_temporary(state, message, now)
        case "ticket.assign" | "ticket.unassign" | "ticket.auto_close":
            return _of_service(state, message, now)
    return _of_requester(state, message, now) if "requester" in message.data else _of_agent(state, message, now)


def _of_service(state: State, message: Message, now: datetime) -> Decision:
    ticket = state.ticket(message.data["number"])
    if ticket is None:
        return Decision(answer=answers.unknown_ticket(message.data["number"]))
    match message.type:
        case "ticket.assign":
            return assign(state, message, ticket, now)
        case "ticket.unassign":
            return unassign(message, ticket, now)
    return auto_close(message, ticket, now)


def _of_requester(state: State, message: Message, now: datetime) -> Decision:
    if role_of(message.sender) != "channel":  # `ticket.view` has a form for either, and agents authenticate nobody
        return Decision(answer=answers.no_channel())
    asking = caller(state, message)
    if isinstance(asking, Answer):
        return Decision(answer=asking)
    match message.type:
        case "ticket.submit":
            return submit(state, message, asking, now)
        case "ticket.list":
            return list_tickets(state, message, asking)
    ticket = state.ticket(message.data["number"])
    if ticket is None:
        return Decision(answer=answers.unknown_ticket(message.data["number"]))
    if ticket.person != asking.requester.person:
        return Decision(answer=answers.not_yours())
    match message.type:
        case "ticket.reply":
            return reply(state, message, asking, ticket, now)
        case "ticket.accept_solution":
            return accept_solution(message, ticket, now)
        case "ticket.view":
            return view_own(state, ticket)
    raise ValueError(f"{message.type} is no command of a requester")


def _of_agent(state: State, message: Message, now: datetime) -> Decision:
    data = message.data
    if message.sender != f"agent.{data['agent_id']}":
        return Decision(answer=answers.not_that_agent())
    ticket = state.ticket(data["number"])
    if ticket is None:
        return Decision(answer=answers.unknown_ticket(data["number"]))
    if message.type == "ticket.view":
        return view_as_agent(state, message, ticket)
    if ticket.agent is None or ticket.agent.id != data["agent_id"]:
        return Decision(answer=answers.not_with_you())
    if data.get("expected_version") not in (None, ticket.version):
        return Decision(answer=answers.conflict(ticket, f"The case is at version {ticket.version} now."))
    match message.type:
        case "ticket.ask_info":
            return ask_info(message, ticket.agent, ticket, now)
        case "ticket.suggest_solution":
            return suggest_solution(message, ticket.agent, ticket, now)
        case "ticket.close":
            return close(message, ticket.agent, ticket, now)
    raise ValueError(f"{message.type} is no command of an agent")
