"""Keeps each policy that was ever in force, once, by its digest: so a ticket's deadlines can be reproduced after the
files have changed, and a clock that runs keeps to the calendar that it was started with.

Nothing is ever removed: one document for each change of the operator's. The page is docs/sla.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from pymongo.database import Database

from contracts.catalogue import Target
from services.chassis.unit_of_work import Document
from services.sla.domain.calendar import WEEKDAYS, Calendar, Window
from services.sla.domain.policy import Policy, Terms

COLLECTION = "policies"


class Policies:
    """The policies of sla's database, as far as they were asked for."""

    def __init__(self, database: Database[Document]) -> None:
        self._stored = database[COLLECTION]
        self._known: dict[str, Policy] = {}
        self._unknown: set[str] = set()

    def keep(self, policy: Policy) -> None:
        """Store it, unless it is there. To be called before anything is reckoned with it."""
        if policy.digest not in self._known:
            document = to_document(policy)
            self._stored.update_one({"_id": document.pop("_id")}, {"$setOnInsert": document}, upsert=True)
            self._known[policy.digest] = policy

    def find(self, digests: Collection[str]) -> Mapping[str, Policy]:
        """Those of them that were kept, by digest. (None is, of a time before policies were kept.)"""
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
    """The policy that was stored so."""
    return Policy(
        {name: _calendar(name, stored) for name, stored in document["calendars"].items()},
        {
            category: Terms(stored["calendar"], {tier: Target(**days) for tier, days in stored["targets"].items()})
            for category, stored in document["categories"].items()
        },
    )


def _calendar(name: str, stored: Mapping[str, Any]) -> Calendar:
    return Calendar(
        name,
        stored["version"],
        ZoneInfo(stored["time_zone"]),
        tuple(tuple(map(Window.parse, stored["hours"][day])) for day in WEEKDAYS),
        frozenset(map(date.fromisoformat, stored["closed_days"])),
    )
