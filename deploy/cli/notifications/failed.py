"""Deliveries that failed: finding them in notifications' database, and sending them again.

Sending again is a turn, as the service makes them: the delivery and its timer in one transaction, on condition that the
delivery still is as it was read. The page is docs/operating.md.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ASCENDING

from deploy.settings import Settings
from deploy.trouble import Trouble
from services.chassis.unit_of_work import Armed, Conflict, DatabaseAway, Store, Work, Write, open_database
from services.notifications.domain.attempts import send_again
from services.notifications.domain.state import Delivery
from services.notifications.repository import delivery_of, to_document

AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of the failed deliveries; what is None or empty says nothing."""

    ids: frozenset[str] = frozenset()
    kind: str | None = None
    channel: str | None = None
    recipient: str | None = None
    since: datetime | None = None

    @property
    def is_everything(self) -> bool:
        """Whether it leaves none out."""
        return self == Choice()

    @property
    def condition(self) -> dict[str, Any]:
        """As MongoDB asks for them."""
        found: dict[str, Any] = {"status": "failed"}
        for name in ("kind", "channel", "recipient"):
            if getattr(self, name) is not None:
                found[name] = getattr(self, name)
        if self.ids:
            found["_id"] = {"$in": sorted(self.ids)}
        if self.since is not None:
            found["created_at"] = {"$gte": self.since}
        return found


class Failed:
    """The failed deliveries of one desk. Raises Trouble when the database cannot be reached."""

    def __init__(self, settings: Settings) -> None:
        database = open_database(settings.get("MONGO"), f"{settings.get('DB_PREFIX')}_notifications", "casebus")
        self._store = Store(database, "notifications")
        self._deliveries = database["deliveries"]
        try:
            self._store.check()
        except DatabaseAway as error:
            raise Trouble(f"The database does not answer ({error}): is the desk running? (`make up`)") from error

    def chosen(self, choice: Choice) -> Iterator[Delivery]:
        """Those of the choice, oldest first."""
        for row in self._deliveries.find(choice.condition).sort([("created_at", ASCENDING), ("_id", ASCENDING)]):
            yield delivery_of(row)

    def send_again(self, deliveries: Sequence[Delivery]) -> int:
        """Send these again, each once; gives how many. One that another operator was faster with is left alone."""
        count = 0
        for start in range(0, len(deliveries), AT_ONCE):
            count += self._rearm(deliveries[start : start + AT_ONCE])
        return count

    def _rearm(self, deliveries: Sequence[Delivery]) -> int:
        now, turn = self._store.now(), uuid.uuid4().hex
        work = Work(turn, now)
        for before in deliveries:
            after, arm = send_again(before, now)
            work.writes.append(Write("deliveries", to_document(after), ("version", before.version)))
            work.timers.append((arm, Armed(f"{turn}:{before.id}", turn)))
        try:
            self._store.commit(work)
        except Conflict:
            if len(deliveries) == 1:
                return 0
            middle = len(deliveries) // 2
            return self._rearm(deliveries[:middle]) + self._rearm(deliveries[middle:])
        return len(deliveries)
