"""Deadlines: what sla announces about a ticket's targets. Owner: sla. The page is docs/contracts.md."""

from __future__ import annotations

from contracts import common
from contracts.fields import Choice, ListOf, Moment, Text, Whole
from contracts.payload import Part, Payload

TARGETS = ("first_reply", "next_reply")


class Armed(Payload):
    """Event `sla.armed`: by when the desk should reply, and from when the ticket may be escalated.

    Said once for each wait of the requester, and again when a moment moves. `status_version` is the snapshot's then; of
    two for the same one that with the higher `revision` holds, whichever comes last. `calendar_version` names the
    calendars and targets it was reckoned with.
    """

    number = common.ticket_number()
    ticket_id = common.identity()
    status_version = Whole(1)
    target = Choice(TARGETS)
    due_at = Moment()
    warn_at = Moment()
    escalatable_at = Moment()
    calendar_version = Text(64)
    revision = Whole(1, optional=True)


class Fired(Armed):
    """Events `sla.warning`, `sla.breached`, `sla.met`: the deadline, and the ticket as it stood. `supervisors`: who is
    told of a warning or a breach of a ticket that nobody has."""

    ticket = Part(common.Snapshot)
    supervisors = ListOf(common.agent_id(), 100, 1, optional=True)


class ClosingSoon(Payload):
    """Event `sla.closing_soon`: nobody has replied to the solution, and at `closes_at` the ticket closes."""

    number = common.ticket_number()
    ticket_id = common.identity()
    status_version = Whole(1)
    closes_at = Moment()
    ticket = Part(common.Snapshot)


class FiredToAgent(Fired):
    """Agent messages `sla.warning` and `sla.breached`."""

    entry = Part(common.Entry, optional=True)
