"""Deadlines: sla's events about a ticket's targets. Owner: sla. The page is docs/contracts.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from contracts.common import AgentId, Identity, TicketNumber
from contracts.fields import Moment, Ordinal, Text
from contracts.payload import Payload
from contracts.snapshot import Entry, Snapshot

TargetName = Literal["first_reply", "next_reply"]


class Armed(Payload):
    """Event `sla.armed`: by when the desk should reply, and from when the requester may escalate the ticket.

    sla announces it once for each wait of the requester, and again when a moment moves. `status_version` is that of the
    snapshot; of two for the same one the higher `revision` holds, whichever comes last. `calendar_version` names the
    calendars and targets of the computation. `unanswered_since`: the requester's message from which the time to the
    escalation counts.
    """

    number: TicketNumber
    ticket_id: Identity
    status_version: Ordinal
    target: TargetName
    due_at: Moment
    warn_at: Moment
    escalatable_at: Moment
    calendar_version: Annotated[str, Text(64).rule]
    revision: Ordinal | None = None
    unanswered_since: Moment | None = None


class Fired(Armed):
    """Events `sla.warning`, `sla.breached`, `sla.met`: the deadline, and the ticket as it stood. `supervisors`: who
    hears of a warning or a breach if nobody has the ticket."""

    ticket: Snapshot
    supervisors: Annotated[Sequence[AgentId], Meta(min_length=1, max_length=100)] = ()


class ClosingSoon(Payload):
    """Event `sla.closing_soon`: nobody has replied to the solution, and at `closes_at` the ticket closes."""

    number: TicketNumber
    ticket_id: Identity
    status_version: Ordinal
    closes_at: Moment
    ticket: Snapshot


class FiredToAgent(Fired):
    """Agent messages `sla.warning` and `sla.breached`."""

    entry: Entry | None = None
