"""Tickets move to another person: their account was merged into that person's, or became one with it.

Every ticket that moves gets a version and an event. Where both persons have an issue open, the newer ticket is merged
into the older, so that there is one open ticket for it at every instant; what the desk has not answered in the newer
awaits an answer in the older. The page is docs/accounts.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from msgspec.structs import replace

from contracts.snapshot import EntryDetails, TicketRequester, Visibility
from contracts.tickets import Joined, TicketEvent
from services.chassis.decision import Decision, Message, derived_id
from services.intake.domain.life import moves
from services.intake.domain.life.merges import closed_into, taking_in
from services.intake.domain.life.recording import and_then, recorded, telling_agent
from services.intake.domain.state import View
from services.intake.domain.values.history import PLAIN, service_as_author
from services.intake.domain.values.ticket import Ticket

MOST_CLOSED = 500
"""How many closed tickets, the newest, move with an account; older ones keep their key."""

BY = service_as_author()


def move(
    view: View,
    message: Message[Any],
    tickets: Iterable[Ticket],
    person: str,
    now: datetime,
    changed: Mapping[str, Any],
    account: str | None = None,
) -> Decision:
    """Move these tickets to the `person` at `now`; some may be theirs already, filed by another account of theirs.
    `changed`: what else changes in each. `account`: the key of the account that becomes their requester."""
    moving = _Moving(view, message, person, now)
    for ticket in sorted(tickets, key=lambda ticket: (ticket.opened_at, ticket.number)):
        more = dict(changed)
        if account is not None:
            more["requester"] = _as(ticket.requester, account)
        moving.take(ticket, more)
    return moving.decision


def _as(requester: TicketRequester, account: str) -> TicketRequester:
    """The requester as another account, with the name and the tier that they had when they filed."""
    return replace(requester, id=account.partition(":")[2], kind="account")


class _Moving:
    """What has moved so far, and which open ticket of the person holds which issue."""

    def __init__(self, view: View, message: Message[Any], person: str, now: datetime) -> None:
        self.decision = Decision()
        self._message = message
        self._person = person
        self._now = now
        self._holders = {ticket.key: ticket for ticket in view.open_tickets(person)}

    def take(self, ticket: Ticket, changed: Mapping[str, Any]) -> None:
        """One ticket: moved as it is, or, if the person has its issue open, one of both merged into the other."""
        changed = {**changed, "person": self._person}
        holder = self._holders.get(ticket.key) if ticket.is_open and ticket.person != self._person else None
        if holder is None:
            after = self._move(ticket, changed)
        elif (holder.opened_at, holder.number) <= (ticket.opened_at, ticket.number):
            self._merge(ticket, holder.number, changed)
            after = self._take_in(holder, ticket)
        else:
            # What holds the issue gives it up first: the database has each held once at every instant.
            self._merge(holder, ticket.number, {})
            after = self._take_in(self._move(ticket, changed), holder)
        if after.is_open:
            self._holders[after.key] = after

    def _move(self, ticket: Ticket, changed: Mapping[str, Any]) -> Ticket:
        return self._record(moves.MOVE, moves.moved(moves.MOVE, ticket, self._now, **changed))

    def _merge(self, ticket: Ticket, into: str, changed: Mapping[str, Any]) -> None:
        closed = moves.moved(moves.MERGE_PERSONS, ticket, self._now, **changed, **closed_into(into, self._now))
        self._record(moves.MERGE_PERSONS, closed, into)

    def _take_in(self, ticket: Ticket, newer: Ticket) -> Ticket:
        """The ticket goes on for the newer one too, as that stood before it was merged."""
        move, goes_on = taking_in(ticket, newer, self._now)
        return self._record(move, goes_on, newer.number, newer.unanswered_since)

    def _record(
        self, move: moves.Move, after: Ticket, to_number: str | None = None, waits_since: datetime | None = None
    ) -> Ticket:
        """The ticket's next version, with its entry, its event, and what its agent hears. `to_number`: of the ticket
        that it is joined with, `waits_since`: since when what that brings waits for the desk."""
        joined = partial(Joined, to_number=to_number, waits_since=waits_since)
        visibility: Visibility = "internal" if to_number is None else "public"
        decision = recorded(
            self._message,
            after,
            move.event,
            BY,
            "Another account of the same person.",
            self._now,
            visibility=visibility,
            details=PLAIN if to_number is None else EntryDetails(to_number=to_number),
            announcing=TicketEvent if to_number is None else joined,
            id_=derived_id("entry", self._message.key, after.id, str(after.version)),
        )
        if to_number is not None:
            told = "ticket.closed" if move is moves.MERGE_PERSONS else "ticket.linked"
            decision = telling_agent(decision, after.agent, told)
        self.decision = and_then(self.decision, decision)
        return after
