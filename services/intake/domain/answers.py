"""What senders hear back, in one place: the outcomes of the wire contract that more than one command gives.

Each rejection is a sentence for a person. The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from contracts.catalogue import Category
from contracts.common import Snapshot
from contracts.tickets import Accepted
from services.chassis.decision import Answer, rejected
from services.intake.domain.values.ticket import Ticket, snapshot

CLOSED_TOO_LONG = (
    "This case has been closed for more than 7 days. Please create a new case by clicking on Submit a Case."
)


def done(about: str | None = None, hints: Mapping[str, Sequence[str]] | None = None) -> Answer:
    """The command took effect. `about`: the id of the account that it was about; `hints`: what of it did not."""
    return Answer("command.accepted", Accepted(hints=hints or None), about)


def accepted(stands: Snapshot, sentence: str | None = None) -> Answer:
    """The command took effect; here is the snapshot of the ticket now, and a hint where it moved nothing."""
    hints = None if sentence is None else {"body": [sentence]}
    return Answer("command.accepted", Accepted(ticket=stands, hints=hints), stands.number)


def invalid(errors: Mapping[str, Sequence[str]]) -> Answer:
    """Fields are wrong in a way that only intake can see."""
    return rejected("invalid", f"Please correct: {', '.join(sorted(errors))}.", errors)


def unknown_ticket(number: str) -> Answer:
    """No ticket has that number."""
    return rejected("unknown_ticket", f"There is no case {number}.")


def not_yours() -> Answer:
    """The ticket is another requester's."""
    return rejected("forbidden", "This is somebody else's case.")


def no_channel() -> Answer:
    """Somebody who is no channel speaks for a requester."""
    return rejected("forbidden", "Only channels speak for requesters.", {"requester": ["given by no channel"]})


def no_supervisor() -> Answer:
    """What only supervisors may do, whatever their teams, of somebody who is none."""
    return rejected("forbidden", "Only supervisors may do that.")


def no_operator() -> Answer:
    """Somebody who is not the operator names an account instead of speaking for one."""
    return rejected("forbidden", "Only the operator names an account.", {"account": ["not given by the operator"]})


def not_that_agent() -> Answer:
    """`agent_id` is not the agent who sent the command."""
    return rejected("forbidden", "An agent may only act in their own name.", {"agent_id": ["is not the sender's"]})


def not_of_staff(agent_id: str) -> Answer:
    """The operator's staff file does not name that agent."""
    return rejected("forbidden", f"Agent {agent_id} is not among the staff of this desk.")


def not_with_you() -> Answer:
    """The ticket is with another agent, or with none."""
    return rejected("forbidden", "Only the agent who has this case may do that.")


def not_supervised() -> Answer:
    """The ticket is none of the teams that this member supervises."""
    return rejected("forbidden", "Only supervisors of the team that has this case may do that.")


def not_for_you() -> Answer:
    """The ticket is with another agent, or with none, and it is none that this agent may have."""
    return rejected("forbidden", "Only agents who have this case or may have it may do that.")


def another_requester() -> Answer:
    """The two tickets are of two people."""
    return rejected("forbidden", "Only cases of one and the same requester can be merged.")


def wrong_status(ticket: Ticket, sentence: str | None = None) -> Answer:
    """What was asked cannot be done to a ticket as it stands; `sentence` says why, where its status does not."""
    status = ticket.status.replace("_", " ")
    return rejected("wrong_status", sentence or f"This cannot be done while the case is {status}.")


def unknown_category(category: str) -> Answer:
    """The catalogue does not have it."""
    return rejected("unknown_category", f"There is no category {category}.", {"category": ["not in the catalogue"]})


def unknown_subcategory(category: Category, subcategory: str) -> Answer:
    """The category does not have it."""
    return invalid({"subcategory": [f"{category.name} has no subcategory {subcategory}."]})


def too_early(eligible_at: datetime | None) -> Answer:
    """The desk has not had its time yet. `eligible_at` (aware UTC): from when on it may be asked; None: not known."""
    sentence = "The desk still has time to reply to this case. It can be escalated once that is over."
    return rejected("too_early", sentence, eligible_at=eligible_at)


def conflict(ticket: Ticket, message: str) -> Answer:
    """The ticket is not as the sender believed; it gets the present one, to look again."""
    return rejected("conflict", message, ticket=snapshot(ticket))


def closed_too_long() -> Answer:
    """The ticket was closed more than 7 days ago and stays closed."""
    return rejected("closed_too_long", CLOSED_TOO_LONG)


def too_many_attempts(retry_at: datetime) -> Answer:
    """The temporary account had so many wrong secrets, or its channel so many at once, that no more are looked at until
    `retry_at` (aware UTC)."""
    return rejected("rate_limited", "There were too many attempts. Please try again later.", retry_at=retry_at)


def code_mailed_lately(retry_at: datetime) -> Answer:
    """A code was mailed to that address a moment ago; from `retry_at` (aware UTC) on another one may be."""
    sentence = "A code was mailed to this address a moment ago. Please look for it, or try again later."
    return rejected("rate_limited", sentence, retry_at=retry_at)


def too_many_openings(retry_at: datetime) -> Answer:
    """The channel opens more temporary accounts than it may; from `retry_at` (aware UTC) on it may open another."""
    sentence = "Too many temporary accounts are being asked for. Please try again in a moment."
    return rejected("rate_limited", sentence, retry_at=retry_at)
