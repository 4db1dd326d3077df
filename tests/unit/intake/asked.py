"""What a turn of one message reads in memory, as the repository reads it in the database: what it needs, and no more.

So a rule that looks at what it has not asked for sees nothing there, and its test fails. That the queries find what a
need says is for the tests with a real database.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from services.chassis.decision import Message
from services.intake.domain.abuse.bursts import RELEASED_AT_ONCE
from services.intake.domain.abuse.hourly import HOUR
from services.intake.domain.accounts.in_one_turn import together
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
    NewNumber,
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
from services.intake.domain.state import Known, View
from services.intake.domain.taken import still_needed
from services.intake.domain.tickets.viewing import MOST_ENTRIES
from services.intake.domain.values.history import Entry
from services.intake.domain.values.mailed_code import mailed_id
from services.intake.domain.values.pages import AgentPageAsked, PageAsked
from services.intake.domain.values.rotation import THE_ONE


def read_for(there: View, message: Message[Any], now: datetime) -> View:
    """The view of a turn of this message alone. `there`: all that is stored, with what was found out before the
    turn."""
    numbers: deque[str] = deque()
    known = View(
        there.catalogue,
        prepared=there.prepared,
        numbers=numbers,
        similar_from=there.similar_from,
        temporary_lasts=there.temporary_lasts,
        staff=there.staff,
        limits=there.limits,
        master_key=there.master_key,
        together=together([message]),
    )
    while needs := still_needed(known, [message]):
        known.asked |= needs
        for need in needs:
            if isinstance(need, NewNumber):
                numbers.append(there.next_number())
            else:
                known.know(*_found(there, known, need, now))
    return known


def _found(there: View, known: View, need: Need, now: datetime) -> Iterable[Known]:
    """What is stored of this. Facts that are no values of their own go into what is `known`."""
    match need:
        case TicketOf(number):
            ticket = there.ticket(number)
            return [] if ticket is None else [ticket]
        case OpenTickets(person):
            return there.open_tickets(person)
        case WrittenLately(person):
            theirs = there.of_person(person)
            return [ticket for ticket in theirs if ticket.is_open or ticket.opened_at >= now - HOUR]
        case ClosedTickets(person):
            closed = [
                (ticket.closed_at, ticket.number, ticket) for ticket in there.of_person(person) if ticket.closed_at
            ]
            return [ticket for *_, ticket in sorted(closed, reverse=True)[:MOST_CLOSED]]
        case FiledAlike(words):
            since = now - there.limits.burst_within
            alike = [ticket for ticket in there.filed_alike(words) if ticket.opened_at >= since]
            return [*alike, *_of(there.bursts, words)]
        case HeldIn(burst):
            return there.held_in(burst)[:RELEASED_AT_ONCE]
        case BurstOf(id_):
            return _of(there.bursts, id_)
        case AccountOf(key):
            return _of(there.accounts, key)
        case Sharing(mailbox) | SomeSharing(mailbox):
            return there.sharing(mailbox)
        case CodeMailedTo(email):
            return _of(there.mailed, mailed_id(email))
        case AgentOf(id_):
            return _of(there.agents, id_)
        case EscalatableOf(ticket_id):
            return _of(there.escalatable, ticket_id)
        case ArticleOf(id_):
            return _of(there.articles, id_)
        case FileOf(ref):
            return _of(there.files, ref)
        case UnnamedFiles(owner):
            return [file for file in there.files.values() if file.owner == owner and not file.used]
        case ErasureOf(id_):
            return _of(there.erasures, id_)
        case LastRotation():
            return _of(there.rotations, THE_ONE)
        case HistoryOf() | PartOfHistory() | EntryAt() | EntriesNaming() | EntryAndEdits():
            entries = there.history(there.tickets[need.ticket_id])
            return [entry for entry in entries if _is_asked_for(entry, need)]
        case PageAsked() | AgentPageAsked():
            page = known.pages[need] = there.pages[need]
            return [there.tickets[id_] for id_ in page.ticket_ids]
        case PersonOf(key):
            if key in there.persons:
                known.persons[key] = there.persons[key]
            return [account for id_ in there.persons.get(key, ()) for account in _of(there.accounts, id_)]
        case EndingOf(key):
            ending = known.endings[key] = there.endings[key]
            return [there.tickets[id_] for id_ in ending.named]
        case NextPortionOf(erasure_id):
            return _portion(there, known, erasure_id)
        case Traces(number, entry_id):
            return _traces(there, known, number, entry_id)
    raise AssertionError(f"no test reads {need}")


def _of(there: dict[str, Any], key: str) -> list[Any]:
    return [there[key]] if key in there else []


def _is_asked_for(entry: Entry, need: HistoryOf | PartOfHistory | EntryAt | EntriesNaming | EntryAndEdits) -> bool:
    match need:
        case HistoryOf(_, version, size, limit):
            is_new = entry.offset >= size - limit and entry.version > version - MOST_ENTRIES
            return size <= limit or entry.version == 1 or is_new
        case PartOfHistory(_, _, _, before, after):
            return entry.version < before if before is not None else entry.version > (after or 0)
        case EntryAt(_, version):
            return entry.version == version
        case EntriesNaming(_, ref):
            return ref in {named.ref for named in entry.attachments}
        case EntryAndEdits(_, entry_id):
            return entry.id == entry_id or entry.kind == "edited"


def _portion(there: View, known: View, erasure_id: str) -> list[Known]:
    """The portion that the test has set for the erasure, with the tickets and files that it is about."""
    if erasure_id not in there.erasures:
        return []
    found: list[Known] = [there.erasures[erasure_id]]
    portion = there.erasing.get(erasure_id)
    if portion is None:
        return found
    known.erasing[erasure_id] = portion
    ids = {*portion.tickets, *(entry.ticket_id for entry in portion.entries)}
    refs = {*portion.files, *(named.ref for entry in portion.entries for named in entry.attachments)}
    return [
        *found,
        *(there.tickets[id_] for id_ in ids if id_ in there.tickets),
        *(there.files[ref] for ref in refs if ref in there.files),
    ]


def _traces(there: View, known: View, number: str, entry_id: str) -> list[Known]:
    """Where else the entry's words stand, as the test has set it."""
    ticket = there.ticket(number)
    if ticket is None:
        return []
    known.named_elsewhere = there.named_elsewhere
    known.told_of[ticket.id] = there.told_of.get(ticket.id, ())
    known.archived[ticket.id] = archives = there.archived.get(ticket.id, ())
    refs = {named.ref for entry in there.history(ticket) if entry.id == entry_id for named in entry.attachments}
    return [there.files[ref] for ref in (*refs, *archives) if ref in there.files]
