"""Waits for what is away, and tries it again for as long as it takes, unless the service has to stop.

docs/turn.md says how a turn uses it.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import TypeVar

from services.chassis import telemetry
from services.chassis.database import DatabaseAway, reaching_database

log = logging.getLogger(__name__)
T = TypeVar("T")


class Stopping(Exception):
    """The service is stopping and what the turn needs is away: its messages go back to their queue."""


class Patience:
    """The patience of one process. `stopping`: whether the service has to stop."""

    def __init__(self, stopping: Callable[[], bool], sleep: Callable[[float], None]) -> None:
        self._stopping = stopping
        self.sleep = sleep

    def reach_database(self, work: Callable[[], T]) -> T:
        """What `work` returns, once the database is there. Raises `Stopping`, and whatever `work` raises except
        `DatabaseAway`."""
        while True:
            try:
                with reaching_database():
                    return work()
            except DatabaseAway as error:
                self.wait("database", error)

    def wait(self, what: str, error: Exception) -> None:
        """Pause before trying again; raises `Stopping` if the service has to stop meanwhile."""
        telemetry.AWAY.labels(what).inc()
        log.warning("the %s is away, waiting", what, extra={"error": str(error)})
        if self._stopping():
            raise Stopping(what) from error
        self.sleep(random.uniform(0.2, 1.0))
