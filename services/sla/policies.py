"""Keeps each policy that was ever in force, once, by its digest. So a ticket's deadlines can be reproduced after the
files have changed, and a running clock keeps to the calendar that it was started with.

It never removes a policy: there is one document for each change of the operator's. The page is docs/sla.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from pymongo.database import Database

from contracts.catalogue import Target
from contracts.zones import utc_called, zone_as_kept
from services.chassis.database import Document
from services.sla.domain.calendar import WEEKDAYS, Calendar, Window, in_order, own_day
from services.sla.domain.policy import CategoryTerms, Policy

COLLECTION = "policies"


class Policies:
    """The policies in sla's database, those that were asked for in memory."""

    def __init__(self, database: Database[Document]) -> None:
        self._stored = database[COLLECTION]
        self._known: dict[str, Policy] = {}
        self._unknown: set[str] = set()

    def keep(self, policy: Policy) -> None:
        """Store it, unless it is there. Call this before computing anything with it."""
        if policy.digest not in self._known:
            document = to_document(policy)
            self._stored.update_one({"_id": document.pop("_id")}, {"$setOnInsert": document}, upsert=True)
            self._known[policy.digest] = policy

    def find(self, digests: Collection[str]) -> Mapping[str, Policy]:
        """Those of them that were kept, by digest. (Deadlines from before policies were kept have none.)"""
        missing = [digest for digest in digests if digest not in self._known and digest not in self._unknown]
        if missing:
            for document in self._stored.find({"_id": {"$in": missing}}):
                self._known[document["_id"]] = from_document(document)
            self._unknown.update(digest for digest in missing if digest not in self._known)
        return self._known


def to_document(policy: Policy) -> Document:
    """The policy as it is stored, readable to a person."""
    return {
        "_id": policy.digest,
        "calendars": {
            name: {
                "version": calendar.version,
                "time_zone": calendar.zone.key,
                "hours": {
                    day: [str(window) for window in windows]
                    for day, windows in zip(WEEKDAYS, calendar.hours, strict=True)
                },
                "closed_days": [day.isoformat() for day in sorted(calendar.closed_days)],
                "own_hours": {str(day): list(map(str, windows)) for day, windows in in_order(calendar.own_hours)},
                "names": {day.isoformat(): name for day, name in sorted(calendar.names.items())},
            }
            for name, calendar in policy.calendars.items()
        },
        "categories": {
            category: {
                "calendar": terms.calendar,
                "targets": {
                    tier: {"first_reply_days": target.first_reply_days, "next_reply_days": target.next_reply_days}
                    for tier, target in terms.targets.items()
                },
            }
            for category, terms in policy.terms.items()
        },
    }


def from_document(document: Mapping[str, Any]) -> Policy:
    """The policy that was stored like this."""
    return Policy(
        {name: _calendar(name, stored) for name, stored in document["calendars"].items()},
        {
            category: CategoryTerms(
                stored["calendar"], {tier: Target(**days) for tier, days in stored["targets"].items()}
            )
            for category, stored in document["categories"].items()
        },
    )


def _calendar(name: str, stored: Mapping[str, Any]) -> Calendar:
    return Calendar(
        name,
        stored["version"],
        # under its name, of which the digest is made; a machine's own zone may be gone
        zone_as_kept(stored["time_zone"]) or utc_called(stored["time_zone"]),
        tuple(tuple(map(Window.parse, stored["hours"][day])) for day in WEEKDAYS),
        frozenset(map(date.fromisoformat, stored["closed_days"])),
        # absent in what was kept before there were such days
        {own_day(day): tuple(map(Window.parse, windows)) for day, windows in stored.get("own_hours", {}).items()},
        {date.fromisoformat(day): name for day, name in stored.get("names", {}).items()},
    )
