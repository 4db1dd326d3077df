"""Values for the tests of notifications, and a small desk that runs turns of the domain against a clock of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import structs

from contracts import registry
from contracts.notifications import Message as Shown
from contracts.payload import Payload, document, stored
from services.chassis.decision import Arm, Message, Say, Timer, carrying
from services.notifications.domain.attempts import SendTimer, verdict
from services.notifications.domain.decide import decide
from services.notifications.domain.state import (
    Article,
    Contact,
    Delivery,
    Facts,
    Kind,
    Outcome,
    Policy,
    Preferences,
    Text,
    View,
)
from tests.unit.said import assert_of_the_contract

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(hours=24)
ACCEPTED = Outcome("accepted")
DEFERRED = Outcome("deferred", "451 4.3.0")
REFUSED = Outcome("refused", "550 5.1.1")


class PlainWording:
    """Words that show what they were made of."""

    def render(self, kind: Kind, facts: Facts, languages: Sequence[str] = ()) -> Text:
        parts = [facts.requester, facts.agent, facts.subject, facts.message, facts.code]
        parts += [facts.articles] if facts.articles else []
        return Text(f"{kind} {facts.number}", "|".join(parts) + "".join(f" [{each}]" for each in languages))


def a_snapshot(number: str = "00000042", contact_version: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "id": f"t-{number}",
        "number": number,
        "version": 1,
        "status": "new",
        "status_since": NOW,
        "status_version": 1,
        "assignment_seq": 0,
        "contact_version": contact_version,
        "category": "billing",
        "subcategory": None,
        "priority": 3,
        "escalated": False,
        "requester": {"id": "r1", "kind": "account", "display_name": "Ada", "tier": "standard"},
        "channel": "web",
        "subject": "Charged twice",
        "issue_key": None,
        "language": None,
        "agent": None,
        "opened_at": NOW,
        "first_agent_message_at": None,
        "last_agent_message_at": None,
        "last_customer_message_at": NOW,
        "closed_at": None,
        "close_reason": None,
        "reopen_count": 0,
        **more,
    }


def an_entry(text: str | None, visibility: str = "public", by: str = "agent", **more: Any) -> dict[str, Any]:
    author = {"kind": by, "id": "a7" if by == "agent" else "r1", "display_name": "Grace" if by == "agent" else "Ada"}
    return {
        "id": "n1",
        "kind": "reply",
        "author": author,
        "visibility": visibility,
        "text": text,
        "attachments": [],
        "at": NOW,
        **more,
    }


def an_event(type_: str, id_: str = "e1", entry: dict[str, Any] | None = None, **snapshot: Any) -> Message[Any]:
    """A ticket event, or one of sla about a ticket; from the first assignment on the ticket has the agent a7."""
    if type_ != "ticket.opened":
        snapshot.setdefault("agent", {"id": "a7", "display_name": "Grace"})
    data: dict[str, Any] = {"ticket": a_snapshot(**snapshot)} | ({"entry": entry} if entry else {})
    number = data["ticket"]["number"]
    if type_.startswith("sla."):
        data |= {"number": number, "ticket_id": data["ticket"]["id"], "status_version": 1}
        data |= {"closes_at": NOW + DAY} if type_ == "sla.closing_soon" else DEADLINE
    if type_ == "ticket.redacted":
        data |= {"subject": False}
    return Message(id_, type_, "intake", payload(type_, data), number, f"intake\x1f{id_}")


def with_data(event: Message[Any], **changed: Any) -> Message[Any]:
    """The event with other data."""
    return replace(event, data=structs.replace(event.data, **changed))


def payload(type_: str, data: dict[str, Any]) -> Payload:
    """The data of an event."""
    kind = registry.event(type_)
    assert kind is not None
    return stored(kind.data, data)


DEADLINE = {
    "target": "first_reply",
    "due_at": NOW + DAY,
    "warn_at": NOW,
    "escalatable_at": NOW + DAY,
    "calendar_version": "1",
}


def a_contact_change(
    contact_version: int, email: str | None = "ada@example.org", requester: str = "r1", **more: Any
) -> Message[Any]:
    data = {"account_id": requester, "kind": "account", "email": email, "contact_version": contact_version, **more}
    id_ = f"c-{requester}-{contact_version}"
    loaded = payload("account.contact_changed", data)
    return Message(id_, "account.contact_changed", "intake", loaded, requester, f"intake\x1f{id_}")


def a_preferences_change(
    preferences_version: int, requester: str = "r1", kind: str = "account", **set_: Any
) -> Message[Any]:
    data = {"account_id": requester, "kind": kind, "preferences_version": preferences_version, **set_}
    id_ = f"p-{kind}-{requester}-{preferences_version}"
    loaded = payload("account.preferences_changed", data)
    return Message(id_, "account.preferences_changed", "intake", loaded, requester, f"intake\x1f{id_}")


@dataclass
class Desk:
    """Notifications without a database: state, timers and what was said. `server` tells how each attempt ends."""

    server: Callable[[Delivery, int], Outcome] = lambda _mail, _attempt: ACCEPTED
    policy: Policy = field(default_factory=Policy)
    now: datetime = NOW
    contacts: dict[str, Contact] = field(default_factory=dict)
    preferences: dict[str, Preferences] = field(default_factory=dict)
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    articles: dict[str, Article] = field(default_factory=dict)
    timers: dict[str, Arm] = field(default_factory=dict)
    said: list[Say] = field(default_factory=list)
    attempts: list[tuple[datetime, str, Outcome]] = field(default_factory=list)

    def hear(self, *messages: Message[Any]) -> None:
        """One turn."""
        outcomes = {key: outcome for timer in carrying(messages, SendTimer) for key, outcome in self._send(timer)}
        view = View(
            PlainWording(),
            self.policy,
            dict(self.contacts),
            dict(self.preferences),
            dict(self.deliveries),
            outcomes,
            dict(self.articles),
        )
        for message in messages:
            decision = decide(view, message, self.now)
            assert_of_the_contract("notifications", decision)
            for change in decision.changes:
                assert change.version == _next_version(view, change), "else another instance's change is overwritten"
                view.apply(change)
            for timer in decision.timers:
                self.timers.pop(timer.id, None)
                if isinstance(timer, Arm):
                    self.timers[timer.id] = timer
            self.said += decision.said
        self.contacts, self.preferences, self.deliveries = view.contacts, view.preferences, view.deliveries
        self.articles = view.articles

    def let_time_pass(self, until: datetime) -> None:
        """Fire every timer that falls due, each at its time, up to `until`."""
        while due := sorted((arm for arm in self.timers.values() if arm.timer.due <= until), key=by_due):
            arm = self.timers.pop(due[0].id)
            self.now = max(self.now, arm.timer.due)
            self.hear(fired(arm))
        self.now = until

    def told(self) -> list[tuple[str, str, str]]:
        """(routing key, kind, number) of every `notification.message`."""
        told = [(say.routing_key, say.data) for say in self.said if isinstance(say.data, Shown)]
        return [(key, data.kind, data.number) for key, data in told]

    def announced(self, type_: str) -> list[Mapping[str, Any]]:
        """Data of every event of that type."""
        return [document(say.data) for say in self.said if say.type == type_]

    def mails(self) -> list[Delivery]:
        return [delivery for delivery in self.deliveries.values() if delivery.channel == "email"]

    def mail(self) -> Delivery:
        (mail,) = self.mails()
        return mail

    def _send(self, timer: Message[SendTimer]) -> Sequence[tuple[tuple[str, int], Outcome]]:
        mail = self.deliveries[timer.subject or ""]
        contact, preferences = self.contacts.get(mail.whose), self.preferences.get(mail.person)
        if mail.status != "pending" or verdict(mail, contact, preferences, self.policy, self.now) != "send":
            return []
        attempt = mail.attempts + 1
        outcome = self.server(mail, attempt)
        self.attempts.append((self.now, mail.id, outcome))
        return [((mail.id, attempt), outcome)]


def _next_version(view: View, change: Article | Contact | Delivery | Preferences) -> int:
    """What the version of what changes has to be; any of a delivery that was not there before."""
    if isinstance(change, Delivery):
        known = view.deliveries.get(change.id)
        return change.version if known is None else known.version + 1
    by_kind: Mapping[type, Mapping[str, Any]] = {
        Article: view.articles,
        Contact: view.contacts,
        Preferences: view.preferences,
    }
    stored = by_kind[type(change)]
    return stored[change.id].version + 1 if change.id in stored else 1


def fired(arm: Arm) -> Message[Timer]:
    return Message(f"{arm.id}:x", arm.timer.type_(), "notifications", arm.timer, arm.about, f"n\x1f{arm.id}")


def by_due(arm: Arm) -> datetime:
    return arm.timer.due
