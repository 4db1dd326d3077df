"""One transaction for all that a turn writes: state, handled ids, timers, outgoing messages.

A lost race (a version that moved on, a key that was taken) raises `Conflict`: the turn loads and decides again. A
database that cannot be reached raises `DatabaseAway`: the turn waits. The page is docs/turn.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from pymongo import ASCENDING, IndexModel
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from contracts.payload import document
from contracts.values import dataclass
from services.chassis import pipeline
from services.chassis.clock import DatabaseClock
from services.chassis.database import Conflict, DatabaseRefuses, Document, reaching_database
from services.chassis.decision import Arm, Disarm
from services.chassis.outgoing import Outgoing

K = TypeVar("K")
T = TypeVar("T")

REMEMBERED = timedelta(days=14)
"""How long a handled id and its outcome are kept (the wire contract)."""

OUTBOX_PART = 8 * 1024 * 1024
"""Bytes of messages in one outbox document, well under MongoDB's 16 MiB."""

OWN_INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "handled": [
        IndexModel([("at", ASCENDING)], expireAfterSeconds=int(REMEMBERED.total_seconds())),
        # Only the few answers that are about something are in it.
        IndexModel([("about", ASCENDING)], partialFilterExpression={"about": {"$exists": True}}),
    ],
    "outbox": [IndexModel([("at", ASCENDING)]), IndexModel([("turn", ASCENDING)])],
    "timers": [
        IndexModel([("due", ASCENDING)]),
        # Only timers that have a lane are in it.
        IndexModel([("lane", ASCENDING), ("due", ASCENDING)], partialFilterExpression={"lane": {"$gt": ""}}),
    ],
    "attempts": [IndexModel([("at", ASCENDING)], expireAfterSeconds=86_400)],
}
"""The chassis's own collections in each service's database, beside the service's `INDEXES`."""

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Write:
    """A document to store: a new one, or one that replaces the document with the same `_id` if that is still as it was
    read.

    `replaces`: name and value of the version that was read. If that version is gone, the turn aborts.
    """

    collection: str
    document: Document
    replaces: tuple[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Handled:
    """A message that took effect, by its key, and the outcome that its sender got."""

    key: str
    turn: str
    answer_type: str | None = None
    answer_id: str | None = None
    answer_body: bytes | None = None
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArmedBy:
    """What set a timer. `by` tells this setting of it from any other; the rest is passed on to what the timer
    causes."""

    by: str
    chain: str
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class DueTimer:
    """A timer that is due, as claimed: it may act only while `fence` still stands. `is_probe`: it is tried although
    timers are paused (failing.py)."""

    id: str
    due: datetime
    kind: str
    about: str
    data: Mapping[str, Any]
    armed: ArmedBy
    fence: int
    is_probe: bool = False


@dataclass(slots=True)
class Work:
    """Everything that one turn stores, all at once or not at all."""

    turn: str
    now: datetime
    writes: list[Write] = field(default_factory=list)
    handled: list[Handled] = field(default_factory=list)
    outgoing: list[Outgoing] = field(default_factory=list)
    timers: list[tuple[Arm | Disarm, ArmedBy]] = field(default_factory=list)
    fired: list[DueTimer] = field(default_factory=list)
    valid_until: datetime | None = None
    """It may only be stored until then, by the database's clock; None: at any time."""

    def is_empty(self) -> bool:
        """Whether there is nothing to store: views, heartbeats, a tick that found nothing to do."""
        return not (self.writes or self.handled or self.outgoing or self.timers or self.fired)


class StoresWork(Protocol):
    """What a turn needs of its store: MongoDB, or the fake of the unit tests."""

    def now(self) -> datetime: ...
    def handled(self, keys: Sequence[str]) -> dict[str, Handled]: ...
    def standing(self, fired: Sequence[DueTimer]) -> set[str]: ...
    def commit(self, work: Work) -> None: ...
    def unsent(self, turns: Sequence[str]) -> list[Outgoing]: ...
    def sent(self, turns: Sequence[str]) -> None: ...
    def count_attempt(self, key: str) -> int: ...
    def uncount_attempt(self, key: str) -> None: ...
    def forget_attempts(self, key: str) -> None: ...


def conditional_writes(
    collection: str,
    before: Mapping[K, T],
    after: Mapping[K, T],
    to_document: Callable[[T], Document],
    version: str = "version",
) -> list[Write]:
    """The writes that turn `before` (as loaded) into `after`, each conditional on the version that was loaded.

    Values are frozen, so what is the same object has not changed. New keys are inserted; changed ones replaced where
    `_id` and the attribute `version` are still as loaded; nothing is removed.
    """
    writes = []
    for key, value in after.items():
        loaded = before.get(key)
        if loaded is not value:
            replaces = (version, getattr(loaded, version)) if loaded is not None else None
            writes.append(Write(collection, to_document(value), replaces))
    return writes


class Store:
    """The chassis's own collections of one service's database, and the transaction."""

    def __init__(self, database: Database[Document], consumer: str, ahead: timedelta = timedelta()) -> None:
        self.database = database
        self._consumer = consumer
        self._client = database.client
        fast = WriteConcern(w=1)
        self._handled = database["handled"]
        self._outbox = database["outbox"]
        self._outbox_fast = self._outbox.with_options(write_concern=fast)
        self.timers = database["timers"]
        # They tell of a crash of this process, and not of one of the database.
        self._attempts = database["attempts"].with_options(write_concern=fast)
        self._clock = DatabaseClock(self._shown, ahead)

    def prepare(self, indexes: Mapping[str, Sequence[IndexModel]]) -> None:
        """Create collections and indexes before the first transaction; harmless if they exist. It drops no index.

        Raises `DatabaseRefuses` if the database has no transactions: each message would fail and be dead-lettered.
        """
        with reaching_database():
            hello = self.database.command("hello")
        if "setName" not in hello and hello.get("msg") != "isdbgrid":
            raise DatabaseRefuses("it is no replica set (nor a sharded cluster), and transactions need one")
        with reaching_database():
            for collection, models in {**OWN_INDEXES, **indexes}.items():
                # Every collection has this index anyway: asking for it creates the collection.
                self.database[collection].create_indexes(list(models) or [IndexModel([("_id", ASCENDING)])])

    def now(self) -> datetime:
        """The database's clock (plus what it is set ahead of that), aware UTC, in milliseconds: clock.py."""
        return self._clock.now()

    def check(self) -> None:
        """Raise `DatabaseAway` unless the service can read its database (MongoDB tells the time to anybody)."""
        with reaching_database():
            self._handled.find_one({"_id": ""}, {"_id": 1})

    def handled(self, keys: Sequence[str]) -> dict[str, Handled]:
        """Those of `keys` that were handled before, with what was answered."""
        with reaching_database():
            found = self._handled.find({"_id": {"$in": [self._key(key) for key in keys]}})
            return {
                key: Handled(key, row["turn"], row.get("type"), row.get("answer"), row.get("body"))
                for row in found
                for key in [row["_id"].split("\x1f", 1)[1]]
            }

    def standing(self, fired: Sequence[DueTimer]) -> set[str]:
        """Ids of the timers that still stand as they were claimed (not fired, removed or set again since)."""
        if not fired:
            return set()
        with reaching_database():
            claims = {timer.id: (timer.fence, timer.armed.by) for timer in fired}
            found = self.timers.find({"_id": {"$in": list(claims)}}, {"fence": 1, "armed.by": 1})
            return {row["_id"] for row in found if (row["fence"], row["armed"]["by"]) == claims[row["_id"]]}

    def commit(self, work: Work) -> None:
        """Store it all, or nothing. Raises `Conflict` or `DatabaseAway`; after the latter it may have been stored."""
        if work.is_empty():
            return
        with (
            reaching_database(),
            self._client.start_session(causal_consistency=False) as session,
            session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority")),
        ):
            self._write(work, session)
            # A process may stand still anywhere. From the first write on, MongoDB ends what takes too long.
            if work.valid_until is not None and self.now() > work.valid_until:
                raise Conflict("decided too long ago")

    def unsent(self, turns: Sequence[str]) -> list[Outgoing]:
        """What these turns stored and nobody has marked as sent."""
        if not turns:
            return []
        with reaching_database():
            return [message for row in self._outbox.find({"turn": {"$in": list(turns)}}) for message in _messages(row)]

    def sent(self, turns: Sequence[str]) -> None:
        """Forget the outgoing messages of these turns: the broker has them."""
        if turns:
            with reaching_database():
                self._outbox_fast.delete_many({"turn": {"$in": list(turns)}})

    def left_unsent(self, older_than: timedelta, most: int = 20) -> list[str]:
        """Turns whose messages have waited for longer than `older_than`; claims them for as long again."""
        with reaching_database():
            now = self.now()
            rows = list(self._outbox.find({"at": {"$lt": now - older_than}}, {"turn": 1}).sort("at").limit(most))
            if rows:
                self._outbox.update_many({"_id": {"$in": [row["_id"] for row in rows]}}, {"$set": {"at": now}})
            return sorted({row["turn"] for row in rows})

    def count_attempt(self, key: str) -> int:
        """Count one more attempt at a message that may be killing its consumer; returns how many that makes."""
        with reaching_database():
            row = self._attempts.find_one_and_update(
                {"_id": key},
                {"$inc": {"count": 1}, "$currentDate": {"at": True}},
                upsert=True,
                return_document=True,
            )
            return int(row["count"])

    def uncount_attempt(self, key: str) -> None:
        """The last attempt was broken off, and nobody died of it."""
        with reaching_database():
            self._attempts.update_one({"_id": key}, {"$inc": {"count": -1}})

    def forget_attempts(self, key: str) -> None:
        """The message was handled after all."""
        with reaching_database():
            self._attempts.delete_one({"_id": key})

    def _key(self, key: str) -> str:
        return f"{self._consumer}\x1f{key}"

    def _shown(self) -> datetime:
        with reaching_database():
            shown: datetime = self.database.command("hello")["localTime"]
        return shown if shown.tzinfo else shown.replace(tzinfo=UTC)

    def _write(self, work: Work, session: ClientSession) -> None:
        """First remove what is replaced or deleted, then insert what is new. That is half the price of as many updates,
        each of which MongoDB plans again and compares field by field; and a unique key may change hands within a
        turn."""
        statements: list[Document] = []
        expected: dict[int, tuple[int, str]] = {}
        new: dict[str, list[Document]] = {}
        replaced: dict[tuple[str, str, Any], list[Any]] = {}
        for write in work.writes:
            new.setdefault(write.collection, []).append(write.document)
            if write.replaces is not None:
                replaced.setdefault((write.collection, *write.replaces), []).append(write.document["_id"])
        for (collection, version, value), ids in replaced.items():
            expected[len(statements)] = len(ids), f"{collection}: a version moved on"
            statements.append(_delete(collection, {"_id": {"$in": ids}, version: value}))
        if work.fired:  # each only while its claim stands
            expected[len(statements)] = len(work.fired), "a timer was claimed again"
            statements.append(_delete("timers", *map(_claim, work.fired)))
        others = list({timer.id for timer, _ in work.timers} - {timer.id for timer in work.fired})
        if others:  # set again or disarmed
            statements.append(_delete("timers", {"_id": {"$in": others}}))
        new["timers"] = _timer_rows(work)
        # A service may have rewritten an earlier answer.
        new.setdefault("handled", []).extend(
            _handled_row(self._key(handled.key), handled, work.now) for handled in work.handled
        )
        statements += [
            {"insert": collection, "documents": documents} for collection, documents in new.items() if documents
        ]
        # Separately: together they may be more than a message holds.
        statements += [{"insert": "outbox", "documents": [row]} for row in _outbox_rows(work)]
        counts = pipeline.write(self.database, statements, session)
        for place, (count, what) in expected.items():
            if counts[place] != count:
                raise Conflict(what)


def arm_once(database: Database[Document], arm: Arm, armed: ArmedBy) -> None:
    """Set a timer outside of any turn, unless it is set already."""
    with suppress(DuplicateKeyError):
        database["timers"].insert_one(_timer_row(arm, armed, fence=0))


def _handled_row(key: str, handled: Handled, now: datetime) -> Document:
    row: Document = {"_id": key, "at": now, "turn": handled.turn}
    if handled.answer_body is not None:
        row |= {"type": handled.answer_type, "answer": handled.answer_id, "body": handled.answer_body}
    if handled.about:
        row["about"] = list(handled.about)
    return row


def _outbox_rows(work: Work) -> list[Document]:
    if not work.outgoing:
        return []
    parts: list[list[Document]] = [[]]
    size = 0
    for message in work.outgoing:
        if size + len(message.body) > OUTBOX_PART and parts[-1]:
            parts.append([])
            size = 0
        size += len(message.body)
        parts[-1].append({name: getattr(message, name) for name in OUTGOING_FIELDS if getattr(message, name)})
    return [
        {"_id": f"{work.turn}:{number}", "turn": work.turn, "at": work.now, "messages": part}
        for number, part in enumerate(parts)
    ]


OUTGOING_FIELDS = tuple(Outgoing.__dataclass_fields__)


def _messages(row: Document) -> Iterable[Outgoing]:
    for stored in row["messages"]:
        yield Outgoing(**{"exchange": "", "mandatory": False, **stored})


def _delete(collection: str, *conditions: Document) -> Document:
    """The command that removes everything that fits any of these conditions."""
    return {"delete": collection, "deletes": [{"q": condition, "limit": 0} for condition in conditions]}


def _claim(timer: DueTimer) -> Document:
    return {"_id": timer.id, "fence": timer.fence, "armed.by": timer.armed.by}


def _timer_rows(work: Work) -> list[Document]:
    """The timers that the turn leaves set: its last word on each. `armed.by` tells this setting from the one before. A
    timer that its own firing sets again keeps its fence."""
    fences = {timer.id: timer.fence for timer in work.fired}
    last = {timer.id: (timer, armed) for timer, armed in work.timers}
    return [
        _timer_row(timer, armed, fences.get(timer.id, 0)) for timer, armed in last.values() if isinstance(timer, Arm)
    ]


def _timer_row(arm: Arm, armed: ArmedBy, fence: int) -> Document:
    data = document(arm.timer)
    return {
        "_id": arm.id,
        "due": data.pop("due"),
        "kind": arm.timer.kind,
        "about": arm.about,
        "data": data,
        "armed": {"by": armed.by, "chain": armed.chain, "trace": armed.trace},
        "lease_until": NEVER,
        "fence": fence,
        **({"lane": arm.lane} if arm.lane else {}),
    }
