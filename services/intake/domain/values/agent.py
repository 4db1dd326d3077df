"""What intake knows of agents: their name, their skills, and whether they are signed on.

Routing owns agents and announces them. Intake keeps the newest news of each, to decide who may view a ticket, add a
note to it, link it, or get it by transfer. The page is docs/ticket-life.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from contracts.agents import may_have
from contracts.snapshot import TicketAgent
from contracts.values import dataclass
from services.intake.domain.values.ticket import Ticket

EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class KnownAgent:
    """The newest news of an agent. `skills` are as they said: categories, the skills that these ask for, or "*"."""

    id: str
    display_name: str
    skills: tuple[str, ...]
    languages: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    signed_on: bool = True
    at: datetime = EVER
    """Since when, by routing's news; the earliest moment where the news does not say."""
    revision: int = 0
    paused: bool = False
    """Gets no new tickets, not even by name."""

    @property
    def as_agent(self) -> TicketAgent:
        """As tickets and entries show them."""
        return TicketAgent(id=self.id, display_name=self.display_name)

    def may_have(self, ticket: Ticket, skills: Mapping[str, str]) -> bool:
        """Whether they may be given the ticket. `skills`: what each category asks for now."""
        skilled = replace(self, skills=tuple(skills.get(skill, skill) for skill in self.skills))
        return may_have(skilled, skills.get(ticket.category, ticket.category), ticket.language, ticket.requester.tier)
