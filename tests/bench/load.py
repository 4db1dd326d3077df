"""What the bench sends, and how it fills queues and counts what came out."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime

from contracts import topology
from deploy.cli.bus import Bus
from deploy.local.desk import Desk
from deploy.local.processes import CODE
from deploy.local.rabbitmq import ADMIN

REQUESTS = CODE.parent / "shared" / "data" / "customer_requests.csv"
"""Real questions; where they are absent, as in a plain clone, a handful of made-up ones are used."""

MADE_UP = ["My card has not arrived", "I cannot log in", "I was charged twice", "The world does not load"]
CATEGORIES = ["safety", "account-access", "billing", "content-dispute", "technical", "general"]


def submissions(count: int, duplicates: float, prefix: str) -> Iterator[tuple[str, bytes]]:
    """`count` submissions (id, body), a fixed mixture: a share of `duplicates` repeats an earlier requester's issue."""
    texts = _texts()
    dice = random.Random(7)
    filed: list[int] = []
    repeats = set(dice.sample(range(count // 20, count), int(count * duplicates)))
    for number in range(count):
        requester = dice.choice(filed) if number in repeats else number
        if number not in repeats:
            filed.append(number)
        text = texts[requester % len(texts)]
        data = {
            "requester": {
                "account_id": f"{prefix}-{requester}",
                "display_name": f"Requester {requester}",
                "tier": "vip" if requester % 20 == 0 else "standard",
            },
            "category": CATEGORIES[requester % len(CATEGORIES)],
            "subject": text[:200],
            "body": text,
        }
        yield f"{prefix}-{number}", _event(f"{prefix}-{number}", "ticket.submit", "/channels/web", data)


def _texts() -> list[str]:
    if not REQUESTS.exists():
        return MADE_UP
    with REQUESTS.open(encoding="utf-8", newline="") as file:
        return [" ".join(row["text"].split()) for row in csv.DictReader(file)]


def _event(id_: str, type_: str, source: str, data: dict[str, object]) -> bytes:
    time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    head = {"specversion": "1.0", "id": id_, "type": type_, "source": source, "time": time}
    return json.dumps({**head, "data": data}).encode()


class Broker:
    """The bench's hands at the broker: the administrator, who may speak for a channel and for agents."""

    def __init__(self, desk: Desk) -> None:
        self._url = desk.amqp_url(ADMIN)
        self._watching = Bus(self._url)

    def declare_naive(self) -> None:
        """What the naive service needs: a quorum queue in, two exchanges out, each into a queue; emptied."""
        with Bus(self._url) as bus:
            bus.channel.queue_declare("naive.commands", durable=True, auto_delete=False, arguments=QUORUM)
            for exchange, queue in (("naive.events", "naive.log"), ("naive.outcomes", "naive.results")):
                bus.channel.exchange_declare(exchange, "topic", durable=True, auto_delete=False)
                bus.channel.queue_declare(queue, durable=True, auto_delete=False, arguments=QUORUM)
                bus.channel.queue_bind(queue, exchange, "#")
                bus.channel.queue_purge(queue)

    def collect(self, queue: str, exchange: str, key: str) -> None:
        """An empty queue for all that `exchange` gets under `key`."""
        with Bus(self._url) as bus:
            bus.channel.queue_declare(queue, durable=True, auto_delete=False)
            bus.channel.queue_bind(queue, exchange, key)
            bus.channel.queue_purge(queue)

    def fill(
        self,
        exchange: str,
        key: str,
        messages: Iterator[tuple[str, bytes]],
        content_type: str = "application/cloudevents+json",
    ) -> None:
        """Publish everything, confirmed, as the channel `web`."""
        with Bus(self._url) as bus:
            for id_, body in messages:
                bus.publish(exchange, key, body, message_id=id_, user_id="web", content_type=content_type)
            bus.settle()

    def sign_on(self, agents: int, capacity: int) -> None:
        """Sign on `b1`, `b2`, … who never answer."""
        with Bus(self._url) as bus:
            for number in range(1, agents + 1):
                id_, agent = f"sign-on-{number}", f"b{number}"
                data = {"agent_id": agent, "display_name": f"Agent {number}", "capacity": capacity, "skills": ["*"]}
                body = _event(id_, "agent.sign_on", f"/agents/{agent}", data)
                bus.publish(topology.DESK, "agent.sign_on", body, message_id=id_, user_id=f"agent.{agent}")
            bus.settle()

    def length(self, queue: str) -> int:
        """How many messages wait in `queue`."""
        return self._watching.depth(queue)


QUORUM = {"x-queue-type": "quorum"}
