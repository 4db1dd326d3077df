"""The connection to a service's database, and what its errors mean: a lost race, or a database that is away.

What a turn stores is unit_of_work.py's. The page is docs/turn.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeAlias

from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
)
from pymongo.server_api import ServerApi
from pymongo.uri_parser import parse_uri

Document: TypeAlias = dict[str, Any]

KEPT_AFTER_CLOSING = timedelta(days=30)
"""How long services keep their own copy of a closed ticket. No redelivery is that old, so no late event is taken for a
new ticket."""


class Conflict(Exception):
    """Another instance was first: read and decide again."""


class DatabaseAway(Exception):
    """The database cannot be reached now."""


class DatabaseRefuses(DatabaseAway):
    """The database refuses the service's user, or cannot do its work. An operator can correct that while the service
    waits."""


def open_database(url: str, name: str, app: str) -> Database[Document]:
    """The service's database: strict Stable API, majority reads and writes, aware UTC datetimes.

    Raises `DatabaseRefuses` for what is not a MongoDB URL, or has a wrong option.
    """
    try:
        parse_uri(url)  # raises for an option that is wrong; MongoClient only warns of it, and goes on without
        client: MongoClient[Document] = MongoClient(
            url,
            server_api=ServerApi("1", strict=True, deprecation_errors=True),
            appname=app,
            tz_aware=True,
            w="majority",
            readConcernLevel="majority",
            serverSelectionTimeoutMS=5_000,
            connectTimeoutMS=5_000,
            socketTimeoutMS=30_000,
            maxPoolSize=8,
        )
    except (ConfigurationError, ValueError, OSError) as error:  # pymongo's words may repeat a part of the password
        wanted = "a URL mongodb://user:password@host:port is wanted, and MongoDB's own options in it"
        raise DatabaseRefuses(f"{wanted} ({type(error).__name__})") from error
    return client[name]


def fields_of(kind: type[Any], document: Mapping[str, Any], key: str = "") -> dict[str, Any]:
    """The fields of the dataclass `kind` that the document has; its `_id` is the field `key`. It ignores what another
    release has stored besides."""
    names = kind.__dataclass_fields__
    return {name: document[held] for name in names if (held := "_id" if name == key else name) in document}


class reaching_database:
    """Turns what pymongo raises inside into `Conflict` or `DatabaseAway`, and lets everything else pass."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PyMongoError):
            translated = translate(error)
            if translated is not None:
                raise translated from error


def translate(error: PyMongoError) -> Conflict | DatabaseAway | None:
    """A lost race (a duplicate key and a transient transaction error mean the same), a database out of reach, or None
    for any other error. Of a bulk, all that failed must have failed for such a reason."""
    if isinstance(error, ConnectionFailure | ExecutionTimeout):
        return DatabaseAway(type(error).__name__)
    if isinstance(error, ConfigurationError) and "Sessions are not supported" in str(error):
        # `Store.prepare` has seen a replica set: the connection is from before the server was a member of it.
        return DatabaseAway("it was starting")
    if isinstance(error, OperationFailure):
        codes = _codes(error)
        if codes & REFUSED_CODES:
            return DatabaseRefuses(
                f"it refuses the service's user: {(error.details or {}).get('codeName', error.code)}"
            )
        if codes <= LOST_CODES or error.has_error_label("TransientTransactionError"):
            return Conflict(f"codes {sorted(codes)}")
        if codes <= LOST_CODES | AWAY_CODES or error.has_error_label("RetryableWriteError"):
            return DatabaseAway(f"codes {sorted(codes)}")
    return None


def _codes(error: OperationFailure) -> frozenset[int]:
    """MongoDB's codes for all that failed: a bulk has several."""
    details = (error.details or {}) if isinstance(error, BulkWriteError) else {}
    failed = (*details.get("writeErrors", ()), *details.get("writeConcernErrors", ()))
    return frozenset(each["code"] for each in failed) or frozenset({error.code or 0})


LOST_CODES = frozenset({112, 11000})
"""MongoDB's codes for a lost race: a write conflict, a duplicate key."""

REFUSED_CODES = frozenset({11, 13, 18})
"""MongoDB's codes for a user that does not exist, may not do this, or has a wrong password."""

AWAY_CODES = frozenset({6, 7, 50, 89, 91, 94, 134, 189, 211, 262, 9001, 10107, 11600, 11602, 13435, 13436})
"""MongoDB's codes for "not now": it shuts down or steps down, is not primary, has a network fault, or runs out of time;
and, in the first moments after a start, it has not found its configuration (94), its majority (134) or its signing keys
(211) yet."""
