"""Attempts to send a mail or a webhook's request: when to make the first and the next, and when to give up. Pure.

The attempt itself is made before the turn (attempting.py), and `decide` hears how it went. See docs/notifications.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from contracts.names import EVENTS
from contracts.notifications import Delivered
from services.chassis.decision import Arm, Decision, Message, Say, Timer, derived_id
from services.notifications.domain.mailboxes import why_never
from services.notifications.domain.needs import DeliveryOf, Need, PersonOf
from services.notifications.domain.preferences import is_wanted, may_be_sent_at
from services.notifications.domain.state import Contact, Delivery, Outcome, Policy, Preferences, View, done, failed

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)

OVERTIME = timedelta(minutes=5)
"""How long after its end a delivery waits for a destination that is left alone: as long as one ever is. So no delivery
is given up before its destination was asked at its end or later, by this delivery or by another."""

MAIL_LANE = "mail"

Verdict = Literal["send", "hold", "skip", "unknown", "never"]


class SendTimer(Timer):
    """An attempt to send a delivery is due; `attempt` counts from 1."""

    kind = "send"

    attempt: int


def lane_of(delivery: Delivery) -> str:
    """Which destination it goes to: attempts at one destination never wait for another."""
    return webhook_lane(delivery.recipient) if delivery.channel == "webhook" else MAIL_LANE


def webhook_lane(name: str) -> str:
    """The lane of an operator's webhook."""
    return f"webhook:{name}"


def to_send(delivery: Delivery, at: datetime) -> tuple[Delivery, Arm]:
    """The delivery, pending, and the timer of its next attempt."""
    timer = SendTimer(due=at, attempt=delivery.attempts + 1)
    arm = Arm(timer_of(delivery), timer, delivery.id, lane_of(delivery))
    pending = replace(delivery, status="pending", version=delivery.version + 1, next_attempt_at=at, expires_at=None)
    return pending, arm


def timer_of(delivery: Delivery) -> str:
    """Id of its one timer, also for a webhook: databases hold timers of that name."""
    return f"mail:{delivery.id}"


def verdict(
    delivery: Delivery, contact: Contact | None, preferences: Preferences | None, policy: Policy, now: datetime
) -> Verdict:
    """Whether it may go out now: checked before each attempt, by what is known then. `contact` and `preferences` are
    the requester's."""
    if contact is not None and delivery.opened_at is not None and contact.has_erased(delivery.opened_at):
        return "skip"  # another instance was deciding the event as they were erased
    if not is_wanted(preferences, delivery.kind, delivery.channel):
        return "skip"
    if delivery.channel == "email" and delivery.kind != "escalated_to_manager":
        if contact is None or contact.contact_version < max(delivery.contact_version, 1):
            return "unknown"  # also if an operator sends it again: the requester has left the address before
        if contact.email is None:
            return "skip"
        if delivery.kind == "contact_code" and contact.contact_version != delivery.contact_version:
            return "skip"  # the address has changed since, and the code is worth nothing
        if why_never(contact.email, policy.own_mailboxes) is not None:
            return "never"
    return "send" if may_be_sent_at(delivery, preferences, now) <= now else "hold"


def timer_needed(_view: View, timer: Message[Timer]) -> list[Need]:
    """The delivery that the timer is of."""
    return [DeliveryOf(timer.subject or "")]


def recipient_needed(view: View, timer: Message[SendTimer]) -> list[Need]:
    """The requester whom it is for, or whose ticket it tells of."""
    delivery = view.deliveries.get(timer.subject or "")
    return [PersonOf(delivery.whose)] if delivery is not None and delivery.whose else []


def record_attempt(view: View, timer: Message[SendTimer], now: datetime) -> Decision:
    """An attempt was made: sent, to be tried again later, or given up. Or no attempt was to be made now."""
    delivery = view.deliveries.get(timer.subject or "")
    if delivery is None or delivery.status != "pending" or timer.data.attempt != delivery.attempts + 1:
        return Decision(remember=False)
    outcome = view.outcomes.get((delivery.id, delivery.attempts + 1))
    if outcome is None:
        preferences, contact = view.preferences.get(delivery.person), view.contacts.get(delivery.whose)
        match verdict(delivery, contact, preferences, view.policy, now):
            case "skip":
                return Decision([done(delivery, "skipped", now)])
            case "unknown":
                return _give_up(delivery, "address unknown")
            case "never":
                address = contact.email if contact and contact.email else ""
                return _give_up(delivery, why_never(address, view.policy.own_mailboxes) or "")
            case "hold":
                return _hold(delivery, may_be_sent_at(delivery, preferences, now))
            case "send":
                outcome = Outcome("deferred", "not tried")
    tried = replace(delivery, attempts=delivery.attempts + 1, reason=outcome.reason)
    if outcome.verdict == "accepted":
        sent = done(tried, "sent", now)
        return Decision([sent], [announce_sent(sent)])
    give_up_after = view.policy.webhook_give_up if delivery.channel == "webhook" else view.policy.mail_give_up
    again = retry_at(tried, now, give_up_after, outcome.asked_again_at)
    if outcome.verdict == "refused" or again is None:
        return _give_up(tried, outcome.reason)
    later, arm = to_send(tried, again)
    return Decision([later], timers=[arm])


def _hold(delivery: Delivery, until: datetime) -> Decision:
    """Until the requester's quiet hours end. Time before the first attempt does not count as time in which it was
    tried."""
    if delivery.attempts == delivery.attempts_before:
        delivery = replace(delivery, tried_since=until)
    held, arm = to_send(delivery, until)
    return Decision([held], timers=[arm])


def _give_up(delivery: Delivery, reason: str) -> Decision:
    given_up = failed(delivery, reason)
    return Decision([given_up], [announce_failed(given_up)])


def send_again(delivery: Delivery, now: datetime) -> tuple[Delivery, Arm]:
    """A delivery that failed, as an operator sends it again: it starts over from the first attempt."""
    return to_send(replace(delivery, attempts_before=delivery.attempts, tried_since=now), now)


def pause(delivery_id: str, attempts: int) -> timedelta:
    """How long after the failed attempt number `attempts` (from 1) the next one is made.

    It doubles each time up to an hour. The jitter is between half and all of that, by the delivery's id: so deliveries
    that failed together do not come back together, and the same attempt always waits the same time.
    """
    longest = min(FIRST_PAUSE * (1 << min(attempts - 1, 10)), LONGEST_PAUSE)
    jitter = int(derived_id(delivery_id, str(attempts))[:8], 16) / 2**32
    return longest / 2 + longest / 2 * jitter


def retry_at(
    delivery: Delivery, now: datetime, give_up_after: timedelta, asked_again_at: datetime | None = None
) -> datetime | None:
    """When to try again, the last time at the very end of `give_up_after`; None once that is over.

    A delivery that was not tried then, because its destination is left alone, is tried when the destination is asked
    again.
    """
    end = (delivery.tried_since or delivery.created_at) + give_up_after
    if now < end:
        return min(now + pause(delivery.id, delivery.attempts - delivery.attempts_before), end)
    return asked_again_at if asked_again_at is not None and now < asked_again_at <= end + OVERTIME else None


def announce_sent(delivery: Delivery) -> Say:
    """`notification.sent`."""
    return Say(EVENTS, "notification.sent", "notification.sent", _told(delivery), delivery.number or None)


def announce_failed(delivery: Delivery) -> Say:
    """`notification.failed`, with the reason."""
    told = _told(delivery, delivery.reason)
    return Say(EVENTS, "notification.failed", "notification.failed", told, delivery.number or None)


def _told(delivery: Delivery, reason: str | None = None) -> Delivered:
    return Delivered(
        event_id=delivery.event_id,
        number=delivery.number or None,
        recipient=delivery.recipient,
        kind=delivery.kind,
        channel=delivery.channel,
        reason=reason,
    )
