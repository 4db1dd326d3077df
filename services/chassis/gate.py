"""Lets one instance through at a time, where the turns of several instances change one document and get in each other's
way.

It serves speed only: conditional writes keep the data right. So whoever has waited for long goes on without the gate,
and a killed instance holds it only for a moment. A process asks for it only after it has lost a race. The page is
docs/turn.md.
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
"""How long a gate that nobody leaves stays shut."""

WAITED = 0.3
"""Seconds after which a turn goes on without the gate."""

LOOK = 0.006
"""The most seconds between looks."""


class Gate:
    """A document of the service's collection `gates`."""

    def __init__(self, database: Database[dict[str, Any]], name: str) -> None:
        self._gates = database["gates"].with_options(write_concern=WriteConcern(w=1))
        self._name = name
        self._is_there = False

    @contextmanager
    def passed(self, sleep: Callable[[float], None]) -> Iterator[None]:
        """Inside, no other instance that uses the gate is at work, unless it took too long. Raises `DatabaseAway`."""
        owner, deadline = uuid.uuid4().hex, time.monotonic() + WAITED
        while not (entered := self._enter(owner)) and time.monotonic() < deadline:
            sleep(random.uniform(LOOK / 3, LOOK))
        try:
            yield
        finally:
            if entered:
                with suppress(DatabaseAway), reaching_database():  # otherwise it opens by itself
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
