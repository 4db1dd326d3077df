"""How long a question and an assignment take while tens of thousands of commands wait for the one intake.

Some tickets are filed first; then the queue of people's commands is filled, and intake started. Four times a second one
of the tickets is asked for on `helpdesk.questions`, and one assigned, as routing would, until most of the backlog is
done or `PROBES` were sent. One view is sent as a command, for comparison: it waits behind all the others.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from contracts import topology
from contracts.envelope import CONTENT_TYPE
from contracts.names import INTAKE, QUESTIONS
from deploy.local.desk import Desk
from deploy.local.rabbitmq import ADMIN
from services.client.bus import Bus
from services.routing.domain.rules import MARGIN
from tests.bench.load import QUORUM, Broker, event, submissions
from tests.bench.measure import percentile

PROBES = 60
EVERY = 0.25
REST = 0.1
"""Share of the backlog that is left when probing ends."""

PATIENCE = 180.0
FILED, HEARD = "bench.filed", "bench.heard"
REPLIES = "web.bench"
"""A queue of the name of who asks: no other is answered."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Seconds from publish to receipt while `waiting` commands waited, and `left` when the last probe was answered."""

    waiting: int
    left: int
    asked: int
    view_p50: float
    view_largest: float
    assigned: int
    assign_p50: float
    assign_largest: float
    as_command: float
    """The same view as a command, behind the backlog."""


def backlog(desk: Desk, broker: Broker, waiting: int) -> Backlog:
    """Probe one intake that has `waiting` commands to handle."""
    numbers = _filed(desk, broker)
    broker.fill(topology.INTAKE, "ticket.submit", submissions(waiting, 0.1, "backlog"))
    with Bus(desk.amqp_url(ADMIN)) as bus:
        probe = _Probe(bus, numbers)
        desk.start("intake")
        probe.until(lambda: broker.length("intake.commands") < waiting, "intake at work")
        probe.view(numbers[0], INTAKE)
        for number in numbers:
            if broker.length("intake.commands") < waiting * REST:
                break
            probe.view(number, QUESTIONS)
            probe.assign(number)
            begin = time.monotonic()
            while time.monotonic() < begin + EVERY:
                probe.listen(0.02)
        probe.until(lambda: len(probe.took("assign")) + len(probe.took("view")) == probe.sent_fast, "every probe")
        left = broker.length("intake.commands")
        probe.until(lambda: bool(probe.took("command")), "the view that was sent as a command")
    views, assignments = probe.took("view"), probe.took("assign")
    return Backlog(
        waiting,
        left,
        len(views),
        percentile(views, 0.5),
        views[-1],
        len(assignments),
        percentile(assignments, 0.5),
        assignments[-1],
        probe.took("command")[0],
    )


def _filed(desk: Desk, broker: Broker) -> Sequence[str]:
    """The numbers of tickets of `owner-0`, `owner-1`, …, in this order. Intake is stopped again."""
    broker.collect(FILED, topology.CHANNELS, "web.ticket.opened")
    mine = [(id_, body) for id_, body in submissions(PROBES, 0, "owner")]
    broker.fill(topology.INTAKE, "ticket.submit", mine)
    desk.start("intake")
    numbers: dict[str, str] = {}

    def take(message: Any) -> None:
        ticket = json.loads(message.body)["data"]["ticket"]
        numbers[ticket["requester"]["id"]] = ticket["number"]

    with Bus(desk.amqp_url(ADMIN)) as bus:
        bus.consume(FILED, take)
        deadline = time.monotonic() + PATIENCE
        while len(numbers) < PROBES:
            if time.monotonic() > deadline:
                raise SystemExit(f"bench: only {len(numbers)} of {PROBES} tickets were filed")
            bus.drain(0.1)
        bus.channel.queue_delete(FILED)
    desk.kill("intake")
    return [numbers[f"owner-{place}"] for place in range(PROBES)]


@dataclass(slots=True)
class _Probe:
    """Sends views and assignments of the tickets `numbers`, and takes down how long each took."""

    bus: Bus
    numbers: Sequence[str]
    _sent: dict[str, float] = field(default_factory=dict)
    _took: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for queue in (REPLIES, HEARD):
            self.bus.channel.queue_declare(queue, durable=True, auto_delete=False, arguments=QUORUM)
        self.bus.channel.queue_bind(HEARD, topology.EVENTS, "ticket.assigned")
        for queue in (REPLIES, HEARD):
            self.bus.consume(queue, self._hear)

    @property
    def sent_fast(self) -> int:
        """Probes that wait for no backlog."""
        return sum(not id_.startswith("command") for id_ in self._sent)

    def took(self, what: str) -> list[float]:
        """Seconds that those took which came back, in order."""
        return sorted(self._took.get(what, ()))

    def view(self, number: str, exchange: str) -> None:
        """Ask for a ticket, of its requester."""
        place = len(self._sent)
        what = "view" if exchange == QUESTIONS else "command"
        account = f"owner-{self.numbers.index(number)}"
        owner = {"account_id": account, "display_name": "Owner", "tier": "standard"}
        body = event(f"{what}-{place}", "ticket.view", "/channels/web", {"requester": owner, "number": number})
        self._publish(exchange, "ticket.view", f"{what}-{place}", body, "web", reply_to=REPLIES)

    def assign(self, number: str) -> None:
        """Assign a ticket as routing does."""
        id_ = f"assign-{number}"
        until = (datetime.now(UTC) + MARGIN).strftime("%Y-%m-%dT%H:%M:%SZ")
        data: dict[str, object] = {
            "number": number,
            "agent": {"id": "b1", "display_name": "Agent 1"},
            "assignment_seq": 0,
            "reason": "least loaded",
            "valid_until": until,
        }
        body = event(id_, "ticket.assign", "/services/routing", data)
        self._publish(topology.DESK, "ticket.assign", id_, body, "routing")

    def listen(self, seconds: float) -> None:
        """Take in what comes within so long."""
        self.bus.drain(seconds)

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Listen until it holds."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > deadline:
                raise SystemExit(f"bench: {what}: not within {PATIENCE:.0f} s")
            self.listen(0.05)

    def _publish(self, exchange: str, key: str, id_: str, body: bytes, user: str, **more: str) -> None:
        self._sent[id_] = time.perf_counter()
        self.bus.publish(exchange, key, body, message_id=id_, user_id=user, content_type=CONTENT_TYPE, **more)

    def _hear(self, message: Any) -> None:
        now = time.perf_counter()
        heard = json.loads(message.body)
        if heard["type"] not in ("ticket.viewed", "ticket.assigned"):
            raise SystemExit(f"bench: {heard['type']} came back: {heard['data']}")
        id_ = heard["causationid"]
        self._took.setdefault(id_.partition("-")[0], []).append(now - self._sent[id_])
