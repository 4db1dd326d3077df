"""A merge: what it changes in the ticket that closes, and in the one that goes on for both.

Which tickets are merged is decided in tickets/joining.py and accounts/new_owner.py. The page is docs/ticket-life.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from services.intake.domain.life import moves
from services.intake.domain.values.ticket import Ticket

MERGED = "merged"
"""`close_reason` of a ticket that goes on in another."""


def closed_into(number: str, now: datetime) -> dict[str, Any]:
    """What changes in a merged ticket, besides its status: the ticket of that number goes on for it."""
    return {"closed_at": now, "close_reason": MERGED, "merged_into": number}


def taking_in(ticket: Ticket, merged: Ticket, now: datetime) -> tuple[moves.Move, Ticket]:
    """The move and the next version of a ticket into which `merged` goes, given as it stood before. What was promised
    for either holds for both. If `merged` awaited the desk, so does this ticket now, since the same moment, as after a
    note."""
    unanswered = merged.unanswered_since
    move = moves.TAKE_IN if unanswered is None else moves.TAKE_IN_UNANSWERED
    links = dict.fromkeys((*ticket.links, merged.number, *merged.links))
    goes_on = moves.moved(
        move,
        ticket,
        now,
        links=tuple(number for number in links if number != ticket.number),
        escalated=ticket.escalated or merged.escalated,
        last_customer_message_at=max(ticket.last_customer_message_at, merged.last_customer_message_at),
    )
    if unanswered is not None:
        goes_on = replace(goes_on, waits_since=min(unanswered, ticket.unanswered_since or unanswered))
    return move, goes_on
