"""Waiting tickets grow more urgent with time, so that none starves behind a stream of new ones. See docs/routing.md.

They grow beyond the first priority too: otherwise a vip's ticket would always come before one that has waited there
forever.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from services.routing.domain.state import Ticket


def aged(ticket: Ticket, span: timedelta | None, now: datetime) -> Ticket:
    """The ticket with the priority that counts at `now`: one more urgent for each `span` that it has waited. None:
    tickets do not age. A ticket that does not wait has its own priority.

    An escalated ticket goes to the front of its queue, also before those that have waited there while it was with an
    agent: it counts as waiting since it was filed.
    """
    own = ticket.priority if ticket.own_priority is None else ticket.own_priority
    if span is None or ticket.agent is not None or ticket.status == "closed":
        if (ticket.priority, ticket.own_priority, ticket.ages_at) == (own, own, None):
            return ticket
        return replace(ticket, priority=own, own_priority=own, ages_at=None)
    since = ticket.waiting_since or ticket.opened_at
    counted = ticket.opened_at if ticket.escalated else since
    spans = max(0, (now - counted) // span)
    due = counted + (spans + 1) * span
    return replace(ticket, priority=own - spans, own_priority=own, waiting_since=since, ages_at=due)


def grown_older(tickets: Iterable[Ticket], span: timedelta | None, now: datetime) -> list[Ticket]:
    """The waiting tickets that are due to count as more urgent, as they count now."""
    if span is None:
        return []
    due = [ticket for ticket in tickets if ticket.waiting and (ticket.ages_at is None or ticket.ages_at <= now)]
    return [aged(ticket, span, now) for ticket in due]
