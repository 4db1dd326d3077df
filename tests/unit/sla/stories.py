"""Tickets' lives for the tests: versions as intake announces them, and a desk that hears them and keeps timers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.catalogue import Catalogue, Category, Target
from contracts.payload import stored
from contracts.tickets import Joined
from contracts.zones import zone
from services.chassis.decision import Arm, Decision, Message, Say
from services.sla.domain.calendar import Calendar, Window
from services.sla.domain.decide import decide
from services.sla.domain.policy import Policy
from services.sla.domain.state import Ticket, View
from tests.unit.said import assert_of_the_contract

MONDAY = datetime(2026, 6, 1, 9, tzinfo=UTC)
OFFICE = ((Window.parse("08:00-18:00"),),) * 5 + ((),) * 2
CALENDAR = Calendar("business", "1", zone("UTC"), OFFICE)


def category(id_: str, first: int, following: int) -> Category:
    targets = {tier: Target(min(first, most), min(following, most)) for tier, most in (("standard", 5), ("vip", 3))}
    return Category(id_, id_.title(), 1, id_, targets)


CATALOGUE = Catalogue({"safety": category("safety", 1, 2), "general": category("general", 5, 4)})
POLICY = Policy.of({"business": CALENDAR}, CATALOGUE)

EVENTS = {
    "open": "ticket.opened",
    "assign": "ticket.assigned",
    "work": "ticket.work_started",
    "customer": "ticket.customer_replied",
    "internal": "ticket.note_added",
    "suggest": "ticket.solution_suggested",
    "ask": "ticket.info_requested",
    "close": "ticket.closed",
    "reopen": "ticket.reopened",
    "supervisor reopens": "ticket.reopened",
    "reclassify": "ticket.reclassified",
    "escalate": "ticket.escalated",
}
ENTERS = {"work": "work_in_progress", "suggest": "solution_suggested", "ask": "need_more_info", "close": "closed"}
REOPENS = ("reopen", "supervisor reopens")
Snapshot = dict[str, Any]


def opened(at: datetime = MONDAY, tier: str = "standard", category: str = "general") -> Snapshot:
    """Version 1."""
    requester = {"id": "u1", "kind": "account", "display_name": "Una", "tier": tier}
    return {
        "id": "t1",
        "number": "00000001",
        "version": 1,
        "status": "new",
        "status_since": at,
        "status_version": 1,
        "assignment_seq": 0,
        "contact_version": 0,
        "category": category,
        "subcategory": None,
        "priority": 1,
        "escalated": False,
        "requester": requester,
        "channel": "web",
        "subject": "Lost",
        "issue_key": None,
        "language": None,
        "agent": None,
        "opened_at": at,
        "first_agent_message_at": None,
        "last_agent_message_at": None,
        "last_customer_message_at": at,
        "closed_at": None,
        "close_reason": None,
        "reopen_count": 0,
    }


def possible(last: Snapshot, action: str) -> bool:
    """Whether intake would let this happen to the ticket."""
    if last["status"] == "closed":
        return action in REOPENS
    if action == "work":
        return last["status"] in ("assigned", "needs_reply", "reopened")
    return action not in REOPENS and (action != "assign" or last["agent"] is None)


def after(last: Snapshot, action: str, at: datetime) -> Snapshot:
    """The next version, if this happens at that time."""
    ticket = {**last, "version": last["version"] + 1}
    status = ENTERS.get(action)
    if action == "assign":
        ticket |= {"agent": {"id": "a1", "display_name": "Ann"}, "assignment_seq": 1}
        status = "assigned" if last["status"] in ("new", "reopened") else None
    elif action == "customer" or action in REOPENS:
        if action != "supervisor reopens":
            ticket["last_customer_message_at"] = at
        if action in REOPENS:
            ticket |= {"reopen_count": last["reopen_count"] + 1, "closed_at": None, "close_reason": None}
            status = "reopened"
        elif last["status"] not in ("new", "needs_reply"):
            status = "needs_reply"
    elif action in ("suggest", "ask"):
        ticket |= {"last_agent_message_at": at, "first_agent_message_at": last["first_agent_message_at"] or at}
    elif action == "close":
        ticket |= {"closed_at": at, "close_reason": "done"}
    elif action == "reclassify":
        ticket["category"] = "safety" if last["category"] == "general" else "general"
    elif action == "escalate":
        ticket["escalated"] = True
    if status is not None:
        ticket |= {"status": status, "status_since": at, "status_version": ticket["version"]}
    return ticket


def story(*steps: tuple[str, float], **opening: Any) -> list[Snapshot]:
    """The versions of a ticket opened on `MONDAY`, with what happened to it and how many hours after opening."""
    versions = [opened(**opening)]
    for action, hour in steps:
        assert possible(versions[-1], action), f"{action} cannot happen to {versions[-1]['status']}"
        versions.append(after(versions[-1], action, MONDAY + timedelta(hours=hour)))
    return versions


def heard(data: Mapping[str, Any]) -> Message[Joined]:
    """The event of a version."""
    return Message("m", "ticket.note_added", "intake", stored(Joined, data))


@dataclass
class Desk:
    """Hears events and lets timers fire, one message a turn."""

    policy: Policy = POLICY
    view: View = field(init=False)
    armed: dict[str, Arm] = field(default_factory=dict)
    said: list[Say] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.view = View(self.policy, [], {self.policy.digest: self.policy})

    @property
    def ticket(self) -> Ticket:
        return self.view.tickets["t1"]

    def hear(self, *versions: Mapping[str, Any], at: datetime | None = None) -> list[Say]:
        """Each version's event; returns what was said."""
        return [say for version in versions for say in self.take(heard({"ticket": version}), at or MONDAY)]

    def fire(self, until: datetime, at: datetime | None = None) -> list[Say]:
        """Let all timers due by then fire in order, each when due (or all at `at`: late); returns what was said."""
        said: list[Say] = []
        while due := sorted((arm for arm in self.armed.values() if arm.timer.due <= until), key=by_due):
            said += self.fire_one(due[0], at or due[0].timer.due)
        return said

    def fire_one(self, arm: Arm, at: datetime) -> list[Say]:
        if self.armed.get(arm.id) == arm:
            del self.armed[arm.id]
        return self.take(Message("f", arm.timer.type_(), "sla", arm.timer, arm.about), at)

    def take(self, message: Message[Any], at: datetime) -> list[Say]:
        decision: Decision = decide(self.view, message, at)
        assert_of_the_contract("sla", decision)
        for change in decision.changes:
            self.view.apply(change)
        for timer in decision.timers:
            self.armed.pop(timer.id, None)
            if isinstance(timer, Arm):
                self.armed[timer.id] = timer
        self.said += decision.said
        return list(decision.said)

    def due(self) -> dict[str, datetime]:
        """When which kind of timer is due."""
        return {arm.timer.kind: arm.timer.due for arm in self.armed.values()}


def types(said: Iterable[Say]) -> list[str]:
    """What was said: events by type, messages to agents and commands by routing key."""
    return [say.routing_key for say in said]


def by_due(arm: Arm) -> datetime:
    return arm.timer.due
