"""How long a submission takes to reach an agent while little is going on: 50 a second, against the naive desk.

From just before `ticket.submit` is published until `ticket.assigned` is in the agent's hands, both by this process's
clock. The first two seconds warm the services up and do not count. Sender and receiver are plain AMQP
(`client/bus.py`), each in one thread: with the client's own thread between, its switches would count as the desk's.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from contracts import topology
from contracts.envelope import CONTENT_TYPE
from deploy.local.desk import Desk
from services.client.bus import Bus
from tests.bench import rivals
from tests.bench.load import Broker, agents_for, submissions
from tests.bench.measure import percentile
from tests.waiting import wait

A_SECOND = 50
WARM_UP = 2 * A_SECOND
QUEUE = "bench.assigned"


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from publish to receipt."""

    count: int
    p50: float
    p99: float
    largest: float


def naive_latency(desk: Desk, broker: Broker, count: int) -> Latency:
    """The naive desk, four processes with a worker each."""
    rivals.prepare_naive(desk, agents_for(count + WARM_UP))
    with rivals.naive_services(desk, broker, rivals.FOR_TICKETS):
        return _measure(broker.url, "", "naive.intake", count, lambda ticket: str(ticket["person"]))


def latency(desk: Desk, broker: Broker, count: int) -> Latency:
    """Casebus, the four services."""
    broker.collect(QUEUE, topology.AGENTS, "agent.*.ticket.assigned")
    broker.collect("bench.shown", topology.AGENTS, "agent.*.notification.#")
    broker.sign_on(agents_for(count + WARM_UP))
    desk.start_all((service, 1) for service in rivals.FOR_TICKETS)
    return _measure(broker.url, topology.INTAKE, "ticket.submit", count, lambda ticket: str(ticket["requester"]["id"]))


def _measure(url: str, exchange: str, key: str, count: int, requester: Callable[[Any], str]) -> Latency:
    sent: dict[str, float] = {}
    received: dict[str, float] = {}
    done = threading.Event()

    def take(message: Any) -> None:
        now = time.perf_counter()
        received.setdefault(requester(json.loads(message.body)["data"]["ticket"]), now)

    def receive() -> None:
        with Bus(url) as bus:
            bus.consume(QUEUE, take)
            while not done.is_set():
                bus.drain(0.1)

    receiver = threading.Thread(target=receive)
    receiver.start()
    try:
        total = count + WARM_UP
        _send(url, exchange, key, total, sent)
        wait(lambda: len(received), f"{total} tickets in agents' hands", lambda count: count == total)
    finally:
        done.set()
        receiver.join()
    counted = list(sent)[WARM_UP:]
    took = sorted(1000 * (received[id_] - sent[id_]) for id_ in counted)
    return Latency(len(took), percentile(took, 0.5), percentile(took, 0.99), took[-1])


def _send(url: str, exchange: str, key: str, count: int, sent: dict[str, float]) -> None:
    """At an even pace; when each was sent goes into `sent`, by its requester."""
    with Bus(url) as bus:
        begin = time.perf_counter()
        for number, (id_, body) in enumerate(submissions(count, 0, "paced")):
            while (pause := begin + number / A_SECOND - time.perf_counter()) > 0:
                bus.drain(pause)
            sent[id_] = time.perf_counter()
            bus.publish(exchange, key, body, message_id=id_, user_id="web", content_type=CONTENT_TYPE)
        bus.settle()
