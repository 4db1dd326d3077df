"""Routing's rules: who is signed on, which tickets wait, who gets which.

`decide` takes agents' commands, ticket events and the outcomes of routing's own commands; `conclude`, after the last
message of a turn and each second, frees reservations that ran out and matches. Intake, which owns the tickets, applies
`ticket.assign` if it still fits. The page is docs/routing.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from contracts.agents import ANY_SKILL
from contracts.names import AGENT_PREFIX, DESK, EVENTS, ROUTING_OUTCOMES
from services.chassis.decision import Answer, Cause, Data, Decision, Message, Say, derived_id, rejected
from services.routing.domain.matching import match
from services.routing.domain.state import Agent, Reservation, Ticket, View, acts_on_desk

LEASE = timedelta(seconds=30)
"""How long a place is kept for a ticket while intake has not answered (hard cases, "Assignment")."""

MARGIN = timedelta(seconds=15)
"""So long before the lease ends the command stops to be valid: else intake, back after an outage, could apply it when
the place is another ticket's already, and the agent would get more than they can take. Intake looks at the clock last
within its transaction, which MongoDB ends when it is 10 s old; it looks for such every 5 s."""

REFUSED_PAUSE = timedelta(seconds=1)
"""How long a refused ticket is not offered again: the news that explain the refusal are on their way."""


def decide(view: View, message: Message, now: datetime) -> Decision:
    """What one message changes and what is said about it.

    Takes `agent.sign_on`, `agent.heartbeat`, `agent.sign_off`, every `ticket.*` event, and `command.accepted` and
    `command.rejected` for commands that routing sent. Raises ValueError for any other type.
    """
    match message.type:
        case "agent.sign_on" | "agent.heartbeat" | "agent.sign_off":
            return _decide_command(view, message, now)
        case "command.accepted":
            return _assignment_accepted(view, message)
        case "command.rejected":
            return _assignment_refused(view, message, now)
        case type_ if type_.startswith("ticket."):
            return _ticket_changed(view, message)
    raise ValueError(f"routing has no rule for {message.type}")


def conclude(view: View, now: datetime) -> Decision:
    """Free what was reserved and ran out, then give waiting tickets to agents with room. Says the `ticket.assign`s."""
    expired = [ticket for ticket in view.tickets.values() if ticket.reservation and ticket.reservation.is_over(now)]
    freed = [replace(ticket, reservation=None) for ticket in expired]
    returned = Counter(ticket.charged_to for ticket in expired)
    agents = [
        replace(agent, load=agent.load - returned[agent.id]) if agent.id in returned else agent
        for agent in view.agents.values()
    ]
    waiting = [ticket for ticket in (*view.tickets.values(), *freed) if ticket.waiting]
    reserved, said = [], []
    for ticket, agent in match(waiting, agents, now):
        command_id = derived_id("ticket.assign", ticket.id, str(ticket.version), now.isoformat())
        reservation = Reservation(agent.id, ticket.assignment_seq, command_id, now, now + LEASE)
        reserved.append(replace(ticket, reservation=reservation))
        said.append(_assign(ticket, agent, command_id, now + LEASE - MARGIN))
    return Decision(changes=[*freed, *reserved], said=said)


def signed_on(known: Agent | None, data: Data, skills: Mapping[str, str], now: datetime) -> Agent:
    """The agent as `agent.sign_on` makes them. `skills` maps categories to the skills that they ask for.

    Signing on again replaces what was said before and keeps load and idle time.
    """
    before = known or Agent(data["agent_id"], data["display_name"])
    return replace(
        before,
        display_name=data["display_name"],
        capacity=data["capacity"],
        skills=tuple(sorted({skills.get(skill, skill) for skill in data["skills"]})),
        languages=tuple(data.get("languages") or ()),
        tiers=tuple(data.get("tiers") or ()),
        signed_on=True,
        releases=False,
        last_seen=now,
        idle_since=before.idle_since if before.signed_on else now,
    )


def _decide_command(view: View, message: Message, now: datetime) -> Decision:
    agent_id = message.data["agent_id"]
    if message.sender != AGENT_PREFIX + agent_id:
        return _refused("forbidden", "An agent signs on, beats and signs off only for themselves.")
    if message.type == "agent.sign_on":
        return _sign_on(view, message, now)
    agent = view.agents.get(agent_id)
    if message.type == "agent.heartbeat":
        return _heartbeat(agent, agent_id, now)
    return _sign_off(view, agent, message, now)


def _sign_on(view: View, message: Message, now: datetime) -> Decision:
    known = {ANY_SKILL, *view.skills, *view.skills.values()}
    unknown = sorted(set(message.data["skills"]) - known)
    if unknown:
        answer = rejected(
            "unknown_category",
            "A skill is a category of the catalogue, or *.",
            {"skills": [f"unknown: {', '.join(unknown)}"]},
        )
        return Decision(answer=answer)
    agent = signed_on(view.agents.get(message.data["agent_id"]), message.data, view.skills, now)
    told = {
        "agent_id": agent.id,
        "display_name": agent.display_name,
        "capacity": agent.capacity,
        "skills": list(message.data["skills"]),
        "languages": list(agent.languages),
        "tiers": list(agent.tiers),
        "at": now,
    }
    return Decision(changes=[agent], said=[_event("agent.signed_on", agent.id, told)], answer=_accepted(agent.id))


def _heartbeat(agent: Agent | None, agent_id: str, now: datetime) -> Decision:
    if agent is None or not agent.signed_on:
        return replace(_refused("wrong_status", f"Agent {agent_id} is not signed on."), remember=False)
    return Decision(changes=[replace(agent, last_seen=now)], answer=_accepted(agent_id), remember=False)


def _sign_off(view: View, agent: Agent | None, message: Message, now: datetime) -> Decision:
    """The agent keeps their tickets; with `release` those that await the desk are taken back, to be routed anew."""
    if agent is None:
        return _refused("wrong_status", f"Agent {message.data['agent_id']} has never signed on.")
    release = bool(message.data.get("release"))
    told = {"agent_id": agent.id, "release": release, "at": now}
    said = [_event("agent.signed_off", agent.id, told)] if agent.signed_on else []
    if release:
        theirs = [t for t in view.tickets.values() if t.agent == agent.id and acts_on_desk(t.status)]
        said += [_unassign(ticket, "the agent signed off") for ticket in sorted(theirs, key=lambda t: t.number)]
    after = replace(agent, signed_on=False, releases=agent.releases or release)
    return Decision(changes=[after] if after != agent else [], said=said, answer=_accepted(agent.id))


def _ticket_changed(view: View, message: Message) -> Decision:
    """Keep the snapshot with the highest version; late and repeated ones change nothing."""
    snapshot = message.data["ticket"]
    known = view.tickets.get(snapshot["id"])
    if known is not None and snapshot["version"] <= known.version:
        return Decision()
    ticket = projected(snapshot, known, view.skills, message.cause)
    said = [_unassign(ticket, "its agent is not signed on")] if _must_leave(view, ticket, known) else []
    return Decision(changes=[ticket], said=said)


def projected(snapshot: Data, known: Ticket | None, skills: Mapping[str, str], cause: Cause) -> Ticket:
    """The ticket as a newer snapshot has it. A reservation outlives it only while intake could still apply it."""
    agent = snapshot["agent"]
    kept = known.reservation if known is not None else None
    if (
        agent is not None
        or snapshot["status"] == "closed"
        or (kept and kept.assignment_seq != snapshot["assignment_seq"])
    ):
        kept = None
    return Ticket(
        id=snapshot["id"],
        number=snapshot["number"],
        version=snapshot["version"],
        status=snapshot["status"],
        assignment_seq=snapshot["assignment_seq"],
        reopen_count=snapshot["reopen_count"],
        skill=skills.get(snapshot["category"], snapshot["category"]),
        priority=snapshot["priority"],
        escalated=snapshot["escalated"],
        tier=snapshot["requester"]["tier"],
        language=snapshot["language"],
        opened_at=snapshot["opened_at"],
        closed_at=snapshot["closed_at"],
        agent=agent["id"] if agent is not None else None,
        cause=cause,
        reservation=kept,
    )


def _must_leave(view: View, ticket: Ticket, known: Ticket | None) -> bool:
    """Whether a ticket cannot stay with its agent, who is not signed on.

    One that was reopened goes back to its agent only while they are signed on; and who signed off with `release` keeps
    nothing that awaits the desk, also what was on its way to them then.
    """
    if ticket.agent is None or not acts_on_desk(ticket.status):
        return False
    agent = view.agents.get(ticket.agent)
    if agent is not None and agent.signed_on:
        return False
    was_reopened = ticket.reopen_count > (known.reopen_count if known is not None else 0)
    return was_reopened or (agent is not None and agent.releases)


def _assignment_accepted(view: View, message: Message) -> Decision:
    """The lease ends: the event that names the agent is certain to come, and the place is kept until it does."""
    ticket = view.reserved_as(message.causationid)
    if ticket is None or ticket.reservation is None or ticket.reservation.until is None:
        return Decision()
    return Decision(changes=[replace(ticket, reservation=replace(ticket.reservation, until=None))])


def _assignment_refused(view: View, message: Message, now: datetime) -> Decision:
    """The place is free at once; the ticket is looked at again with its next news, or after a short pause."""
    ticket = view.reserved_as(message.causationid)
    if ticket is None or ticket.reservation is None or ticket.reservation.refused:
        return Decision()
    refused = replace(ticket.reservation, refused=True, until=now + REFUSED_PAUSE)
    return Decision(changes=[replace(ticket, reservation=refused)])


def _assign(ticket: Ticket, agent: Agent, command_id: str, valid_until: datetime) -> Say:
    data = {
        "number": ticket.number,
        "agent": {"id": agent.id, "display_name": agent.display_name},
        "assignment_seq": ticket.assignment_seq,
        "reason": "least loaded",
        "valid_until": valid_until,
    }
    return Say(DESK, "ticket.assign", "ticket.assign", data, ticket.number, command_id, ROUTING_OUTCOMES, ticket.cause)


def _unassign(ticket: Ticket, reason: str) -> Say:
    data = {"number": ticket.number, "assignment_seq": ticket.assignment_seq, "reason": reason}
    return Say(DESK, "ticket.unassign", "ticket.unassign", data, ticket.number, reply_to=ROUTING_OUTCOMES)


def _event(type_: str, agent_id: str, data: dict[str, Any]) -> Say:
    return Say(EVENTS, type_, type_, data, agent_id)


def _accepted(agent_id: str) -> Answer:
    return Answer("command.accepted", {}, agent_id)


def _refused(code: str, sentence: str) -> Decision:
    return Decision(answer=rejected(code, sentence))
