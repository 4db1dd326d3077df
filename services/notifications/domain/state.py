"""The values that notifications' rules use, and what a turn knows. Decides nothing. See docs/notifications.md."""

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
    """Everything that a template may show; what the ticket or the event does not have is empty text."""

    number: str = ""
    subject: str = ""
    category: str = ""
    priority: int = 0
    requester: str = ""
    """Display name as at filing."""
    agent: str = ""
    """Display name."""
    message: str = ""
    """What was written: by the agent to the requester, or by whoever replied, escalated or asks for consent."""
    merged_into: str = ""
    """Number of the case that goes on."""
    moment: str = ""
    """When the case closes (`reminder`), or should be answered (`warning`, `breach`): `2026-03-09 09:00 UTC`."""
    granted: bool = False
    """The requester's answer, of `consent_answered`."""
    code: str = ""
    """Of `contact_code`."""
    articles: str = ""
    """The articles that come with a suggested solution: a line `- title` for each, and its address below that."""


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
    """A requester's e-mail address as last announced; `contact_version` 0: never yet. `id` is their `person_of`."""

    id: str
    version: int = 1
    """Of this record, +1 with each change."""
    contact_version: int = 0
    email: str | None = None
    awaited_by: tuple[str, ...] = ()
    """Deliveries that wait for a newer address, or have waited too long. They are kept here so that a turn which adds
    one and a turn which brings the address write the same record: one of them conflicts and decides again, and no mail
    waits for an address that has come."""
    row: str = ""
    """The id under which it is stored, if it is."""
    erased_at: datetime | None = None
    """Nothing more is told about what they had filed by then."""

    def has_erased(self, opened_at: datetime) -> bool:
        """Whether the person was erased with a ticket that was opened then."""
        return self.erased_at is not None and opened_at <= self.erased_at


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From when to when no mail is sent, by the wall clock (`22:30`) of an IANA time zone; may cross midnight."""

    starts: str
    ends: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a requester has set, as last announced. `id` is their `person_of`."""

    id: str
    version: int = 1
    """Of this record, +1 with each change."""
    preferences_version: int = 0
    language: str = ""
    notify: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    """Whether it is wanted, by kind and channel; what is absent is wanted."""
    quiet_hours: QuietHours | None = None


def one_line(text: str) -> str:
    """Text without line breaks and control characters: a title, a name, a header."""
    line = " ".join(text.split())
    return line if line.isprintable() else "".join(filter(str.isprintable, line))


def person_of(kind: str, account_id: str) -> str:
    """Whose address and preferences: an account and a temporary account may have the same id."""
    return f"{kind}:{account_id}"


@dataclass(frozen=True, slots=True)
class Article:
    """An article of the knowledge base, as last announced.

    `article_version`: the newest that was heard of, which says whether the article `is_public` and in which `languages`
    it is published, its own first. `titles`: by language, each with the version that it is of; empty: withdrawn.
    """

    id: str
    version: int = 1
    """Of this record, +1 with each change."""
    article_version: int = 0
    is_public: bool = False
    languages: tuple[str, ...] = ()
    titles: Mapping[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def shown(self) -> dict[str, str]:
        """The titles that readers see, by language, the article's own first."""
        return {
            language: self.titles[language][1]
            for language in self.languages
            if language in self.titles and self.titles[language][1]
        }


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event told to one recipient by one channel. Only `Contact` has the address."""

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
    """When the time began after which it is given up, if that is not `created_at`."""
    attempts_before: int = 0
    """Attempts that had been made when an operator sent it again. Counting goes on: each attempt has a number of its
    own."""
    title: str = ""
    text: str = ""
    """Title and text of a mail, the body of a webhook's request: kept until it is sent or skipped."""
    reason: str = ""
    """Why it was not sent, or not yet; never an address."""
    expires_at: datetime | None = None
    entry: str = ""
    """Id of the entry that it tells of; empty if it tells of no entry, and in what an older version stored."""
    requester: str = ""
    """`person_of` whose ticket it tells of, for as long as it holds words; empty in what an older version stored."""
    opened_at: datetime | None = None
    """When that ticket was opened."""

    @property
    def whose(self) -> str:
        """The requester whose words it holds; empty if nobody has recorded it."""
        return self.person or self.requester


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt to send ended: `deferred` may be tried again, `refused` never succeeds.

    `away`: the destination did not answer, or said that it cannot take anything now: it would answer any other delivery
    the same.
    """

    verdict: Literal["accepted", "deferred", "refused"]
    reason: str = ""
    away: bool = False
    asked_again_at: datetime | None = None
    """The destination was left alone, and will be until then: this delivery was not tried."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator has set."""

    mail_give_up: timedelta = timedelta(hours=24)
    """How long a mail is tried."""
    webhook_give_up: timedelta = timedelta(hours=72)
    webhooks: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The kinds that a webhook wants, by the webhook's name."""
    has_manager: bool = False
    """Whether the community manager's address is known."""
    article_url: str = ""
    """Where a person reads an article, with `{id}` and `{language}`; empty: nobody has said."""
    own_mailboxes: frozenset[str] = frozenset()
    """Addresses at which the desk itself reads and writes (`mailboxes.mailbox`): no requester's."""


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
    articles: dict[str, Article] = field(default_factory=dict)

    def apply(self, change: Any) -> None:
        """Take in a `Contact`, `Preferences`, an `Article` or a `Delivery`."""
        if isinstance(change, Contact):
            self.contacts[change.id] = change
        elif isinstance(change, Article):
            self.articles[change.id] = change
        elif isinstance(change, Preferences):
            self.preferences[change.id] = change
        else:
            self.deliveries[change.id] = change


KEPT = timedelta(days=30)
"""How long the record of a finished delivery is kept, and that of a failed one, for an operator to send again. The
latter holds what was to be said, so it may not outlive what is kept of the requester (docs/rules.md, "Who may
file")."""


RECORDED = frozenset({
    "id", "event_id", "kind", "number", "recipient", "channel", "created_at", "attempts", "contact_version", "person",
    "tried_since", "attempts_before", "entry",
})  # fmt: skip
"""What is kept of a finished delivery. Its other fields may hold words, and go."""


def done(delivery: Delivery, status: Status, now: datetime) -> Delivery:
    """The delivery, sent or skipped: without what was to be sent."""
    kept = {name: getattr(delivery, name) for name in RECORDED}
    return Delivery(**kept, status=status, version=delivery.version + 1, expires_at=now + KEPT)


def failed(delivery: Delivery, reason: str) -> Delivery:
    """The delivery, given up; an operator may send it again for as long as it is kept.

    A requester's own delivery that is sent again is kept for another term, because it goes when they are erased
    (addresses.py). Deliveries to others, which name the requester too, are not found then, and end when they would have
    ended.
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
