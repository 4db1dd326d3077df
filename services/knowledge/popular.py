"""How often each article was viewed in the last 30 days: summed up once a minute, because lists ask far more often."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from pymongo.database import Database

from services.chassis.database import Document
from services.knowledge.domain.values.counts import DESK, day_of

VIEWED_WITHIN = timedelta(days=30)
SUMMED_EVERY = 60.0


class Popular:
    """The sums. Every instance has its own."""

    def __init__(self, database: Database[Document], now: Callable[[], datetime]) -> None:
        self._tallies = database["tallies"]
        self._now = now
        self.viewed: Mapping[str, int] = {}
        """By article."""

    def sum_up(self) -> None:
        """Read the counts."""
        since = day_of(self._now() - VIEWED_WITHIN)
        steps: list[Document] = [
            {"$match": {"day": {"$gt": since}, "article": {"$ne": DESK}, "viewed": {"$gt": 0}}},
            {"$group": {"_id": "$article", "viewed": {"$sum": "$viewed"}}},
        ]
        self.viewed = {row["_id"]: row["viewed"] for row in self._tallies.aggregate(steps)}
