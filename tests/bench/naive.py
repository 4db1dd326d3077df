"""What most would write first: stock nameko, one message at a time, with the durability that Casebus has.

Each `ticket.submit` is validated by the same schema, looked up, written with a majority, and announced and answered by
confirmed, mandatory publishes. No handled ids, no outbox, no rules: it does less than intake does, and may lose a
message where Casebus may not. Run by `make bench` as `python -m tests.bench.naive`, settings in the environment.
"""

# ruff: noqa: E402 - green before anything else is imported
from __future__ import annotations

import eventlet

eventlet.monkey_patch()

import os
import signal
import uuid
from datetime import UTC, datetime
from typing import Any

from eventlet.event import Event
from kombu import Exchange, Queue
from nameko.containers import ServiceContainer
from nameko.extensions import DependencyProvider
from nameko.messaging import Publisher, consume
from pymongo import MongoClient
from pymongo.server_api import ServerApi

from contracts import registry

COMMANDS = Queue("naive.commands", durable=True, no_declare=True)
EVENTS = Exchange("naive.events", type="topic", durable=True, no_declare=True)
OUTCOMES = Exchange("naive.outcomes", type="topic", durable=True, no_declare=True)


class Tickets(DependencyProvider):
    """The collection of tickets, majority writes."""

    def setup(self) -> None:
        client: MongoClient[dict[str, Any]] = MongoClient(
            self.container.config["MONGO"], server_api=ServerApi("1", strict=True), w="majority", tz_aware=True
        )
        self.tickets = client[self.container.config["DATABASE"]]["tickets"]
        self.tickets.create_index([("person", 1), ("open_key", 1)], unique=True)

    def get_dependency(self, worker_ctx: Any) -> Any:
        return self.tickets


class Naive:
    """Intake as a tutorial would write it."""

    name = "naive"
    tickets = Tickets()
    announce = Publisher(exchange=EVENTS, mandatory=True)
    answer = Publisher(exchange=OUTCOMES, mandatory=True)

    @consume(COMMANDS)
    def submit(self, event: dict[str, Any]) -> None:
        """File one ticket."""
        kind = registry.command("ticket.submit")
        assert kind is not None
        data = kind.schema.load(event["data"])
        person, open_key = data["requester"]["account_id"], f"{data['category']}|{data['subject'].casefold()}"
        now = datetime.now(UTC)
        ticket = self.tickets.find_one({"person": person, "open_key": open_key})
        outcome = "ticket.duplicate"
        if ticket is None:
            outcome = "ticket.opened"
            ticket = {
                "_id": uuid.uuid4().hex,
                "person": person,
                "open_key": open_key,
                "status": "new",
                "opened_at": now,
                "subject": data["subject"],
                "history": [{"kind": "opened", "text": data["body"], "at": now}],
            }
            self.tickets.insert_one(ticket)
        snapshot = {**ticket, "opened_at": ticket["opened_at"].isoformat(), "history": None}
        envelope = {"specversion": "1.0", "id": uuid.uuid4().hex, "type": outcome, "data": {"ticket": snapshot}}
        self.announce(envelope, routing_key=outcome)
        self.answer({**envelope, "causationid": event["id"]}, routing_key="web." + outcome)


def main() -> None:
    """Run until SIGTERM."""
    config = {
        "AMQP_URI": os.environ["BENCH_AMQP"],
        "MONGO": os.environ["BENCH_MONGO"],
        "DATABASE": os.environ["BENCH_DATABASE"],
        "max_workers": int(os.environ["BENCH_WORKERS"]),
        "serializer": "json",
    }
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.send())
    container = ServiceContainer(Naive, config)
    container.start()
    stop.wait()
    container.stop()


if __name__ == "__main__":
    main()
