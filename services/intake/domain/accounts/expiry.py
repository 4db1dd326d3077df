"""The end of a temporary account: what identifies the person is erased, the history of their tickets stays.

A timer looks whether the account ends: 30 days after it was opened, or after its last ticket was closed. Then intake
removes its name from its tickets and their history, in portions. The page is docs/accounts.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from contracts.accounts import TemporaryExpired
from contracts.names import EVENTS
from services.chassis.decision import Decision, Message, Say, derived_id
from services.intake.domain.life.recording import and_then, recorded
from services.intake.domain.needs import AccountOf, EndingOf, Need
from services.intake.domain.state import View
from services.intake.domain.values.account import (
    Account,
    AccountEndTimer,
    AccountWritten,
    Ending,
    contact_changed,
    ends,
    preferences_changed,
)
from services.intake.domain.values.erasure import EntryErased
from services.intake.domain.values.history import service_as_author
from services.intake.domain.values.ticket import Ticket, next_version
from services.intake.domain.values.whose import ENDED, author_without, ticket_without

TICKETS_AT_ONCE = 20
ENTRIES_AT_ONCE = 500
"""How many of an account's tickets and entries one turn removes the name from."""


def end_due(view: View, message: Message[AccountEndTimer], now: datetime) -> Decision:
    """The timer of an account fired: the account ends, unless a ticket is open (closing that sets the timer again) or
    was closed too recently; then its name is erased, portion by portion."""
    account = view.accounts.get(message.subject or "")
    if account is None:
        return Decision()
    ending = view.endings.get(account.key, Ending())
    if account.ended_at is not None:
        return _erased(view, message, account, ending, now)
    if ending.has_open:
        return Decision()
    since = max(at for at in (account.opened_at, ending.last_closed_at) if at is not None)
    if since + view.temporary_lasts > now:
        return Decision(timers=[ends(account.key, since + view.temporary_lasts)])
    return and_then(end(account, now), _erased(view, message, account, ending, now))


def end(account: Account, now: datetime) -> Decision:
    """End the account: nobody has its secret, and every service forgets its address and preferences."""
    version = account.contact_version + 1 if account.contact_version else 0
    wanted = account.preferences_version + 1 if account.preferences_version else 0
    gone = Account(
        account.key,
        account.version + 1,
        None,
        version,
        preferences_version=wanted,
        joined=account.joined,  # whose its tickets are, while its name is taken out of them
        leads=account.leads,
        merged_into=account.merged_into,
        ended_at=now,
        blocked_at=account.blocked_at,  # whoever is one person with it stays blocked; the reason may name them
        blocked_until=account.blocked_until,
    )
    said = [expired(account.id)]
    if version:
        said.append(contact_changed(gone))
    if wanted:
        said.append(preferences_changed(gone))
    return Decision([AccountWritten(gone)], said)


def expired(account_id: str) -> Say:
    """The event that says that a temporary account has ended."""
    type_ = "account.temporary_expired"
    return Say(EVENTS, type_, type_, TemporaryExpired(account_id=account_id), account_id)


def _erased(view: View, message: Message[AccountEndTimer], account: Account, ending: Ending, now: datetime) -> Decision:
    """Remove the name from what was read; if there is more, the timer fires again at once."""
    changes: list[object] = [
        EntryErased(replace(entry, author=author_without(entry.author, ENDED, entry.author.id)))
        for entry in ending.entries
    ]
    if len(ending.entries) >= ENTRIES_AT_ONCE:
        return Decision(changes, timers=[ends(account.key, now)])
    decision = Decision(changes)
    for id_ in ending.named:
        decision = and_then(decision, _without_name(message, view.tickets[id_], now))
    if len(ending.named) >= TICKETS_AT_ONCE:
        decision = replace(decision, timers=[ends(account.key, now)])
    return decision


def _without_name(message: Message[AccountEndTimer], ticket: Ticket, now: datetime) -> Decision:
    """A version of the ticket without its requester's name, so that every service that keeps snapshots forgets it
    too."""
    erased = next_version(ticket_without(ticket, ENDED, ticket.requester.id, ticket.person), now)
    entry_id = derived_id("entry", "erased", ticket.id)
    author = service_as_author()
    text = "The requester's name was erased."
    return recorded(message, erased, "ticket.edited", author, text, now, visibility="internal", id_=entry_id)


def ending_needed(known: View, message: Message[AccountEndTimer]) -> Iterable[Need]:
    """The account, and what keeps it from ending."""
    account = known.accounts.get(message.subject or "")
    yield AccountOf(message.subject or "")
    if account is not None:
        yield EndingOf(account.key, account.person)
