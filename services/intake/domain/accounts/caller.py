"""Who is asking: the account that the channel has authenticated, or a temporary account and its secret.

Secrets are hashed and verified before the turn's decisions (credentials/secrets.py); here it is only known whose was
right. The page is docs/accounts.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from contracts.accounts import MergeAccounts
from contracts.common import NamedAccount, Requester, Secret, TemporaryRequester
from contracts.names import role_of
from contracts.payload import Payload
from contracts.snapshot import TicketRequester
from contracts.values import dataclass
from services.chassis.decision import Answer, Message, rejected
from services.intake.domain import answers
from services.intake.domain.needs import AccountOf, Need
from services.intake.domain.state import View
from services.intake.domain.values.account import Account, temporary_key

NAMELESS = "Guest"
"""The display name of a temporary account that gave none."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated requester, as this command names them, with the address that it brings. `person`: the key under
    which the rule of one open ticket counts them."""

    requester: TicketRequester
    person: str
    email: str | None = None


def caller(view: View, requester: Requester) -> Caller | Answer:
    """Who asks. An unknown temporary account and a wrong secret get the same answer: `unauthenticated`."""
    if not isinstance(requester, TemporaryRequester):
        named = TicketRequester(
            id=requester.account_id, kind="account", display_name=requester.display_name, tier=requester.tier
        )
        known = view.accounts.get(named.account)
        return Caller(named, named.account if known is None else known.person, requester.email)
    account = temporary_account(view, requester.temporary)
    if isinstance(account, Answer):
        return account
    name = account.display_name or NAMELESS
    guest = TicketRequester(id=account.id, kind="temporary", display_name=name, tier="standard")
    return Caller(guest, account.person)


def temporary_account(view: View, claim: Secret) -> Account | Answer:
    """The temporary account of this id and secret, if the two are right and it has not ended."""
    claimed = claim.account_id, claim.secret
    if claimed in view.prepared.try_again_at:
        return answers.too_many_attempts(view.prepared.try_again_at[claimed])
    account = view.accounts.get(temporary_key(claim.account_id))
    if account is None or account.ended_at is not None or claimed not in view.prepared.verified:
        return rejected("unauthenticated", "The temporary account or its secret is not right.")
    return account


def requester_of(message: Message[Payload]) -> Requester | None:
    """The requester that a command names, if it names one."""
    requester: Requester | None = getattr(message.data, "requester", None)
    return requester


def temporary_named(message: Message[Payload]) -> Secret | None:
    """The temporary account and the secret that a command brings."""
    if isinstance(message.data, MergeAccounts):
        return message.data.temporary
    requester = requester_of(message)
    return requester.temporary if isinstance(requester, TemporaryRequester) else None


def account_named(message: Message[Payload]) -> str | None:
    """The key of the account that a command names as its requester's, authenticated or not."""
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


def accounts_needed(known: View, message: Message[Any]) -> Iterable[Need]:
    """The account that asks, and the one that it has joined."""
    return map(AccountOf, accounts_asking(known, message))


def accounts_asking(known: View, message: Message[Any]) -> Iterable[str]:
    """The keys of the account that a command names as its requester's, and of the one that it has joined."""
    key = account_named(message)
    if key is not None:
        yield key
        account = known.accounts.get(key)
        if account is not None and account.joined is not None:
            yield account.joined
