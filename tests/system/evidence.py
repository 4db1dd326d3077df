"""What is known of a help desk under test: what was sent and heard, and what its databases and queues hold.

`house.py` collects it, `checker.py` judges it. The page is docs/testing.md.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from services.chassis.database import Document


@dataclass(frozen=True, slots=True)
class Sent:
    """A command that the broker has confirmed. `user` is the broker user who sent it."""

    user: str
    id: str
    type: str
    body: bytes = b""

    @property
    def data(self) -> dict[str, Any]:
        """What it says. Read by whoever asks: most commands are only counted."""
        decoded: dict[str, Any] = json.loads(self.body)["data"]
        return decoded


@dataclass(frozen=True)
class Heard:
    """A message as `user` received it: a channel, an agent, or whoever listens to all events."""

    user: str
    body: bytes

    @cached_property
    def event(self) -> dict[str, Any]:
        """The CloudEvent."""
        decoded: dict[str, Any] = json.loads(self.body)
        return decoded

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.event["id"])

    @property
    def type(self) -> str:
        """Its type."""
        return str(self.event["type"])


@dataclass(frozen=True, slots=True)
class Dead:
    """A message in `helpdesk.dead`."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was answered. `heard_before`: how many messages everybody had heard when it was asked."""

    user: str
    type: str
    data: Mapping[str, Any]
    heard_before: int
    answer: str
    """The answer's type."""
    said: Mapping[str, Any]
    """The answer's data."""


FOR_STAFF = "quillwort"
"""A word of all articles that are internal all their life: no channel may ever see it."""


@dataclass
class Evidence:
    """Everything that is known of a desk. Documents are as MongoDB has them, with aware datetimes."""

    sent: list[Sent] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    events: list[Heard] = field(default_factory=list)
    """All of `helpdesk.events`."""
    tickets: list[Document] = field(default_factory=list)
    """Intake's; `entries` are their history."""
    entries: list[Document] = field(default_factory=list)
    agents: list[Document] = field(default_factory=list)
    routed: list[Document] = field(default_factory=list)
    """Tickets as routing knows them."""
    timers: list[Document] = field(default_factory=list)
    """Those of sla."""
    other_timers: list[Document] = field(default_factory=list)
    """Those of all other services."""
    deliveries: list[Document] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    """The delivery id in the Message-ID of each mail in the catcher."""
    mail_arrivals: dict[str, int] = field(default_factory=dict)
    """How often each of these came."""
    mail_repeats: int = 0
    """How many mails may have come once more: a batch for each time that something died or was cut off."""
    outboxes: dict[str, int] = field(default_factory=dict)
    """Documents left in each service's outbox."""
    queues: dict[str, int] = field(default_factory=dict)
    """Messages left in each queue."""
    dead: list[Dead] = field(default_factory=list)
    articles: list[Document] = field(default_factory=list)
    """Knowledge's; `article_versions` are their history, and `published` is what readers see of them."""
    article_versions: list[Document] = field(default_factory=list)
    published: list[Document] = field(default_factory=list)
    tallies: list[Document] = field(default_factory=list)
    """What was counted of each article on each day."""
    forms: list[Document] = field(default_factory=list)
    """The drafts of channels from which articles were opened, or something was filed."""
    indexes: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By instance of knowledge that runs: how many texts its index holds, and its digest."""
    asked: list[Asked] = field(default_factory=list)
    """What people asked of articles while the desk worked, with the answers."""
    found: dict[str, set[tuple[str, str, int]]] = field(default_factory=dict)
    """By who searched in the end: each text that was found, as (article, language, version)."""
    now: datetime | None = None
    """The database's clock when the evidence was taken."""

    @cached_property
    def ticket_events(self) -> dict[str, dict[int, dict[str, Any]]]:
        """One event for each version of each ticket, by ticket id and version."""
        found: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
        for heard in self.events:
            if heard.type.startswith("ticket."):
                ticket = heard.event["data"]["ticket"]
                found[ticket["id"]].setdefault(ticket["version"], heard.event)
        return found
