"""A ticket as it stands: its values, its snapshot for the wire, and how it comes to its next version.

Which command may do what to a ticket is not here (life/moves.py). The page is docs/intake.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from contracts.common import Consent, Snapshot, TicketAgent, TicketRequester
from contracts.statuses import DESKS_TURN, Status
from contracts.values import dataclass
from services.intake.domain.values.history import Entry


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
    """Whose ticket it is, for the rule of one open ticket: the key of an account, the requester's own or, where their
    accounts are one person's, the one that they joined (accounts/persons.py)."""
    key: str
    """What is open at most once for a person, while this ticket is open (issues/key.py)."""
    opening: str
    """The beginning of what was filed, normalised: what a later submission is compared with (issues/similarity.py)."""
    consent: Consent | None = None
    """What became of the last request to log in to the requester's account."""
    changed_from: str | None = None
    """The agent whom the ticket was last changed away from: routing never gives it back to them."""
    requester_left: str | None = None
    """The agent whom the requester themselves changed away from last: nobody hands it to them by name either."""
    merged_into: str | None = None
    """Number of the ticket that goes on in its stead; this one is closed for good."""
    awaiting_version: int = 0
    """The version at which it last came to await the desk; 0: an older version stored it."""
    waits_since: datetime | None = None
    """When its requester wrote first what the desk has not answered, here or in a ticket that was merged into it; what
    it says counts only while the ticket awaits the desk. None: an older version stored it."""
    body_version: int = 1
    """The version whose entry holds the body as it stands: the opening, or the last edit of it."""
    links: tuple[str, ...] = ()
    """Numbers of tickets that this one is linked with: those it continues, those an agent named, those merged in."""
    history_size: int = 0
    """Bytes of its history, to read no more of it than is sent."""
    attached: int = 0
    """Bytes of all files that its history names."""
    automatic: bool = False
    """A machine filed it, and no person has written to it since."""
    said: str = ""
    """Stands for the words that its requester wrote last (abuse/automatic.py)."""
    said_at: datetime | None = None
    said_times: int = 0
    """How often in a row the requester has written them since it was filed."""
    wrote_since: datetime | None = None
    wrote: int = 0
    """Messages of its requester in the hour that began at `wrote_since` (abuse/hourly.py)."""
    filed: str | None = None
    """Stands for the words that it was filed with, while it may be counted to a burst (abuse/bursts.py)."""
    burst: str | None = None
    """The burst in which it is held: no agent gets it."""
    erased: bool = False
    """Its requester is erased, and it is nobody's."""

    @property
    def is_open(self) -> bool:
        """Open is every status but `closed`."""
        return self.status != "closed"

    @property
    def unanswered_since(self) -> datetime | None:
        """Since when its requester waits for the desk; None while it is the requester's turn."""
        return (self.waits_since or self.last_customer_message_at) if self.status in DESKS_TURN else None

    @property
    def held(self) -> bool:
        """Whether no agent gets it until a supervisor releases it."""
        return self.burst is not None

    @property
    def open_key(self) -> str | None:
        """`key` while the ticket is open; the database lets a person have each at most once."""
        return self.key if self.is_open else None


INTERNAL = frozenset(Ticket.__dataclass_fields__) - frozenset(Snapshot.__struct_fields__)
"""Fields that the snapshot does not have."""


def snapshot(ticket: Ticket) -> Snapshot:
    """The ticket as events and outcomes carry it: no body, no secret, no address."""
    return Snapshot(**{name: getattr(ticket, name) for name in Snapshot.__struct_fields__})


def next_version(
    ticket: Ticket, now: datetime, status: Status | None = None, *, again: bool = False, **changed: Any
) -> Ticket:
    """The ticket changed, one version on. With `again` it enters a status that it has already: a second suggestion
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
