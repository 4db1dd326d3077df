"""Reads what the messages of a turn need (domain/needs.py), as much as possible in one query.

Each kind of need has its query here. The page is docs/intake.md, "What a turn reads".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import TypeVar

from pymongo import DESCENDING
from pymongo.database import Database

from contracts.values import dataclass
from services.chassis.database import Document
from services.chassis.pipeline import Find, find
from services.intake.documents import (
    account_of,
    agent_of,
    article_of,
    burst_of,
    entry_of,
    erasure_of,
    escalatable_of,
    mailed_of,
    ticket_of,
)
from services.intake.domain.abuse.bursts import RELEASED_AT_ONCE
from services.intake.domain.abuse.hourly import HOUR
from services.intake.domain.accounts.new_owner import MOST_CLOSED
from services.intake.domain.needs import (
    AccountOf,
    AgentOf,
    ArticleOf,
    BurstOf,
    ClosedTickets,
    CodeMailedTo,
    EndingOf,
    EntriesNaming,
    EntryAndEdits,
    EntryAt,
    ErasureOf,
    EscalatableOf,
    FiledAlike,
    FileOf,
    HeldIn,
    HistoryOf,
    LastRotation,
    Need,
    NextPortionOf,
    OpenTickets,
    PartOfHistory,
    PersonOf,
    Sharing,
    SomeSharing,
    TicketOf,
    Traces,
    UnnamedFiles,
    WrittenLately,
)
from services.intake.domain.state import View
from services.intake.domain.tickets.viewing import MOST_ENTRIES
from services.intake.domain.values.mailed_code import mailed_id
from services.intake.domain.values.pages import AgentPageAsked, PageAsked
from services.intake.files.keeping import RECORDS, UNNAMED, file_of
from services.intake.files.rewrapping import last_rotation
from services.intake.queries.paging import page_of, parts_asked
from services.intake.queries.personal import ERASURES, Portions, ending_of, person_of
from services.intake.queries.sharing import MOST_SHARING, having_all, having_some

N = TypeVar("N")

OPEN: Document = {"open_key": {"$type": "string"}}


@dataclass(frozen=True, slots=True)
class Query:
    """A query, and what to do with the rows that it finds."""

    find: Find
    take: Callable[[list[Document]], None]


class Reading:
    """Reads for one turn into what is `known`, at `now` (the database's clock, aware UTC)."""

    def __init__(self, database: Database[Document], known: View, now: datetime) -> None:
        self._db = database
        self._known = known
        self._now = now
        self._portions = Portions(database)
        self._needs: dict[type, list[Need]] = {}

    def read(self, needs: Collection[Need]) -> None:
        """All of these. (Numbers for new tickets are the repository's own.)"""
        self._needs = {}
        for need in needs:
            self._needs.setdefault(type(need), []).append(need)
        queries = [*self._of_tickets(), *self._of_accounts(), *self._of_history(), *self._of_others()]
        if queries:
            found = find(self._db, *(query.find for query in queries))
            for query, rows in zip(queries, found, strict=True):
                query.take(rows)
        self._beside()

    def _of(self, kind: type[N]) -> list[N]:
        return self._needs.get(kind, [])  # type: ignore[return-value]

    def _tickets(self, rows: Iterable[Document]) -> None:
        self._known.know(*map(ticket_of, rows))

    def _accounts(self, rows: Iterable[Document]) -> None:
        self._known.know(*map(account_of, rows))

    def _of_tickets(self) -> list[Query]:
        ways: list[Document] = []
        if numbers := [need.number for need in self._of(TicketOf)]:
            ways.append({"number": {"$in": numbers}})
        lately = [need.person for need in self._of(WrittenLately)]
        if persons := [*lately, *(need.person for need in self._of(OpenTickets))]:
            ways.append({"person": {"$in": persons}, **OPEN})
        if lately:
            ways.append({"person": {"$in": lately}, "opened_at": {"$gte": self._now - HOUR}})
        finds = [Find("tickets", {"$or": ways})] if ways else []
        for closed in self._of(ClosedTickets):
            newest = [("closed_at", DESCENDING)]
            finds.append(Find("tickets", {"person": closed.person, "status": "closed"}, newest, MOST_CLOSED))
        for held in self._of(HeldIn):
            in_burst = {"burst": {"$eq": held.burst, "$type": "string"}}
            finds.append(Find("tickets", in_burst, limit=RELEASED_AT_ONCE))
        words = sorted(need.words for need in self._of(FiledAlike))
        if words:
            since = self._now - self._known.limits.burst_within
            alike = {"filed": {"$in": words, "$type": "string"}, "opened_at": {"$gte": since}}
            finds.append(Find("tickets", alike))
        queries = [Query(each, self._tickets) for each in finds]
        if bursts := [*words, *(need.id for need in self._of(BurstOf))]:
            in_them = Find("bursts", {"_id": {"$in": bursts}})
            queries.append(Query(in_them, lambda rows: self._known.know(*map(burst_of, rows))))
        return queries

    def _of_accounts(self) -> list[Query]:
        finds: list[Find] = []
        if keys := [need.key for need in self._of(AccountOf)]:
            finds.append(Find("accounts", {"_id": {"$in": keys}}))
        finds += [having_some(need.mailbox) for need in self._of(SomeSharing)]
        queries = [Query(each, self._accounts) for each in finds]
        for need in self._of(Sharing):
            queries += self._sharing(need.mailbox)
        if ids := sorted({mailed_id(need.email) for need in self._of(CodeMailedTo)}):
            mailed = Find("codes_mailed", {"_id": {"$in": ids}})
            queries.append(Query(mailed, lambda rows: self._known.know(*map(mailed_of, rows))))
        return queries

    def _sharing(self, mailbox: str) -> list[Query]:
        """Accounts that have confirmed the address, then others; only as many as matter."""
        unconfirmed, confirmed = having_all(mailbox)
        others: list[Document] = []

        def take(rows: list[Document]) -> None:
            self._accounts(rows)
            self._accounts(others[: MOST_SHARING - len(rows)])

        return [Query(unconfirmed, others.extend), Query(confirmed, take)]

    def _of_history(self) -> list[Query]:
        ways: list[Document] = [
            *parts_asked(self._db, self._of(PartOfHistory)),
            *map(_history, self._of(HistoryOf)),
            *({"ticket_id": need.ticket_id, "version": need.version} for need in self._of(EntryAt)),
        ]
        naming = self._of(EntriesNaming)
        ways += ({"ticket_id": need.ticket_id, "details.attachments.ref": need.ref} for need in naming)
        for redacted in self._of(EntryAndEdits):
            ways.append({"ticket_id": redacted.ticket_id, "_id": redacted.entry_id})
            ways.append({"ticket_id": redacted.ticket_id, "kind": "edited"})
        if not ways:
            return []
        return [Query(Find("entries", {"$or": ways}), lambda rows: self._known.know(*map(entry_of, rows)))]

    def _of_others(self) -> list[Query]:
        queries: list[Query] = []
        if agents := [need.id for need in self._of(AgentOf)]:
            of_agents = Find("agents", {"_id": {"$in": agents}})
            queries.append(Query(of_agents, lambda rows: self._known.know(*map(agent_of, rows))))
        if tickets := [need.ticket_id for need in self._of(EscalatableOf)]:
            escalatable = Find("escalatable", {"_id": {"$in": tickets}})
            queries.append(Query(escalatable, lambda rows: self._known.know(*map(escalatable_of, rows))))
        if articles := [need.id for need in self._of(ArticleOf)]:
            of_articles = Find("articles", {"_id": {"$in": articles}})
            queries.append(Query(of_articles, lambda rows: self._known.know(*map(article_of, rows))))
        files = []
        if refs := [need.ref for need in self._of(FileOf)]:
            files.append(Find(RECORDS, {"_id": {"$in": refs}}))
        if owners := [need.owner for need in self._of(UnnamedFiles)]:
            files.append(Find(RECORDS, {"owner": {"$in": owners}, **UNNAMED}))
        queries += [Query(each, lambda rows: self._known.know(*map(file_of, rows))) for each in files]
        if erasures := [need.id for need in self._of(ErasureOf)]:
            of_erasures = Find(ERASURES, {"_id": {"$in": erasures}})
            queries.append(Query(of_erasures, lambda rows: self._known.know(*map(erasure_of, rows))))
        return queries

    def _beside(self) -> None:
        """Needs with queries of their own, one after the other: they are rare, or somebody waits for them."""
        known = self._known
        pages: list[PageAsked | AgentPageAsked] = [*self._of(PageAsked), *self._of(AgentPageAsked)]
        for page in pages:
            on_page, known.pages[page] = page_of(self._db, page)
            known.know(*on_page)
        for need in self._of(PersonOf):
            accounts, keys = person_of(self._db, need.key, known.accounts)
            known.know(*accounts)
            if keys:
                known.persons[need.key] = keys
        for ending in self._of(EndingOf):
            with_name, known.endings[ending.key] = ending_of(self._db, ending.key, ending.person)
            known.know(*with_name)
        self._portions.next_of([need.erasure_id for need in self._of(NextPortionOf)], known)
        self._portions.traces_of([(need.number, need.entry_id) for need in self._of(Traces)], known)
        if self._of(LastRotation) and (last := last_rotation(self._db)) is not None:
            known.know(last)


def _history(need: HistoryOf) -> Document:
    """The newest entries, and the opening."""
    if need.size <= need.limit:
        return {"ticket_id": need.ticket_id}
    newest = {"offset": {"$gte": need.size - need.limit}, "version": {"$gt": need.version - MOST_ENTRIES}}
    return {"ticket_id": need.ticket_id, "$or": [{"version": 1}, newest]}
