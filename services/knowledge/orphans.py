"""Removes the parts of files that no article has: what was detached or replaced, and what never came to be whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from pymongo.database import Database

from services.chassis.database import Document

KEPT = timedelta(days=1)
"""How long a sender may take for all parts of a file."""

SWEPT_EVERY = 3600.0


class Orphans:
    """What is swept, and by which clock."""

    def __init__(self, database: Database[Document], now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def sweep(self) -> None:
        """Remove what has been of no article for a day."""
        before = {"at": {"$lt": self._now() - KEPT}}
        steps: list[Document] = [{"$match": before}, {"$group": {"_id": "$file"}}]
        old = [row["_id"] for row in self._database["parts"].aggregate(steps)]
        having = self._database["articles"].find({"files.id": {"$in": old}}, {"files.id": 1})
        kept = {file["id"] for article in having for file in article["files"]}
        if gone := [file for file in old if file not in kept]:
            self._database["parts"].delete_many({"file": {"$in": gone}, **before})
