"""Who has what: agents, tickets as routing knows them, reservations, and the load that each agent carries.

Values and the view of a turn. The view keeps the load exact: every ticket is charged to at most one agent, and a change
of the ticket moves its charge from one to the other. It decides nothing. The page is docs/routing.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from contracts.common import Tier
from contracts.staff import Staff
from contracts.statuses import DESKS_TURN
from contracts.values import dataclass
from services.chassis.decision import Cause


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator sets: how long without a heartbeat until an agent is away, and until they are offline; how long
    a ticket waits until it counts as one priority more urgent (None: never); and how long after an agent has signed off
    what awaits the desk is taken back (None: never)."""

    away_after: timedelta = timedelta(seconds=60)
    offline_after: timedelta = timedelta(minutes=10)
    ageing: timedelta | None = timedelta(hours=24)
    absent_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent of customer support. `load` is kept by the view: tickets charged to them, as `Ticket.charged_to` says.

    `skills` are those that categories ask for, or "*", of what they `listed`; empty `languages` and `tiers` take every
    one. `idle_since` is when they last got a ticket, or signed on if that was later.
    """

    id: str
    display_name: str
    last_seen: datetime | None = None
    idle_since: datetime | None = None
    capacity: int = 0
    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    tiers: tuple[Tier, ...] = ()
    signed_on: bool = False
    releases: bool = False
    """Signed off with `release`: what awaits the desk does not stay with them."""
    away: bool = False
    """Missed their heartbeats: gets nothing new until the next one. Only while signed on."""
    watched: bool = False
    """A timer watches for their heartbeats; false for agents who signed on before such timers existed."""
    load: int = 0
    revision: int = 0
    listed: tuple[str, ...] = ()
    """As they said on signing on: categories, skills, or "*"; empty: they signed on before this was kept."""
    said_languages: tuple[str, ...] = ()
    said_capacity: int | None = None
    """As they said it, before the staff file narrowed it; None: they signed on before this was kept."""
    said_name: str | None = None
    paused: bool = False
    """Gets nothing new until they resume. May last while they are signed off, if a supervisor paused them."""
    paused_by: str | None = None
    """The supervisor who paused them; None: they did it themselves."""
    left_at: datetime | None = None
    """When they signed off; None while signed on, and for those who left before this was kept."""

    @property
    def was_here(self) -> bool:
        """Whether they ever signed on. A supervisor may have paused them before they did."""
        return bool(self.listed or self.skills)

    @property
    def room(self) -> int:
        """How many more tickets an automatic assignment may give them."""
        return max(0, self.capacity - self.load) if self.is_present else 0

    def charged(self, tickets: int) -> Agent:
        """With this many more tickets in their load; fewer, if the number is negative."""
        return replace(self, load=self.load + tickets) if tickets else self

    def given(self, at: datetime) -> Agent:
        """With one more ticket, given at this moment: it counts in their load, and they have been idle since then."""
        return replace(self, load=self.load + 1, idle_since=at)

    @property
    def is_present(self) -> bool:
        """Whether they may be given something: signed on, not away and not paused."""
        return self.signed_on and not self.away and not self.paused


@dataclass(frozen=True, slots=True)
class Reservation:
    """A place kept at an agent for (ticket, assignment_seq), while intake decides on the `ticket.assign` that was sent.

    It ends with the first event of another seq, and at `until` (None: intake has accepted, only the event is missing).
    A refused reservation holds no place; it only keeps the ticket from being offered again at once, before the event
    that explains the refusal.
    """

    agent: str
    assignment_seq: int
    command_id: str
    made_at: datetime
    until: datetime | None
    refused: bool = False

    def is_over(self, now: datetime) -> bool:
        """Whether the lease has run out at `now`."""
        return self.until is not None and self.until <= now


@dataclass(frozen=True, slots=True)
class Ticket:
    """What routing keeps of a ticket's newest snapshot (fields are named as there), and the reservation made for it."""

    id: str
    number: str
    version: int
    status: str
    assignment_seq: int
    reopen_count: int
    skill: str
    """The skill that its category asks for."""
    priority: int
    """As it counts in its queue: its own, or more urgent (also less than 1) after a long wait."""
    escalated: bool
    tier: str
    language: str | None
    opened_at: datetime
    closed_at: datetime | None
    agent: str | None
    changed_from: str | None = None
    """The agent whom it was changed away from last, by the requester or the desk."""
    given_for: str | None = None
    """The skill that was asked for when its agent got it; None without an agent."""
    own_priority: int | None = None
    """None, like the two below: stored before tickets grew more urgent."""
    waiting_since: datetime | None = None
    ages_at: datetime | None = None
    """When it counts as one priority more urgent; None also if it does not wait."""
    cause: Cause | None = None
    """The message that brought this version: what an assignment goes back to."""
    reservation: Reservation | None = None
    revision: int = 0
    category: str | None = None
    """None: stored before this was kept."""
    held: bool = False
    """Belongs to a burst: nobody gets it until a supervisor releases it."""

    @property
    def waiting(self) -> bool:
        """Open, without an agent, without a place kept for it, and not held."""
        return self.status != "closed" and self.agent is None and self.reservation is None and not self.held

    @property
    def is_reclassified(self) -> bool:
        """Whether its category now asks for another skill than when its agent got it."""
        return self.given_for is not None and self.given_for != self.skill

    @property
    def charged_to(self) -> str | None:
        """The one agent whose load counts this ticket: its own while the desk has to act, otherwise the agent for whom
        it is reserved."""
        if self.agent is not None:
            return self.agent if self.status in DESKS_TURN else None
        if self.reservation is not None and not self.reservation.refused:
            return self.reservation.agent
        return None


@dataclass(frozen=True, slots=True)
class Pool:
    """The one document that every turn which changes room or waiting tickets moves on, so that two such turns conflict.

    Without it, a turn that sees no agent and another that sees no ticket would both commit (write skew).
    """

    revision: int = 0
    id: str = "pool"


class View:
    """Routing's state as one turn sees it: what was loaded, and beside it what is current. `skills` maps each category
    id to the skill it asks for.

    Agents: everyone signed on, and everyone whom a ticket or message of the turn names. Tickets: those that the turn
    touches, and those waiting tickets for which there may be room. `staff`: who works at the desk (None: whoever signs
    on). `leaving`: agents who may have to go although no message says so; all their tickets that await the desk are
    among the tickets.
    """

    def __init__(
        self,
        skills: Mapping[str, str],
        agents: Iterable[Agent] = (),
        tickets: Iterable[Ticket] = (),
        pool: Pool | None = None,
        terms: Terms = Terms(),
        staff: Staff | None = None,
        leaving: Iterable[str] = (),
    ) -> None:
        self.skills = skills
        self.staff = staff
        self.leaving = tuple(leaving)
        self.terms = terms
        self.loaded_agents: dict[str, Agent] = {agent.id: agent for agent in agents}
        self.loaded_tickets: dict[str, Ticket] = {ticket.id: ticket for ticket in tickets}
        self.loaded_pool = pool
        self.agents = dict(self.loaded_agents)
        self.tickets = dict(self.loaded_tickets)
        self.pool = pool
        self._reserved = {t.reservation.command_id: t.id for t in self.tickets.values() if t.reservation}

    def know(self, agents: Iterable[Agent] = (), tickets: Iterable[Ticket] = ()) -> None:
        """Take in what else was read, before anything is decided. What is known already stays as it was read."""
        for agent in agents:
            self.agents[agent.id] = self.loaded_agents.setdefault(agent.id, agent)
        for ticket in tickets:
            self.tickets[ticket.id] = self.loaded_tickets.setdefault(ticket.id, ticket)
            if ticket.reservation:
                self._reserved[ticket.reservation.command_id] = ticket.id

    def skill(self, listed: str) -> str:
        """What a category asks for by the catalogue now; a skill, and a category that is gone, stands for itself."""
        return self.skills.get(listed, listed)

    def apply(self, change: Agent | Ticket) -> None:
        """Take a changed or new agent or ticket in; a ticket's change moves its charge from agent to agent."""
        if isinstance(change, Ticket):
            self._put_ticket(change)
        else:
            self._put_agent(change)

    def reserved_as(self, command_id: str | None) -> Ticket | None:
        """The ticket whose present reservation was sent as the command of this id."""
        ticket = self.tickets.get(self._reserved.get(command_id or "", ""))
        return ticket if ticket and ticket.reservation and ticket.reservation.command_id == command_id else None

    def _put_ticket(self, ticket: Ticket) -> None:
        before = self.tickets.get(ticket.id)
        loaded = self.loaded_tickets.get(ticket.id)
        self.tickets[ticket.id] = replace(ticket, revision=loaded.revision + 1 if loaded else 1)
        if ticket.reservation is not None:
            self._reserved[ticket.reservation.command_id] = ticket.id
        had = before.charged_to if before else None
        has = ticket.charged_to
        if had != has:
            if had is not None:
                self._charge(had, -1)
            if has is not None:
                self._charge(has, +1)
        if ticket.reservation is not None and has is not None and has != had and ticket.agent is None:
            self._put_agent(replace(self.agents[has], idle_since=ticket.reservation.made_at))
        if ticket.waiting or (before is not None and before.waiting):
            self._move_pool()

    def _charge(self, agent_id: str, tickets: int) -> None:
        # The desk may name an agent who has not signed on here yet: their load counts all the same.
        agent = self.agents.get(agent_id) or Agent(agent_id, display_name=agent_id)
        self._put_agent(agent.charged(tickets))

    def _put_agent(self, agent: Agent) -> None:
        before = self.agents.get(agent.id)
        loaded = self.loaded_agents.get(agent.id)
        self.agents[agent.id] = after = replace(agent, revision=loaded.revision + 1 if loaded else 1)
        # A heartbeat alone changes nobody's room.
        if before is None or replace(after, last_seen=before.last_seen, revision=before.revision) != before:
            self._move_pool()

    def _move_pool(self) -> None:
        self.pool = Pool(self.loaded_pool.revision + 1 if self.loaded_pool else 1)
