"""Submissions: if the requester has the issue open, add a note to that ticket; otherwise open a ticket.

A submission that is merely similar to an open ticket is answered with a prompt. The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from msgspec.structs import replace

from contracts.catalogue import Category
from contracts.snapshot import EntryDetails, Snapshot
from contracts.tickets import Candidate, Similar, Submit, TicketOutcome
from services.chassis.decision import Answer, Decision, Message, derived_id
from services.intake.domain import answers
from services.intake.domain.abuse import hourly
from services.intake.domain.abuse.automatic import files_again_and_again, words_of
from services.intake.domain.abuse.bursts import filed_as, filing, holding
from services.intake.domain.accounts.caller import Caller
from services.intake.domain.accounts.contact import contact, with_contact, writing_needed
from services.intake.domain.attachments.attaching import attached, files_needed, with_files
from services.intake.domain.issues.key import is_of_text, one_open_key, told_apart
from services.intake.domain.issues.likeness import opening
from services.intake.domain.issues.similarity import similar
from services.intake.domain.life.recording import announced, as_it_stands, entry_id, naming_draft
from services.intake.domain.needs import FiledAlike, Need, NewNumber, TicketOf
from services.intake.domain.state import View
from services.intake.domain.tickets import category_questions
from services.intake.domain.tickets.replies import add_note, write_to_closed
from services.intake.domain.values.history import Entry, requester_as_author, size
from services.intake.domain.values.ticket import Ticket, snapshot


def submit(view: View, message: Message[Submit], caller: Caller, now: datetime) -> Decision:
    """`ticket.submit`: one open ticket for an issue, whatever the number of channels and retries.

    A submission that names an earlier ticket (`refers_to`) becomes a note on it if that is open, reopens it if it was
    closed no more than 7 days ago, and otherwise opens a ticket with a link. Only a new ticket needs a category that
    the catalogue still has.
    """
    filed = hourly.counted(view, caller, message.data.automatic, now, lambda: _filed(view, message, caller, now))
    return naming_draft(filed, message, now)


def _filed(view: View, message: Message[Submit], caller: Caller, now: datetime) -> Decision:
    category = view.catalogue.categories.get(message.data.category)
    if message.data.refers_to is None and (unknown := _not_in_catalogue(category, message.data)) is not None:
        return Decision(answer=unknown)
    faults = category_questions.faults(category, message.data.fields or {}) if category is not None else {}
    if faults:
        return Decision(answer=answers.invalid(faults))
    return with_files(_submit(view, message, caller, category, now), attached(view, message), message, now)


def _submit(view: View, message: Message[Submit], caller: Caller, category: Category | None, now: datetime) -> Decision:
    data, details = message.data, _details(message.data)
    distinct = data.distinct_from
    earlier = None
    if data.refers_to is not None:
        earlier = view.ticket(data.refers_to)
        if earlier is None:
            return Decision(answer=answers.unknown_ticket(data.refers_to))
        goes_on = view.final(earlier)
        if {earlier.person, goes_on.person} != {caller.person}:
            return Decision(answer=answers.not_yours())
        earlier = goes_on
        holder = view.holder(earlier.person, earlier.key)
        if holder is None:
            written = write_to_closed(view, message, caller, earlier, _text(data, earlier), now, details)
            if written is not None:
                return written
        elif holder.number not in distinct:
            return add_note(view, message, caller, holder, _text(data, holder), now, details)
    unknown = _not_in_catalogue(category, data)
    if category is None or unknown is not None:
        return Decision(answer=unknown)
    key = one_open_key(category, data.subcategory, data.subject, data.issue_key)
    key, holder = _apart_from(view, caller, key, distinct)
    if holder is not None:
        return add_note(view, message, caller, holder, _text(data, holder), now, details)
    # Nobody can ask a machine which issue it means.
    candidates = [] if data.automatic else _similar(view, caller, data, distinct)
    if candidates:
        return Decision(answer=Answer("ticket.similar", Similar(candidates=candidates)))
    return _open(view, message, caller, category, key, earlier, now, details)


def _not_in_catalogue(category: Category | None, data: Submit) -> Answer | None:
    """The answer to a submission with a category or subcategory that is not in the catalogue."""
    if category is None:
        return answers.unknown_category(data.category)
    subcategory = data.subcategory
    if subcategory is not None and subcategory not in category.subcategories:
        return answers.unknown_subcategory(category, subcategory)
    return None


def _apart_from(view: View, caller: Caller, key: str, distinct: Collection[str]) -> tuple[str, Ticket | None]:
    """The key to file under, or the open ticket that holds it.

    A requester may say that the same words mean another issue, but cannot override the channel or the catalogue where
    these say what the issue is.
    """
    person, plain, place = caller.person, key, 1
    while (holder := view.holder(person, key)) is not None:
        if holder.number not in distinct or not is_of_text(key):
            return key, holder
        place += 1
        key = told_apart(plain, place)
    return key, None


def _similar(view: View, caller: Caller, data: Submit, distinct: Collection[str]) -> list[Candidate]:
    tickets = [ticket for ticket in view.open_tickets(caller.person) if ticket.number not in distinct]
    if not tickets:
        return []
    found = similar(opening(data.subject, data.body), data.issue_key, tickets, view.similar_from)
    return [_candidate(snapshot(ticket), score) for ticket, score in found]


def _candidate(stands: Snapshot, score: float) -> Candidate:
    return Candidate(**{name: getattr(stands, name) for name in Snapshot.__struct_fields__}, score=score)


def _open(
    view: View,
    message: Message[Submit],
    caller: Caller,
    category: Category,
    key: str,
    earlier: Ticket | None,
    now: datetime,
    details: EntryDetails,
) -> Decision:
    data, reached = message.data, contact(view, caller, now, opens=True)
    words = words_of(data.body, data.attachments)
    # Others are known only if something else in the turn needs them.
    counted = [each for each in view.of_person(caller.person) if each.is_open or now - each.opened_at <= hourly.HOUR]
    is_automatic = data.automatic or files_again_and_again(words, counted, view.limits.repeat, now)
    found = filing(view, data, caller.person, now)
    if is_automatic:
        details = replace(details, automatic=True)
    id_, author = derived_id("ticket", message.key), requester_as_author(caller.requester)
    entry = Entry(entry_id(message), id_, 1, "opened", author, "public", data.body, now, 0, details=details)
    ticket = Ticket(
        id=id_,
        number=view.next_number(),
        version=1,
        status="new",
        status_since=now,
        status_version=1,
        awaiting_version=1,
        waits_since=now,
        assignment_seq=0,
        contact_version=reached.version,
        category=category.id,
        subcategory=data.subcategory,
        priority=category.priority,
        escalated=False,
        requester=caller.requester,
        channel=message.sender,
        subject=data.subject,
        issue_key=data.issue_key,
        language=data.language,
        agent=None,
        opened_at=now,
        first_agent_message_at=None,
        last_agent_message_at=None,
        last_customer_message_at=now,
        closed_at=None,
        close_reason=None,
        reopen_count=0,
        person=caller.person,
        key=key,
        opening=opening(data.subject, data.body),
        links=() if earlier is None else (earlier.number,),
        automatic=is_automatic,
        said=words,
        said_at=now,
        wrote_since=now,
        wrote=1,
        filed=found.filed,
        burst=found.burst,
        history_size=size(entry),
    )
    decision = announced(ticket, entry, "ticket.opened")
    answer = Answer("ticket.opened", TicketOutcome(ticket=as_it_stands(decision)), ticket.number)
    opened = with_contact(Decision(decision.changes, decision.said, answer), reached)
    return holding(view, message, opened, found, now)


def _text(data: Submit, ticket: Ticket) -> str:
    """What a submission adds to a ticket: its body, and its subject if that says something new."""
    return data.body if data.subject == ticket.subject else f"{data.subject}\n\n{data.body}"


def _details(data: Submit) -> EntryDetails:
    """What the history keeps of a submission beside its text: answers to questions, the ticket that it refers to."""
    return EntryDetails(fields=data.fields or None, refers_to=data.refers_to)


def submission_needed(known: View, message: Message[Submit]) -> Iterable[Need]:
    """A number; the ticket that it refers to; what the person has open; and, where it may make a burst, what others
    filed with the same words."""
    yield NewNumber(message.key)
    yield from writing_needed(known, message)
    yield from files_needed(known, message)
    if message.data.refers_to is not None:
        yield TicketOf(message.data.refers_to)
    if known.limits.burst_accounts and known.staff is not None:
        yield FiledAlike(filed_as(message.data))
