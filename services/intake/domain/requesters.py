"""Requesters: who is asking, and the address at which they can be reached.

A requester comes with an account that the channel has authenticated, or with a temporary account and its secret.
Secrets are hashed and verified before the turn's decisions (secrets.py); here it is only known whose was right. The
page is docs/accounts.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from contracts import topology
from services.chassis.decision import Answer, Decision, Message, Say, derived_id, rejected
from services.intake.domain import answers
from services.intake.domain.accounts import Account, AccountWritten, contact_changed, ends, temporary_key
from services.intake.domain.state import State
from services.intake.domain.tickets import Requester

NAMELESS = "Guest"
"""The display name of a temporary account that gave none."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated requester, as this command names them, with the address that it brings."""

    requester: Requester
    email: str | None = None

    @property
    def person(self) -> str:
        """Whom the rule of one open ticket counts as one."""
        return self.requester.account


@dataclass(frozen=True, slots=True)
class Contact:
    """The version of a requester's address that holds from now on, and what that changes."""

    version: int
    changes: tuple[AccountWritten, ...] = ()
    said: tuple[Say, ...] = ()


def caller(state: State, message: Message) -> Caller | Answer:
    """Who asks. An unknown temporary account and a wrong secret are told apart by nobody: `unauthenticated`."""
    data = message.data["requester"]
    temporary = data.get("temporary")
    if temporary is None:
        requester = Requester(data["account_id"], "account", data["display_name"], data["tier"])
        return Caller(requester, data.get("email"))
    claimed = temporary["account_id"], temporary["secret"]
    if claimed in state.try_again_at:
        return answers.too_many_attempts(state.try_again_at[claimed])
    account = state.accounts.get(temporary_key(temporary["account_id"]))
    if account is None or claimed not in state.verified:
        return rejected("unauthenticated", "The temporary account or its secret is not right.")
    return Caller(Requester(temporary["account_id"], "temporary", account.display_name or NAMELESS, "standard"))


def account_named(message: Message) -> str | None:
    """The key of the account that a command names as its requester's, right or not."""
    data = message.data.get("requester")
    if data is None:
        return None
    temporary = data.get("temporary")
    return temporary_key(temporary["account_id"]) if temporary is not None else f"account:{data['account_id']}"


def open_temporary(state: State, message: Message, now: datetime) -> Decision:
    """`account.open_temporary`: an account for someone who has none. Its secret is added when the answer goes out."""
    if message.key in state.open_again_at:
        return Decision(answer=answers.too_many_openings(state.open_again_at[message.key]))
    account_id = derived_id("account", message.key)
    account = Account(
        key=temporary_key(account_id),
        version=1,
        contact_email=None,
        contact_version=0,
        display_name=message.data.get("display_name") or NAMELESS,
        secret_hash=state.secret_hashes[message.key],
        opened_at=now,
        expires_at=now + state.temporary_lasts,
    )
    changes, said = [AccountWritten(account)], []
    opened = {"account_id": account_id, "expires_at": account.expires_at}
    said.append(Say(topology.EVENTS, "account.temporary_opened", "account.temporary_opened", opened, account_id))
    email = message.data.get("contact_email")
    if email is not None:
        account = replace(account, contact_email=email, contact_version=1)
        changes = [AccountWritten(account)]
        said.append(contact_changed(account))
    timers = [ends(account.key, now + state.temporary_lasts)]
    return Decision(changes, said, Answer("account.temporary_opened", opened, account_id), timers)


def contact(state: State, caller: Caller, *, opens: bool = False) -> Contact:
    """What the address that came with a command changes: it is fixed while the requester has an open ticket.

    A temporary account for which a ticket `opens` is written in any case, so that this and its end, should they come at
    once, conflict.
    """
    key = caller.requester.account
    account = state.accounts.get(key) or Account(key, 0, None, 0)
    if opens and caller.requester.kind == "temporary":
        return Contact(account.contact_version, (AccountWritten(replace(account, version=account.version + 1)),))
    if caller.email is None or caller.email == account.contact_email:
        return Contact(account.contact_version)
    if account.contact_version and state.has_open_ticket(caller.person):
        return Contact(account.contact_version)
    account = replace(
        account,
        version=account.version + 1,
        contact_email=caller.email,
        contact_version=account.contact_version + 1,
    )
    return Contact(account.contact_version, (AccountWritten(account),), (contact_changed(account),))
