"""`python -m deploy.provision BROKER_PASSWORDS DATABASE_PASSWORDS`: prepares a fresh broker and database.

It waits until both answer, then applies the topology, makes the database a replica set, and gives each service its own
user there. Running it again is harmless. The compose file runs it before the services start. The page is
docs/deployment.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from deploy.provision import database
from deploy.provision.management import Management, ManagementError
from deploy.provision.passwords import read_passwords
from deploy.provision.topology import apply
from deploy.settings import Settings, load
from deploy.trouble import Trouble

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds that broker and database have to come up."""

VHOST = "casebus"
REPLICA_SET = "casebus"


def main(arguments: list[str], environment: Mapping[str, str] = os.environ) -> int:
    """Provision the broker and the database that the environment names. Returns the exit code: 0, or 1 with one
    sentence."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.provision", description="Prepare a broker and a database for a desk."
    )
    parser.add_argument("broker", type=Path, help="folder with one password file for each broker user")
    parser.add_argument("database", type=Path, help="folder with one password file for each service's database user")
    folders = parser.parse_args(arguments)
    try:
        settings = load(environment)
        _provision_broker(settings, read_passwords(folders.broker))
        _provision_database(settings, read_passwords(folders.database))
    except (Trouble, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except PyMongoError as error:
        print(f"The database cannot be provisioned ({error}).", file=sys.stderr)
        return 1
    return 0


def _provision_broker(settings: Settings, passwords: Mapping[str, str]) -> None:
    management = Management.at(settings.get("AMQP_MANAGEMENT"))
    _patiently(lambda: management.get("/whoami"))
    changes = apply(management, VHOST, passwords)
    print("\n".join(changes) or "the broker matches the topology", flush=True)


def _provision_database(settings: Settings, passwords: Mapping[str, str]) -> None:
    url = settings.get("MONGO")
    with MongoClient[dict[str, object]](url, directConnection=True, serverSelectionTimeoutMS=2000) as client:
        _patiently(lambda: database.initiate(client, REPLICA_SET, urlsplit(url).netloc.rpartition("@")[2]))
        _patiently(lambda: _must_be_primary(client))
        made = database.ensure_users(client, passwords)
    print("\n".join(f"database user {name}: created" for name in made) or "the database has its users", flush=True)


def _must_be_primary(client: database.Client) -> None:
    if not database.is_primary(client):
        raise PyMongoError("it does not accept writes yet")


def _patiently(attempt: Callable[[], T]) -> T:
    """The result of `attempt`, retried for as long as a server needs to come up; then its error is raised."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return attempt()
        except (ManagementError, PyMongoError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
