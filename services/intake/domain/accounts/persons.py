"""One person behind several accounts: an address that each has confirmed, or an account merged into another.

The code that confirms an address is mailed to it, and checked before the turn (credentials/codes.py). The page is
docs/accounts.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from contracts.accounts import ConfirmContact, MergeAccounts
from contracts.payload import Payload
from services.chassis.decision import Answer, Decision, Message, rejected
from services.intake.domain import answers
from services.intake.domain.accounts.caller import Caller, account_named, temporary_account
from services.intake.domain.accounts.contact import address_needed, contact
from services.intake.domain.accounts.expiry import end
from services.intake.domain.accounts.new_owner import move
from services.intake.domain.life.recording import and_then
from services.intake.domain.needs import (
    AccountOf,
    ClosedTickets,
    CodeMailedTo,
    Need,
    OpenTickets,
    Sharing,
    UnnamedFiles,
)
from services.intake.domain.state import View
from services.intake.domain.values.account import Account, AccountWritten, contact_changed, ends, mailbox, temporary_key
from services.intake.domain.values.mailed_code import mailed, next_code_at


def confirm_contact(view: View, message: Message[ConfirmContact], caller: Caller, now: datetime) -> Decision:
    """`account.confirm_contact`: the code that was mailed proves that the address is theirs. If another account has
    confirmed the same address before, the two are one person from now on, and this one's tickets move there. Without a
    code, the command asks for another mail with the code."""
    account = view.accounts.get(caller.requester.account)
    if account is None or account.contact_email is None:
        return Decision(answer=rejected("wrong_status", "This account has no contact address to confirm."))
    if message.data.code is None:
        return _mail_code(view, account, account.contact_email, now)
    if (account.key, account.contact_version, message.data.code) not in view.prepared.right_codes:
        if account.key in view.prepared.codes_again_at:
            return Decision(answer=answers.too_many_attempts(view.prepared.codes_again_at[account.key]))
        return Decision(answer=answers.invalid({"code": ["This is not the code that was mailed to this address."]}))
    done = Decision(answer=answers.done(account.id))
    if account.is_confirmed:
        return done
    confirmed = replace(
        account, version=account.version + 1, confirmed_version=account.contact_version, confirmed_at=now
    )
    others = [other for other in view.sharing(account.contact_email) if other.key != account.key]
    # Accounts that a channel has authenticated are mailed a code now, if they have none: before somebody confirmed the
    # address there was no reason to. Anybody may have opened the temporary ones: those ask for their codes themselves.
    asked = [
        replace(other, version=other.version + 1, code_version=other.contact_version)
        for other in others
        if other.kind == "account" and not other.has_code
    ]
    # Two accounts that confirm it at once would each take the other for unconfirmed. So all that may confirm it are
    # written, and conflict.
    met = [other for other in others if other.may_join]
    before = [other for other in others if other.is_confirmed]
    if not (met or asked or before):
        # If very many accounts have the address, the turn read only some, and perhaps not the other: both write this
        # one.
        met = sorted(others, key=lambda other: (other.opened_at or now, other.key))[:1]
    held = [replace(other, version=other.version + 1) for other in met]
    written = {other.key: other for other in (confirmed, *asked, *held)}
    changes: list[object] = list(map(AccountWritten, written.values()))
    if asked:
        changes.append(mailed(view.code_mailed(account.contact_email), account.contact_email, now))
    decision = Decision(changes, [contact_changed(account) for account in asked], done.answer)
    if not before or account.joined is not None or account.leads:
        return decision
    first = min(before, key=lambda other: (other.confirmed_at or now, other.key))
    root = written.get(first.person)
    if root is None and (stored := view.accounts.get(first.person)) is not None:
        root = replace(stored, version=stored.version + 1)
    return and_then(decision, _join(view, message, confirmed, first.person, root, now))


def _mail_code(view: View, account: Account, email: str, now: datetime) -> Decision:
    """Mail the code of the present address (again), unless a code was mailed there recently, for this account or
    another."""
    if account.is_confirmed:
        return Decision(answer=rejected("wrong_status", "This account's contact address is already confirmed."))
    last = view.code_mailed(email)
    retry_at = next_code_at(last, now)
    if retry_at is not None:
        return Decision(answer=answers.code_mailed_lately(retry_at))
    asked = replace(account, version=account.version + 1, code_version=account.contact_version)
    done = answers.done(account.id)
    return Decision([AccountWritten(asked), mailed(last, email, now)], [contact_changed(asked)], done)


def _join(
    view: View, message: Message[Payload], account: Account, person: str, root: Account | None, now: datetime
) -> Decision:
    """The account's tickets move to that person, whose account (`root`, in its next version) is written too: so it
    cannot join a third or be erased at once."""
    changes = [AccountWritten(replace(account, joined=person))]
    if root is not None:
        changes.append(AccountWritten(replace(root, leads=True)))
    tickets = [ticket for ticket in view.tickets.values() if ticket.person == account.key]
    return and_then(Decision(changes), move(view, message, tickets, person, now, {}))


def merge_account(view: View, message: Message[MergeAccounts], caller: Caller, now: datetime) -> Decision:
    """`account.merge`: a temporary account with an address ends, and a real account gets its tickets and the files that
    no entry names yet. If the command brings an address for the real account, it counts as with a submission."""
    if caller.requester.kind != "account":
        sentence = "A temporary account is merged into one that the channel has authenticated."
        return Decision(answer=rejected("forbidden", sentence, {"requester": ["must not be a temporary account"]}))
    account = temporary_account(view, message.data.temporary)
    if isinstance(account, Answer):
        return Decision(answer=account)
    if account.contact_email is None:
        sentence = "Only a temporary account with a contact address can be merged into another."
        return Decision(answer=rejected("forbidden", sentence, {"temporary": ["has no contact address"]}))
    # As for a ticket that opens: if the real account joins another person at the same time, the two turns conflict.
    reached = contact(view, caller, now, opens=True, without=account.key)
    tickets = [ticket for ticket in view.tickets.values() if ticket.requester.account == account.key]
    changed = {"contact_version": reached.version}
    moved = move(view, message, tickets, caller.person, now, changed, caller.requester.account)
    files = [
        replace(file, owner=caller.requester.account, version=file.version + 1)
        for file in view.files.values()
        if file.owner == account.key and not file.used and file.state not in ("writing", "removing")
    ]
    answer = answers.done(caller.requester.id)
    # Closed tickets that do not move keep the name until the timer has erased it; the timer may have fired already.
    done = Decision([*reached.changes, *files], reached.said, answer, [ends(account.key, now)])
    # What it leaves behind belongs to the same person, if they ever have themselves erased.
    ended = end(replace(account, merged_into=caller.requester.account), now)
    return and_then(done, and_then(ended, moved))


def confirm_needed(known: View, message: Message[ConfirmContact]) -> Iterable[Need]:
    """Who else has the address, and what each of the person's accounts has open; and of this one what moves."""
    account = known.accounts.get(account_named(message) or "")
    if account is None or account.contact_email is None:
        return
    yield CodeMailedTo(account.contact_email)
    if message.data.code is None:
        return
    yield Sharing(mailbox(account.contact_email))
    yield OpenTickets(account.key)
    yield ClosedTickets(account.key)
    for person in {other.person for other in known.sharing(account.contact_email) if other.is_confirmed}:
        yield AccountOf(person)
        yield OpenTickets(person)


def merge_needed(known: View, message: Message[MergeAccounts]) -> Iterable[Need]:
    """The temporary account with what moves of it, and what its new person has open."""
    yield from address_needed(known, message)
    key = temporary_key(message.data.temporary.account_id)
    yield AccountOf(key)
    yield UnnamedFiles(key)
    merged = known.accounts.get(key)
    if merged is not None:
        yield AccountOf(merged.person)
        yield OpenTickets(merged.person)
        yield ClosedTickets(merged.person)
    into = account_named(message)
    if into is not None and AccountOf(into) in known.asked:
        account = known.accounts.get(into)
        yield OpenTickets(into if account is None else account.person)
