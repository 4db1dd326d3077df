"""One instance at a time, where the turns of several all change one document and get in each other's way.

For speed alone: what is right is held by conditional writes, so whoever has waited for long goes on without the gate,
and who was killed holds it for a moment. Only a process that lost a race lately asks for it. The page is docs/turn.md.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from pymongo.database import Database
from pymongo.errors import DuplicateKeyError
from pymongo.write_concern import WriteConcern

from services.chassis.database import DatabaseAway, reaching_database
from services.chassis.unit_of_work import NEVER

HELD = timedelta(milliseconds=500)
"""A gate that was not left opens by itself after so long."""

WAITED = 0.3
"""Seconds after which a turn goes on without."""

LOOK = 0.006
"""Seconds between looks, at most."""


class Gate:
    """A document of the service's collection `gates`."""

    def __init__(self, database: Database[dict[str, Any]], name: str) -> None:
        self._gates = database["gates"].with_options(write_concern=WriteConcern(w=1))
        self._name = name
        self._is_there = False

    @contextmanager
    def passed(self, sleep: Callable[[float], None]) -> Iterator[None]:
        """Inside, no other instance is that came by here as well, unless it took too long. Raises `DatabaseAway`."""
        owner, deadline = uuid.uuid4().hex, time.monotonic() + WAITED
        while not (entered := self._enter(owner)) and time.monotonic() < deadline:
            sleep(random.uniform(LOOK / 3, LOOK))
        try:
            yield
        finally:
            if entered:
                with suppress(DatabaseAway), reaching_database():  # else it opens by itself
                    self._gates.update_one({"_id": self._name, "owner": owner}, {"$set": {"until": NEVER}})

    def _enter(self, owner: str) -> bool:
        with reaching_database():
            if not self._is_there:
                with suppress(DuplicateKeyError):
                    self._gates.insert_one({"_id": self._name, "until": NEVER})
                self._is_there = True
            free = {"_id": self._name, "$expr": {"$lte": ["$until", "$$NOW"]}}
            until = {"$add": ["$$NOW", int(HELD.total_seconds() * 1000)]}
            return self._gates.update_one(free, [{"$set": {"owner": owner, "until": until}}]).matched_count == 1
