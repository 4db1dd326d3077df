"""The values that notifications' rules speak of, and what a turn knows. Decides nothing. See docs/notifications.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from contracts.notifications import Channel, SwitchableKind
from contracts.values import dataclass

KindForRequester = Literal[SwitchableKind, "contact_code"]
KindForAgent = Literal["assigned_to_agent", "replied", "escalated_to_agent", "warning", "breach", "consent_answered"]
KindForManager = Literal["escalated_to_manager"]
Kind = KindForRequester | KindForAgent | KindForManager
Status = Literal["waiting", "pending", "sent", "failed", "skipped"]

MANAGER = "community-manager"
"""The recipient of what the community manager is mailed; the address is a setting."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a template may speak of; what the ticket or the event does not have is empty text."""

    number: str = ""
    subject: str = ""
    category: str = ""
    priority: int = 0
    requester: str = ""
    """Display name as at filing."""
    agent: str = ""
    """Display name."""
    message: str = ""
    """What was written: by the agent to the requester, or by who replied, escalated or asks for consent."""
    merged_into: str = ""
    """Number of the case that goes on."""
    moment: str = ""
    """When the case closes (`reminder`), or should be answered (`warning`, `breach`): `2026-03-09 09:00 UTC`."""
    granted: bool = False
    """The requester's answer, of `consent_answered`."""
    code: str = ""
    """Of `contact_code`."""


@dataclass(frozen=True, slots=True)
class Text:
    """What a person reads: a title of one line, and plain text."""

    title: str
    text: str


class Wording(Protocol):
    """The templates of all kinds and languages."""

    def render(self, kind: Kind, facts: Facts, languages: Sequence[str] = ()) -> Text:
        """The words of one notification, in the first of these languages that has them, else in English."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A requester's e-mail address as last announced; `contact_version` 0: never yet. `id` is `person_of` them."""

    id: str
    version: int = 1
    """Of this record, +1 with each change."""
    contact_version: int = 0
    email: str | None = None
    awaited_by: tuple[str, ...] = ()
    """Deliveries that wait for a newer address, or have waited too long. Kept here so that a turn which adds one and a
    turn which brings the address write the same record: one of them conflicts and decides again, and no mail waits for
    what has come."""
    row: str = ""
    """The id under which it is stored, if it is."""
    erased_at: datetime | None = None
    """Of what they had filed by then nothing is told any more."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From when to when no mail is sent, by the wall clock (`22:30`) of an IANA time zone; may cross midnight."""

    starts: str
    ends: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a requester has set, as last announced. `id` is `person_of` them."""

    id: str
    version: int = 1
    """Of this record, +1 with each change."""
    preferences_version: int = 0
    language: str = ""
    notify: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    """By kind and channel whether it is wanted; what is absent is."""
    quiet_hours: QuietHours | None = None


def person_of(kind: str, account_id: str) -> str:
    """Whose address and preferences: an account and a temporary account may have the same id."""
    return f"{kind}:{account_id}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event told to one recipient by one channel. The address stands in `Contact` only."""

    id: str
    event_id: str
    kind: Kind
    number: str
    """Of the ticket; empty for `contact_code`."""
    recipient: str
    """Id of the requester, of the agent for the channel `agent`, name of the webhook, or `MANAGER`."""
    channel: Channel
    status: Status
    created_at: datetime
    version: int = 1
    attempts: int = 0
    next_attempt_at: datetime | None = None
    contact_version: int = 0
    """The address version that a mail needs."""
    person: str = ""
    """`person_of` the requester; empty for anybody else, who has no preferences, and whose address is a setting."""
    tried_since: datetime | None = None
    """From when the time counts after which it is given up, where that is not `created_at`."""
    attempts_before: int = 0
    """Those that had been made when an operator sent it again. They count on: each attempt has a number of its own."""
    title: str = ""
    text: str = ""
    """Title and text of a mail, the body of a webhook's request: kept until it is sent or skipped."""
    reason: str = ""
    """Why it was not sent, or not yet; never an address."""
    expires_at: datetime | None = None
    entry: str = ""
    """Id of the entry that it tells of; empty for what tells of none, and of an older version."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt to send ended: `deferred` may be tried again, `refused` never succeeds.

    `away`: the destination did not answer, or said that it cannot now: so it would to any other delivery.
    """

    verdict: Literal["accepted", "deferred", "refused"]
    reason: str = ""
    away: bool = False
    asked_again_at: datetime | None = None
    """The destination was left alone, and will be until then: this very delivery was not tried."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator has set."""

    mail_give_up: timedelta = timedelta(hours=24)
    """How long a mail is tried."""
    webhook_give_up: timedelta = timedelta(hours=72)
    webhooks: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By the name of the webhook the kinds that it wants."""
    has_manager: bool = False
    """Whether the community manager's address is known."""
    own_mailboxes: frozenset[str] = frozenset()
    """Where the desk itself reads and writes (`mailboxes.mailbox`): no requester's."""


@dataclass(slots=True)
class View:
    """What one turn knows: contacts and preferences by person, deliveries by id, how attempts went."""

    wording: Wording
    policy: Policy
    contacts: dict[str, Contact] = field(default_factory=dict)
    preferences: dict[str, Preferences] = field(default_factory=dict)
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    outcomes: Mapping[tuple[str, int], Outcome] = field(default_factory=dict)
    """By delivery id and the number of the attempt, from 1."""

    def apply(self, change: Any) -> None:
        """Take in a `Contact`, `Preferences` or a `Delivery`."""
        if isinstance(change, Contact):
            self.contacts[change.id] = change
        elif isinstance(change, Preferences):
            self.preferences[change.id] = change
        else:
            self.deliveries[change.id] = change


KEPT = timedelta(days=30)
"""How long the record of a delivery that is done with is kept; and one that failed, for an operator to send again. It
holds what was to be said, and so it may not outlive what is kept of the requester (rules page, "Who may file")."""


RECORDED = frozenset({
    "id", "event_id", "kind", "number", "recipient", "channel", "created_at", "attempts", "contact_version", "person",
    "tried_since", "attempts_before", "entry",
})  # fmt: skip
"""What is kept of a delivery that is done with. Its other fields may hold words, and go."""


def done(delivery: Delivery, status: Status, now: datetime) -> Delivery:
    """The delivery, sent or skipped: without what was to be sent."""
    kept = {name: getattr(delivery, name) for name in RECORDED}
    return Delivery(**kept, status=status, version=delivery.version + 1, expires_at=now + KEPT)


def failed(delivery: Delivery, reason: str) -> Delivery:
    """The delivery, given up; an operator may send it again, as long as it is kept.

    Sent again, a requester's own is kept for another term, as it goes when they are erased (addresses.py); others',
    which name the requester too, is not found then, and ends when it would have.
    """
    since = delivery.tried_since if delivery.person else None
    return replace(
        delivery,
        status="failed",
        version=delivery.version + 1,
        reason=reason,
        next_attempt_at=None,
        expires_at=(since or delivery.created_at) + KEPT,
    )
