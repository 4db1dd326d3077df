"""What a requester sees of a decision: `ticket.changed` tells the pages that show the ticket to ask for it.

Intake says it for each version in which a requester sees something new, whatever the channel. It carries no words. The
page is docs/contracts.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from contracts.names import LIVE
from contracts.tickets import TicketChanged
from services.chassis.decision import Decision, Say
from services.intake.domain.state import View
from services.intake.domain.values.account import named
from services.intake.domain.values.erasure import EntryErased
from services.intake.domain.values.ticket import Ticket, TicketWritten

SHOWN = ("status", "agent", "subject", "category", "subcategory", "escalated", "consent", "merged_into")
"""What pages show of a ticket, beside its public entries."""


def shown(view: View, decision: Decision) -> Iterator[Say]:
    """What to say of the tickets that the decision changes, given the view as it was before."""
    before: dict[str, Ticket] = {}
    erased = {change.entry.ticket_id for change in decision.changes if _takes_words(change)}
    for change in decision.changes:
        if isinstance(change, TicketWritten):
            after = change.ticket
            was = before.get(after.id) or view.tickets.get(after.id)
            before[after.id] = after
            is_seen = change.entry.visibility == "public" or (after.id in erased and not after.erased)
            if is_seen or was is None or _differ(was, after):
                yield from _changed(was or after, after)


def _takes_words(change: object) -> bool:
    """Whether the change takes words out of an entry that the requester could read."""
    return isinstance(change, EntryErased) and change.entry.visibility == "public"


def _differ(before: Ticket, after: Ticket) -> bool:
    """Whether a page shows something else of the ticket, or to somebody else."""
    return _seeing(before) != _seeing(after) or any(getattr(before, name) != getattr(after, name) for name in SHOWN)


def _seeing(ticket: Ticket) -> frozenset[str]:
    """The keys of the accounts that see the ticket: the one that filed it, unless it has ended, and the one of the
    person who has it, unless they were erased."""
    filed_by = () if ticket.erased else (ticket.requester.account,)
    return frozenset((*filed_by, *((ticket.person,) if ticket.has_owner else ())))


def _changed(before: Ticket, after: Ticket) -> Iterator[Say]:
    """Tells those who see the ticket, and those who have just lost it, if there are any."""
    keys = sorted(_seeing(before) | _seeing(after))
    if not keys:
        return
    accounts = [named(key) for key in keys]
    data = TicketChanged(accounts=accounts, number=after.number, version=after.version, status=after.status)
    yield Say(LIVE, f"ticket.changed.{after.number}", "ticket.changed", data, after.number)
