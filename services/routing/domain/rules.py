"""Which tickets wait, and who gets which; presence.py decides who is signed on.

This module decides a ticket's events and the outcomes of routing's own commands. After the last message of a turn, and
each second, `conclude` frees reservations that ran out, and matches. Intake, which owns the tickets, applies
`ticket.assign` if it still fits. The page is docs/routing.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from contracts.agents import ANY_SKILL
from contracts.outcomes import Accepted, Rejected
from contracts.snapshot import Snapshot
from contracts.statuses import DESKS_TURN
from contracts.tickets import TicketEvent
from services.chassis.decision import Cause, Decision, Message, derived_id
from services.routing.domain import presence
from services.routing.domain.ageing import aged, grown_older
from services.routing.domain.matching import match
from services.routing.domain.needs import AgentOf, Need, ReservedAs, TicketOf
from services.routing.domain.saying import assign, unassign
from services.routing.domain.state import Reservation, Ticket, View

LEASE = timedelta(seconds=30)
"""How long a place is kept for a ticket while intake has not answered (docs/routing.md, "Reservations")."""

MARGIN = timedelta(seconds=15)
"""How long before the lease ends the command stops being valid. Otherwise intake, back after an outage, could apply it
when the place already belongs to another ticket, and the agent would get more than they can take. Intake looks at the
clock last within its transaction, which MongoDB ends when it is 10 s old; MongoDB looks for such transactions every 5
s."""

REFUSED_PAUSE = timedelta(seconds=1)
"""How long a refused ticket is not offered again: the event that explains the refusal is on its way."""


def conclude(view: View, now: datetime) -> Decision:
    """See who has to go, free reservations that ran out, let waiting tickets grow older, then give waiting tickets to
    agents with room. Says the `ticket.assign`s."""
    gone = presence.leave(view, now)
    agents_by_id = {**view.agents, **{agent.id: agent for agent in gone.changes}}
    watched, timers = presence.watch_all(agents_by_id.values(), view.terms, now)
    agents_by_id |= {agent.id: agent for agent in watched}
    followed, announced = presence.follow_files(view, agents_by_id.values(), now)
    agents_by_id |= {agent.id: agent for agent in followed}
    expired = [ticket for ticket in view.tickets.values() if ticket.reservation and ticket.reservation.is_over(now)]
    freed = [replace(ticket, reservation=None) for ticket in expired]
    returned = Counter(ticket.charged_to for ticket in expired)
    agents = [
        agent.charged(-returned[agent.id])
        for agent in agents_by_id.values()
        if presence.must_leave(agent, view.staff, view.terms, now) is None
    ]
    tickets = {ticket.id: ticket for ticket in (*view.tickets.values(), *freed)}
    asking = [asked for ticket in tickets.values() if (asked := _asking(view, ticket)) is not ticket]
    tickets |= {ticket.id: ticket for ticket in asking}
    older = grown_older(tickets.values(), view.terms.ageing, now)
    tickets |= {ticket.id: ticket for ticket in older}
    waiting = [ticket for ticket in tickets.values() if ticket.waiting]
    reserved, said = [], [*gone.said, *announced]
    for ticket, agent in match(waiting, agents, now):
        command_id = derived_id("ticket.assign", ticket.id, str(ticket.version), now.isoformat())
        reservation = Reservation(agent.id, ticket.assignment_seq, command_id, now, now + LEASE)
        reserved.append(replace(ticket, reservation=reservation))
        said.append(assign(ticket, agent, command_id, now + LEASE - MARGIN))
    return Decision(
        changes=[*gone.changes, *watched, *followed, *freed, *asking, *older, *reserved],
        said=said,
        timers=[*gone.timers, *timers],
    )


def _asking(view: View, ticket: Ticket) -> Ticket:
    """The ticket, if it waits, with the skill that its category asks for now."""
    if not ticket.waiting or ticket.category is None or view.skill(ticket.category) == ticket.skill:
        return ticket
    return replace(ticket, skill=view.skill(ticket.category))


def ticket_needed(message: Message[TicketEvent]) -> list[Need]:
    """The ticket, and who has it."""
    ticket = message.data.ticket
    return [TicketOf(ticket.id)] if ticket.agent is None else [TicketOf(ticket.id), AgentOf(ticket.agent.id)]


def ticket_changed(view: View, message: Message[TicketEvent], now: datetime) -> Decision:
    """Keep the snapshot with the highest version; late and repeated ones change nothing."""
    snapshot = message.data.ticket
    known = view.tickets.get(snapshot.id)
    if known is not None and snapshot.version <= known.version:
        return Decision()
    ticket = projected(snapshot, known, view.skills, message.cause, now)
    ticket = aged(ticket, view.terms.ageing, now)
    reason = _must_leave(view, ticket, known, now)
    return Decision(changes=[ticket], said=[unassign(ticket, reason)] if reason else [])


def projected(
    snapshot: Snapshot, known: Ticket | None, skills: Mapping[str, str], cause: Cause, now: datetime
) -> Ticket:
    """The ticket as a newer snapshot, heard at `now`, has it. A reservation outlives it only while intake could still
    apply it."""
    agent = snapshot.agent
    kept = known.reservation if known is not None else None
    if agent is not None or snapshot.status == "closed" or (kept and kept.assignment_seq != snapshot.assignment_seq):
        kept = None
    skill = skills.get(snapshot.category, snapshot.category)
    return Ticket(
        id=snapshot.id,
        number=snapshot.number,
        version=snapshot.version,
        status=snapshot.status,
        assignment_seq=snapshot.assignment_seq,
        reopen_count=snapshot.reopen_count,
        skill=skill,
        priority=snapshot.priority,
        escalated=snapshot.escalated,
        tier=snapshot.requester.tier,
        language=snapshot.language,
        opened_at=snapshot.opened_at,
        closed_at=snapshot.closed_at,
        agent=agent.id if agent is not None else None,
        changed_from=snapshot.changed_from,
        given_for=_given_for(snapshot, skill, known),
        category=snapshot.category,
        own_priority=snapshot.priority,
        waiting_since=_waiting_since(snapshot, known, now),
        cause=cause,
        reservation=kept,
        held=snapshot.held,
    )


def _given_for(snapshot: Snapshot, skill: str, known: Ticket | None) -> str | None:
    """The skill that was asked for when the agent of this version got the ticket, if it is known here."""
    if snapshot.agent is None:
        return None
    if known is None:
        return skill
    if known.assignment_seq == snapshot.assignment_seq and known.agent is not None:
        given_for = known.given_for or known.skill  # stored before the field existed: nothing was known of it
        # Another skill for the same category is the catalogue's change, which takes nobody's tickets away.
        return skill if (known.category, known.skill) == (snapshot.category, given_for) else given_for
    return known.skill


def _waiting_since(snapshot: Snapshot, known: Ticket | None, now: datetime) -> datetime | None:
    """Since when it waits for an agent: since it was filed, if it never had one; otherwise since about when it lost the
    last."""
    if snapshot.agent is not None or snapshot.status == "closed":
        return None
    if snapshot.assignment_seq == 0 and snapshot.reopen_count == 0:
        return snapshot.opened_at
    waited = known is not None and known.agent is None and known.status != "closed"
    return known.waiting_since or known.opened_at if known is not None and waited else now


def _must_leave(view: View, ticket: Ticket, known: Ticket | None, now: datetime) -> str | None:
    """Why a ticket cannot stay with its agent; None if it can, or if the desk has nothing to do for it.

    A reopened ticket goes back to its agent only while they are signed on. An agent who signed off with `release` keeps
    nothing that awaits the desk, also not what was on its way to them. An agent who signed off without it keeps what
    they had, but not what reached them only after they had left. A ticket that was reclassified since they got it needs
    an agent with the other skill.
    """
    if ticket.agent is None or ticket.status not in DESKS_TURN:
        return None
    agent = view.agents.get(ticket.agent)
    if agent is not None and agent.signed_on:
        unskilled = ANY_SKILL not in agent.skills and ticket.skill not in agent.skills
        return "its agent is not skilled for the new category" if unskilled and ticket.is_reclassified else None
    was_reopened = ticket.reopen_count > (known.reopen_count if known is not None else 0)
    released = agent is not None and agent.releases
    if was_reopened or released or _came_too_late(ticket, known, now):
        return "its agent is not signed on"
    return None


def _came_too_late(ticket: Ticket, known: Ticket | None, now: datetime) -> bool:
    """Whether this is the first event of an assignment that was under way when its agent, now gone, signed off.

    They were signed on when their place was reserved. False if they have worked on it, or if the event is older than
    any assignment can be under way: then routing stood still, and they may have had the ticket for long before they
    signed off.
    """
    if known is None or known.reservation is None:
        return False
    kept = known.reservation
    is_this_one = (kept.agent, kept.assignment_seq + 1) == (ticket.agent, ticket.assignment_seq)
    return is_this_one and ticket.status in ("assigned", known.status) and now < kept.made_at + LEASE


def reservation_needed(message: Message[Accepted | Rejected]) -> list[Need]:
    """What was reserved with the command whose outcome this is."""
    return [] if message.causationid is None else [ReservedAs(message.causationid)]


def assignment_accepted(
    view: View,
    message: Message[Accepted],
    now: datetime,  # noqa: ARG001 - as others have it
) -> Decision:
    """The lease ends: the event that names the agent is certain to come, and the place is kept until it does."""
    ticket = view.reserved_as(message.causationid)
    if ticket is None or ticket.reservation is None or ticket.reservation.until is None:
        return Decision()
    return Decision(changes=[replace(ticket, reservation=replace(ticket.reservation, until=None))])


def assignment_refused(view: View, message: Message[Rejected], now: datetime) -> Decision:
    """The place is free at once; the ticket is looked at again with its next event, or after a short pause."""
    ticket = view.reserved_as(message.causationid)
    if ticket is None or ticket.reservation is None or ticket.reservation.refused:
        return Decision()
    refused = replace(ticket.reservation, refused=True, until=now + REFUSED_PAUSE)
    return Decision(changes=[replace(ticket, reservation=refused)])
