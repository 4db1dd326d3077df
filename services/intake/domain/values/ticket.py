"""A ticket: its fields, its snapshot for the wire, and how it gets to its next version.

Which command may do what to a ticket is in life/moves.py. The page is docs/intake.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from contracts.snapshot import Consent, Snapshot, TicketAgent, TicketRequester
from contracts.statuses import DESKS_TURN, Status
from contracts.values import dataclass
from services.intake.domain.values.history import Entry

OF_ERASED = "erased:"
"""How the key of an erased person begins."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One version of a ticket: the snapshot's fields, under their names, then intake's own. Times are aware UTC."""

    id: str
    number: str
    version: int
    status: Status
    status_since: datetime
    status_version: int
    assignment_seq: int
    contact_version: int
    category: str
    subcategory: str | None
    priority: int
    escalated: bool
    requester: TicketRequester
    channel: str
    subject: str
    issue_key: str | None
    language: str | None
    agent: TicketAgent | None
    opened_at: datetime
    first_agent_message_at: datetime | None
    last_agent_message_at: datetime | None
    last_customer_message_at: datetime
    closed_at: datetime | None
    close_reason: str | None
    reopen_count: int

    person: str
    """Whose ticket it is, for the rule of one open ticket: the key of the requester's account or, where several
    accounts are one person, of the one that theirs has joined (accounts/persons.py)."""
    key: str
    """The key of the issue, which a person has open at most once (issues/key.py)."""
    opening: str
    """The beginning of what was filed, normalised; later submissions are compared with it (issues/similarity.py)."""
    consent: Consent | None = None
    """What became of the last request to log in to the requester's account."""
    changed_from: str | None = None
    """The agent from whom people last took the ticket: routing never gives it back to them."""
    requester_left: str | None = None
    """The agent whom the requester left last: nobody hands it to them by name either."""
    merged_into: str | None = None
    """Number of the ticket that goes on for this one, which is closed for good."""
    awaiting_version: int = 0
    """The version at which it last came to await the desk; 0: an older version stored it."""
    waits_since: datetime | None = None
    """When its requester first wrote what the desk has not answered, here or in a ticket that was merged into it; it
    counts only while the ticket awaits the desk. None: an older version stored it."""
    body_version: int = 1
    """The version whose entry holds the current body: the opening, or its last edit."""
    links: tuple[str, ...] = ()
    """Numbers of linked tickets: those that it continues, those that an agent named, those merged into it."""
    history_size: int = 0
    """Bytes of its history, so that intake reads no more of it than it sends."""
    attached: int = 0
    """Bytes of all files that its history names."""
    automatic: bool = False
    """A machine filed it, and no person has written to it since."""
    said: str = ""
    """A digest of the words that its requester wrote last (abuse/automatic.py)."""
    said_at: datetime | None = None
    said_times: int = 0
    """How often in a row the requester has written them since it was filed."""
    wrote_since: datetime | None = None
    wrote: int = 0
    """Messages of its requester in the hour that began at `wrote_since` (abuse/hourly.py)."""
    filed: str | None = None
    """A digest of the words that it was filed with, while it may count for a burst (abuse/bursts.py)."""
    burst: str | None = None
    """The burst in which it is held: no agent gets it until a supervisor releases it."""
    erased: bool = False
    """Its requester is erased, and it belongs to nobody."""

    @property
    def is_open(self) -> bool:
        """Open is every status but `closed`."""
        return self.status != "closed"

    @property
    def unanswered_since(self) -> datetime | None:
        """Since when its requester waits for the desk; None while it is the requester's turn."""
        return (self.waits_since or self.last_customer_message_at) if self.status in DESKS_TURN else None

    @property
    def awaits_since_version(self) -> int | None:
        """The version from which on the desk has to act; None while it is the requester's turn."""
        return (self.awaiting_version or self.status_version) if self.status in DESKS_TURN else None

    @property
    def held(self) -> bool:
        """Whether no agent gets it until a supervisor releases it."""
        return self.burst is not None

    @property
    def has_owner(self) -> bool:
        """Whether it belongs to anybody: a person who was erased has no tickets, but a temporary account may have ended
        while its person has another one."""
        return not self.person.startswith(OF_ERASED)

    @property
    def open_key(self) -> str | None:
        """`key` while the ticket is open; the database lets a person have each at most once."""
        return self.key if self.is_open else None


INTERNAL = frozenset(Ticket.__dataclass_fields__) - frozenset(Snapshot.__struct_fields__)
"""Fields that are not in the snapshot."""


def snapshot(ticket: Ticket) -> Snapshot:
    """The ticket as events and outcomes carry it: no body, no secret, no address."""
    return Snapshot(**{name: getattr(ticket, name) for name in Snapshot.__struct_fields__})


def next_version(
    ticket: Ticket, now: datetime, status: Status | None = None, *, again: bool = False, **changed: Any
) -> Ticket:
    """The changed ticket, one version on. `again`: it enters the status even if it is in it: a second suggestion
    restarts the 7 days."""
    version = ticket.version + 1
    if status is not None and (again or status != ticket.status):
        changed |= {"status": status, "status_since": now, "status_version": version}
        if status in DESKS_TURN and ticket.status not in DESKS_TURN:
            changed |= {"awaiting_version": version, "waits_since": now}
    return replace(ticket, version=version, **changed)


@dataclass(frozen=True, slots=True)
class TicketWritten:
    """A new version of a ticket, with the entry that its history got."""

    ticket: Ticket
    entry: Entry
