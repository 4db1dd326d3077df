"""What sla keeps of a ticket: its versions, its clocks with their deadlines, and what was announced about them.

Values only; `timekeeping.py` changes them. The page is docs/sla.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field

from contracts.snapshot import Snapshot
from contracts.staff import Staff
from contracts.values import dataclass
from services.sla.domain.clocks import Clock
from services.sla.domain.policy import Deadline, Policy, digest_of
from services.sla.domain.versions import Span


@dataclass(frozen=True, slots=True)
class Countdown:
    """A clock with its deadline, and what was announced of it, each once."""

    clock: Clock
    deadline: Deadline
    warned: bool = False
    """The moment of its warning has passed (and the warning was announced, unless the breach had come)."""
    breached: bool = False
    met: bool = False

    @property
    def is_running(self) -> bool:
        """Whether the requester waits for the desk now."""
        return self.clock.is_running


@dataclass(frozen=True, slots=True)
class Ticket:
    """What sla knows of one ticket. `revision` grows by 1 with each change here; `newest` is the highest version's
    snapshot."""

    id: str
    revision: int
    newest: Snapshot
    spans: tuple[Span, ...]
    countdowns: tuple[Countdown, ...] = ()
    """In the order of their clocks; only the last may be running or paused."""
    announced: tuple[str | int, ...] | None = None
    """The last `sla.armed` of the running clock: its id, how often it stood still, `due_at`, `escalatable_at`,
    `unanswered_since`."""
    closing_soon_said: int | None = None
    """The `status_version` of the last suggestion for which `sla.closing_soon` was said, or came too late."""

    @property
    def running(self) -> Countdown | None:
        """The countdown of the running clock, if the requester waits."""
        return self.countdowns[-1] if self.countdowns and self.countdowns[-1].is_running else None


@dataclass(frozen=True, slots=True)
class Supervision:
    """Who works at the desk (None: the operator names nobody), and which skill each category asks for."""

    staff: Staff | None = None
    skills: Mapping[str, str] = field(default_factory=dict)

    def supervisors_of(self, snapshot: Snapshot) -> list[str]:
        """The supervisors of a ticket that nobody on the staff has; nobody, if somebody has it."""
        agent, category = snapshot.agent, snapshot.category
        if self.staff is None or (agent is not None and self.staff.member(agent.id) is not None):
            return []
        return self.staff.supervisors_of(None, self.skills.get(category, category), self.skills)


class View:
    """The tickets that a turn touches, by id; the policy in force, and earlier ones, by digest; and who supervises
    tickets that nobody has."""

    def __init__(
        self,
        policy: Policy,
        tickets: Iterable[Ticket],
        earlier: Mapping[str, Policy] | None = None,
        supervision: Supervision = Supervision(),
    ) -> None:
        self.policy = policy
        self.supervision = supervision
        self.earlier = earlier or {}
        self.loaded = {ticket.id: ticket for ticket in tickets}
        self.tickets = dict(self.loaded)

    def in_force(self, calendar_version: str) -> Policy:
        """The policy that a deadline was computed with; if it is no longer known, the policy in force now."""
        return self.earlier.get(digest_of(calendar_version), self.policy)

    def apply(self, change: Ticket) -> None:
        """Take in the new state of a ticket."""
        self.tickets[change.id] = change
