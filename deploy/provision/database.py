"""Prepares a MongoDB server for a desk: a replica set of one node, a user for each service's database, and one for the
operator, who only reads.

It creates users; the services create their collections. Used by `make up` and the compose file. The page is
docs/deployment.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pymongo import MongoClient
from pymongo.errors import OperationFailure

from contracts.names import OPERATOR, SERVICES

Client = MongoClient[dict[str, Any]]

_USER_NOT_FOUND = 11
_ROLE_NOT_FOUND = 31
_ALREADY_INITIALIZED = 23

SEES_USERS = {"resource": {"cluster": True}, "actions": ["viewUser"]}
"""Lets `casebus doctor` see which user reaches which database; it shows no passwords."""


def initiate(client: Client, replica_set: str, host: str) -> None:
    """Make the server, to which `client` is directly connected, a replica set of one node, unless it is one.

    `host` (`name:port`) is how clients reach it. It accepts writes a moment later. Raises: OperationFailure.
    """
    config = {"_id": replica_set, "members": [{"_id": 0, "host": host}]}
    try:
        client.admin.command("replSetInitiate", config)
    except OperationFailure as error:
        if error.code != _ALREADY_INITIALIZED:
            raise


def is_primary(client: Client) -> bool:
    """Whether the server accepts writes."""
    return bool(client.admin.command("hello").get("isWritablePrimary"))


def ensure_users(client: Client, passwords: Mapping[str, str]) -> list[str]:
    """The users of these names: `<prefix>_<service>` may read and write only the database of that name, and
    `<prefix>_operator` may read those of all services and write nothing.

    Returns the names of the users that it created; the others now have the right password and role.
    """
    made = []
    for user, password in passwords.items():
        prefix, _, whose = user.rpartition("_")
        if whose == OPERATOR:
            _ensure(client, "Role", user, privileges=[SEES_USERS], roles=_reading(prefix))
            roles = [{"role": user, "db": "admin"}]
        else:
            roles = [{"role": "readWrite", "db": user}]
        if _ensure(client, "User", user, pwd=password, roles=roles, mechanisms=["SCRAM-SHA-256"]):
            made.append(user)
    return made


def _reading(prefix: str) -> list[Mapping[str, str]]:
    """What the command line may read: the services' databases, and the state of the server and its replica set."""
    databases = [{"role": "read", "db": f"{prefix}_{service}"} for service in SERVICES]
    return [*databases, {"role": "clusterMonitor", "db": "admin"}]


def _ensure(client: Client, what: Literal["User", "Role"], name: str, **made_of: Any) -> bool:
    """Create or correct the user or the role. Returns whether it was created."""
    try:
        client.admin.command(f"update{what}", name, **made_of)
    except OperationFailure as error:
        if error.code not in (_USER_NOT_FOUND, _ROLE_NOT_FOUND):
            raise
        client.admin.command(f"create{what}", name, **made_of)
        return True
    return False
