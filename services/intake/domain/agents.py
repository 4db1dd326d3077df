"""What intake knows of agents: their name, what they are skilled for, and whether they are signed on.

Routing owns agents and announces them; intake keeps the newest news of each, to say who may look at a ticket, note on
it, link it, or get it by transfer. The page is docs/ticket-life.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from contracts.agents import Paused, SignedOff, SignedOn, may_have
from contracts.common import TicketAgent
from contracts.values import dataclass
from services.intake.domain.tickets import Ticket

_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class KnownAgent:
    """The newest news of an agent. `skills` are as they said: categories, the skills that these ask for, or "*"."""

    id: str
    display_name: str
    skills: tuple[str, ...]
    languages: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    signed_on: bool = True
    at: datetime = _EVER
    """Since when, by routing's news; the earliest moment where the news does not say."""
    revision: int = 0
    paused: bool = False
    """Gets nothing new, by name neither."""

    @property
    def as_agent(self) -> TicketAgent:
        """As tickets and entries show them."""
        return TicketAgent(id=self.id, display_name=self.display_name)

    def may_have(self, ticket: Ticket, skills: Mapping[str, str]) -> bool:
        """Whether they may be given the ticket. `skills`: what each category asks for now."""
        skilled = replace(self, skills=tuple(skills.get(one, one) for one in self.skills))
        return may_have(skilled, skills.get(ticket.category, ticket.category), ticket.language, ticket.requester.tier)


def signed_on(known: KnownAgent | None, data: SignedOn) -> KnownAgent | None:
    """The agent after `agent.signed_on`; None if newer news are known."""
    at = data.at or _EVER
    if known is not None and known.at > at:
        return None
    return KnownAgent(
        data.agent_id,
        data.display_name,
        tuple(data.skills),
        tuple(data.languages or ()),
        tuple(data.tiers or ()),
        at=at,
        revision=0 if known is None else known.revision + 1,
        paused=data.paused,
    )


def paused(known: KnownAgent | None, data: Paused, now_so: bool) -> KnownAgent | None:
    """The agent after `agent.paused` or `agent.resumed`; None if newer news are known, or none of them at all."""
    if known is None or known.at > data.at:
        return None
    return replace(known, paused=now_so, at=data.at, revision=known.revision + 1)


def signed_off(known: KnownAgent | None, data: SignedOff) -> KnownAgent | None:
    """The agent after `agent.signed_off`; None if newer news are known, or none of them at all."""
    at = data.at or _EVER
    if known is None or known.at > at:
        return None
    return replace(known, signed_on=False, at=at, revision=known.revision + 1)
