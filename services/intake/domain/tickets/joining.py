"""Two tickets belong together: an agent links them, or merges one into the other.

A merge closes its ticket for good, with a pointer to one that is open: so no circle can form. The page is
docs/ticket-life.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial

from contracts.snapshot import EntryDetails, TicketAgent
from contracts.tickets import Joined, LinkTo
from services.chassis.decision import Answer, Decision, Message, derived_id
from services.intake.domain import answers
from services.intake.domain.life import moves
from services.intake.domain.life.merges import closed_into, taking_in
from services.intake.domain.life.recording import accepting, and_then, recorded, telling_agent
from services.intake.domain.needs import Need, TicketOf
from services.intake.domain.state import View
from services.intake.domain.values.history import agent_as_author
from services.intake.domain.values.ticket import Ticket


def numbers_joined(message: Message[LinkTo]) -> tuple[str, str] | None:
    """The ticket acted on and the other one; None if the message names one alone.

    With `to_number`, that is the other one. Without it, `number` is, and the message's `subject` is the ticket acted
    on.
    """
    if message.data.to_number is not None:
        return message.data.number, message.data.to_number
    return None if message.subject is None else (message.subject, message.data.number)


def ticket_acted_on(message: Message[LinkTo]) -> str | Answer:
    """The number of the ticket acted on."""
    joined = numbers_joined(message)
    return answers.invalid({"to_number": ["Name the other case."]}) if joined is None else joined[0]


def link(view: View, message: Message[LinkTo], agent: TicketAgent, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.link`: the ticket points to another of any status, once."""
    other = _other(view, message, ticket)
    if isinstance(other, Answer):
        return Decision(answer=other)
    refused = moves.refusal(moves.LINK, ticket)
    if refused is None and other.number in ticket.links:
        refused = answers.conflict(ticket, f"The case is already linked with case {other.number}.")
    if refused is not None:
        return Decision(answer=refused)
    linked = moves.moved(moves.LINK, ticket, now, links=(*ticket.links, other.number))
    return accepting(_linked(message, agent, moves.LINK, linked, other, now))


def merge(view: View, message: Message[LinkTo], agent: TicketAgent, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.merge_into`: the ticket closes and points to an open one of the same person, which goes on for both."""
    other = _other(view, message, ticket)
    if isinstance(other, Answer):
        return Decision(answer=other)
    refused = moves.refusal(moves.MERGE, ticket)
    if refused is None and other.person != ticket.person:
        refused = answers.another_requester()
    if refused is None and other.status not in moves.TAKE_IN.to:
        refused = answers.wrong_status(other, f"Case {other.number} is closed; nothing can be merged into it.")
    if refused is not None:
        return Decision(answer=refused)
    merged = moves.moved(moves.MERGE, ticket, now, **closed_into(other.number, now))
    decision = recorded(
        message,
        merged,
        moves.MERGE.event,
        agent_as_author(agent),
        "",
        now,
        details=EntryDetails(to_number=other.number),
        announcing=partial(Joined, to_number=other.number),
    )
    move, goes_on = taking_in(other, ticket, now)
    id_ = derived_id("entry", message.key, other.id)
    taken_in = _linked(message, agent, move, goes_on, ticket, now, id_, ticket.unanswered_since)
    return accepting(and_then(decision, telling_agent(taken_in, other.agent, "ticket.linked")))


def _linked(
    message: Message[LinkTo],
    agent: TicketAgent,
    move: moves.Move,
    ticket: Ticket,
    other: Ticket,
    now: datetime,
    entry_id: str | None = None,
    waits_since: datetime | None = None,
) -> Decision:
    """The decision that the ticket's next version points to the other one. `waits_since`: since when the merged ticket
    has waited for the desk."""
    return recorded(
        message,
        ticket,
        move.event,
        agent_as_author(agent),
        "",
        now,
        visibility="internal",
        details=EntryDetails(to_number=other.number),
        announcing=partial(Joined, to_number=other.number, waits_since=waits_since),
        id_=entry_id,
    )


def _other(view: View, message: Message[LinkTo], ticket: Ticket) -> Ticket | Answer:
    """The other ticket that the message names."""
    named = numbers_joined(message)
    assert named is not None, "the door has looked"
    other = view.ticket(named[1])
    if other is None:
        return answers.unknown_ticket(named[1])
    return answers.invalid({"to_number": ["This is the same case. Name another."]}) if other.id == ticket.id else other


def joining_needed(_known: View, message: Message[LinkTo]) -> Iterable[Need]:
    """Both tickets."""
    return map(TicketOf, numbers_joined(message) or ())
