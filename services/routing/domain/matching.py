"""Which waiting ticket goes to which agent: the most urgent first, each to the least loaded agent who may take it.

One pure function over values; it neither reads nor reserves anything. The page is docs/routing.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from heapq import heapify, heappop, heapreplace

from contracts.agents import may_have
from services.routing.domain.state import Agent, Ticket

MOST_A_TURN = 500
"""Assignments in one turn; the next turn takes up the rest. It bounds what a turn reads and writes."""

_EVER = datetime.min.replace(tzinfo=UTC)


def urgency(ticket: Ticket) -> tuple[int, bool, bool, datetime, str]:
    """The order of service: by priority; within one priority the escalated first, then vip, then the oldest."""
    return ticket.priority, not ticket.escalated, ticket.tier != "vip", ticket.opened_at, ticket.number


def may_take(agent: Agent, ticket: Ticket) -> bool:
    """Skilled for the category; also for language and tier, if the agent lists any and the ticket has one; and not the
    agent whom the ticket was changed away from."""
    return agent.id != ticket.changed_from and may_have(agent, ticket.skill, ticket.language, ticket.tier)


def preference(agent: Agent) -> tuple[float, datetime, str]:
    """The order in which agents with room get tickets: the lowest open/capacity, then the longest idle."""
    # Division of small whole numbers rounds equal ratios to equal floats: 1/3 and 2/6 tie.
    return agent.load / agent.capacity, agent.idle_since or _EVER, agent.id


def match(
    waiting: Iterable[Ticket], agents: Iterable[Agent], now: datetime, most: int = MOST_A_TURN
) -> list[tuple[Ticket, Agent]]:
    """Pairs of a ticket and the agent who gets it, most urgent ticket first, at most `most`.

    Each ticket is given before the next is looked at, so an agent's load and idle time count what this match has just
    given them. Equal inputs give equal pairs, in whatever order they come.
    """
    standing = {agent.id: agent for agent in agents if agent.room}
    # Tickets of one kind have the same eligible agents: one heap of preferences for each kind.
    queues: dict[tuple[str, str | None, str, str | None], list[tuple[float, datetime, str]]] = {}
    pairs: list[tuple[Ticket, Agent]] = []
    for ticket in sorted(waiting, key=urgency):
        if len(pairs) == most:
            break
        kind = (ticket.skill, ticket.language, ticket.tier, ticket.changed_from)
        if kind not in queues:
            queues[kind] = [preference(agent) for agent in standing.values() if may_take(agent, ticket)]
            heapify(queues[kind])
        agent = _first(queues[kind], standing)
        if agent is None:
            continue
        pairs.append((ticket, agent))
        standing[agent.id] = agent.given(now)
    return pairs


def _first(queue: list[tuple[float, datetime, str]], standing: dict[str, Agent]) -> Agent | None:
    """The preferred agent with room. An entry is out of date once its agent got a ticket; it only moves back."""
    while queue:
        agent = standing[queue[0][2]]
        if not agent.room:
            heappop(queue)
        elif (present := preference(agent)) != queue[0]:
            heapreplace(queue, present)
        else:
            return agent
    return None
