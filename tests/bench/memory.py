"""Whether a service's memory is bounded, however much waits for it: its peak over 5,000 messages and over 200,000.

Each service is first given few messages, to the last; then a new process of it is given many, of which it handles at
least as many as before. What waits is real: submissions for intake, and one `ticket.opened` for each of the others.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from contracts import topology
from deploy.local.desk import Desk
from deploy.local.processes import CODE
from tests.bench.load import Broker, submissions
from tests.bench.throughput import process_ids

OPENED = CODE / "contracts" / "examples" / "event.ticket.opened.json"
SECONDS = 8.0
"""Over how long a service with a full queue is watched, at least."""

PATIENCE = 120.0
HEARING = {"routing": "routing.events", "sla": "sla.events", "notifications": "notifications.events"}


@dataclass(frozen=True, slots=True)
class Memory:
    """Peak resident set sizes of one service in MiB: with few messages waiting, and with many."""

    few: float
    many: float

    @property
    def ratio(self) -> float:
        """1 is flat."""
        return self.many / self.few


def memory(desk: Desk, broker: Broker, few: int, many: int) -> dict[str, Memory]:
    """Each service's peaks."""
    queues = {"intake": "intake.commands", **HEARING}
    peaks: dict[str, list[float]] = {service: [] for service in queues}
    for waiting in (few, many):
        broker.fill(topology.INTAKE, "ticket.submit", submissions(waiting, 0.1, f"waiting{waiting}"))
        _watch(desk, broker, {"intake": "intake.commands"}, few, waiting, peaks)
        for queue in queues.values():
            broker.purge(queue)
        broker.fill(topology.EVENTS, "ticket.opened", _opened(waiting), "intake")
        _watch(desk, broker, HEARING, few, waiting, peaks)
        for queue in queues.values():
            broker.purge(queue)
    return {service: Memory(*values) for service, values in peaks.items()}


def _watch(
    desk: Desk,
    broker: Broker,
    queues: dict[str, str],
    few: int,
    waiting: int,
    peaks: dict[str, list[float]],
) -> None:
    """Start these services, and add to `peaks` the most memory that each had until `few` messages were handled."""
    desk.start_all((service, 1) for service in queues)
    processes = {service: psutil.Process(pid) for service, pid in process_ids(desk, list(queues)).items()}
    most = dict.fromkeys(queues, 0)
    begin = time.monotonic()
    while True:
        for service, process in processes.items():
            most[service] = max(most[service], process.memory_info().rss)
        handled = min(waiting - broker.length(queue) for queue in queues.values())
        took = time.monotonic() - begin
        if handled >= few and (took > SECONDS or waiting == few):
            break
        if took > PATIENCE:
            raise SystemExit(f"bench: only {handled} of {waiting} messages were handled within {PATIENCE:.0f} s")
        time.sleep(0.05)
    for service in queues:
        peaks[service].append(most[service] / 2**20)
        desk.kill(service)


def _opened(count: int) -> Iterator[tuple[str, bytes]]:
    """`ticket.opened` of this many tickets, by the contract's own example."""
    event = json.loads(OPENED.read_text(encoding="utf-8"))
    ticket = event["data"]["ticket"]
    for number in range(count):
        event["id"] = f"opened-{count}-{number}"
        ticket["id"] = f"ticket-{count}-{number}"
        ticket["number"] = event["subject"] = f"{30_000_000 + number}"
        ticket["requester"]["id"] = f"account-{number}"
        yield event["id"], json.dumps(event).encode()
