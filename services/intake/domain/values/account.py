"""Accounts: what intake keeps of a requester, beside their tickets.

The rules are in accounts/. The page is docs/accounts.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from contracts.accounts import ContactChanged, PreferencesChanged, QuietHours
from contracts.common import NamedAccount, RequesterKind
from contracts.names import EVENTS
from contracts.payload import stored
from contracts.values import dataclass
from services.chassis.decision import Arm, Say, Timer
from services.intake.domain.values.history import Entry

TEMPORARY_LASTS = timedelta(days=30)
"""How long a temporary account lasts after its opening, or after its last ticket was closed (docs/rules.md, "Who may
file")."""


CONTACT_CHANGED = "account.contact_changed"
"""The type of the event, in which a code leaves the desk."""

CODE = "-"
"""Stands for the code in what is stored."""


@dataclass(frozen=True, slots=True)
class Account:
    """What intake keeps of a requester: nothing of a channel's account but the address and what they have set."""

    key: str
    """`account:<id>` or `temporary:<id>`."""
    version: int
    contact_email: str | None
    contact_version: int
    """+1 each time the address changes; 0 while there is no address."""
    display_name: str | None = None
    secret_hash: str | None = None
    opened_at: datetime | None = None
    expires_at: datetime | None = None
    preferences: Mapping[str, Any] | None = None
    """What `account.set_preferences` brought last."""
    preferences_version: int = 0
    """+1 each time that changes; 0 while nothing was set."""
    code_version: int = 0
    """The version of the address to which a code was mailed."""
    confirmed_version: int = 0
    """The version of the address that its code has confirmed."""
    confirmed_at: datetime | None = None
    joined: str | None = None
    """The key of the account that this one is one person with; that one has the tickets."""
    leads: bool = False
    """Whether others have joined this one: then it joins no other."""
    merged_into: str | None = None
    """The key of the account that a temporary one was merged into: if that is erased, so is what this one left
    behind."""
    ended_at: datetime | None = None
    """When a temporary account ended: nothing of the person is left in it."""
    wrote_since: datetime | None = None
    wrote: int = 0
    """Messages of the person whose account it is, in the hour that began at `wrote_since` (abuse/hourly.py)."""
    blocked_at: datetime | None = None
    blocked_until: datetime | None = None
    blocked_by: str | None = None
    blocked_reason: str | None = None
    """Since when, until when (None: for good), by which supervisor and why (abuse/blocking.py)."""

    @property
    def person(self) -> str:
        """Whom the rule of one open ticket counts as one: the key of an account."""
        return self.joined or self.key

    def is_blocked(self, now: datetime) -> bool:
        """Whether the person may not write."""
        return self.blocked_at is not None and (self.blocked_until is None or now < self.blocked_until)

    @property
    def mailbox(self) -> str | None:
        """The address, as addresses are compared."""
        return None if self.contact_email is None else mailbox(self.contact_email)

    @property
    def has_code(self) -> bool:
        """Whether a code for the present address was mailed."""
        return self.contact_email is not None and self.code_version == self.contact_version

    @property
    def is_confirmed(self) -> bool:
        """Whether the present address is confirmed."""
        return self.contact_email is not None and self.confirmed_version == self.contact_version

    @property
    def may_join(self) -> bool:
        """Whether its address may be confirmed at any moment, and the account become one person with another."""
        return self.has_code and not self.is_confirmed

    @property
    def kind(self) -> RequesterKind:
        """`account`, which a channel has authenticated, or `temporary`."""
        return kind_and_id(self.key)[0]

    @property
    def id(self) -> str:
        """The account's id, as commands and events name it."""
        return kind_and_id(self.key)[1]


class AccountEndTimer(Timer):
    """Intake looks whether a temporary account ends."""

    kind = "account_end"


@dataclass(frozen=True, slots=True)
class AccountWritten:
    """A new version of an account."""

    account: Account


def mailbox(email: str) -> str:
    """The address as addresses are compared: capitals make no difference."""
    return email.casefold()


def kind_and_id(key: str) -> tuple[RequesterKind, str]:
    """Kind and id, as commands and events name an account, of its key."""
    kind, _, id_ = key.partition(":")
    return ("temporary" if kind == "temporary" else "account"), id_


def named(key: str) -> NamedAccount:
    """The account of this key, as messages name it."""
    kind, id_ = kind_and_id(key)
    return NamedAccount(kind=kind, account_id=id_)


def temporary_key(account_id: str) -> str:
    """The key of a temporary account."""
    return f"temporary:{account_id}"


def ends(key: str, at: datetime) -> Arm:
    """The one timer of a temporary account: at `at` intake looks whether the account ends."""
    return Arm(end_timer(key), AccountEndTimer(due=at), key)


def end_timer(key: str) -> str:
    """The id of that timer."""
    return f"{AccountEndTimer.kind}:{key}"


def contact_changed(account: Account) -> Say:
    """The event that says where the requester is reached from now on, with a place for the code that confirms the
    address if one is due: the code joins when the event is published (`CODE`)."""
    event = ContactChanged(
        account_id=account.id,
        kind=account.kind,
        email=account.contact_email,
        contact_version=account.contact_version,
        code=CODE if account.may_join else None,
    )
    return Say(EVENTS, CONTACT_CHANGED, CONTACT_CHANGED, event, account.id)


def preferences_of(account: Account) -> dict[str, Any]:
    """What the requester has set, by the names that messages have for it: `language`, `notify`, `quiet_hours`."""
    wanted = account.preferences or {}
    hours = wanted.get("quiet_hours")
    return {
        "language": wanted.get("language"),
        "notify": wanted.get("notify"),
        "quiet_hours": None if hours is None else stored(QuietHours, hours),
    }


def preferences_changed(account: Account) -> Say:
    """The event that says what the requester wants from now on: all that they have set."""
    event = PreferencesChanged(
        account_id=account.id,
        kind=account.kind,
        preferences_version=account.preferences_version,
        **preferences_of(account),
    )
    return Say(EVENTS, "account.preferences_changed", "account.preferences_changed", event, account.id)


@dataclass(frozen=True, slots=True)
class Ending:
    """What was read of the tickets of an account that may end: whether one is open, when the last was closed, and those
    (and their entries) that still have its name, at most as many as one turn erases."""

    has_open: bool = False
    last_closed_at: datetime | None = None
    named: Sequence[str] = ()
    """Ids of tickets."""
    entries: Sequence[Entry] = ()
