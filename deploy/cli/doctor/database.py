"""Examines the database itself: version, replica set, writes by majority, users, indexes, clock.

It only reads. Its client does not use the Stable API, which refuses `buildInfo`, `replSetGetStatus` and `usersInfo`.
The page is docs/operating.md.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import IndexModel, MongoClient
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from contracts.names import OPERATOR, SERVICES
from services.chassis.database import Document
from services.chassis.unit_of_work import OWN_INDEXES

from .finding import Finding, differences, some

OLDEST = (6, 0)
CLOCKS_APART = timedelta(seconds=2)
TRANSACTION_SECONDS = 10
WAIT = 5_000
"""Milliseconds that a majority has to answer."""

_OPTIONS = ("unique", "sparse", "expireAfterSeconds", "partialFilterExpression")


def check(client: MongoClient[Document], prefix: str) -> Iterator[Finding]:
    """Everything that is wrong with the server, its clock and the databases. Raises pymongo's errors."""
    hello, here = client.admin.command("hello"), datetime.now(UTC)
    version = str(client.admin.command("buildInfo")["version"])
    yield Finding("ok", "database", f"MongoDB {version}, {hello.get('setName', 'no replica set')}.")
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        yield Finding("error", "database", f"It is MongoDB {version}; Casebus needs 6.0 or newer.", "Upgrade it.")
    if "setName" in hello:
        yield from members(client.admin.command("replSetGetStatus"))
    elif hello.get("msg") != "isdbgrid":
        yield Finding(
            "error",
            "database",
            "It is not a replica set, so it has no transactions.",
            "Start it with --replSet, then rs.initiate().",
        )
    yield from _majority(client, prefix)
    yield from _asked_as(client, prefix)
    yield from _transactions(client)
    yield from clocks("this machine", here, _aware(hello["localTime"]))
    yield from users(client.admin.command("usersInfo", {"forAllDBs": True})["users"], prefix)
    for service in SERVICES:
        yield from indexes(service, _declared(service), _existing(client, f"{prefix}_{service}"))


def members(status: Mapping[str, Any]) -> Iterator[Finding]:
    """Members of the replica set with a fault. `status`: of `replSetGetStatus`."""
    for member in status["members"]:
        if member["stateStr"] not in ("PRIMARY", "SECONDARY", "ARBITER"):
            yield Finding(
                "error",
                f"database member {member['name']}",
                f"It is {member['stateStr']}: {member.get('lastHeartbeatMessage') or 'not in use'}.",
                "Start it, or read its log.",
            )


def _majority(client: MongoClient[Document], prefix: str) -> Iterator[Finding]:
    """A linearizable read is answered once a majority has confirmed a write of the primary's own."""
    newest = client[f"{prefix}_intake"].get_collection("outbox", read_concern=ReadConcern("linearizable"))
    try:
        newest.find_one({"_id": "casebus doctor: there is no such document"}, max_time_ms=WAIT)
    except PyMongoError as error:
        yield Finding(
            "error",
            "database",
            f"It cannot write to a majority ({type(error).__name__}), so services can store nothing.",
            "Make sure that most members of the replica set run and reach each other: rs.status().",
        )


def _asked_as(client: MongoClient[Document], prefix: str) -> Iterator[Finding]:
    """Whether the command line's own user may write; it only has to read."""
    known = client.admin.command("connectionStatus", showPrivileges=True)["authInfo"]
    names = [user["user"] for user in known["authenticatedUsers"]]
    if any(may_write(privilege, prefix) for privilege in known["authenticatedUserPrivileges"]):
        yield Finding(
            "warning",
            f"database user {some(names)}",
            "It may write, although the command line only reads.",
            f"Set CASEBUS_MONGO to the user {prefix}_{OPERATOR}; `make up` and `provision` create it.",
        )


def may_write(privilege: Mapping[str, Any], prefix: str) -> bool:
    """Whether a user with that privilege (of `connectionStatus`) can change a service's data."""
    resource = privilege["resource"]
    databases = {"", *(f"{prefix}_{service}" for service in SERVICES)}
    reaches = resource.get("anyResource", False) or resource.get("db") in databases
    return reaches and bool({"insert", "update", "remove", "anyAction"} & {*privilege["actions"]})


def _transactions(client: MongoClient[Document]) -> Iterator[Finding]:
    name = "transactionLifetimeLimitSeconds"
    try:
        seconds = client.admin.command({"getParameter": 1, name: 1})[name]
    except OperationFailure:
        return  # a router does not have this parameter
    if seconds > TRANSACTION_SECONDS:
        yield Finding(
            "warning",
            "database",
            f"When an instance is killed, the documents that it was writing stay locked for {seconds} s.",
            f"Start mongod with --setParameter {name}={TRANSACTION_SECONDS}.",
        )


def clocks(whose: str, theirs: datetime, database: datetime) -> Iterator[Finding]:
    """Whether a clock agrees with the database's, by which the desk judges."""
    apart = theirs - database
    if abs(apart) > CLOCKS_APART:
        way = "ahead of" if apart > timedelta() else "behind"
        yield Finding(
            "warning",
            f"clock of {whose}",
            f"It is {abs(apart.total_seconds()):,.0f} s {way} the database's.",
            "Set both by NTP: timers follow the database's clock, logs the machine's.",
        )


def users(found: Sequence[Mapping[str, Any]], prefix: str) -> Iterator[Finding]:
    """Whether each service has a user for its own database, and only for that. `found`: of `usersInfo`."""
    databases = {f"{prefix}_{service}" for service in SERVICES}
    held: dict[str, set[str]] = {}
    for user in found:
        roles = {(role["role"], role["db"]) for role in user["roles"]}
        of_desk = {database for role, database in roles if database in databases}
        for database in of_desk:
            if ("readWrite", database) in roles:
                held.setdefault(database, set()).add(user["user"])
        others = {database for _, database in roles} - of_desk
        if of_desk and (len(of_desk) > 1 or others):
            yield Finding(
                "warning",
                f"database user {user['user']}",
                f"It reaches {some(sorted(of_desk | others))}; a service's user should reach only its own database.",
                "Revoke the other roles: db.getSiblingDB('admin').revokeRolesFromUser(…).",
            )
    for database in sorted(databases - set(held)):
        yield Finding(
            "warning",
            f"database {database}",
            "No user has readWrite on it and on nothing else.",
            "Create one for its service. A user of all databases lets one service read another's.",
        )


Indexes = Mapping[str, Sequence[Mapping[str, Any]]]
"""Descriptions of indexes by collection, as MongoDB lists them."""


def _declared(service: str) -> Indexes:
    declared: Mapping[str, Sequence[IndexModel]] = importlib.import_module(f"services.{service}.repository").INDEXES
    return {name: [model.document for model in models] for name, models in {**OWN_INDEXES, **declared}.items()}


def _existing(client: MongoClient[Document], database: str) -> Indexes:
    names = client[database].list_collection_names()
    return {name: [dict(index) for index in client[database][name].list_indexes()] for name in names}


def indexes(service: str, declared: Indexes, existing: Indexes) -> Iterator[Finding]:
    """Collections and indexes that the service declares and the database does not have, or has differently."""
    if not existing:
        yield Finding(
            "warning",
            f"database of {service}",
            "It is empty: the service has never run with it.",
            f"Start {service}: it creates what it needs.",
        )
        return
    for collection, models in declared.items():
        where = f"collection {service}.{collection}"
        if collection not in existing:
            yield Finding("error", where, "It does not exist.", f"Restart {service}: it creates what is missing.")
            continue
        there = {index["name"]: _told(index) for index in existing[collection]}
        for model in models:
            if list(model["key"]) == ["_id"]:
                continue  # every collection has this index
            name, should = model["name"], _told(model)
            if name not in there:
                what = (
                    "Its unique index {} is missing, so it may hold duplicates."
                    if should["unique"]
                    else "Its index {} is missing, so reading is slow."
                )
                yield Finding("error", where, what.format(name), f"Restart {service}: it creates what is missing.")
            elif there[name] != should:
                yield Finding(
                    "error",
                    where,
                    f"Its index {name} has other properties: {differences(there[name], should)}.",
                    f"db.{collection}.dropIndex({name!r}) in its database, then restart {service}.",
                )


def _told(index: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of an index, in one form for declared and listed indexes."""
    told: dict[str, Any] = {"key": [(field, int(way)) for field, way in dict(index["key"]).items()]}
    for option in _OPTIONS:
        value = index.get(option)
        told[option] = bool(value) if option in ("unique", "sparse") else value
    if told["partialFilterExpression"] is not None:
        told["partialFilterExpression"] = dict(told["partialFilterExpression"])
    return told


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
