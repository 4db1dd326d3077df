"""Everything that sla takes, in one table: each type with its data, what decides it, and the ticket that must be read
for it.

The rules are in timekeeping.py. The page is docs/sla.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from contracts.registry import TICKET_EVENTS
from contracts.tickets import TicketEvent
from contracts.values import dataclass
from services.chassis import decision
from services.chassis.decision import Decision, Message, line_of
from services.sla.domain import timekeeping
from services.sla.domain.state import View
from services.sla.domain.timekeeping import AutoCloseTimer, BreachTimer, ClosingSoonTimer, WarningTimer

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Taken(decision.Taken[View, P]):
    """How sla decides one type of message, and what must be read for it."""

    needs: Callable[[Message[P]], str]
    """The id of the ticket that it is about."""


TAKEN: Mapping[str, Taken[Any]] = {
    **dict.fromkeys(TICKET_EVENTS, Taken(TicketEvent, timekeeping.version_heard, timekeeping.version_needed)),
    WarningTimer.type_(): Taken(WarningTimer, timekeeping.warning_due, timekeeping.timer_needed),
    BreachTimer.type_(): Taken(BreachTimer, timekeeping.breach_due, timekeeping.timer_needed),
    ClosingSoonTimer.type_(): Taken(ClosingSoonTimer, timekeeping.closing_soon_due, timekeeping.timer_needed),
    AutoCloseTimer.type_(): Taken(AutoCloseTimer, timekeeping.closing_due, timekeeping.timer_needed),
}
"""Everything that sla takes, by type."""


def decide(view: View, message: Message[Any], now: datetime) -> Decision:
    """What one message changes and what is said about it. Raises ValueError for a type that is not sla's."""
    return line_of(TAKEN, message).decide(view, message, now)
