"""Requesters: who is asking, and the address at which they can be reached.

A requester comes with an account that the channel has authenticated, or with a temporary account and its secret.
Secrets are hashed and verified before the turn's decisions (secrets.py); here it is only known whose was right. The
page is docs/accounts.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from contracts.accounts import MergeAccounts, OpenTemporary, TemporaryOpened, TemporaryOpenedOutcome
from contracts.common import NamedAccount, Requester, Secret, TemporaryRequester, TicketRequester
from contracts.names import EVENTS, role_of
from contracts.payload import Payload
from contracts.values import dataclass
from services.chassis.decision import Answer, Decision, Message, Say, derived_id, rejected
from services.intake.domain import answers
from services.intake.domain.accounts import Account, AccountWritten, contact_changed, ends, mailbox, temporary_key
from services.intake.domain.mailing import CodeMailed, mailed, next_code_at
from services.intake.domain.needs import AccountOf, CodeMailedTo, Need, SomeSharing, WrittenLately
from services.intake.domain.state import State, Together

BRINGING = frozenset({"ticket.submit", "ticket.reply", "account.merge"})
"""Commands by which an account comes to an address."""

SECRET = "-"
"""Stands for the secret in what is stored."""

NAMELESS = "Guest"
"""The display name of a temporary account that gave none."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated requester, as this command names them, with the address that it brings. `person`: whom the rule
    of one open ticket counts as one."""

    requester: TicketRequester
    person: str
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """The version of a requester's address that holds from now on, and what that changes."""

    version: int
    changes: tuple[AccountWritten | CodeMailed, ...] = ()
    said: tuple[Say, ...] = ()


def caller(state: State, requester: Requester) -> Caller | Answer:
    """Who asks. An unknown temporary account and a wrong secret are told apart by nobody: `unauthenticated`."""
    if not isinstance(requester, TemporaryRequester):
        named = TicketRequester(
            id=requester.account_id, kind="account", display_name=requester.display_name, tier=requester.tier
        )
        known = state.accounts.get(named.account)
        return Caller(named, named.account if known is None else known.person, requester.email)
    account = temporary_account(state, requester.temporary)
    if isinstance(account, Answer):
        return account
    name = account.display_name or NAMELESS
    guest = TicketRequester(id=account.id, kind="temporary", display_name=name, tier="standard")
    return Caller(guest, account.person)


def temporary_account(state: State, claim: Secret) -> Account | Answer:
    """The temporary account of this id and secret, if the two are right and it has not ended."""
    claimed = claim.account_id, claim.secret
    if claimed in state.prepared.try_again_at:
        return answers.too_many_attempts(state.prepared.try_again_at[claimed])
    account = state.accounts.get(temporary_key(claim.account_id))
    if account is None or account.ended_at is not None or claimed not in state.prepared.verified:
        return rejected("unauthenticated", "The temporary account or its secret is not right.")
    return account


def requester_of(message: Message[Payload]) -> Requester | None:
    """Who asks, of a command that says it."""
    requester: Requester | None = getattr(message.data, "requester", None)
    return requester


def temporary_named(message: Message[Payload]) -> Secret | None:
    """The temporary account and the secret that a command brings."""
    if isinstance(message.data, MergeAccounts):
        return message.data.temporary
    requester = requester_of(message)
    return requester.temporary if isinstance(requester, TemporaryRequester) else None


def account_named(message: Message[Payload]) -> str | None:
    """The key of the account that a command names as its requester's, right or not."""
    requester = requester_of(message)
    if requester is None:
        return None
    if isinstance(requester, TemporaryRequester):
        return temporary_key(requester.temporary.account_id)
    return f"account:{requester.account_id}"


def owner_of_files(message: Message[Payload]) -> str | None:
    """Whose the files are that a command brings: the account that a channel speaks for, or the agent who sends it."""
    match role_of(message.sender):
        case "channel":
            return account_named(message)
        case "agent":
            agent_id = message.sender.removeprefix("agent.")
            return f"agent:{agent_id}" if getattr(message.data, "agent_id", None) == agent_id else None
    return None


def account_meant(account: NamedAccount) -> str:
    """The key of the account that the operator names."""
    return f"{account.kind}:{account.account_id}"


def open_temporary(state: State, message: Message[OpenTemporary], now: datetime) -> Decision:
    """`account.open_temporary`: an account for someone who has none. Its secret is added when the answer goes out.

    Its address is mailed a code, unless it was mailed one lately: then the answer says from when on to ask for it.
    """
    if message.key in state.prepared.open_again_at:
        return Decision(answer=answers.too_many_openings(state.prepared.open_again_at[message.key]))
    account_id = derived_id("account", message.key)
    expires_at = now + state.temporary_lasts
    account = Account(
        key=temporary_key(account_id),
        version=1,
        contact_email=None,
        contact_version=0,
        display_name=message.data.display_name or NAMELESS,
        secret_hash=state.prepared.secret_hashes[message.key],
        opened_at=now,
        expires_at=expires_at,
    )
    changes: list[object] = []
    event = TemporaryOpened(account_id=account_id, expires_at=expires_at)
    said = [Say(EVENTS, "account.temporary_opened", "account.temporary_opened", event, account_id)]
    code_at = None
    email = message.data.contact_email
    if email is not None:
        last = state.code_mailed(email)
        code_at = next_code_at(last, now)
        account = replace(account, contact_email=email, contact_version=1, code_version=0 if code_at else 1)
        said.append(contact_changed(account))
        if code_at is None:
            changes.append(mailed(last, email, now))
    opened = TemporaryOpenedOutcome(account_id=account_id, secret=SECRET, expires_at=expires_at, code_at=code_at)
    answer = Answer("account.temporary_opened", opened, account_id)
    return Decision([AccountWritten(account), *changes], said, answer, [ends(account.key, expires_at)])


def contact(state: State, caller: Caller, now: datetime, *, opens: bool = False, without: str = "") -> Contact:
    """What the address that came with a command changes: it is fixed while the requester has an open ticket. The same
    one in capitals changes nothing: channels may each write it in their way.

    An account for which a ticket `opens`, and which may end or join another at any moment, is written in any case: so
    the two, should they come at once, conflict. Who has an address that another account has is mailed a code, unless
    the address was mailed one lately; the key of one that ends by this very command is `without`.
    """
    key = caller.requester.account
    account = state.accounts.get(key) or Account(key, 0, None, 0)
    is_new = caller.email is not None and mailbox(caller.email) != account.mailbox
    if not is_new or (account.contact_version and state.has_open_ticket(caller.person)):
        may_change = caller.requester.kind == "temporary" or account.may_join
        held = (AccountWritten(replace(account, version=account.version + 1)),) if opens and may_change else ()
        return Contact(account.contact_version, held)
    version = account.contact_version + 1
    email = caller.email or ""
    shared = any(one.key not in (key, without) for one in state.sharing(email))
    last = state.code_mailed(email)
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


def accounts_needed(known: State, message: Message[Any]) -> Iterable[Need]:
    """The account that asks, and the one that it has joined."""
    return map(AccountOf, _theirs(known, message))


def writing_needed(known: State, message: Message[Any]) -> Iterable[Need]:
    """What a requester's writing is held to: all that the person has open or wrote lately, and who else has the address
    that comes with it, if it may be new."""
    yield from address_needed(known, message)
    yield from map(WrittenLately, _theirs(known, message))


def _theirs(known: State, message: Message[Any]) -> Iterable[str]:
    """The keys of the account that a command names as its requester's, and of the one that it has joined."""
    key = account_named(message)
    if key is not None:
        yield key
        account = known.accounts.get(key)
        if account is not None and account.joined is not None:
            yield account.joined


def address_needed(known: State, message: Message[Any]) -> Iterable[Need]:
    """Who else has the address that comes with a command, and when a code was mailed to it, if it may be new to the
    account: a message before it in the same turn may have brought another."""
    key, email = account_named(message), email_brought(message)
    if key is None or email is None or AccountOf(key) not in known.asked:
        return
    account = known.accounts.get(key)
    if known.together.emails.get(key) != frozenset({None if account is None else account.contact_email}):
        yield SomeSharing(mailbox(email))
        yield CodeMailedTo(email)


def opening_needed(_known: State, message: Message[OpenTemporary]) -> Iterable[Need]:
    """When a code was mailed to the address of a temporary account that is to be opened."""
    if message.data.contact_email is not None:
        yield CodeMailedTo(message.data.contact_email)


def email_brought(message: Message[Any]) -> str | None:
    """The address that a command of a requester brings."""
    requester = requester_of(message)
    return None if requester is None or isinstance(requester, TemporaryRequester) else requester.email


def together(messages: Sequence[Message[Any]]) -> Together:
    """What these messages of one turn do beside each other."""
    emails: dict[str, set[str | None]] = {}
    confirming: set[str] = set()
    for message in messages:
        if message.type == "account.confirm_contact" and (key := account_named(message)) is not None:
            confirming.add(key)
        elif message.type in BRINGING and (email := email_brought(message)) is not None:
            emails.setdefault(account_named(message) or "", set()).add(email)
    return Together(frozenset(confirming), {key: frozenset(brought) for key, brought in emails.items()})
