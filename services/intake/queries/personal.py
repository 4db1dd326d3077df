"""What the desk keeps of a person who is erased: the queries of a turn, a portion at a time.

domain/privacy/erasing.py decides what becomes of it. The page is docs/privacy.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.database import Database

from services.chassis.database import Document
from services.chassis.decision import derived_id
from services.chassis.pipeline import Find, find
from services.intake.documents import account_of, entry_of, erasure_of, ticket_of
from services.intake.domain.accounts.expiry import ENTRIES_AT_ONCE as NAMED_ENTRIES_AT_ONCE
from services.intake.domain.accounts.expiry import TICKETS_AT_ONCE as NAMED_TICKETS_AT_ONCE
from services.intake.domain.privacy.erasing import (
    ANSWERS_AT_ONCE,
    ENTRIES_AT_ONCE,
    FILES_AT_ONCE,
    GONE,
    TICKETS_AT_ONCE,
)
from services.intake.domain.state import View
from services.intake.domain.values.account import Account, Ending
from services.intake.domain.values.erasure import Erasure, Portion
from services.intake.domain.values.file import File, archives_of
from services.intake.domain.values.history import Entry
from services.intake.domain.values.ticket import Ticket
from services.intake.domain.values.whose import ERASED
from services.intake.files.keeping import RECORDS, file_of
from services.intake.files.parts import UPLOADS

NAMED: Document = {"details.attachments": {"$exists": True}}

BY_PERSON = [
    IndexModel([(name, ASCENDING)], partialFilterExpression={name: {"$type": "string"}})
    for name in ("joined", "merged_into")
]
BY_FILE = IndexModel([("details.attachments.ref", ASCENDING)], name="by_file", partialFilterExpression=NAMED)

ERASURES = "erasures"
INDEXES: Mapping[str, Sequence[IndexModel]] = {
    # As long as a queue keeps a message: until then a dead letter with the person in it may still turn up.
    ERASURES: [IndexModel([("at", ASCENDING)], expireAfterSeconds=30 * 86_400)],
}


def of_one_person(database: Database[Document], key: str, known: Mapping[str, Account]) -> list[Account]:
    """All accounts of the person who has the account of this key: those that are one with it, or were merged into one
    of them. `known`: accounts that were read before."""
    own = known.get(key)
    keys = {key} if own is None else {key, own.person}
    while True:
        to_these = {"$in": sorted(keys), "$type": "string"}
        either = [{"_id": {"$in": sorted(keys)}}, {"joined": to_these}, {"merged_into": to_these}]
        found = [account_of(row) for row in database["accounts"].find({"$or": either})]
        more = {account.key for account in found} | {account.person for account in found} | keys
        if more == keys:
            return found
        keys = more


def person_of(
    database: Database[Document], key: str, known: Mapping[str, Account]
) -> tuple[list[Account], tuple[str, ...]]:
    """The accounts of the person who has the account of this key, and their keys; none if the desk keeps nothing of
    it."""
    found = of_one_person(database, key, known)
    if not found and not is_known(database, key):
        return [], ()
    return found, tuple(sorted({key, *(account.key for account in found)}))


def is_known(database: Database[Document], key: str) -> bool:
    """Whether an account without a record has filed or sent anything."""
    ticket, file = find(
        database,
        Find("tickets", {"person": key}, limit=1),
        Find(RECORDS, {"owner": key, "used": False}, limit=1),
    )
    return bool(ticket or file)


ENTRIES_AT_MOST = 1_000
"""How many entries of a redacted ticket, the newest: answers to their messages may show what is redacted."""


class Portions:
    """Reads what erasures and redactions of a turn need."""

    def __init__(self, database: Database[Document]) -> None:
        self.db = database

    def next_of(self, ids: Collection[str], known: View) -> None:
        """The erasures of these ids, and the next portion of each, with its tickets and files."""
        if not ids:
            return
        for erasure in [erasure_of(row) for row in self.db[ERASURES].find({"_id": {"$in": sorted(ids)}})]:
            portion, tickets, files = self._next(erasure)
            known.erasing[erasure.id] = portion
            known.know(erasure, *tickets, *files)

    def traces_of(self, entries: Sequence[tuple[str, str]], known: View) -> None:
        """Where else the words stand of entries that are to be redacted, each given as its ticket's number and its id:
        its files, and which of them other entries name; answers that show the ticket's subject or came with the entry;
        and archives that may hold it."""
        if not entries:
            return
        wanted = {id_ for _, id_ in entries}
        tickets = [ticket for number, _ in entries if (ticket := known.ticket(number)) is not None]
        redacted = [entry for ticket in tickets for entry in known.history(ticket) if entry.id in wanted]
        files, known.named_elsewhere = self._named(redacted)
        known.know(*files)
        for ticket in tickets:
            archives = self._archives_with(ticket)
            known.know(*archives)
            known.archived[ticket.id] = [file.ref for file in archives]
            rows = self.db["entries"].find({"ticket_id": ticket.id}).sort("version", DESCENDING).limit(ENTRIES_AT_MOST)
            of_ticket = self._answers_of([entry_of(row) for row in rows])
            known.told_of[ticket.id] = [*of_ticket, *self._answers_about([ticket.number])]

    def _archives_with(self, ticket: Ticket) -> list[File]:
        """The archives of the person who has the ticket, of any of their accounts; unfinished ones too."""
        keys = {
            ticket.person,
            ticket.requester.account,
            *(account.key for account in of_one_person(self.db, ticket.person, {})),
        }
        theirs = {"owner": {"$in": sorted(map(archives_of, keys))}, "state": {"$ne": "removing"}}
        return [file_of(row) for row in self.db[RECORDS].find(theirs)]

    def _next(self, erasure: Erasure) -> tuple[Portion, list[Ticket], list[File]]:
        theirs = {"person": {"$in": list(erasure.accounts)}, "opened_at": {"$lte": erasure.at}}
        found = [ticket_of(row) for row in self.db["tickets"].find(theirs).limit(TICKETS_AT_ONCE)]
        if found:
            return Portion(tickets=tuple(ticket.id for ticket in found)), found, []
        number, version = erasure.read_to
        cut_off = {"person": erasure.person, "number": {"$gte": number}}
        rows = self.db["tickets"].find(cut_off).sort("number", ASCENDING).limit(TICKETS_AT_ONCE)
        window = [ticket_of(row) for row in rows]
        entries, read_to = self._entries(window, number, version)
        is_last = len(window) < TICKETS_AT_ONCE and (not window or read_to[0] == window[-1].number)
        if entries or not is_last:
            numbers = [ticket.number for ticket in window]
            files, elsewhere = self._named(entries)
            about = self._answers_about(numbers)
            if len(about) == ANSWERS_AT_ONCE:  # there may be more; those that are rewritten are not found again
                read_to = erasure.read_to
            answers = [*self._answers_of(entries), *about]
            portion = Portion(
                entries=tuple(entries),
                read_to=read_to,
                finished=False,
                named_elsewhere=elsewhere,
                answers=answers,
            )
            return portion, window, files
        return self._left(erasure)

    def _entries(self, window: Sequence[Ticket], number: str, version: int) -> tuple[list[Entry], tuple[str, int]]:
        """The next entries of these tickets, and the place of the last one."""
        entries: list[Entry] = []
        read_to = (number, version)
        for ticket in window:
            after = version if ticket.number == number else 0
            left = ENTRIES_AT_ONCE - len(entries)
            if not left:
                break
            of_ticket = {"ticket_id": ticket.id, "version": {"$gt": after}}
            rows = self.db["entries"].find(of_ticket).sort("version", ASCENDING).limit(left)
            entries += (found := [entry_of(row) for row in rows])
            read_to = (ticket.number, found[-1].version if found else after)
        return entries, read_to

    def _named(self, entries: Sequence[Entry]) -> tuple[list[File], frozenset[str]]:
        """The files that these entries name, and those of them that other entries name too."""
        refs = {named.ref for entry in entries for named in entry.attachments}
        if not refs:
            return [], frozenset()
        ids = [entry.id for entry in entries]
        also = {"details.attachments.ref": {"$in": sorted(refs)}, **NAMED, "_id": {"$nin": ids}}
        others = self.db["entries"].find(also, {"details.attachments.ref": 1})
        elsewhere = {named["ref"] for row in others for named in row["details"]["attachments"]} & refs
        files = [file_of(row) for row in self.db[RECORDS].find({"_id": {"$in": sorted(refs)}})]
        return files, frozenset(elsewhere)

    def _answers_of(self, entries: Sequence[Entry]) -> list[Document]:
        """The answers to the messages that made these entries. They were stored together, so they have the same
        time."""
        handled = self.db["handled"]
        wanted = {entry.id for entry in entries}
        moments = sorted({entry.at for entry in entries})
        rows = handled.find({"at": {"$in": moments}}, {"_id": 1}) if moments else ()
        ids = [row["_id"] for row in rows if _entry_id(row["_id"]) in wanted]
        return [row for row in handled.find({"_id": {"$in": ids}}) if "body" in row] if ids else []

    def _answers_about(self, about: Sequence[str]) -> list[Document]:
        asked = {"about": {"$in": list(about), "$exists": True}}
        return list(self.db["handled"].find(asked).limit(ANSWERS_AT_ONCE)) if about else []

    def _left(self, erasure: Erasure) -> tuple[Portion, list[Ticket], list[File]]:
        """What is left beside tickets: archives and answers; if the words go too, also files and unfinished uploads."""
        accounts = list(erasure.accounts)
        archives = {"owner": {"$in": list(map(archives_of, accounts))}}
        # A file that an entry still names belongs to a ticket of somebody who came back meanwhile.
        unnamed = {"owner": {"$in": accounts if erasure.content else []}, "used": False, "at": {"$lte": erasure.at}}
        theirs = {"$or": [archives, unnamed], "state": {"$ne": "removing"}}
        files = [file_of(row) for row in self.db[RECORDS].find(theirs).limit(FILES_AT_ONCE)]
        unfinished = {"owner": {"$in": accounts if erasure.content else []}, "at": {"$gt": GONE, "$lte": erasure.at}}
        portion = Portion(
            files=tuple(file.ref for file in files),
            uploads=list(self.db[UPLOADS].find(unfinished).limit(FILES_AT_ONCE)),
            answers=self._answers_about(accounts),
        )
        return portion, [], files


def _entry_id(row_id: str) -> str:
    """The id of the entry that a handled message made, if it made one (domain/life/recording.py)."""
    return derived_id("entry", row_id.split("\x1f", 1)[1])


def ending_of(database: Database[Document], key: str, person: str) -> tuple[list[Ticket], Ending]:
    """The tickets of a temporary account (`key`, and the `person` who has them) that still have its name; and whether
    one is open, when the last was closed, and which have the name."""
    # Closed ones that did not move when it joined that person are still its own.
    own = {
        "person": {"$in": sorted({person, key})},
        "requester.kind": "temporary",
        "requester.id": key.partition(":")[2],
    }
    named = {**own, "requester.display_name": {"$ne": ERASED}}
    is_open, closed, having_it = find(
        database,
        Find("tickets", {**own, "open_key": {"$type": "string"}}, [("open_key", ASCENDING)], 1),
        Find("tickets", own, [("closed_at", DESCENDING)], 1),
        Find("tickets", named, [("opened_at", ASCENDING)], NAMED_TICKETS_AT_ONCE),
    )
    with_name = [ticket_of(row) for row in having_it]
    ids = [ticket.id for ticket in with_name]
    of_requester = {"author.kind": "requester", "author.display_name": {"$ne": ERASED}}
    rows = database["entries"].find({"ticket_id": {"$in": ids}, **of_requester}).limit(NAMED_ENTRIES_AT_ONCE)
    last = next((row["closed_at"] for row in closed), None)
    return with_name, Ending(bool(is_open), last, tuple(ids), tuple(entry_of(row) for row in rows))
