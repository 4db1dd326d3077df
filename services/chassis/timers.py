"""Due timers, shared among the instances of a service: each claims some, and holds them while their turn is in work.

A claim is a short lease by the database's clock, so that another instance soon gets what a killed one had claimed. It
also raises the timer's fence. Firing is conditional on the fence (unit_of_work.py), so it happens once even if a lease
runs out in the middle. Arming and removing are part of a turn. See docs/turn.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from contracts.values import dataclass
from services.chassis.database import Conflict, Document, reaching_database
from services.chassis.unit_of_work import ArmedBy, DueTimer, Store


@dataclass(frozen=True, slots=True)
class Lane:
    """Which timers one loop fires: all; or those of the lane `name`; or those of no lane, and of lanes not in `but`."""

    name: str = ""
    but: tuple[str, ...] = ()

    @property
    def condition(self) -> Document:
        """The query for them."""
        if self.name:
            return {"lane": self.name}
        return {"lane": {"$nin": list(self.but)}} if self.but else {}


def claim_timers(
    store: Store, horizon: timedelta, lease: timedelta, owner: str, most: int, lane: Lane | None = None
) -> list[DueTimer]:
    """Claim up to `most` timers of the lane that fall due within `horizon`, in the order in which they are due, for
    `lease`.

    It waits for nobody, and skips a timer that an open transaction has changed. Such a timer belongs to a turn that is
    about to end, or to an instance that was killed in the middle of one; MongoDB ends those late.
    """
    passed_over: list[Any] = []
    with reaching_database():
        now = store.now()
        of_lane = (lane or Lane()).condition
        free: Document = {**of_lane, "due": {"$lte": now + horizon}, "lease_until": {"$lte": now}}
        while True:
            due = {**free, "_id": {"$nin": passed_over}} if passed_over else free
            found = [row["_id"] for row in store.timers.find(due, {"_id": 1}).sort("due", ASCENDING).limit(most)]
            claim = {"lease_until": now + lease, "owner": owner, "claimed_at": now}
            locked = _claim(store, found, free, claim)
            claimed = _claimed(store, found, owner, now)
            if claimed or not locked:
                return claimed
            passed_over += locked


def hold_timers(store: Store, claimed: Sequence[DueTimer], owner: str, lease: timedelta) -> None:
    """Hold the claimed timers that `owner` still has, not fired and not set again, for `lease` from now."""
    with reaching_database():
        still = {"_id": {"$in": [timer.id for timer in claimed]}, "owner": owner}
        store.timers.update_many(still, {"$set": {"lease_until": store.now() + lease}})


def _claim(store: Store, ids: Sequence[Any], free: Document, claim: Document) -> list[Any]:
    """Claim those of these that are free; returns those that an open transaction has changed.

    It does so in a transaction, where MongoDB refuses such a timer at once; outside one it would wait for the other to
    end.
    """
    if not ids:
        return []
    try:
        with (
            reaching_database(),
            store.database.client.start_session(causal_consistency=False) as session,
            session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority")),
        ):
            update = {"$set": claim, "$inc": {"fence": 1}}
            store.timers.update_many({"_id": {"$in": list(ids)}, **free}, update, session=session)
    except Conflict:
        if len(ids) == 1:
            return list(ids)
        middle = len(ids) // 2
        return _claim(store, ids[:middle], free, claim) + _claim(store, ids[middle:], free, claim)
    return []


def _claimed(store: Store, ids: Sequence[Any], owner: str, now: datetime) -> list[DueTimer]:
    if not ids:
        return []
    mine = store.timers.find({"_id": {"$in": list(ids)}, "owner": owner, "claimed_at": now}).sort("due", ASCENDING)
    return [
        DueTimer(row["_id"], row["due"], row["kind"], row["about"], row["data"], ArmedBy(**row["armed"]), row["fence"])
        for row in mine
    ]
