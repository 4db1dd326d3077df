"""What routing asks of intake, which owns the tickets: give this one to an agent, take it back. See docs/routing.md."""

from __future__ import annotations

from datetime import datetime

from contracts.names import DESK, ROUTING_OUTCOMES
from contracts.snapshot import TicketAgent
from contracts.tickets import Assign, Unassign
from services.chassis.decision import Say
from services.routing.domain.state import Agent, Ticket


def assign(ticket: Ticket, agent: Agent, command_id: str, valid_until: datetime) -> Say:
    """`ticket.assign`, to be applied no later than `valid_until`."""
    data = Assign(
        number=ticket.number,
        agent=TicketAgent(id=agent.id, display_name=agent.display_name),
        assignment_seq=ticket.assignment_seq,
        reason="least loaded",
        valid_until=valid_until,
    )
    return Say(DESK, "ticket.assign", "ticket.assign", data, ticket.number, command_id, ROUTING_OUTCOMES, ticket.cause)


def unassign(ticket: Ticket, reason: str) -> Say:
    """`ticket.unassign`; `reason` is a few words for the history."""
    data = Unassign(number=ticket.number, assignment_seq=ticket.assignment_seq, reason=reason)
    return Say(DESK, "ticket.unassign", "ticket.unassign", data, ticket.number, reply_to=ROUTING_OUTCOMES)
