"""What must be read for a decision: values, for which the repository reads together for all messages of a turn.

Each message names its own needs, beside what decides it (decide.py has the table). Nothing here reads anything. The
page is docs/routing.md, "What a turn reads".
"""

from __future__ import annotations

from contracts.values import dataclass


@dataclass(frozen=True, slots=True)
class AgentOf:
    """The agent of this id."""

    id: str


@dataclass(frozen=True, slots=True)
class TicketOf:
    """The ticket of this id."""

    id: str


@dataclass(frozen=True, slots=True)
class ReservedAs:
    """The ticket that was reserved with the command of this id."""

    command_id: str


@dataclass(frozen=True, slots=True)
class AwaitingOf:
    """All tickets of this agent that await the desk."""

    agent: str


Need = AgentOf | TicketOf | ReservedAs | AwaitingOf
