"""What most would write first: the help desk in stock nameko, one message at a time, with Casebus's durability.

Four services, each in a process of its own, as Casebus has them: majority writes, confirmed mandatory publishes, an
acknowledgement a message. It does less: no handled ids, no outbox, no history, no capacity that two instances share,
no rules; routing assigns directly, a hop less; and it may lose or double what Casebus may not. Run by `make bench` as
`python -m tests.bench.naive SERVICE`, settings in the environment.
"""

# ruff: noqa: E402 - green before anything else is imported
from __future__ import annotations

import eventlet

eventlet.monkey_patch()

import os
import signal
import sys
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from eventlet.event import Event
from kombu.entity import Exchange, Queue
from nameko.containers import ServiceContainer
from nameko.extensions import DependencyProvider
from nameko.messaging import Publisher, consume
from pymongo import ASCENDING, MongoClient
from pymongo.server_api import ServerApi

from contracts.common import AccountRequester
from contracts.envelope import CONTENT_TYPE
from contracts.payload import read
from contracts.tickets import Submit


def topic(name: str) -> Exchange:
    """One of the bench's exchanges (rivals.py makes them)."""
    return Exchange(f"naive.{name}", type="topic", durable=True, no_declare=True)


def queue(service: str) -> Queue:
    """What a service reads."""
    return Queue(f"naive.{service}", durable=True, no_declare=True)


EVENTS, CHANNELS, AGENTS = topic("events"), topic("channels"), topic("agents")


def message(type_: str, data: dict[str, Any], cause: str) -> dict[str, Any]:
    """An event or outcome."""
    return {"specversion": "1.0", "id": uuid.uuid4().hex, "type": type_, "causationid": cause, "data": data}


class Collections(DependencyProvider):
    """The database, majority writes."""

    def setup(self) -> None:
        client: MongoClient[dict[str, Any]] = MongoClient(
            self.container.config["MONGO"], server_api=ServerApi("1", strict=True), w="majority", tz_aware=True
        )
        self.database = client[self.container.config["DATABASE"]]

    def get_dependency(self, worker_ctx: Any) -> Any:
        return self.database


class Intake:
    """Files tickets, one for a person and a subject."""

    name = "intake"
    db = Collections()
    announce = Publisher(exchange=EVENTS, mandatory=True)
    answer = Publisher(exchange=CHANNELS, mandatory=True)

    @consume(queue("intake"))
    def submit(self, event: dict[str, Any]) -> None:
        submitted = read(Submit, event["data"], is_whole=True).data  # as fast as the desk reads it
        assert isinstance(submitted.requester, AccountRequester)
        person, open_key = submitted.requester.account_id, f"{submitted.category}|{submitted.subject.casefold()}"
        now = datetime.now(UTC)
        ticket = self.db.tickets.find_one({"person": person, "open_key": open_key})
        outcome = "ticket.duplicate"
        if ticket is None:
            outcome = "ticket.opened"
            ticket = {
                "_id": uuid.uuid4().hex,
                "person": person,
                "open_key": open_key,
                "status": "new",
                "opened_at": now,
                "subject": submitted.subject,
                "history": [{"kind": "opened", "text": submitted.body, "at": now}],
            }
            self.db.tickets.insert_one(ticket)
        snapshot = {**ticket, "opened_at": ticket["opened_at"].isoformat(), "history": None}
        said = message(outcome, {"ticket": snapshot}, event["id"])
        if outcome == "ticket.opened":
            self.announce(said, routing_key=outcome)
        self.answer(said, routing_key="web." + outcome)


class Routing:
    """Gives each ticket to the agent with the least to do."""

    name = "routing"
    db = Collections()
    announce = Publisher(exchange=EVENTS, mandatory=True)
    tell = Publisher(exchange=AGENTS, mandatory=True)

    @consume(queue("routing"))
    def opened(self, event: dict[str, Any]) -> None:
        agent = self.db.agents.find_one_and_update(
            {"load": {"$lt": 1_000_000}}, {"$inc": {"load": 1}}, sort=[("load", ASCENDING)]
        )
        ticket = {**event["data"]["ticket"], "status": "assigned", "agent": agent["_id"]}
        self.db.assignments.insert_one({"_id": ticket["_id"], "agent": agent["_id"], "at": datetime.now(UTC)})
        said = message("ticket.assigned", {"ticket": ticket}, event["id"])
        self.announce(said, routing_key="ticket.assigned")
        self.tell(said, routing_key=f"agent.{agent['_id']}.ticket.assigned")


class Sla:
    """Arms a warning and a breach for each ticket."""

    name = "sla"
    db = Collections()

    @consume(queue("sla"))
    def opened(self, event: dict[str, Any]) -> None:
        id_ = event["data"]["ticket"]["_id"]
        due = datetime.now(UTC) + timedelta(days=3)
        self.db.timers.insert_many([{"ticket": id_, "kind": kind, "due": due} for kind in ("warning", "breach")])


class Notifications:
    """Tells the requester of a ticket that it is open, and requester and agent who has it."""

    name = "notifications"
    db = Collections()
    to_channel = Publisher(exchange=CHANNELS, mandatory=True)
    to_agent = Publisher(exchange=AGENTS, mandatory=True)

    @consume(queue("notifications"))
    def heard(self, event: dict[str, Any]) -> None:
        ticket, assigned = event["data"]["ticket"], event["type"] == "ticket.assigned"
        recipients = [ticket["person"], *([ticket["agent"]] if assigned else [])]
        text = f"About “{ticket['subject']}”: {'it has been assigned' if assigned else 'we have it'}."
        stored = [
            {"_id": f"{event['id']}:{recipient}", "status": "sent", "text": text, "created_at": datetime.now(UTC)}
            for recipient in recipients
        ]
        self.db.deliveries.insert_many(stored)
        said = message("notification.message", {"ticket": ticket["_id"], "text": text}, event["id"])
        self.to_channel(said, routing_key="web.notification.message")
        if assigned:
            self.to_agent(said, routing_key=f"agent.{ticket['agent']}.notification.message")


SERVICES: dict[str, type] = {service.name: service for service in (Intake, Routing, Sla, Notifications)}


def main(service: str) -> None:
    """Run until SIGTERM."""
    config = {
        "AMQP_URI": os.environ["BENCH_AMQP"],
        "MONGO": os.environ["BENCH_MONGO"],
        "DATABASE": os.environ["BENCH_DATABASE"],
        "max_workers": int(os.environ["BENCH_WORKERS"]),
        "serializer": "json",
        "SERIALIZERS": {
            "cloudevents": {"encoder": "json.dumps", "decoder": "json.loads", "content_type": CONTENT_TYPE}
        },
        "ACCEPT": ["json", "cloudevents"],
    }
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.send())
    container = ServiceContainer(SERVICES[service], config)
    container.start()
    stop.wait()
    container.stop()


if __name__ == "__main__":
    main(sys.argv[1])
