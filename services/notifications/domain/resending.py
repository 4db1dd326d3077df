"""`notifications.resend`: the operator has deliveries that were given up sent again. Pure. See docs/operating.md."""

from __future__ import annotations

from datetime import datetime

from contracts.notifications import Resend
from contracts.outcomes import Accepted
from services.chassis.decision import Answer, Decision, Message, rejected
from services.notifications.domain.attempts import send_again
from services.notifications.domain.needs import DeliveryOf, Need
from services.notifications.domain.state import View


def resend_needed(_view: View, message: Message[Resend]) -> list[Need]:
    """The deliveries that the operator names."""
    return [DeliveryOf(id_) for id_ in message.data.deliveries]


def resend(view: View, message: Message[Resend], now: datetime) -> Decision:
    """Sends the failed ones again; `hints` name the others. If there are only others, the command is refused."""
    changes, timers = [], []
    hints: dict[str, list[str]] = {}
    again: set[str] = set()
    for place, id_ in enumerate(message.data.deliveries):
        delivery = view.deliveries.get(id_)
        if id_ in again:
            continue
        if delivery is None or delivery.status != "failed":
            hints[f"deliveries.{place}"] = ["There is no such failed delivery."]
            continue
        pending, arm = send_again(delivery, now)
        again.add(id_)
        changes.append(pending)
        timers.append(arm)
    if not changes:
        return Decision(answer=rejected("invalid", "None of these deliveries is waiting to be resent.", hints))
    return Decision(changes, answer=Answer("command.accepted", Accepted(hints=hints or None)), timers=timers)
