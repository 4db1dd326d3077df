"""Tickets, their history and accounts in MongoDB: what a turn reads, and what it writes.

It decides nothing. The unique index on (person, open_key) keeps a person to one open ticket for an issue. Shard keys:
tickets by person, entries by ticket, the others by _id. The page is docs/intake.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.collection import ReturnDocument
from pymongo.database import Database

from services.chassis.database import Conflict, Document
from services.chassis.decision import Message
from services.chassis.operators_files import OperatorsFiles
from services.chassis.pipeline import Find, find
from services.chassis.unit_of_work import Write, conditional_writes
from services.intake.documents import (
    account_document,
    agent_document,
    article_document,
    burst_document,
    entry_document,
    erasure_document,
    escalatable_document,
    mailed_document,
    ticket_document,
)
from services.intake.domain.accounts.in_one_turn import together
from services.intake.domain.needs import NewNumber
from services.intake.domain.state import View
from services.intake.domain.taken import still_needed
from services.intake.domain.values.account import TEMPORARY_LASTS, Account
from services.intake.domain.values.file import File
from services.intake.domain.values.limits import USUAL, Limits
from services.intake.domain.values.prepared import NOTHING, Prepared
from services.intake.domain.values.ticket import Ticket
from services.intake.files import keeping, parts, rewrapping, store
from services.intake.files.keeping import RECORDS, file_document
from services.intake.files.parts import UPLOADS
from services.intake.files.rewrapping import ROTATIONS, rotation_document
from services.intake.queries import personal
from services.intake.queries.personal import BY_FILE, BY_PERSON, ERASURES
from services.intake.queries.reading import Reading
from services.intake.queries.sharing import BY_ADDRESS

NEWEST_OF_AGENT = [("agent.id", ASCENDING), ("opened_at", DESCENDING), ("number", DESCENDING)]
OPEN_WITH_AGENT: Document = {"open_key": {"$type": "string"}, "agent.id": {"$gt": ""}}
CLOSED_WITH_AGENT: Document = {"status": "closed", "agent.id": {"$gt": ""}}

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "tickets": [
        # The product's first promise. `person` first because it is the shard key.
        IndexModel(
            [("person", ASCENDING), ("open_key", ASCENDING)],
            name="one_open_ticket_per_issue",
            unique=True,
            partialFilterExpression={"open_key": {"$type": "string"}},
        ),
        IndexModel([("person", ASCENDING), ("opened_at", DESCENDING), ("number", DESCENDING)]),
        # An agent's list, which asks every shard. Only tickets with an agent are in these: a new one costs nothing.
        IndexModel(NEWEST_OF_AGENT, name="open_of_agent", partialFilterExpression=OPEN_WITH_AGENT),
        IndexModel(NEWEST_OF_AGENT, name="closed_of_agent", partialFilterExpression=CLOSED_WITH_AGENT),
        # Not unique, because a unique index could not be sharded by person. The counter gives each number once.
        IndexModel([("number", ASCENDING)]),
        # Only tickets that may count for a burst, and tickets that are held.
        IndexModel(
            [("filed", ASCENDING), ("opened_at", DESCENDING)], partialFilterExpression={"filed": {"$type": "string"}}
        ),
        IndexModel([("burst", ASCENDING)], partialFilterExpression={"burst": {"$type": "string"}}),
    ],
    "bursts": [IndexModel([("at", ASCENDING)], expireAfterSeconds=2 * 86_400)],
    "entries": [IndexModel([("ticket_id", ASCENDING), ("version", ASCENDING)], unique=True), BY_FILE],
    "accounts": [BY_ADDRESS, *BY_PERSON],
    # An entry counts for ten minutes; the database forgets it later, by its own clock.
    "codes_mailed": [IndexModel([("at", ASCENDING)], expireAfterSeconds=3600)],
    "counters": [],
    "agents": [],
    "escalatable": [],
    "articles": [],
    **personal.INDEXES,
    **rewrapping.INDEXES,
    **keeping.INDEXES,
    **parts.INDEXES,
    **store.INDEXES,
}

READINGS = 3
"""How often one load reads, before the turn has lost the race."""

NUMBERS_AT_ONCE = 200
FIRST_NUMBER = 10_000_001


class Repository:
    """Loads and stores what a turn of intake touches."""

    def __init__(
        self,
        database: Database[Document],
        files: Callable[[], OperatorsFiles],
        similar_from: float,
        temporary_lasts: timedelta = TEMPORARY_LASTS,
        limits: Limits = USUAL,
        master_key: str = "",
    ) -> None:
        self.db = database
        self._files = files
        self._similar_from = similar_from
        self._temporary_lasts = temporary_lasts
        self._limits = limits
        self._master_key = master_key
        self._numbers: deque[str] = deque()

    def load(self, messages: Sequence[Message[Any]], now: datetime, prepared: Prepared = NOTHING) -> View:
        """All that these messages need, as it stood at one moment. `prepared`: what was found out before the turn.

        Raises `Conflict` if others keep changing it meanwhile.
        """
        for _ in range(READINGS):
            known = self._read(messages, now, prepared)
            if self._still_stands(known):
                return known
        raise Conflict("what was read has changed meanwhile")

    def _read(self, messages: Sequence[Message[Any]], now: datetime, prepared: Prepared) -> View:
        """In rounds, until none of the messages needs anything more."""
        operators = self._files()
        known = View(
            operators.catalogue,
            prepared=prepared,
            numbers=self._numbers,
            similar_from=self._similar_from,
            temporary_lasts=self._temporary_lasts,
            staff=operators.staff,
            limits=self._limits,
            master_key=self._master_key,
            together=together(messages),
        )
        reading = Reading(self.db, known, now)
        while needs := still_needed(known, messages):
            self._take_numbers(sum(isinstance(need, NewNumber) for need in needs))
            known.asked |= needs
            reading.read(needs)
        return known

    def _still_stands(self, known: View) -> bool:
        """Whether what moves from one person to another is as it was read. One query saw a ticket before the move, and
        the next its account after it: a refusal writes nothing, so nothing else would notice."""
        if not known.loaded_accounts:  # nothing is compared with the person whose it is
            return True
        read: Mapping[str, Mapping[str, Ticket | Account | File]] = {
            "accounts": known.loaded_accounts,
            "tickets": known.loaded_tickets,
            RECORDS: known.loaded_files,
        }
        wanted: dict[str, Document] = {name: {"_id": {"$in": list(values)}} for name, values in read.items()}
        # Their shard key; a ticket that has moved is not found.
        wanted["tickets"]["person"] = {"$in": list({ticket.person for ticket in known.loaded_tickets.values()})}
        finds = [Find(name, wanted[name], projection={"version": 1}) for name, values in read.items() if values]
        present = {row["_id"]: row["version"] for rows in find(self.db, *finds) for row in rows}
        return present == {id_: value.version for values in read.values() for id_, value in values.items()}

    def writes(self, view: View) -> list[Write]:
        """What the turn changed: tickets and accounts as they stand now, and every entry."""
        return [
            *conditional_writes("tickets", view.loaded_tickets, view.tickets, ticket_document),
            *conditional_writes("accounts", view.loaded_accounts, view.accounts, account_document),
            *conditional_writes("agents", view.loaded_agents, view.agents, agent_document, "revision"),
            *conditional_writes(
                "escalatable", view.loaded_escalatable, view.escalatable, escalatable_document, "revision"
            ),
            *conditional_writes("articles", view.loaded_articles, view.articles, article_document),
            *conditional_writes("codes_mailed", view.loaded_mailed, view.mailed, mailed_document, "revision"),
            *conditional_writes("bursts", view.loaded_bursts, view.bursts, burst_document, "revision"),
            *conditional_writes(RECORDS, view.loaded_files, view.files, file_document),
            *conditional_writes(ERASURES, view.loaded_erasures, view.erasures, erasure_document),
            *conditional_writes(ROTATIONS, view.loaded_rotations, view.rotations, rotation_document),
            *(
                Write("handled", dict(answer.document), ("turn", answer.document["turn"]))
                for answer in view.rewritten_answers
            ),
            *(Write(UPLOADS, dict(upload.after), ("at", upload.before["at"])) for upload in view.forgotten_uploads),
            *(Write("entries", entry_document(entry)) for entry in view.written_entries.values()),
            *(
                Write("entries", entry_document(entry), ("version", entry.version))
                for entry in view.erased_entries.values()
            ),
        ]

    def _take_numbers(self, wanted: int) -> None:
        """Get at least `wanted` unused ticket numbers, in blocks and outside the transaction; gaps are fine."""
        while len(self._numbers) < wanted:
            counter = self.db["counters"].find_one_and_update(
                {"_id": "ticket_number"},
                {"$inc": {"taken": NUMBERS_AT_ONCE}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
            end = FIRST_NUMBER + counter["taken"]
            self._numbers.extend(f"{number:08}" for number in range(end - NUMBERS_AT_ONCE, end))
