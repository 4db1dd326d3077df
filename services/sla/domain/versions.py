"""Which versions of a ticket sla knows, whatever the order they came in.

Every version of a ticket has one event, and events come late, twice or in another order. sla keeps the versions as a
compact set: consecutive versions that mean the same to the clocks are one `Span`, so a ticket with a thousand notes
stays small. The same set of versions always gives the same spans. What follows from them is in `clocks.py`. The page is
docs/sla.md.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from datetime import datetime

from contracts.snapshot import Snapshot
from contracts.values import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """The versions `first` to `last`, none missing, with what they have in common, by the snapshot's names."""

    first: int
    last: int
    status: str
    status_version: int
    status_since: datetime
    category: str
    reopen_count: int
    last_agent_message_at: datetime | None
    customer_message_at: datetime | None
    """`last_customer_message_at` of the first version, which is the earliest."""
    escalated: bool = False
    waits_since: datetime | None = None
    """The version took in another ticket, whose requester has waited for the desk since then."""


def span_of(snapshot: Snapshot, waits_since: datetime | None = None) -> Span:
    """The span of one version, which may have taken in another ticket."""
    return Span(
        first=snapshot.version,
        last=snapshot.version,
        status=snapshot.status,
        status_version=snapshot.status_version,
        status_since=snapshot.status_since,
        category=snapshot.category,
        reopen_count=snapshot.reopen_count,
        last_agent_message_at=snapshot.last_agent_message_at,
        customer_message_at=snapshot.last_customer_message_at,
        escalated=snapshot.escalated,
        waits_since=waits_since,
    )


def with_version(spans: tuple[Span, ...], new: Span) -> tuple[Span, ...]:
    """The spans (ordered by version) with that of one more version; the same object if the version is known."""
    place = bisect_right(spans, new.first, key=lambda span: span.first)
    if place and new.first <= spans[place - 1].last:
        return spans
    before, after = spans[:place], spans[place:]
    if before and _continues(before[-1], new):
        new, before = replace(before[-1], last=new.last), before[:-1]
    if after and _continues(new, after[0]):
        new, after = replace(new, last=after[0].last), after[1:]
    return (*before, new, *after)


def follows(span: Span, other: Span) -> bool:
    """Whether no version is missing between `span` and `other`."""
    return other.first == span.last + 1


def _continues(span: Span, other: Span) -> bool:
    alike = replace(other, first=span.first, last=span.last, customer_message_at=span.customer_message_at)
    return follows(span, other) and alike == span
