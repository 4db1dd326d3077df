"""Reads the desk's databases for an operator: tickets, one ticket's history, agents and their load.

It only reads, straight from the services' databases; this is not a contract. The page is
docs/cli.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pymongo
from pymongo.errors import OperationFailure, PyMongoError

from deploy.settings import Settings
from deploy.trouble import Trouble

from .show import plain
from .ticket import Part

Document = Mapping[str, Any]

_NOT_BELIEVED = re.compile(r"certificate verify failed: (.+?)\.? \(_ssl")
"""In the message of pymongo, which has no error class for it."""


def number_of(typed: str) -> str:
    """The ticket number that a person typed, with leading zeros. Raises Trouble for anything else."""
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 8):
        raise Trouble(f"{plain(typed)!r} is not a ticket number: it has 8 digits.", 2)
    return typed.zfill(8)


def database_now(client: pymongo.MongoClient[dict[str, Any]]) -> datetime:
    """The database's time, by which timers fire; aware UTC."""
    local: datetime = client.admin.command("hello")["localTime"]
    return local if local.tzinfo else local.replace(tzinfo=UTC)


def _unreachable(error: PyMongoError) -> Trouble:
    if isinstance(error, OperationFailure):
        reason = (error.details or {}).get("codeName", error.code)
        return Trouble(f"The database refuses the user of CASEBUS_MONGO ({reason}).")
    if (why := _NOT_BELIEVED.search(str(error))) is not None:
        return Trouble(f"The certificate of the database is not trusted: {why[1]}.")
    return Trouble("The database does not answer: is the desk running? (`make up`)")


class Desk:
    """The databases of one desk. Raises Trouble when they cannot be reached."""

    def __init__(self, settings: Settings) -> None:
        self.prefix = prefix = settings.get("DB_PREFIX")
        self.client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
            settings.get("MONGO"), serverSelectionTimeoutMS=3000, tz_aware=True
        )
        try:
            self.client.admin.command("ping")
        except PyMongoError as error:
            self.client.close()
            raise _unreachable(error) from error
        self.intake = self.client[f"{prefix}_intake"]
        self.routing = self.client[f"{prefix}_routing"]
        self.sla = self.client[f"{prefix}_sla"]
        self.notifications = self.client[f"{prefix}_notifications"]
        self.knowledge = self.client[f"{prefix}_knowledge"]

    def ticket(self, number: str) -> Document:
        """The ticket with this number. Raises Trouble if it does not exist."""
        found = self.intake.tickets.find_one({"number": number})
        if found is None:
            raise Trouble(f"There is no ticket {number}.")
        return found

    def clocked(self, number: str) -> Document:
        """What sla keeps of the ticket with this number. Raises Trouble if sla does not know it."""
        found = self.sla.tickets.find_one({"_id": self.ticket(number)["_id"]})
        if found is None:
            raise Trouble(
                f"sla does not know ticket {number}: it was closed too long ago, or sla has not heard of it yet."
            )
        return found

    def history(self, ticket: Document, page: int | None, size: int) -> Part:
        """One page (from 1, oldest first) of a ticket's history, `size` entries each. Without a page: the opening and
        the newest entries. Raises Trouble (code 2) if there is no such page."""
        total: int = ticket["version"]  # each has one entry
        pages = max(1, -(-total // size))
        of_ticket: dict[str, Any] = {"ticket_id": ticket["_id"]}
        if page is None:
            newest = {"version": {"$gt": total - size + (total > size), "$lte": total}}
            found = self.intake.entries.find({**of_ticket, "$or": [{"version": 1}, newest]}).sort("version", 1)
            return Part(list(found), 0, pages, total)
        if page > pages:
            raise Trouble(f"There is no page {page}; the last is {pages}.", 2)
        span = {"$gt": (page - 1) * size, "$lte": page * size}
        found = self.intake.entries.find({**of_ticket, "version": span}).sort("version", 1)
        return Part(list(found), page, pages, total)

    def files(self, entries: Iterable[Document]) -> dict[str, Document]:
        """The records of the files that these entries name, by reference."""
        named = (file for entry in entries for file in (entry.get("details") or {}).get("attachments", ()))
        refs = sorted({file["ref"] for file in named})
        found = self.intake.attachments.find({"_id": {"$in": refs}}, {"state": 1, "damaged": 1}) if refs else ()
        return {row["_id"]: row for row in found}

    def tickets(self, status: str | None, category: str | None, page: int, size: int) -> tuple[list[Document], int]:
        """One page (from 1) of the tickets, newest first, and how many there are in all."""
        query = {name: value for name, value in (("status", status), ("category", category)) if value}
        rows = self.intake.tickets.find(query).sort("number", -1).skip((page - 1) * size).limit(size)
        return list(rows), self.intake.tickets.count_documents(query)

    def agents(self) -> list[Document]:
        """The agents that routing knows, by id (a2 before a10)."""
        return sorted(self.routing.agents.find(), key=lambda agent: (len(agent["_id"]), agent["_id"]))

    def close(self) -> None:
        """Leave."""
        self.client.close()

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
