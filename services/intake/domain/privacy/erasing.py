"""Erases a person: their names, addresses and preferences, and if they wish, all words and files of their tickets.

The command's own turn closes the open tickets, ends the accounts and cuts those tickets off from them: from then on
they belong to nobody. A timer erases the rest in portions. The page is docs/privacy.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from contracts.accounts import AccountErased, EraseAccount
from contracts.names import EVENTS
from services.chassis.decision import Arm, Decision, Disarm, Message, Say, Timer, derived_id
from services.intake.domain import answers
from services.intake.domain.accounts.caller import account_meant, account_named
from services.intake.domain.accounts.expiry import expired
from services.intake.domain.attachments.scanning import scan_id
from services.intake.domain.life import moves
from services.intake.domain.life.recording import and_then, recorded, telling_agent
from services.intake.domain.needs import Need, NextPortionOf, OpenTickets, PersonOf
from services.intake.domain.state import View
from services.intake.domain.values.account import (
    Account,
    AccountWritten,
    contact_changed,
    end_timer,
    kind_and_id,
    preferences_changed,
)
from services.intake.domain.values.erasure import AnswerRewritten, EntryErased, Erasure, Portion, UploadForgotten
from services.intake.domain.values.file import File
from services.intake.domain.values.history import Entry, service_as_author
from services.intake.domain.values.ticket import Ticket
from services.intake.domain.values.whose import (
    ANSWER,
    ENTRY,
    ERASED,
    FILE,
    KEPT_CHANGES,
    REQUESTER,
    TICKET,
    WITH_CONTENT,
    WITHOUT_CONTENT,
    Whose,
    author_without,
    details_without_words,
    sifted,
    ticket_without,
)

LANE = "erasure"

TICKETS_AT_ONCE = 20
ENTRIES_AT_ONCE = 200
FILES_AT_ONCE = 100
ANSWERS_AT_ONCE = 100
"""How many of each one turn erases."""

SERVICE = service_as_author()
TOLD = "The requester was erased."

GONE = datetime(1970, 1, 1, tzinfo=UTC)
"""Older than anything that is kept: files/sweeping.py removes what has this time when it runs next."""


class EraseTimer(Timer):
    """Takes one portion after the other."""

    kind = "account_erase"


def erase(view: View, message: Message[EraseAccount], key: str, now: datetime) -> Decision:
    """`account.erase` of the person who has the account of `key`."""
    accounts = [account for id_ in view.persons.get(key, ()) if (account := view.accounts.get(id_)) is not None]
    erasure = Erasure(
        derived_id("erasure", message.key),
        1,
        accounts=tuple(sorted({key, *(account.key for account in accounts)})),
        content=message.data.content,
        at=now,
    )
    done = Decision(answer=answers.done(key.partition(":")[2]))
    known = {account.key: account for account in accounts}
    blocked = next((account for account in accounts if account.is_blocked(now)), None)
    for id_ in erasure.accounts:
        done = and_then(done, _ended(known.get(id_), id_, erasure, blocked, now))
    for ticket in _open_tickets(view, erasure):
        done = and_then(done, _cut_off(message, ticket, erasure, now))
    return and_then(done, Decision([erasure], timers=[_again(erasure, now)]))


def erase_due(view: View, message: Message[EraseTimer], now: datetime) -> Decision:
    """The timer of an erasure fired: the next portion, until nothing is left."""
    erasure = view.erasures.get(message.subject or "")
    if erasure is None or erasure.done:
        return Decision()
    portion = view.erasing[erasure.id]
    if portion.tickets:
        decision = Decision()
        # Another erasure of the same person may have taken some of them in this very turn.
        for ticket in (view.tickets[id_] for id_ in portion.tickets):
            if is_theirs(ticket, erasure):
                decision = and_then(decision, _cut_off(message, ticket, erasure, now))
        return and_then(decision, Decision([_next(erasure)], timers=[_again(erasure, now)]))
    if portion.entries or not portion.finished:
        read = replace(_next(erasure), read_to=portion.read_to)
        return and_then(_without_words_of(view, portion, erasure), Decision([read], timers=[_again(erasure, now)]))
    left = _beside_tickets(view, portion, erasure)
    if left.changes:
        return and_then(left, Decision([_next(erasure)], timers=[_again(erasure, now)]))
    return Decision([replace(_next(erasure), done=True)])


def anonymous(ticket: Ticket, erasure: Erasure) -> Ticket:
    """A ticket of an erased person. From then on it belongs to nobody: a person who comes back finds nothing, and the
    desk knows no address for a mail about it."""
    return ticket_without(ticket, _goes(erasure), erasure.id, erasure.person)


def _goes(erasure: Erasure) -> frozenset[Whose]:
    return WITH_CONTENT if erasure.content else WITHOUT_CONTENT


def without_words(entry: Entry, erasure: Erasure) -> Entry:
    """An entry of a ticket of an erased person, as it is kept."""
    entry = replace(entry, author=author_without(entry.author, _goes(erasure), erasure.id))
    if not erasure.content or entry.id == _entry_id(erasure, entry.ticket_id):
        return entry
    changed = {name: change for name, change in (entry.details.changed or {}).items() if name in KEPT_CHANGES}
    values = {name: getattr(entry, name) for name in Entry.__dataclass_fields__}
    left = sifted(ENTRY, values, _goes(erasure))
    return Entry(**left | {"author": entry.author, "details": details_without_words(entry.details, changed)})


def rewritten(body: bytes, erasure: Erasure, numbers: Collection[str]) -> bytes:
    """An answer that is kept for redelivery, without what it says about the person. `numbers`: of their tickets."""
    event = orjson.loads(body)
    goes, was = _goes(erasure), event["data"]
    data = sifted(ANSWER, was, goes)
    for name in ("ticket", "candidates", "tickets"):
        if data.get(name) is not None:
            data[name] = _each(data[name], lambda told: _told_without(told, erasure, numbers))
    for name in ("left_out", "attachment"):
        if data.get(name) is not None:
            data[name] = _each(data[name], lambda file: sifted(FILE, file, goes))
    if erasure.content and was.get("errors"):  # the sentence names what was sent
        data["message"] = ERASED
    return orjson.dumps(event | {"data": data})


def _each(held: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """An object or a list of objects, each changed."""
    return list(map(change, held)) if isinstance(held, list) else change(held)


def _told_without(told: dict[str, Any], erasure: Erasure, numbers: Collection[str]) -> dict[str, Any]:
    """A snapshot in an answer, as `anonymous` leaves the ticket, if it is theirs."""
    requester, goes = told["requester"], _goes(erasure)
    if told["number"] not in numbers and _key(requester) not in erasure.accounts:
        return told
    nobody = sifted(REQUESTER, requester, goes) | {"id": erasure.id}
    return sifted(TICKET, told, goes) | {"requester": nobody, "erased": True}


def _key(requester: Mapping[str, Any]) -> str:
    return f"{requester['kind']}:{requester['id']}"


def _ended(account: Account | None, key: str, erasure: Erasure, blocked: Account | None, now: datetime) -> Decision:
    """The account keeps its key and its versions: they tell a person who comes back from the one who was erased. A
    block stays too: nobody escapes it by being erased."""
    kind, id_ = kind_and_id(key)
    event = AccountErased(account_id=id_, kind=kind, content=erasure.content, at=erasure.at)
    said = [Say(EVENTS, "account.erased", "account.erased", event, id_)]
    if account is None:
        return Decision(said=said)
    gone = Account(
        key,
        account.version + 1,
        None,
        account.contact_version + 1 if account.contact_version else 0,
        preferences_version=account.preferences_version + 1 if account.preferences_version else 0,
        ended_at=(account.ended_at or now) if kind == "temporary" else None,
    )
    if blocked is not None:
        gone = replace(
            gone,
            blocked_at=blocked.blocked_at,
            blocked_until=blocked.blocked_until,
            blocked_by=blocked.blocked_by,
            blocked_reason=ERASED,
        )
    if gone.contact_version:
        said.append(contact_changed(gone))
    if gone.preferences_version:
        said.append(preferences_changed(gone))
    if kind == "temporary" and account.ended_at is None:
        said.append(expired(id_))
    return Decision([AccountWritten(gone)], said, timers=[Disarm(end_timer(key))])


def _open_tickets(view: View, erasure: Erasure) -> list[Ticket]:
    theirs = [ticket for ticket in view.tickets.values() if ticket.is_open and is_theirs(ticket, erasure)]
    return sorted(theirs, key=lambda ticket: ticket.number)


def is_theirs(ticket: Ticket, erasure: Erasure) -> bool:
    """Whether the erased person had the ticket when they were erased."""
    return ticket.person in erasure.accounts and ticket.opened_at <= erasure.at


def _cut_off(message: Message[EraseAccount | EraseTimer], ticket: Ticket, erasure: Erasure, now: datetime) -> Decision:
    """A version of the ticket without its person, closed if it was open. It makes every service that keeps snapshots
    forget them."""
    was_open = ticket.is_open
    move = moves.ERASE_OPEN if was_open else moves.ERASE_CLOSED
    closing = {"closed_at": now, "close_reason": ERASED} if was_open else {}
    after = moves.moved(move, anonymous(ticket, erasure), now, **closing)
    decision = recorded(
        message,
        after,
        move.event,
        SERVICE,
        TOLD,
        now,
        visibility="public" if was_open else "internal",
        id_=_entry_id(erasure, ticket.id),
    )
    return telling_agent(decision, after.agent, "ticket.closed") if was_open else decision


def _entry_id(erasure: Erasure, ticket_id: str) -> str:
    return derived_id("entry", "erased", erasure.id, ticket_id)


def _without_words_of(view: View, portion: Portion, erasure: Erasure) -> Decision:
    """Erase the words of the entries that were read, the files that only they name, and the answers to their
    messages."""
    changes: list[Any] = []
    timers: list[Disarm] = []
    for entry in portion.entries:
        erased = without_words(entry, erasure)
        if erased != entry:
            changes.append(EntryErased(erased))
        number = view.tickets[entry.ticket_id].number
        for named in entry.attachments if erasure.content else ():
            timers.append(Disarm(scan_id(named.ref, number, internal=entry.visibility == "internal")))
            file = view.files.get(named.ref)
            if file is not None and named.ref not in portion.named_elsewhere and file.state != "removing":
                changes.append(removed(file))
    numbers = {ticket.number for ticket in view.tickets.values() if ticket.person == erasure.person}
    return Decision([*changes, *_answers(portion.answers, erasure, numbers)], timers=timers)


def _beside_tickets(view: View, portion: Portion, erasure: Erasure) -> Decision:
    """Erase files and uploads that no ticket names, and answers about the accounts."""
    files = [removed(view.files[ref]) for ref in portion.files]
    uploads = [UploadForgotten(upload, {**upload, "at": GONE}) for upload in portion.uploads]
    return Decision([*files, *uploads, *_answers(portion.answers, erasure, ())])


def _answers(
    answers: Iterable[Mapping[str, Any]], erasure: Erasure, numbers: Collection[str]
) -> Iterable[AnswerRewritten]:
    for answer in answers:
        kept = {name: value for name, value in answer.items() if name != "about"}
        yield AnswerRewritten({**kept, "body": rewritten(answer["body"], erasure, numbers)})


def removed(file: File) -> File:
    """The file, marked so that the next sweep removes it, whatever names it."""
    return replace(file, state="removing", used=False, at=GONE, version=file.version + 1)


def _next(erasure: Erasure) -> Erasure:
    return replace(erasure, version=erasure.version + 1)


def _again(erasure: Erasure, now: datetime) -> Arm:
    return Arm(f"{EraseTimer.kind}:{erasure.id}", EraseTimer(due=now), erasure.id, lane=LANE)


def erase_needed(known: View, message: Message[EraseAccount]) -> Iterable[Need]:
    """All accounts of the person, and what each of them has open."""
    named = message.data.account
    key = account_named(message) if named is None else account_meant(named)
    if key is not None:
        yield PersonOf(key)
        for account in known.persons.get(key, ()):
            yield OpenTickets(account)


def portion_needed(_known: View, message: Message[EraseTimer]) -> Iterable[Need]:
    """The next portion."""
    yield NextPortionOf(message.subject or "")
