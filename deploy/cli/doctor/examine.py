"""The whole examination, part by part. An unreachable part is a finding, and the others go on.

The page is docs/operating.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from contracts.checking import faults
from contracts.names import SERVICES
from contracts.registry import TYPES
from contracts.services import DECLARED
from deploy.provision.management import Management
from deploy.settings import Settings
from deploy.trouble import Trouble
from services.client.bus import BROKEN
from services.client.errors import ClientError

from ..desk import database_now
from . import broker, database, erasures, evidence, files, services
from .finding import Finding

PATIENCE = 3_000
"""Milliseconds that the database has to answer at all."""

START = "Start it (`make up`, `docker compose up -d`), or correct its address, user and password."


def examine(settings: Settings, sleep: Callable[[float], None] = time.sleep) -> Iterator[Finding]:
    """All findings about the desk that the settings name. Raises Trouble if an address is missing."""
    if wrong := faults(DECLARED, TYPES.values()):
        yield from (Finding("error", "declarations", sentence, "See docs/adding-a-service.md.") for sentence in wrong)
        return
    amqp_url, prefix = settings.get("AMQP_ADMIN"), settings.get("DB_PREFIX")
    management = settings.get("AMQP_MANAGEMENT")
    mongo_url = settings.get("MONGO")
    behind: set[str] = set()
    try:
        vhost = unquote(urlsplit(amqp_url).path[1:]) or "/"
        held = broker.look(Management.at(management), vhost, amqp_url)
        behind = {queue.partition(".")[0] for queue, (waiting, _) in held.depths.items() if waiting}
        yield broker.summary(held, vhost)
        yield from broker.judge(held, vhost)
    except (Trouble, ClientError, TimeoutError, *BROKEN) as error:
        yield Finding("error", "broker", str(error), START)
    ahead: timedelta | None = None
    client: MongoClient[dict[str, Any]] = MongoClient(
        mongo_url, serverSelectionTimeoutMS=PATIENCE, tz_aware=True, appname="casebus doctor"
    )
    try:
        ahead = database_now(client) - datetime.now(UTC)
        yield from database.check(client, prefix)
        yield from evidence.left_lying(client, prefix)
        yield from files.check(client, prefix, settings)
        yield from erasures.check(client, prefix)
        yield from _books(client, prefix, behind, sleep)
    except PyMongoError as error:
        yield Finding("error", "database", f"It does not answer properly: {_said(error)}.", START)
    finally:
        client.close()
    yield from services.check(settings.having(services.PREFIX), ahead)


def _said(error: PyMongoError) -> str:
    """The error without pymongo's internals: its time limits, its view of the replica set."""
    return str(error).partition(" (configured timeouts")[0].partition(", full error")[0][:300]


def _books(
    client: MongoClient[dict[str, Any]], prefix: str, behind: set[str], sleep: Callable[[float], None]
) -> Iterator[Finding]:
    held, found = evidence.compared(client, prefix, sleep)
    late = sorted(behind & set(SERVICES) & {finding.where for finding in found})
    for finding in found:
        if finding.where not in late:
            yield finding
    for service in late:
        yield Finding(
            "warning",
            service,
            "It still has messages to read, so its data cannot be compared with intake's yet.",
            "Run this again when its queues are empty.",
        )
    yield Finding("ok", "reconciliation", f"{len(held.tickets):,} open tickets, {len(held.agents):,} agents compared.")
