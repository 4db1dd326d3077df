"""What one event, timer or command changes and says: which rule is whose. Pure. See docs/notifications.md."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.chassis.decision import Decision, Message
from services.notifications.domain.addresses import learn_address, stop_waiting
from services.notifications.domain.attempts import record_attempt
from services.notifications.domain.forgetting import forget_person
from services.notifications.domain.preferences import learn_preferences
from services.notifications.domain.resending import resend
from services.notifications.domain.state import View
from services.notifications.domain.telling import tell


def decide(view: View, message: Message[Any], now: datetime) -> Decision:
    """An event about a ticket that tells nobody anything is not remembered."""
    match message.type:
        case "account.contact_changed":
            return learn_address(view, message, now)
        case "account.preferences_changed":
            return learn_preferences(view, message)
        case "account.erased":
            return forget_person(view, message)
        case "notifications.resend":
            return resend(view, message, now)
        case "timer.send":
            return record_attempt(view, message, now)
        case "timer.address_wait":
            return stop_waiting(view, message)
        case _:
            return tell(view, message, now)
