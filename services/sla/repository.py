"""sla's database: one document a ticket, with its versions, clocks and deadlines.

A turn reads the tickets that its messages are about and writes those that changed, each conditional on the revision
that was read. This module decides nothing; the chassis keeps the timers. The page is docs/sla.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import IndexModel
from pymongo.database import Database

from contracts.payload import document as as_document
from contracts.payload import stored
from contracts.snapshot import Snapshot
from services.chassis.database import KEPT_AFTER_CLOSING, Document, fields_of
from services.chassis.decision import Message, line_of
from services.chassis.unit_of_work import Write, conditional_writes
from services.sla.domain.clocks import Clock
from services.sla.domain.decide import TAKEN
from services.sla.domain.policy import Deadline, Policy, digest_of
from services.sla.domain.state import Countdown, Supervision, Ticket, View
from services.sla.domain.versions import Span
from services.sla.policies import COLLECTION, Policies

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "tickets": [IndexModel([("forget_at", 1)], expireAfterSeconds=0)],
    COLLECTION: [],
}


class Repository:
    """Reads the tickets of a turn and says what it changed. `current()`: the policy for clocks that start now, and who
    supervises."""

    def __init__(self, database: Database[Document], current: Callable[[], tuple[Policy, Supervision]]) -> None:
        self.db = database
        self._current = current
        self._policies = Policies(database)

    def load(self, messages: Sequence[Message[Any]], now: datetime) -> View:  # noqa: ARG002 - the turn's signature
        """The tickets that these events and timers are about, and the policies that their clocks go by."""
        ids = {line_of(TAKEN, message).needs(message) for message in messages}
        policy, supervision = self._current()
        if not ids:
            return View(policy, [])
        self._policies.keep(policy)
        tickets = [from_document(document) for document in self.db["tickets"].find({"_id": {"$in": list(ids)}})]
        by = {digest_of(countdown.deadline.calendar_version) for ticket in tickets for countdown in ticket.countdowns}
        return View(policy, tickets, self._policies.find(by), supervision)

    def writes(self, view: View) -> list[Write]:
        """What the turn changed."""
        return conditional_writes("tickets", view.loaded, view.tickets, to_document, "revision")


def to_document(ticket: Ticket) -> Document:
    """The ticket as it is stored: what the code calls `countdowns` and `closing_soon_said` are `watches` and
    `reminded`, as in the first releases."""
    document: Document = {
        "_id": ticket.id,
        "revision": ticket.revision,
        "newest": as_document(ticket.newest),
        "spans": [_span_document(span) for span in ticket.spans],
        "watches": [
            {**_fields(countdown), "clock": _fields(countdown.clock), "deadline": _fields(countdown.deadline)}
            for countdown in ticket.countdowns
        ],
        "announced": ticket.announced,
        "reminded": ticket.closing_soon_said,
    }
    if ticket.newest.status == "closed":
        document["forget_at"] = ticket.newest.status_since + KEPT_AFTER_CLOSING
    return document


def _span_document(span: Span) -> Document:
    document = _fields(span)
    if span.waits_since is None:  # older releases fail on this field
        del document["waits_since"]
    return document


def _fields(value: Span | Countdown | Clock | Deadline) -> Document:
    """Like `asdict`, which copies every datetime deeply: that was a third of the service's time."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def from_document(document: Mapping[str, Any]) -> Ticket:
    """The ticket that was stored like this."""
    announced = document["announced"]
    # Suggestions from before `sla.closing_soon` existed armed no timer for it: it counts as said.
    closing_soon_said = document.get("reminded", document["newest"]["status_version"])
    return Ticket(
        id=document["_id"],
        revision=document["revision"],
        newest=stored(Snapshot, document["newest"]),
        spans=tuple(Span(**fields_of(Span, span)) for span in document["spans"]),
        countdowns=tuple(_countdown(countdown) for countdown in document["watches"]),
        announced=tuple(announced) if announced else None,
        closing_soon_said=closing_soon_said,
    )


def _countdown(document: Mapping[str, Any]) -> Countdown:
    flags = {name: document[name] for name in ("warned", "breached", "met")}
    clock = {"unanswered_since": document["clock"]["started_at"], **document["clock"]}
    pauses = tuple((begins, ends) for begins, ends in clock.pop("pauses", ()))
    of_clock, of_deadline = fields_of(Clock, clock), fields_of(Deadline, document["deadline"])
    return Countdown(Clock(**of_clock, pauses=pauses), Deadline(**of_deadline), **flags)
