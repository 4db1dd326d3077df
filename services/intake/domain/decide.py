"""The one way into the rules: each message goes through its type's door to the function that decides it.

What applies to every decision is added here. The table of all types is in taken.py. The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from contracts.attachments import Stored
from contracts.outcomes import Accepted, Rejected
from contracts.snapshot import Snapshot
from contracts.tickets import Similar, TicketOutcome, Viewed
from services.chassis.decision import Answer, Decision, Message, line_of
from services.intake.domain.accounts.caller import account_named
from services.intake.domain.life.showing import shown
from services.intake.domain.state import View
from services.intake.domain.taken import TAKEN
from services.intake.domain.values.account import ends
from services.intake.domain.values.ticket import Ticket, TicketWritten


def decide(view: View, message: Message[Any], now: datetime) -> Decision:
    """What one message changes and how it is answered. Its data has passed its schema, its sender may send its type.

    Raises ValueError for a type that is not intake's.
    """
    line = line_of(TAKEN, message)
    decision = line.door.decide(view, message, now)
    if line.looks:
        return replace(decision, remember=False)
    decision = _to_be_found(message, decision)
    if seen := [*shown(view, decision)]:
        decision = replace(decision, said=[*decision.said, *seen])
    looked_at = [ends(ticket.requester.account, now + view.temporary_lasts) for ticket in _closed(decision, now)]
    return replace(decision, timers=[*decision.timers, *looked_at]) if looked_at else decision


def _closed(decision: Decision, now: datetime) -> list[Ticket]:
    """The tickets of temporary accounts that this decision closes: each may be its account's last."""
    written = [change.ticket for change in decision.changes if isinstance(change, TicketWritten)]
    temporary = [ticket for ticket in written if ticket.requester.kind == "temporary" and not ticket.erased]
    return [ticket for ticket in temporary if ticket.closed_at == now]


def _to_be_found(message: Message[Any], decision: Decision) -> Decision:
    """The decision with what its answer is about, so that an erasure finds it: the tickets that it shows, where no
    entry leads to it because nothing was written; and the account whose files it names."""
    answer = decision.answer
    if answer is None:
        return decision
    about: list[str] = []
    if not any(isinstance(change, TicketWritten) for change in decision.changes):
        about = [ticket.number for ticket in _shown(answer)]
    account = account_named(message)
    names_files = isinstance(answer.data, Stored) or (
        isinstance(answer.data, Rejected) and getattr(message.data, "attachments", None)
    )
    if names_files and account is not None:
        about.append(account)
    return replace(decision, answer=replace(answer, about=about)) if about else decision


def _shown(answer: Answer) -> Sequence[Snapshot]:
    """The tickets that an answer shows."""
    match answer.data:
        case Similar(candidates=candidates):
            return candidates
        case TicketOutcome(ticket=ticket) | Viewed(ticket=ticket):
            return [ticket]
        case Accepted(ticket=ticket) | Rejected(ticket=ticket) if ticket is not None:
            return [ticket]
    return []
