"""All that sla takes, in one table: each type with its data, what decides it, and the ticket that it has to have read.

The rules are in decisions.py. The page is docs/sla.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

from contracts.registry import TICKET_EVENTS
from contracts.tickets import TicketEvent
from contracts.values import dataclass
from services.chassis.decision import Data, Decision, Message
from services.sla.domain import decisions
from services.sla.domain.state import View

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Taken(Generic[P]):
    """How one type of message is decided: an event's, or that of a timer of sla's own (`timer.<kind>`, whose data is
    what it was armed with)."""

    data: type[P]
    decide: Callable[[View, Message[P], datetime], Decision]
    needs: Callable[[Message[P]], str]
    """The id of the ticket that it has to have read."""


def _of_timer(decide: Callable[[View, Message[Data], datetime], Decision]) -> Taken[Any]:
    return Taken(dict, decide, decisions.timer_needed)


TAKEN: Mapping[str, Taken[Any]] = {
    **dict.fromkeys(TICKET_EVENTS, Taken(TicketEvent, decisions.version_heard, decisions.version_needed)),
    f"timer.{decisions.WARNING}": _of_timer(decisions.warning_due),
    f"timer.{decisions.BREACH}": _of_timer(decisions.breach_due),
    f"timer.{decisions.CLOSING_SOON}": _of_timer(decisions.reminder_due),
    f"timer.{decisions.AUTO_CLOSE}": _of_timer(decisions.closing_due),
}
"""All that sla takes, by type."""


def decide(view: View, message: Message[Any], now: datetime) -> Decision:
    """What one message changes and what is said about it. Raises ValueError for a type that is not sla's."""
    taken = TAKEN.get(message.type)
    if taken is None:
        raise ValueError(f"{message.type} is nothing that sla takes")
    return taken.decide(view, message, now)
