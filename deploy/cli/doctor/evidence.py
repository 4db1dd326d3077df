"""Reads the databases of all services at one instant, and what they have left undone. It changes nothing.

Only this module and database.py use pymongo; books.py judges. The page is docs/operating.md.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime

from pymongo import MongoClient

from contracts.names import SERVICES
from services.chassis.database import Document
from services.routing.repository import agent_of, ticket_of
from services.sla.repository import from_document

from ..desk import database_now
from . import books
from .finding import Finding

CLAIMED_OFTEN = 3
"""A timer that was claimed this often and has not fired fails."""

SECOND_LOOK = 2.0
"""Seconds between the two comparisons."""

NOT_CLOSED = {"$ne": "closed"}


def read(client: MongoClient[Document], prefix: str) -> books.Books:
    """All open tickets as each service knows them, agents, and sla's timers: one snapshot of all databases."""
    intake, routing, sla = (client[f"{prefix}_{service}"] for service in ("intake", "routing", "sla"))
    named = {"number": 1, "version": 1, "status": 1, "assignment_seq": 1, "agent": 1, "held": 1}
    with client.start_session(snapshot=True) as session:
        tickets = {row["_id"]: row for row in intake["tickets"].find({"status": NOT_CLOSED}, named, session=session)}
        routed = list(routing["tickets"].find({"status": NOT_CLOSED}, session=session))
        agents = [agent_of(row) for row in routing["agents"].find(session=session)]
        clocked = [from_document(row) for row in sla["tickets"].find({"newest.status": NOT_CLOSED}, session=session)]
        timers: dict[str, dict[str, datetime]] = defaultdict(dict)
        for row in sla["timers"].find({}, {"about": 1, "kind": 1, "due": 1}, session=session):
            timers[row["about"]][row["kind"]] = row["due"]
    return books.Books(
        database_now(client),
        tickets,
        {row["_id"]: ticket_of(row) for row in routed},
        frozenset(row["_id"] for row in routed if row.get("waiting")),
        {agent.id: agent for agent in agents},
        {ticket.id: ticket for ticket in clocked},
        timers,
    )


def compared(
    client: MongoClient[Document], prefix: str, sleep: Callable[[float], None] = time.sleep
) -> tuple[books.Books, list[Finding]]:
    """The databases' content, and the differences that both comparisons found."""
    held = read(client, prefix)
    first = books.suspicions(held)
    if not first:
        return held, []
    sleep(SECOND_LOOK)
    held = read(client, prefix)
    return held, list(books.findings(first, books.suspicions(held)))


def left_lying(client: MongoClient[Document], prefix: str) -> Iterator[Finding]:
    """What the services should have sent or fired long ago, and which deliveries failed."""
    since = database_now(client) - books.SETTLED
    for service in SERVICES:
        database = client[f"{prefix}_{service}"]
        unsent = {"at": {"$lt": since}}
        oldest = database["outbox"].find_one(unsent, sort=[("at", 1)])
        yield from books.unsent(
            service, database["outbox"].count_documents(unsent), oldest["at"] if oldest is not None else None
        )
        due = {"due": {"$lt": since}}
        first = database["timers"].find_one(due, sort=[("due", 1)])
        yield from books.stuck(
            service,
            database["timers"].count_documents(due),
            first["due"] if first is not None else None,
            database["timers"].count_documents({**due, "fence": {"$gte": CLAIMED_OFTEN}}),
        )
    failed, deliveries = {"status": "failed"}, client[f"{prefix}_notifications"]["deliveries"]
    given_up = deliveries.find_one(failed, sort=[("created_at", 1)])
    yield from books.untold(deliveries.count_documents(failed), given_up["created_at"] if given_up else None)
