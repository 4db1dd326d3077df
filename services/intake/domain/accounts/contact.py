"""The address at which a requester can be reached: what an address that comes with a command changes.

It is fixed while the requester has an open ticket. The page is docs/accounts.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from contracts.common import TemporaryRequester
from contracts.values import dataclass
from services.chassis.decision import Decision, Message, Say
from services.intake.domain.accounts.caller import Caller, account_named, accounts_asking, requester_of
from services.intake.domain.life.recording import and_then
from services.intake.domain.needs import AccountOf, CodeMailedTo, Need, SomeSharing, WrittenLately
from services.intake.domain.state import View
from services.intake.domain.values.account import Account, AccountWritten, contact_changed, mailbox
from services.intake.domain.values.mailed_code import CodeMailed, mailed, next_code_at


@dataclass(frozen=True, slots=True)
class Contact:
    """The version of a requester's address from now on, and what changes with it."""

    version: int
    changes: tuple[AccountWritten | CodeMailed, ...] = ()
    said: tuple[Say, ...] = ()


def contact(view: View, caller: Caller, now: datetime, *, opens: bool = False, without: str = "") -> Contact:
    """What the address that came with a command changes. It is fixed while the requester has an open ticket. The same
    address in capitals changes nothing, because each channel writes it in its own way.

    If a ticket `opens` for an account that may end, or join or leave another at any moment (an erasure parts them), the
    account is written in any case: two such turns at once then conflict. If another account has the same address, a
    code is mailed to it, unless one was mailed recently; `without` is the key of an account that ends by this very
    command, and does not count.
    """
    key = caller.requester.account
    account = view.accounts.get(key) or Account(key, 0, None, 0)
    is_new = caller.email is not None and mailbox(caller.email) != account.mailbox
    if not is_new or (account.contact_version and view.has_open_ticket(caller.person)):
        may_change = caller.requester.kind == "temporary" or account.may_join or account.joined is not None
        held = (AccountWritten(replace(account, version=account.version + 1)),) if opens and may_change else ()
        return Contact(account.contact_version, held)
    version = account.contact_version + 1
    email = caller.email or ""
    shared = any(account.key not in (key, without) for account in view.sharing(email))
    last = view.code_mailed(email)
    gets_code = shared and next_code_at(last, now) is None
    account = replace(
        account,
        version=account.version + 1,
        contact_email=caller.email,
        contact_version=version,
        code_version=version if gets_code else account.code_version,
        confirmed_at=None,
    )
    remembered = (mailed(last, email, now),) if gets_code else ()
    return Contact(account.contact_version, (AccountWritten(account), *remembered), (contact_changed(account),))


def writing_needed(known: View, message: Message[Any]) -> Iterable[Need]:
    """What limits a requester's writing: all that the person has open or wrote lately, and who else has the address
    that comes with it, if it may be new."""
    yield from address_needed(known, message)
    yield from map(WrittenLately, accounts_asking(known, message))


def address_needed(known: View, message: Message[Any]) -> Iterable[Need]:
    """Who else has the address that comes with a command, and when a code was mailed to it, if it may be new to the
    account: a message before it in the same turn may have brought another."""
    key, email = account_named(message), email_brought(message)
    if key is None or email is None or AccountOf(key) not in known.asked:
        return
    account = known.accounts.get(key)
    if known.together.emails.get(key) != frozenset({None if account is None else account.contact_email}):
        yield SomeSharing(mailbox(email))
        yield CodeMailedTo(email)


def email_brought(message: Message[Any]) -> str | None:
    """The address that a command of a requester brings."""
    requester = requester_of(message)
    return None if requester is None or isinstance(requester, TemporaryRequester) else requester.email


def with_contact(decision: Decision, contact: Contact) -> Decision:
    """The same decision, with what the requester's address changes."""
    if not contact.changes and not contact.said:
        return decision
    return and_then(decision, Decision(contact.changes, contact.said))
