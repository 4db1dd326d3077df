"""Bursts: equal submissions by many accounts within minutes. Their tickets are held until a supervisor releases them.

A held ticket is a ticket like any other, but no agent gets it. The tickets themselves show a burst. Each burst also has
a document: turns that add to the same burst conflict on it, and it says whether a supervisor has released the burst.
The page is docs/abuse.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

from contracts.names import AGENTS
from contracts.snapshot import TicketAgent
from contracts.tickets import Release, Submit
from contracts.values import dataclass
from services.chassis.decision import Arm, Decision, Message, Say, Timer, derived_id
from services.intake.domain import answers
from services.intake.domain.abuse.automatic import words_of
from services.intake.domain.issues.key import normalised
from services.intake.domain.life import moves
from services.intake.domain.life.recording import accepting, and_then, recorded, told
from services.intake.domain.needs import BurstOf, HeldIn, Need
from services.intake.domain.state import View
from services.intake.domain.values.burst import Burst
from services.intake.domain.values.history import agent_as_author, service_as_author
from services.intake.domain.values.ticket import Ticket

RELEASED_FOR = timedelta(days=1)
"""How long after a supervisor has released a burst equal submissions are not held again."""

RELEASED_AT_ONCE = 100
BY = service_as_author()


class ReleaseTimer(Timer):
    """Releases what is held in a burst and did not fit into one turn, in the name of the supervisor `agent_id`."""

    kind = "burst_release"

    agent_id: str


@dataclass(frozen=True, slots=True)
class Filing:
    """What follows for a new ticket from those that others filed with the same words: by what later ones find it
    (`filed`), or the `burst` in which it is held; the burst as `changed`, and the earlier tickets now `held`."""

    filed: str | None = None
    burst: str | None = None
    changed: Burst | None = None
    held: Sequence[Ticket] = ()
    begins: bool = False
    """This ticket makes the burst."""


def filed_as(data: Submit) -> str:
    """A digest of the words of a submission: case, white space and punctuation make no difference."""
    return derived_id("filed", normalised(data.subject), words_of(data.body))


def filing(view: View, data: Submit, person: str, now: datetime) -> Filing:
    """Whether a ticket that the person files now belongs to a burst, or turns the earlier ones into a burst."""
    if not view.limits.burst_accounts or not view.has_supervisors:
        return Filing()
    words = filed_as(data)
    burst = view.bursts.get(words)
    if burst is not None and burst.status == "released" and abs(now - burst.at) < RELEASED_FOR:
        return Filing()
    within, category, may_be_released = view.limits.burst_within, data.category, view.supervisors_of
    alike = [ticket for ticket in view.filed_alike(words) if now - ticket.opened_at <= within]
    persons = {ticket.person for ticket in alike} | {person}
    goes_on = burst is not None and burst.status == "held" and now - burst.at <= within
    if goes_on and not may_be_released(category):
        return Filing()
    if goes_on or (len(persons) >= view.limits.burst_accounts and may_be_released(category)):
        # In a burst that goes on: those that another turn filed meanwhile, as some of the first few.
        waiting = [
            ticket for ticket in alike if ticket.is_open and ticket.agent is None and may_be_released(ticket.category)
        ]
        return Filing(burst=words, changed=_next(burst, words, "held", now), held=waiting, begins=not goes_on)
    # Two turns that file what may become a burst conflict, so that neither misses the other's; the first few need not.
    counted = _next(burst, words, "counting", now) if 2 * len(persons) > view.limits.burst_accounts else None
    return Filing(filed=words, changed=counted)


def _next(burst: Burst | None, words: str, status: Literal["counting", "held", "released"], now: datetime) -> Burst:
    return Burst(words, now, status, 1 if burst is None else burst.revision + 1)


def holding(view: View, message: Message[Submit], decision: Decision, found: Filing, now: datetime) -> Decision:
    """The decision that opens a ticket, with what follows for its burst: earlier tickets are held too, and supervisors
    hear of the burst once."""
    if found.changed is None:
        return decision
    decision = replace(decision, changes=[*decision.changes, found.changed])
    for ticket in found.held:
        held = moves.moved(moves.HOLD, ticket, now, filed=None, burst=found.burst)
        id_ = derived_id("entry", message.key, ticket.id)
        text = "Many accounts filed the same case. No agent gets it until a supervisor releases it."
        noted = recorded(message, held, moves.HOLD.event, BY, text, now, visibility="internal", id_=id_)
        decision = and_then(decision, noted)
    if not found.begins:
        return decision
    event = told(decision)
    to_supervisors = [
        Say(AGENTS, f"agent.{id_}.ticket.held", "ticket.held", event, event.ticket.number)
        for id_ in view.supervisors_of(event.ticket.category)
    ]
    return replace(decision, said=[*decision.said, *to_supervisors])


def release(view: View, message: Message[Release], by: TicketAgent, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.release`: routing may give the ticket to an agent again; with `burst`, all that are held with it too, and
    for a day equal submissions are not held."""
    refused = moves.refusal(moves.RELEASE, ticket)
    if refused is None and ticket.burst is None:
        refused = answers.wrong_status(ticket, "This case is not held.")
    if refused is not None:
        return Decision(answer=refused)
    burst = ticket.burst or ""
    decision = _released(message, ticket, by, now)
    if message.data.burst:
        known = view.bursts.get(burst)
        released = _next(known, burst, "released", now)
        decision = replace(decision, changes=[*decision.changes, released], timers=[_releases(burst, by, now)])
    return accepting(decision)


def release_due(view: View, message: Message[ReleaseTimer], now: datetime) -> Decision:
    """The timer of a released burst: release what is still held, portion by portion."""
    burst, by = message.subject or "", view.member_as_agent(message.data.agent_id)
    held = view.held_in(burst)[:RELEASED_AT_ONCE]
    decision = Decision()
    for ticket in held:
        decision = and_then(decision, _released(message, ticket, by, now))
    if len(held) < RELEASED_AT_ONCE:
        return decision
    return replace(decision, timers=[*decision.timers, _releases(burst, by, now)])


def _releases(burst: str, by: TicketAgent, now: datetime) -> Arm:
    return Arm(f"{ReleaseTimer.kind}:{burst}", ReleaseTimer(due=now, agent_id=by.id), burst)


def _released(message: Message[Any], ticket: Ticket, by: TicketAgent, now: datetime) -> Decision:
    released = moves.moved(moves.RELEASE, ticket, now, burst=None)
    id_ = derived_id("entry", message.key, ticket.id)
    author = agent_as_author(by)
    return recorded(message, released, moves.RELEASE.event, author, "", now, visibility="internal", id_=id_)


def release_needed(known: View, message: Message[Release]) -> Iterable[Need]:
    """The burst in which the ticket is held."""
    ticket = known.ticket(message.data.number)
    if ticket is not None and ticket.burst is not None:
        yield BurstOf(ticket.burst)


def release_due_needed(_known: View, message: Message[ReleaseTimer]) -> Iterable[Need]:
    """What is still held in the burst."""
    yield HeldIn(message.subject or "")
