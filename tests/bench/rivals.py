"""What Casebus is compared with, as processes: the naive desk (naive.py) and the limit (limit.py).

Makes what they need of broker and database, starts them, ends them. Measures nothing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pymongo import ASCENDING, IndexModel, MongoClient

from deploy.local.desk import Desk
from deploy.local.processes import CODE
from deploy.local.rabbitmq import ADMIN
from services.chassis.unit_of_work import Store
from services.client.bus import Bus
from services.intake.repository import INDEXES as INTAKE_INDEXES
from tests.bench.load import QUORUM, Broker
from tests.waiting import wait

PATIENCE = 30.0

HEARD: Mapping[str, Sequence[str]] = {
    "intake": (),
    "routing": ("ticket.opened",),
    "sla": ("ticket.opened",),
    "notifications": ("ticket.opened", "ticket.assigned"),
}
"""What each naive service hears of: no more than it needs. Casebus has the same services for tickets, and others."""

FOR_TICKETS = tuple(HEARD)

NAIVE_INDEXES = {
    "tickets": [IndexModel([("person", ASCENDING), ("open_key", ASCENDING)], unique=True)],
    "agents": [IndexModel([("load", ASCENDING)])],
    "assignments": [IndexModel([("agent", ASCENDING)])],
    "timers": [IndexModel([("due", ASCENDING)])],
    "deliveries": [IndexModel([("status", ASCENDING), ("created_at", ASCENDING)])],
}


def database_as_root(desk: Desk) -> MongoClient[dict[str, Any]]:
    """A client that may look at every database."""
    return MongoClient(desk.admin_mongo_url, tz_aware=True)


def naive_database(desk: Desk) -> str:
    """The name of the naive desk's database."""
    return f"{desk.db_prefix}_naive"


def prepare_naive(desk: Desk, agents: int) -> None:
    """The naive desk's exchanges, queues, indexes and agents; nobody reads its queues yet but its services."""
    with Bus(desk.amqp_url(ADMIN)) as bus:
        for exchange in ("events", "channels", "agents"):
            bus.channel.exchange_declare(f"naive.{exchange}", "topic", durable=True, auto_delete=False)
        for service, events in HEARD.items():
            bus.channel.queue_declare(f"naive.{service}", durable=True, auto_delete=False, arguments=QUORUM)
            for event in events:
                bus.channel.queue_bind(f"naive.{service}", "naive.events", event)
        for queue, exchange, key in (
            ("bench.outcomes", "naive.channels", "web.ticket.#"),
            ("bench.shown", "naive.channels", "web.notification.#"),
            ("bench.assigned", "naive.agents", "agent.*.ticket.assigned"),
            ("bench.shown", "naive.agents", "agent.*.notification.#"),
        ):
            bus.channel.queue_declare(queue, durable=True, auto_delete=False, arguments=QUORUM)
            bus.channel.queue_bind(queue, exchange, key)
    with database_as_root(desk) as client:
        database = client[naive_database(desk)]
        for collection, indexes in NAIVE_INDEXES.items():
            database[collection].create_indexes(indexes)
        now = datetime.now(UTC)
        database["agents"].insert_many([{"_id": f"b{number}", "load": 0, "since": now} for number in range(agents)])


@contextmanager
def naive_services(desk: Desk, broker: Broker, services: Sequence[str], workers: int = 1) -> Iterator[list[int]]:
    """These of the naive desk's services, consuming; returns their process ids."""
    environment = {
        "BENCH_AMQP": desk.amqp_url(ADMIN),
        "BENCH_MONGO": desk.admin_mongo_url,
        "BENCH_DATABASE": naive_database(desk),
        "BENCH_WORKERS": str(workers),
    }
    with _running([["tests.bench.naive", service] for service in services], environment) as pids:
        wait(
            lambda: {service: broker.consumers(f"naive.{service}") for service in services},
            "consumers of each naive queue",
            lambda consumers: all(consumers.values()),
            patience=PATIENCE,
        )
        yield pids


@contextmanager
def limit(desk: Desk) -> Iterator[list[int]]:
    """The limit, on the desk's own topology and a database with intake's indexes; returns its process id."""
    name = f"{desk.db_prefix}_limit"
    with database_as_root(desk) as client:
        Store(client[name], "intake").prepare(INTAKE_INDEXES)
    environment = {
        "BENCH_AMQP": desk.amqp_url("intake"),
        "BENCH_USER": "intake",
        "BENCH_MONGO": desk.admin_mongo_url,
        "BENCH_DATABASE": name,
    }
    with _running([["tests.bench.limit"]], environment) as pids:
        yield pids


@contextmanager
def _running(programs: Sequence[Sequence[str]], environment: Mapping[str, str]) -> Iterator[list[int]]:
    processes = [
        subprocess.Popen([sys.executable, "-m", *program], env={**os.environ, **environment}, cwd=CODE)
        for program in programs
    ]
    try:
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(PATIENCE)
