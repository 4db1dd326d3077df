"""What notifications forgets of somebody who is erased: this module drops what was to be said about their tickets;
their address and preferences go when they change (addresses.py, preferences.py). Pure. See docs/privacy.md."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from contracts.accounts import AccountErased
from contracts.sla import ClosingSoon, Fired
from contracts.snapshot import Snapshot
from contracts.tickets import Redacted, TicketEvent
from services.chassis.decision import Decision, Disarm, Message
from services.notifications.domain.attempts import timer_of
from services.notifications.domain.needs import Need, PersonOf, WordsAbout
from services.notifications.domain.state import Contact, Delivery, View, done, person_of


def forgetting_needed(_view: View, message: Message[AccountErased]) -> list[Need]:
    """The person who is erased."""
    return [PersonOf(person_of(message.data.kind, message.data.account_id))]


def words_needed(view: View, event: Message[TicketEvent | Fired | ClosingSoon]) -> list[Need]:
    """What is yet to be said about the ticket, if its requester is erased."""
    ticket = event.data.ticket
    return [WordsAbout(ticket.number)] if is_forgotten(view, ticket) else []


def redacted_needed(_view: View, event: Message[Redacted]) -> list[Need]:
    """What is yet to be said about the ticket: it may show what was taken out."""
    return [WordsAbout(event.data.ticket.number)]


def forget_person(
    view: View,
    message: Message[AccountErased],
    now: datetime,  # noqa: ARG001 - as others have it
) -> Decision:
    """`account.erased`: nothing more is told about what they had filed by then, also not by an event that comes
    late."""
    data = message.data
    person = person_of(data.kind, data.account_id)
    known = view.contacts.get(person, Contact(person, version=0))
    if known.erased_at is not None and known.erased_at >= data.at:
        return Decision(remember=False)
    return Decision([replace(known, version=known.version + 1, erased_at=data.at)])


def is_forgotten(view: View, ticket: Snapshot) -> bool:
    """Whether the ticket's requester is erased, as this version of it says or as is known otherwise."""
    if ticket.erased:
        return True
    contact = view.contacts.get(person_of(ticket.requester.kind, ticket.requester.id))
    return contact is not None and contact.has_erased(ticket.opened_at)


def forget_ticket(view: View, ticket: Snapshot, now: datetime) -> Decision:
    """Drop whatever was to be said about the ticket, to anybody."""
    kept = [delivery for delivery in view.deliveries.values() if delivery.number == ticket.number and delivery.text]
    return _dropped(kept, now)


def forget_entry(view: View, redacted: Redacted, now: datetime) -> Decision:
    """`ticket.redacted`: drop what was to be said of that entry; if the subject went, everything that shows it. Nobody
    knows what a delivery of an older version tells of, so it goes too."""
    number, entry = redacted.ticket.number, redacted.entry.redacts
    kept = [delivery for delivery in view.deliveries.values() if delivery.number == number and delivery.text]
    return _dropped(
        [delivery for delivery in kept if redacted.subject or delivery.entry in ("", entry or delivery.entry)], now
    )


def _dropped(deliveries: Iterable[Delivery], now: datetime) -> Decision:
    skipped = [done(delivery, "skipped", now) for delivery in deliveries]
    if not skipped:
        return Decision(remember=False)
    return Decision(skipped, timers=[Disarm(timer_of(delivery)) for delivery in skipped])
