"""Everything that notifications takes, in one table: each type with its data, what decides it, and what must be read
for it.

The rules are in the modules that the table names. Pure. See docs/notifications.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from contracts.accounts import AccountErased, ContactChanged, PreferencesChanged
from contracts.articles import ArticleEvent
from contracts.notifications import Resend
from contracts.registry import TICKET_EVENTS
from contracts.sla import ClosingSoon, Fired
from contracts.tickets import Redacted, TicketEvent
from contracts.values import dataclass
from services.chassis import decision
from services.chassis.decision import Decision, Message, line_of
from services.notifications.domain import addresses, articles, attempts, forgetting, preferences, resending, telling
from services.notifications.domain.addresses import AddressWaitTimer
from services.notifications.domain.attempts import SendTimer
from services.notifications.domain.needs import Need
from services.notifications.domain.state import View

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Taken(decision.Taken[View, P]):
    """How notifications decides one type of message, and what must be read for it."""

    needs: Callable[[View, Message[P]], Iterable[Need]]
    """What must be read for it, by what the message itself says and the operator has set."""
    then: Callable[[View, Message[P]], Iterable[Need]] = lambda _view, _message: ()
    """What must be read besides, by what was read first."""


TAKEN: Mapping[str, Taken[Any]] = {
    **dict.fromkeys(TICKET_EVENTS, Taken(TicketEvent, telling.tell, telling.telling_needed, forgetting.words_needed)),
    "ticket.redacted": Taken(Redacted, telling.tell, telling.telling_needed, forgetting.redacted_needed),
    "sla.warning": Taken(Fired, telling.tell, telling.telling_needed, forgetting.words_needed),
    "sla.breached": Taken(Fired, telling.tell, telling.telling_needed, forgetting.words_needed),
    "sla.closing_soon": Taken(ClosingSoon, telling.tell, telling.telling_needed, forgetting.words_needed),
    "account.contact_changed": Taken(
        ContactChanged, addresses.learn_address, addresses.learning_needed, addresses.waiting_needed
    ),
    "account.preferences_changed": Taken(
        PreferencesChanged, preferences.learn_preferences, preferences.learning_needed
    ),
    "account.erased": Taken(AccountErased, forgetting.forget_person, forgetting.forgetting_needed),
    **dict.fromkeys(
        ("article.published", "article.withdrawn"),
        Taken(ArticleEvent, articles.learn_article, articles.learning_needed),
    ),
    "notifications.resend": Taken(Resend, resending.resend, resending.resend_needed),
    SendTimer.type_(): Taken(SendTimer, attempts.record_attempt, attempts.timer_needed, attempts.recipient_needed),
    AddressWaitTimer.type_(): Taken(AddressWaitTimer, addresses.stop_waiting, attempts.timer_needed),
}
"""Everything that notifications takes, by type."""


def decide(view: View, message: Message[Any], now: datetime) -> Decision:
    """What one message changes and says. An event about a ticket that tells nobody anything is not remembered.

    Raises ValueError for a type that is not notifications'.
    """
    return line_of(TAKEN, message).decide(view, message, now)
