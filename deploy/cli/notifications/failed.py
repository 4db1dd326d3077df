"""Finds failed deliveries in notifications' database, which the command line only reads.

The page is docs/operating.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

from services.notifications.domain.state import Delivery
from services.notifications.repository import delivery_of


@dataclass(frozen=True, slots=True)
class Choice:
    """Which failed deliveries; None or empty means any."""

    ids: frozenset[str] = frozenset()
    kind: str | None = None
    channel: str | None = None
    recipient: str | None = None
    since: datetime | None = None

    @property
    def is_everything(self) -> bool:
        """Whether it selects all."""
        return self == Choice()

    @property
    def condition(self) -> Mapping[str, Any]:
        """The MongoDB filter."""
        found: dict[str, Any] = {"status": "failed"}
        for name in ("kind", "channel", "recipient"):
            if getattr(self, name) is not None:
                found[name] = getattr(self, name)
        if self.ids:
            found["_id"] = {"$in": sorted(self.ids)}
        if self.since is not None:
            found["created_at"] = {"$gte": self.since}
        return found


def failed(notifications: Database[dict[str, Any]], choice: Choice) -> Iterator[Delivery]:
    """The chosen deliveries, oldest first."""
    found = notifications["deliveries"].find(choice.condition)
    for row in found.sort([("created_at", ASCENDING), ("_id", ASCENDING)]):
        yield delivery_of(row)
