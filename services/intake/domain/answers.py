"""The outcomes of the wire contract that more than one command gives, in one place.

Each rejection has a sentence for a person. The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from contracts.catalogue import Category
from contracts.outcomes import Accepted
from contracts.snapshot import Snapshot
from services.chassis.decision import Answer, rejected
from services.intake.domain.values.ticket import Ticket, snapshot

CLOSED_TOO_LONG = (
    "This case has been closed for more than 7 days. Please create a new case by clicking on Submit a Case."
)


def done(about: str | None = None, hints: Mapping[str, Sequence[str]] | None = None) -> Answer:
    """The command took effect. `about`: the id of its account; `hints`: which parts of it did not take effect."""
    return Answer("command.accepted", Accepted(hints=hints or None), about)


def accepted(stands: Snapshot, sentence: str | None = None) -> Answer:
    """The command took effect; here is the snapshot of the ticket now, and a hint where it moved nothing."""
    hints = None if sentence is None else {"body": [sentence]}
    return Answer("command.accepted", Accepted(ticket=stands, hints=hints), stands.number)


def invalid(errors: Mapping[str, Sequence[str]]) -> Answer:
    """Fields are wrong, and only intake can see it."""
    return rejected("invalid", f"Please correct: {', '.join(sorted(errors))}.", errors)


def unknown_ticket(number: str) -> Answer:
    """No ticket has that number."""
    return rejected("unknown_ticket", f"There is no case {number}.")


def not_yours() -> Answer:
    """The ticket belongs to another requester."""
    return rejected("forbidden", "This is somebody else's case.")


def no_channel() -> Answer:
    """The sender speaks for a requester, and is not a channel."""
    return rejected("forbidden", "Only channels may speak for requesters.", {"requester": ["must come from a channel"]})


def no_supervisor() -> Answer:
    """Only supervisors of any team may do this, and the sender is not one."""
    return rejected("forbidden", "Only supervisors may do that.")


def no_operator() -> Answer:
    """The sender names an account, and is not the operator."""
    return rejected(
        "forbidden", "Only the operator may name an account.", {"account": ["only the operator may give it"]}
    )


def not_that_agent() -> Answer:
    """`agent_id` is not the agent who sent the command."""
    return rejected("forbidden", "An agent may only act in their own name.", {"agent_id": ["is not the sender's"]})


def not_of_staff(agent_id: str) -> Answer:
    """The operator's staff file does not name that agent."""
    return rejected("forbidden", f"Agent {agent_id} is not among the staff of this desk.")


def not_with_you() -> Answer:
    """The sender does not have the ticket."""
    return rejected("forbidden", "Only the agent who has this case may do that.")


def not_supervised() -> Answer:
    """The ticket belongs to no team that the sender supervises."""
    return rejected("forbidden", "Only supervisors of the team that has this case may do that.")


def not_for_you() -> Answer:
    """The sender neither has the ticket nor could be given it."""
    return rejected("forbidden", "Only agents who have this case, or could be given it, may do that.")


def another_requester() -> Answer:
    """The two tickets are of two people."""
    return rejected("forbidden", "Only cases of the same requester can be merged.")


def wrong_status(ticket: Ticket, sentence: str | None = None) -> Answer:
    """The ticket's status rules the command out; `sentence` says why, where the status alone does not."""
    status = ticket.status.replace("_", " ")
    return rejected("wrong_status", sentence or f"This cannot be done while the case is {status}.")


def unknown_category(category: str) -> Answer:
    """The catalogue does not have it."""
    return rejected("unknown_category", f"There is no category {category}.", {"category": ["not in the catalogue"]})


def unknown_subcategory(category: Category, subcategory: str) -> Answer:
    """The category does not have it."""
    return invalid({"subcategory": [f"{category.name} has no subcategory {subcategory}."]})


def too_early(eligible_at: datetime | None) -> Answer:
    """The desk still has time to reply. `eligible_at` (aware UTC): when the ticket may be escalated; None: not
    known."""
    sentence = "The desk still has time to reply to this case. You can escalate it after that."
    return rejected("too_early", sentence, eligible_at=eligible_at)


def conflict(ticket: Ticket, message: str) -> Answer:
    """The ticket is not as the sender believed; the answer shows the current one."""
    return rejected("conflict", message, ticket=snapshot(ticket))


def closed_too_long() -> Answer:
    """The ticket was closed more than 7 days ago and stays closed."""
    return rejected("closed_too_long", CLOSED_TOO_LONG)


def too_many_attempts(retry_at: datetime) -> Answer:
    """The account had too many wrong secrets or codes, or its channel sent too many at once; intake does not look at
    another one until `retry_at` (aware UTC)."""
    return rejected("rate_limited", "There were too many attempts. Please try again later.", retry_at=retry_at)


def code_mailed_lately(retry_at: datetime) -> Answer:
    """A code was mailed to that address lately; another may be mailed at `retry_at` (aware UTC)."""
    sentence = "A code was mailed to this address in the last ten minutes. Please look for it, or try again later."
    return rejected("rate_limited", sentence, retry_at=retry_at)


def too_many_openings(retry_at: datetime) -> Answer:
    """The channel opens too many temporary accounts; it may open another at `retry_at` (aware UTC)."""
    sentence = "Too many temporary accounts are being opened. Please try again in a moment."
    return rejected("rate_limited", sentence, retry_at=retry_at)
