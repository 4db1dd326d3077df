"""Escalation: the requester or a moderator asks for it, once the desk has had its time to reply.

For each status that a ticket enters, sla computes from when on it may be escalated and announces that (`sla.armed`);
intake keeps it and enforces it. The page is docs/ticket-life.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from contracts.sla import Armed
from contracts.snapshot import Author
from contracts.tickets import Escalate
from services.chassis.decision import Decision, Message
from services.intake.domain import answers
from services.intake.domain.accounts.caller import Caller
from services.intake.domain.life import moves
from services.intake.domain.life.recording import accepting, recorded, telling_agent
from services.intake.domain.needs import EscalatableOf, Need
from services.intake.domain.state import View
from services.intake.domain.values.escalatable import Escalatable
from services.intake.domain.values.history import requester_as_author
from services.intake.domain.values.ticket import Ticket

NEWS_WITHIN = timedelta(seconds=5)
"""How long a command waits for news of another service that it needs."""


def escalate(view: View, message: Message[Escalate], _: Caller | None, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.escalate`: once, while it is the desk's turn, and only after the desk has had its time."""
    refused = moves.refusal(moves.ESCALATE, ticket)
    if refused is not None and ticket.is_open:
        refused = answers.wrong_status(ticket, "The desk has answered; it is the requester's turn.")
    elif refused is None and ticket.escalated:
        refused = answers.wrong_status(ticket, "This case is already escalated.")
    if refused is not None:
        return Decision(answer=refused)
    known = view.escalatable.get(ticket.id)
    if known is None or not known.holds_for(ticket.awaits_since_version):
        return Decision(answer=answers.too_early(None), waits=NEWS_WITHIN)
    if now < known.at:
        if known.is_outdated(ticket.unanswered_since):
            return Decision(answer=answers.too_early(None), waits=NEWS_WITHIN)
        return Decision(answer=answers.too_early(known.at))
    moderator, author = message.data.moderator, requester_as_author(ticket.requester)
    if moderator is not None:
        author = Author(kind="moderator", id=moderator.id, display_name=None)
    escalated = moves.moved(moves.ESCALATE, ticket, now, escalated=True)
    decision = recorded(message, escalated, moves.ESCALATE.event, author, message.data.reason or "", now)
    return accepting(telling_agent(decision, ticket.agent, "ticket.escalated"))


def armed(view: View, message: Message[Armed], _: datetime) -> Decision:
    """Keep what `sla.armed` says, unless newer news is known.

    Of two for one status (a reclassified ticket may have another calendar) the one that sla sent later counts.
    """
    data = message.data
    known = view.escalatable.get(data.ticket_id)
    told = Escalatable(
        data.ticket_id,
        data.status_version,
        data.escalatable_at,
        data.revision,
        data.unanswered_since,
        data.due_at,
    )
    if known is not None and (known.status_version, known.revision or 0) > (told.status_version, told.revision or 0):
        return Decision(remember=False)
    return Decision([told], remember=False)


def escalate_needed(known: View, message: Message[Escalate]) -> Iterable[Need]:
    """From when on the ticket may be escalated."""
    ticket = known.ticket(message.data.number)
    if ticket is not None:
        yield EscalatableOf(ticket.id)


def armed_needed(_known: View, message: Message[Armed]) -> Iterable[Need]:
    """What is known so far."""
    yield EscalatableOf(message.data.ticket_id)
