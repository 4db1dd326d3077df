"""Everything that routing takes, in one table: each type with its data, what decides it, and what must be read for it.

The rules are in the modules that the table names. The page is docs/routing.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from contracts.agents import Agent as OfAgent
from contracts.agents import Pause, SignOff, SignOn
from contracts.outcomes import Accepted, Rejected
from contracts.registry import TICKET_EVENTS
from contracts.tickets import TicketEvent
from contracts.values import dataclass
from services.chassis import decision
from services.chassis.decision import Decision, Message, line_of
from services.routing.domain import pausing, presence, rules
from services.routing.domain.needs import Need
from services.routing.domain.presence import AwayTimer, OfflineTimer
from services.routing.domain.state import Agent, View

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Taken(decision.Taken[View, P]):
    """How routing decides one type of message, and what must be read for it."""

    needs: Callable[[Message[P]], Iterable[Need]]
    """What must be read for it, by what the message itself says."""
    brings: Callable[[View, Message[P], datetime], Agent | None] | None = None
    """Whom the message may bring to the desk, as they will be then: what waits and they may take is read too."""


TAKEN: Mapping[str, Taken[Any]] = {
    "agent.sign_on": Taken(SignOn, presence.sign_on, presence.sender_needed, presence.signing_on),
    "agent.heartbeat": Taken(OfAgent, presence.heartbeat, presence.sender_needed, presence.coming_back),
    "agent.sign_off": Taken(SignOff, presence.sign_off, presence.sign_off_needed),
    "agent.pause": Taken(Pause, pausing.pause, pausing.member_needed),
    "agent.resume": Taken(Pause, pausing.resume, pausing.member_needed, pausing.resuming),
    AwayTimer.type_(): Taken(AwayTimer, presence.away_due, presence.away_needed),
    OfflineTimer.type_(): Taken(OfflineTimer, presence.offline_due, presence.offline_needed),
    "command.accepted": Taken(Accepted, rules.assignment_accepted, rules.reservation_needed),
    "command.rejected": Taken(Rejected, rules.assignment_refused, rules.reservation_needed),
    **dict.fromkeys(TICKET_EVENTS, Taken(TicketEvent, rules.ticket_changed, rules.ticket_needed)),
}
"""Everything that routing takes, by type."""


def decide(view: View, message: Message[Any], now: datetime) -> Decision:
    """What one message changes and what is said about it. Raises ValueError for a type that is not routing's."""
    return line_of(TAKEN, message).decide(view, message, now)


def needs(messages: Sequence[Message[Any]]) -> set[Need]:
    """What must be read for these messages together. Raises as `decide`."""
    return {need for message in messages for need in line_of(TAKEN, message).needs(message)}


def candidates(view: View, messages: Sequence[Message[Any]], now: datetime) -> list[Agent]:
    """The agents who may be given something at the end of a turn of these messages, each as they will be then.

    Agents whom a message brings are added: an agent may be listed twice, and the copy that is not present has no room.
    """
    bringing = [(brings, message) for message in messages if (brings := TAKEN[message.type].brings) is not None]
    brought = [brings(view, message, now) for brings, message in bringing]
    agents = [*view.agents.values(), *(agent for agent in brought if agent is not None)]
    return [presence.following(agent, view.skills, view.staff) for agent in agents]
