"""Makes a MongoDB server what a desk needs: a replica set of one node, and a user for each service's database.

It creates users, no collections: those are the services'. Used by `make up` and the compose file. The page is
docs/deployment.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure

Client = MongoClient[dict[str, Any]]

_USER_NOT_FOUND = 11
_ALREADY_INITIALIZED = 23


def initiate(client: Client, replica_set: str, host: str) -> None:
    """Make the server that `client` is connected to directly a replica set of itself, unless it is one.

    `host` (`name:port`) is how clients reach it. It takes writes a moment later. Raises: OperationFailure.
    """
    config = {"_id": replica_set, "members": [{"_id": 0, "host": host}]}
    try:
        client.admin.command("replSetInitiate", config)
    except OperationFailure as error:
        if error.code != _ALREADY_INITIALIZED:
            raise


def is_primary(client: Client) -> bool:
    """Whether the server takes writes."""
    return bool(client.admin.command("hello").get("isWritablePrimary"))


def ensure_users(client: Client, passwords: Mapping[str, str]) -> list[str]:
    """One user for each database in `passwords`, named like it, who may read and write that one alone.

    Gives the names of those that were made; the others have their password and role as they should be now.
    """
    made = []
    for database, password in passwords.items():
        roles = [{"role": "readWrite", "db": database}]
        try:
            client.admin.command("updateUser", database, pwd=password, roles=roles)
        except OperationFailure as error:
            if error.code != _USER_NOT_FOUND:
                raise
            client.admin.command("createUser", database, pwd=password, roles=roles)
            made.append(database)
    return made
