"""Tickets, their history and accounts in MongoDB: what a turn reads, and what it writes.

It decides nothing. The unique index on (person, open_key) is what keeps a person to one
open ticket for an issue. Shard keys: tickets by person, entries by ticket, the others by _id. See docs/intake.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.collection import ReturnDocument
from pymongo.database import Database

from services.chassis.decision import Message
from services.chassis.operators_files import OperatorsFiles
from services.chassis.pipeline import Find, find
from services.chassis.unit_of_work import Document, Write, conditional_writes
from services.intake import personal
from services.intake.alike import filed_lately, to_release, words_counted
from services.intake.documents import (
    account_document,
    account_of,
    agent_document,
    agent_of,
    burst_document,
    entry_document,
    entry_of,
    erasure_document,
    escalatable_document,
    escalatable_of,
    mailed_document,
    mailed_of,
    ticket_document,
    ticket_of,
)
from services.intake.domain.accounts import END, TEMPORARY_LASTS, Account, temporary_key
from services.intake.domain.agents import KnownAgent
from services.intake.domain.assignment import HANDED_OVER
from services.intake.domain.blocking import key_named
from services.intake.domain.commands import COMMANDS
from services.intake.domain.erasure import ERASE
from services.intake.domain.expiry import ENTRIES_AT_ONCE, ERASED, TICKETS_AT_ONCE
from services.intake.domain.history import Entry
from services.intake.domain.joining import JOINING
from services.intake.domain.limits import HOUR
from services.intake.domain.mailing import CodeMailed, mailed_id
from services.intake.domain.moving import MOST_CLOSED
from services.intake.domain.redaction import REDACT
from services.intake.domain.requesters import account_meant, account_named, temporary_named
from services.intake.domain.rotation import GO_ON, ROTATE, Rotation
from services.intake.domain.state import (
    USUAL,
    AgentPageAsked,
    Ending,
    Escalatable,
    Limits,
    Page,
    PageAsked,
    State,
)
from services.intake.domain.tickets import Ticket
from services.intake.domain.viewing import MOST_ENTRIES, PAGE, SHOWN, asks_for_part, page_asked, page_of_agent
from services.intake.files import keeping, rotation, store, uploads
from services.intake.files.keeping import RECORDS, file_document
from services.intake.files.rotation import ROTATIONS, last_rotation, rotation_document
from services.intake.files.uploads import UPLOADS
from services.intake.paging import parts_asked
from services.intake.personal import BY_FILE, BY_PERSON, ERASURES, Portions, is_known, of_one_person, open_of
from services.intake.preparing import Preparing
from services.intake.sharing import BY_ADDRESS, brought_anew, persons_to_be, sharing, some_sharing

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
        # An agent's list, which asks every shard. Only what has an agent is in these: a new ticket costs nothing.
        IndexModel(NEWEST_OF_AGENT, name="open_of_agent", partialFilterExpression=OPEN_WITH_AGENT),
        IndexModel(NEWEST_OF_AGENT, name="closed_of_agent", partialFilterExpression=CLOSED_WITH_AGENT),
        # Not unique: that could not be sharded by person. Numbers are unique by the counter that gives them.
        IndexModel([("number", ASCENDING)]),
        # Only of tickets that may be counted to a burst, and of those that are held.
        IndexModel(
            [("filed", ASCENDING), ("opened_at", DESCENDING)], partialFilterExpression={"filed": {"$type": "string"}}
        ),
        IndexModel([("burst", ASCENDING)], partialFilterExpression={"burst": {"$type": "string"}}),
    ],
    "bursts": [IndexModel([("at", ASCENDING)], expireAfterSeconds=2 * 86_400)],
    "entries": [IndexModel([("ticket_id", ASCENDING), ("version", ASCENDING)], unique=True), BY_FILE],
    "accounts": [BY_ADDRESS, *BY_PERSON],
    # A moment counts for ten minutes, and is forgotten by the database's clock.
    "codes_mailed": [IndexModel([("at", ASCENDING)], expireAfterSeconds=3600)],
    "counters": [],
    "agents": [],
    "escalatable": [],
    **personal.INDEXES,
    **rotation.INDEXES,
    **keeping.INDEXES,
    **uploads.INDEXES,
    **store.INDEXES,
}

NUMBERS_AT_ONCE = 200
FIRST_NUMBER = 10_000_001

WRITING = frozenset({"ticket.submit", "ticket.reply"})
"""Commands that look at all that their requester has open: for the issue, for what is similar, for the address."""

REFILING = frozenset({"ticket.reclassify", "ticket.reopen"})
"""Commands that look whether their requester has the issue open in another ticket."""

_BYTES_OF_HISTORY = {
    "ticket.view": SHOWN,
    "ticket.assign": HANDED_OVER,
    "ticket.transfer": HANDED_OVER,
    "ticket.assign_to": HANDED_OVER,
    "ticket.edit": 0,
}
"""How much of a ticket's history a command needs (for an edit, see `_entries`)."""


class Repository:
    """Loads and stores what a turn of intake touches."""

    def __init__(
        self,
        database: Database[Document],
        files: Callable[[], OperatorsFiles],
        preparing: Preparing,
        similar_from: float,
        temporary_lasts: timedelta = TEMPORARY_LASTS,
        limits: Limits = USUAL,
        master_key: str = "",
    ) -> None:
        self.db = database
        self._files = files
        self._preparing = preparing
        self._similar_from = similar_from
        self._temporary_lasts = temporary_lasts
        self._limits = limits
        self._master_key = master_key
        self._numbers: deque[str] = deque()
        self._portions = Portions(database)

    def load(self, messages: Sequence[Message[Any]], now: datetime) -> State:
        """All that these messages may touch."""
        operators = self._files()
        prepared = self._preparing.prepared
        submissions = sum(message.type == "ticket.submit" for message in messages)
        writing = [one for one in messages if one.type in WRITING]
        persons = {person for one in writing if (person := account_named(one)) is not None}
        temporary = {temporary_key(one.account_id) for one in map(temporary_named, messages) if one is not None}
        ending = {one.subject for one in messages if one.type == f"timer.{END}" and one.subject is not None}
        named = {key for one in messages if (key := account_named(one)) is not None} | temporary | ending
        named |= {key_named(one) for one in messages if one.type in ("requester.block", "requester.unblock")}
        self._take_numbers(submissions)
        words = words_counted(messages, operators.staff, self._limits)
        filed = filed_lately(words, now - self._limits.burst_within)
        numbers = _numbers_named(messages)
        found, known, more = self._tickets_and_accounts(numbers, persons, named, now - HOUR, filed)
        alike, held = more or ([], [])
        accounts = {account.key: account for account in known}
        anew = brought_anew([one for one in messages if one.type in (*WRITING, "account.merge")], accounts)
        accounts = {one.key: one for one in some_sharing(self.db, anew)} | accounts
        theirs = self._of_one_person(messages, accounts)
        mailed = self._mailed(messages, accounts, anew)
        listed, pages = self._pages(messages, accounts)
        persons_of, to_close = self._to_erase(messages, accounts)
        erasures, erasing, erased, of_erased = self._portions.read(
            {one.subject for one in messages if one.type == f"timer.{ERASE}" and one.subject is not None}
        )
        without, endings = self._endings({key: accounts[key].person for key in ending & accounts.keys()})
        tickets = {ticket.number: ticket for ticket in (*listed, *found, *theirs, *without, *to_close, *erased)}
        released, bursts = to_release(self.db, messages, tickets, held)
        tickets = {one.number: one for one in map(ticket_of, [*alike, *released])} | tickets
        self._add_what_follows(messages, tickets)
        accounts |= self._of_reopened(messages, tickets, accounts)
        entries = self._entries(messages, tickets)
        agents, escalatable = self._news(messages, tickets)
        redacted = self._portions.redacted(messages, tickets, entries)
        return State(
            operators.catalogue,
            tickets.values(),
            accounts.values(),
            entries,
            prepared=prepared,
            numbers=self._numbers,
            pages=pages,
            similar_from=self._similar_from,
            agents=agents,
            escalatable=escalatable,
            files=[*self._preparing.files.named(prepared, messages), *of_erased, *redacted.files],
            mailed=mailed,
            temporary_lasts=self._temporary_lasts,
            endings=endings,
            staff=operators.staff,
            limits=self._limits,
            bursts=bursts,
            erasures=[*erasures, *redacted.known, *self._portions.named(messages)],
            named_elsewhere=redacted.named_elsewhere,
            told_of=redacted.told_of,
            archived=redacted.archived,
            erasing=erasing,
            persons=persons_of,
            master_key=self._master_key,
            rotations=self._rotations(messages),
        )

    def writes(self, state: State) -> list[Write]:
        """What the turn changed: tickets and accounts as they stand now, and every entry."""
        return [
            *conditional_writes("tickets", state.loaded_tickets, state.tickets, ticket_document),
            *conditional_writes("accounts", state.loaded_accounts, state.accounts, account_document),
            *conditional_writes("agents", state.loaded_agents, state.agents, agent_document, "revision"),
            *conditional_writes(
                "escalatable", state.loaded_escalatable, state.escalatable, escalatable_document, "revision"
            ),
            *conditional_writes("codes_mailed", state.loaded_mailed, state.mailed, mailed_document, "revision"),
            *conditional_writes("bursts", state.loaded_bursts, state.bursts, burst_document, "revision"),
            *conditional_writes(RECORDS, state.loaded_files, state.files, file_document),
            *conditional_writes(ERASURES, state.loaded_erasures, state.erasures, erasure_document),
            *conditional_writes(ROTATIONS, state.loaded_rotations, state.rotations, rotation_document),
            *(Write("handled", dict(one.document), ("turn", one.document["turn"])) for one in state.rewritten_answers),
            *(Write(UPLOADS, dict(one.after), ("at", one.before["at"])) for one in state.forgotten_uploads),
            *(Write("entries", entry_document(entry)) for entry in state.written_entries),
            *(Write("entries", entry_document(one), ("version", one.version)) for one in state.erased_entries),
        ]

    def _rotations(self, messages: Sequence[Message[Any]]) -> list[Rotation]:
        """The last rotation of master keys, if a message is about it."""
        wanted = any(one.type in (ROTATE, f"timer.{GO_ON}") for one in messages)
        last = last_rotation(self.db) if wanted else None
        return [] if last is None else [last]

    def _take_numbers(self, wanted: int) -> None:
        """Have at least `wanted` unused ticket numbers, in blocks and outside the transaction; gaps are fine."""
        while len(self._numbers) < wanted:
            counter = self.db["counters"].find_one_and_update(
                {"_id": "ticket_number"},
                {"$inc": {"taken": NUMBERS_AT_ONCE}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
            end = FIRST_NUMBER + counter["taken"]
            self._numbers.extend(f"{number:08}" for number in range(end - NUMBERS_AT_ONCE, end))

    def _tickets_and_accounts(
        self,
        numbers: Collection[str],
        persons: Collection[str],
        accounts: Collection[str],
        since: datetime | None = None,
        besides: Sequence[Find] = (),
    ) -> tuple[Iterable[Ticket], Iterable[Account], Sequence[list[Document]]]:
        """The tickets of these numbers and all that these persons have open, or opened `since` then; these accounts;
        and what is asked for besides, in the same go."""
        ways: list[Document] = []
        if numbers:
            ways.append({"number": {"$in": list(numbers)}})
        if persons:
            ways.append({"person": {"$in": list(persons)}, "open_key": {"$type": "string"}})
            if since is not None:
                ways.append({"person": {"$in": list(persons)}, "opened_at": {"$gte": since}})
        queries = {
            "tickets": Find("tickets", {"$or": ways}) if ways else None,
            "accounts": Find("accounts", {"_id": {"$in": list(accounts)}}) if accounts else None,
        }
        asked = {name: query for name, query in queries.items() if query is not None}
        rows = find(self.db, *asked.values(), *besides) if asked or besides else []
        found = dict(zip(asked, rows, strict=False))
        return map(ticket_of, found.get("tickets", ())), map(account_of, found.get("accounts", ())), rows[len(asked) :]

    def _mailed(
        self, messages: Sequence[Message[Any]], accounts: Mapping[str, Account], brought: Collection[str]
    ) -> Iterable[CodeMailed]:
        """When codes were mailed to the addresses that accounts are opened with, `brought`, or confirmed."""
        opening = [one.data.contact_email for one in messages if one.type == "account.open_temporary"]
        confirming = [one.contact_email for one in _accounts_of("account.confirm_contact", messages, accounts)]
        ids = {mailed_id(email) for email in (*opening, *confirming, *brought) if email is not None}
        return map(mailed_of, self.db["codes_mailed"].find({"_id": {"$in": sorted(ids)}})) if ids else ()

    def _of_one_person(self, messages: Sequence[Message[Any]], accounts: dict[str, Account]) -> list[Ticket]:
        """The tickets of those who have several accounts, or will have: what is open of whom they are one with, and of
        an account that joins another all that moves. Adds to `accounts` (by key) those that it depends on."""
        coming = [one for one in messages if one.type == "account.confirm_contact" and one.data.code is not None]
        confirming = _accounts_of("account.confirm_contact", coming, accounts)
        mailboxes = {account.mailbox for account in confirming if account.mailbox is not None}
        accounts |= {one.key: one for one in sharing(self.db, mailboxes) if one.key not in accounts}
        persons = {account.joined for account in accounts.values() if account.joined is not None}
        moving = {account.key for account in confirming}
        for message in messages:
            if message.type == "account.merge":
                key = temporary_key(message.data.temporary.account_id)
                moving.add(accounts[key].person if key in accounts else key)
                persons.add(account_named(message) or "")
        if mailboxes:
            persons |= {one.person for one in accounts.values() if one.mailbox in mailboxes and one.is_confirmed}
        persons |= moving
        if not persons:
            return []
        found, roots, _ = self._tickets_and_accounts((), persons, persons - accounts.keys())
        accounts |= {account.key: account for account in roots}
        closed = [
            Find("tickets", {"person": person, "status": "closed"}, [("closed_at", DESCENDING)], MOST_CLOSED)
            for person in moving
        ]
        return [*found, *(ticket_of(row) for rows in (find(self.db, *closed) if closed else ()) for row in rows)]

    def _to_erase(
        self, messages: Sequence[Message[Any]], accounts: dict[str, Account]
    ) -> tuple[dict[str, tuple[str, ...]], list[Ticket]]:
        """Of the accounts that are to be erased: by key all that are the same person's, if anything is kept of it, and
        what those have open. Adds to `accounts` (by key)."""
        persons: dict[str, tuple[str, ...]] = {}
        for message in messages:
            if message.type not in ("account.erase", "account.export"):
                continue
            account = message.data.account
            key = account_named(message) if account is None else account_meant(account)
            if key is None or key in persons:
                continue
            found = of_one_person(self.db, key, accounts)
            accounts |= {one.key: one for one in found if one.key not in accounts}
            if found or is_known(self.db, key):
                persons[key] = tuple(sorted({key, *(one.key for one in found)}))
        return persons, open_of(self.db, {one for keys in persons.values() for one in keys}) if persons else []

    def _add_what_follows(self, messages: Sequence[Message[Any]], tickets: dict[str, Ticket]) -> None:
        """Add to the tickets (by number) those that they were merged into, and what else is open of a person of whom a
        ticket is to be filed under another key or opened again."""
        refiled = (tickets.get(one.data.number) for one in messages if one.type in REFILING)
        persons = {ticket.person for ticket in refiled if ticket is not None}
        while True:
            merged = {one.merged_into for one in tickets.values() if one.merged_into is not None}
            further = merged - tickets.keys()
            if not further and not persons:
                return
            found, _, _ = self._tickets_and_accounts(further, persons, ())
            persons = set()
            tickets.update((ticket.number, ticket) for ticket in found)

    def _of_reopened(
        self, messages: Sequence[Message[Any]], tickets: Mapping[str, Ticket], known: Mapping[str, Account]
    ) -> dict[str, Account]:
        """The accounts of those whose tickets a supervisor opens again."""
        named = (tickets.get(one.data.number) for one in messages if one.type == "ticket.reopen")
        keys = {ticket.requester.account for ticket in named if ticket is not None} - known.keys()
        found = self._tickets_and_accounts((), (), keys)[1] if keys else ()
        return {account.key: account for account in found}

    def _news(
        self, messages: Sequence[Message[Any]], tickets: Mapping[str, Ticket]
    ) -> tuple[Iterable[KnownAgent], Iterable[Escalatable]]:
        """What is known of the agents whom it matters to, and from when on tickets may be escalated."""
        ids = {id_ for one in messages for id_ in _agents_asked_for(one, tickets)}
        of_tickets = {id_ for one in messages if (id_ := _escalation_of(one, tickets)) is not None}
        queries = {
            "agents": Find("agents", {"_id": {"$in": list(ids)}}) if ids else None,
            "escalatable": Find("escalatable", {"_id": {"$in": list(of_tickets)}}) if of_tickets else None,
        }
        asked = {name: query for name, query in queries.items() if query is not None}
        found = dict(zip(asked, find(self.db, *asked.values()), strict=True)) if asked else {}
        return map(agent_of, found.get("agents", ())), map(escalatable_of, found.get("escalatable", ()))

    def _pages(
        self, messages: Sequence[Message[Any]], accounts: Mapping[str, Account]
    ) -> tuple[list[Ticket], dict[PageAsked | AgentPageAsked, Page]]:
        """The page of each `ticket.list`, and the tickets on it; of an account that confirms its address in this turn,
        as whoever's it may be when the list is decided."""
        confirming = {account_named(message) for message in messages if message.type == "account.confirm_contact"}
        tickets: list[Ticket] = []
        pages: dict[PageAsked | AgentPageAsked, Page] = {}
        for message in messages:
            key = account_named(message)
            if message.type == "ticket.list" and key is not None:
                for person in persons_to_be(key, accounts, confirming):
                    asked = page_asked(message, key, person)
                    found, pages[asked] = self._page_of(_theirs(asked), asked.page)
                    tickets += found
            elif message.type == "ticket.list" and message.sender == f"agent.{message.data.agent_id}":
                listed = page_of_agent(message)
                found, pages[listed] = self._page_of(_of_agent(listed), listed.page)
                tickets += found
        return tickets, pages

    def _page_of(self, theirs: Document, number: int) -> tuple[list[Ticket], Page]:
        count = self.db["tickets"].count_documents(theirs)
        newest = self.db["tickets"].find(theirs).sort([("opened_at", DESCENDING), ("number", DESCENDING)])
        on_page = [ticket_of(row) for row in newest.skip((number - 1) * PAGE).limit(PAGE)]
        return on_page, Page(tuple(ticket.id for ticket in on_page), -(-count // PAGE))

    def _entries(self, messages: Sequence[Message[Any]], tickets: Mapping[str, Ticket]) -> list[Entry]:
        """Of the tickets shown or handed over, as much history as will be sent: the newest, and the opening, or the
        part that is asked for; of those edited, the entry with the body as it stands; and those that name a file which
        is asked for."""
        ways = parts_asked(self.db, messages, tickets)
        for message in messages:
            if message.type == "attachment.download" and message.data.number in tickets:
                id_ = tickets[message.data.number].id
                ways.append({"ticket_id": id_, "details.attachments.ref": message.data.ref})
            if message.type == REDACT and message.data.number in tickets:
                ways.append({"ticket_id": tickets[message.data.number].id, "_id": message.data.entry_id})
                ways.append({"ticket_id": tickets[message.data.number].id, "kind": "edited"})
            limit = _BYTES_OF_HISTORY.get(message.type)
            ticket = None if limit is None else tickets.get(message.data.number)
            if ticket is None or limit is None:
                continue
            if message.type == "ticket.edit":
                ways.append({"ticket_id": ticket.id, "version": ticket.body_version})
            elif not asks_for_part(message):
                ways.append({"ticket_id": ticket.id})
                if ticket.history_size > limit:
                    newest = {
                        "offset": {"$gte": ticket.history_size - limit},
                        "version": {"$gt": ticket.version - MOST_ENTRIES},
                    }
                    ways[-1]["$or"] = [{"version": 1}, newest]
        return [entry_of(row) for row in find(self.db, Find("entries", {"$or": ways}))[0]] if ways else []

    def _endings(self, persons: Mapping[str, str]) -> tuple[list[Ticket], dict[str, Ending]]:
        """Of the tickets of these temporary accounts, given with whose they are: is one open, when was the last closed,
        which have the name?"""
        if not persons:
            return [], {}
        queries = []
        for key, person in persons.items():
            # Closed ones beyond those that moved as it joined that person are its own yet.
            own = {
                "person": {"$in": sorted({person, key})},
                "requester.kind": "temporary",
                "requester.id": key.partition(":")[2],
            }
            named = {**own, "requester.display_name": {"$ne": ERASED}}
            queries += [
                Find("tickets", {**own, "open_key": {"$type": "string"}}, [("open_key", ASCENDING)], 1),
                Find("tickets", own, [("closed_at", DESCENDING)], 1),
                Find("tickets", named, [("opened_at", ASCENDING)], TICKETS_AT_ONCE),
            ]
        found = find(self.db, *queries)
        tickets: list[Ticket] = []
        endings: dict[str, Ending] = {}
        for place, key in enumerate(persons):
            is_open, closed, having_it = found[3 * place : 3 * place + 3]
            with_name = [ticket_of(row) for row in having_it]
            tickets += with_name
            entries = self._entries_with_name([ticket.id for ticket in with_name])
            last = next((row["closed_at"] for row in closed), None)
            endings[key] = Ending(bool(is_open), last, tuple(one.id for one in with_name), tuple(entries))
        return tickets, endings

    def _entries_with_name(self, ticket_ids: Sequence[str]) -> list[Entry]:
        of_requester = {"author.kind": "requester", "author.display_name": {"$ne": ERASED}}
        condition = {"ticket_id": {"$in": list(ticket_ids)}, **of_requester}
        return [entry_of(row) for row in self.db["entries"].find(condition).limit(ENTRIES_AT_ONCE)]


def _accounts_of(type_: str, messages: Sequence[Message[Any]], accounts: Mapping[str, Account]) -> list[Account]:
    """The accounts that commands of this type name, as far as they are known."""
    keys = {account_named(message) for message in messages if message.type == type_}
    return [accounts[key] for key in keys if key is not None and key in accounts]


def _theirs(asked: PageAsked) -> Document:
    """A requester's tickets."""
    # What is the account's own yet moves to the person in this turn.
    theirs: Document = {"person": {"$in": sorted({asked.person, asked.account})}}
    return theirs if asked.status is None else {**theirs, "status": asked.status}


def _of_agent(asked: AgentPageAsked) -> Document:
    """An agent's tickets."""
    if asked.status == "closed":
        return {"agent.id": asked.agent, "status": "closed"}
    theirs: Document = {"agent.id": asked.agent, "open_key": {"$type": "string"}}
    return theirs if asked.status is None else {**theirs, "status": asked.status}


def _numbers_named(messages: Sequence[Message[Any]]) -> set[str]:
    """Of all tickets that the commands are about. (News name tickets too, and change none.)"""
    commands = [one for one in messages if one.type != "sla.armed"]
    named = {getattr(one.data, name, None) for one in commands for name in ("number", "refers_to", "to_number")}
    named |= {one.subject for one in messages if one.type in JOINING}
    return {number for number in named if number is not None}


def _agents_asked_for(message: Message[Any], tickets: Mapping[str, Ticket]) -> Iterable[str]:
    """Agents of whom it matters what is known: of whom news came, who get a ticket, who may have one they have not."""
    match message.type:
        case "agent.signed_on" | "agent.signed_off" | "agent.paused" | "agent.resumed":
            return [message.data.agent_id]
        case "ticket.assign_to":
            return [message.data.agent_id, message.data.to_agent]
        case "ticket.transfer":
            return [message.data.to_agent] if message.data.to_agent else []
    by_others = COMMANDS[message.type].door.rights not in (None, "its agent")
    if not by_others or getattr(message.data, "agent_id", None) is None:
        return []
    ticket = tickets.get(message.data.number)
    if message.type not in JOINING and ticket is not None and ticket.agent is not None:
        return [message.data.agent_id] if ticket.agent.id != message.data.agent_id else []
    return [message.data.agent_id]


def _escalation_of(message: Message[Any], tickets: Mapping[str, Ticket]) -> str | None:
    """The id of the ticket that is to be escalated, or of which sla has news."""
    if message.type == "sla.armed":
        id_: str = message.data.ticket_id
        return id_
    ticket = tickets.get(message.data.number) if message.type == "ticket.escalate" else None
    return None if ticket is None else ticket.id
