"""What a requester writes to a ticket: a reply, a note, or a message that reopens it.

A reply or a note never moves a ticket back in its queue: `new` stays `new`, any other open status becomes
`needs_reply`. What a machine wrote is noted and moves nothing. The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from msgspec.structs import replace as altered

from contracts.blank import is_blank
from contracts.outcomes import Outcome
from contracts.snapshot import EntryDetails
from contracts.statuses import REOPENS_WITHIN
from contracts.tickets import Duplicate, Reply, Submit, TicketOutcome
from services.chassis.decision import Answer, Decision, Message
from services.intake.domain import answers
from services.intake.domain.abuse import hourly
from services.intake.domain.abuse.automatic import NOTED_AGAIN, Spoken, spoken
from services.intake.domain.accounts.caller import Caller
from services.intake.domain.accounts.contact import Contact, contact, with_contact, writing_needed
from services.intake.domain.attachments.attaching import attached, files_needed, with_files
from services.intake.domain.life import moves
from services.intake.domain.life.recording import as_it_stands, entry_id, naming_draft, recorded, telling_agent
from services.intake.domain.needs import Need
from services.intake.domain.state import View
from services.intake.domain.values.history import PLAIN, requester_as_author
from services.intake.domain.values.ticket import Ticket


def reply(view: View, message: Message[Reply], caller: Caller, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.reply`: a reply to an open ticket; it reopens a closed one, unless it is too late or a machine wrote it.

    If the issue of a closed ticket is open in another ticket, the reply becomes a note there. A reply to a merged
    ticket reaches the ticket that goes on for it.
    """
    written = hourly.counted(
        view, caller, message.data.automatic, now, lambda: _written_to(view, message, caller, ticket, now)
    )
    return naming_draft(written, message, now)


def _written_to(view: View, message: Message[Reply], caller: Caller, ticket: Ticket, now: datetime) -> Decision:
    ticket = view.final(ticket)
    if ticket.person != caller.person:  # it was merged before the account that filed it joined another person
        return Decision(answer=answers.not_yours())
    return with_files(_reply(view, message, caller, ticket, now), attached(view, message), message, now)


def _reply(view: View, message: Message[Reply], caller: Caller, ticket: Ticket, now: datetime) -> Decision:
    text = "" if is_blank(message.data.body) else message.data.body  # files come without words
    if ticket.is_open:
        return _write_to_open(moves.REPLY, view, message, caller, ticket, text, now)
    holder = view.holder(ticket.person, ticket.key)
    if holder is not None:
        return add_note(view, message, caller, holder, text, now)
    written = write_to_closed(view, message, caller, ticket, text, now)
    return written or Decision(answer=answers.closed_too_long())


def add_note(
    view: View,
    message: Message[Submit] | Message[Reply],
    caller: Caller,
    ticket: Ticket,
    text: str,
    now: datetime,
    details: EntryDetails = PLAIN,
) -> Decision:
    """A note on `ticket`, which has the issue open; answered `ticket.duplicate`."""
    decision = _write_to_open(moves.NOTE_BY_REQUESTER, view, message, caller, ticket, text, now, details)
    return _as_note(decision, message)


def may_reopen(ticket: Ticket, now: datetime) -> bool:
    """Whether a closed ticket was closed no more than 7 days ago. (Nobody asks it of a merged one, which never opens
    again: what is written to that reaches the ticket that goes on.)"""
    return ticket.closed_at is not None and now - ticket.closed_at <= REOPENS_WITHIN


def write_to_closed(
    view: View,
    message: Message[Submit] | Message[Reply],
    caller: Caller,
    ticket: Ticket,
    text: str,
    now: datetime,
    details: EntryDetails = PLAIN,
) -> Decision | None:
    """A message to a closed ticket whose issue is not open in another: it reopens the ticket within the 7 days. If a
    machine wrote it, or it repeats the last message, it is noted and the ticket stays closed. None: the ticket has been
    closed for too long."""
    said = spoken(message.data, ticket, view.limits.repeat, now)
    if not said.marked and not may_reopen(ticket, now):
        return None
    refused = hourly.of_ticket(view, ticket, now)
    if refused is not None:
        return Decision(answer=refused)
    if said.marked or said.repeats:
        decision = _note(message, ticket, said, text, now, details)
        return _as_note(decision, message) if isinstance(message.data, Submit) else decision
    return _reopen(view, message, caller, ticket, said, text, now, details)


def _reopen(
    view: View,
    message: Message[Submit] | Message[Reply],
    caller: Caller,
    ticket: Ticket,
    said: Spoken,
    text: str,
    now: datetime,
    details: EntryDetails = PLAIN,
) -> Decision:
    """Reopen the ticket, with what was written. It keeps its agent, if routing finds them signed on."""
    reached = contact(view, caller, now, opens=True)
    ticket = moves.moved(
        moves.REOPEN,
        ticket,
        now,
        **moves.opened_again(ticket),
        contact_version=_contact_version(ticket, caller, reached),
        **_written(ticket, said, now),
    )
    author = requester_as_author(ticket.requester)
    decision = recorded(message, ticket, moves.REOPEN.event, author, text, now, details=details)
    decision = telling_agent(decision, ticket.agent, "ticket.reopened")
    answer = Answer("ticket.reopened", TicketOutcome(ticket=as_it_stands(decision)), ticket.number)
    return with_contact(replace(decision, answer=answer), reached)


def _write_to_open(
    move: moves.Move,
    view: View,
    message: Message[Submit] | Message[Reply],
    caller: Caller,
    ticket: Ticket,
    text: str,
    now: datetime,
    details: EntryDetails = PLAIN,
) -> Decision:
    refused = hourly.of_ticket(view, ticket, now)
    if refused is not None:
        return Decision(answer=refused)
    said = spoken(message.data, ticket, view.limits.repeat, now)
    if said.moves_nothing:
        return _note(message, ticket, said, text, now, details)
    if said.repeats:
        move = moves.NOTE_BY_REQUESTER
    reached = contact(view, caller, now)
    version = _contact_version(ticket, caller, reached)
    ticket = moves.moved(move, ticket, now, contact_version=version, **_written(ticket, said, now))
    author = requester_as_author(ticket.requester)
    decision = recorded(message, ticket, move.event, author, text, now, details=details)
    decision = telling_agent(decision, ticket.agent, "ticket.customer_replied")
    return with_contact(replace(decision, answer=answers.accepted(as_it_stands(decision))), reached)


def _note(
    message: Message[Submit] | Message[Reply],
    ticket: Ticket,
    said: Spoken,
    text: str,
    now: datetime,
    details: EntryDetails = PLAIN,
) -> Decision:
    """A note that moves nothing, and that no agent hears of."""
    ticket = moves.moved(moves.NOTE_AUTOMATIC, ticket, now, **said.remembered(now), **hourly.one_more(ticket, now))
    author = requester_as_author(ticket.requester)
    details = altered(details, automatic=True)
    decision = recorded(message, ticket, moves.NOTE_AUTOMATIC.event, author, text, now, details=details)
    return replace(decision, answer=answers.accepted(as_it_stands(decision), None if said.marked else NOTED_AGAIN))


def _as_note(decision: Decision, message: Message[Submit] | Message[Reply]) -> Decision:
    """The same decision, if it took effect, answered `ticket.duplicate`."""
    if not decision.changes:
        return decision
    stands = as_it_stands(decision)
    noted = decision.answer.data if decision.answer is not None else None
    hints = noted.hints if isinstance(noted, Outcome) else None
    duplicate = Duplicate(ticket=stands, note_id=entry_id(message), hints=hints)
    return replace(decision, answer=Answer("ticket.duplicate", duplicate, stands.number))


def _written(ticket: Ticket, said: Spoken, now: datetime) -> dict[str, Any]:
    """What changes in a ticket of any status when a person writes to it."""
    counted = hourly.one_more(ticket, now)
    return {"last_customer_message_at": now, "automatic": False, **said.remembered(now), **counted}


def _contact_version(ticket: Ticket, caller: Caller, reached: Contact) -> int:
    """The version of the address of the account that filed the ticket; another account of the person counts its own."""
    return reached.version if caller.requester.account == ticket.requester.account else ticket.contact_version


def reply_needed(known: View, message: Message[Reply]) -> Iterable[Need]:
    """Its files, and what limits a requester's writing."""
    yield from writing_needed(known, message)
    yield from files_needed(known, message)
