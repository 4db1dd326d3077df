"""What the bench sends, and how it fills queues and counts what came out."""

from __future__ import annotations

import csv
import dataclasses
import json
import random
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from itertools import islice

from contracts.agents import SignOn
from contracts.names import AGENT_PREFIX
from deploy.local.desk import Desk
from deploy.local.processes import CODE
from deploy.local.rabbitmq import ADMIN
from services.chassis.outgoing import Outgoing
from services.chassis.publisher import Publisher
from services.client import core
from services.client.blocking import Client
from services.client.bus import Bus

REQUESTS = CODE.parent / "shared" / "data" / "customer_requests.csv"
"""Real questions; where they are absent, as in a plain clone, a handful of made-up ones are used."""

MADE_UP = ["My card has not arrived", "I cannot log in", "I was charged twice", "The world does not load"]
QUORUM = {"x-queue-type": "quorum"}
FILLED_AT_ONCE = 2000
HEARTBEAT = 20.0
CATEGORIES = ["safety", "account-access", "billing", "content-dispute", "technical", "general"]


CAPACITY = 100
"""Tickets that an agent may have: the most that the contract allows."""


def agents_for(tickets: int) -> int:
    """How many agents have room for this many tickets, with some to spare."""
    return tickets // 90 + 1


def submissions(count: int, duplicates: float, prefix: str) -> Iterator[tuple[str, bytes]]:
    """`count` submissions (id, body), a fixed mixture: a share of `duplicates` repeats an earlier requester's issue."""
    texts = requests()
    dice = random.Random(7)
    filed: list[int] = []
    repeats = set(dice.sample(range(count // 20, count), int(count * duplicates)))
    for number in range(count):
        requester = dice.choice(filed) if number in repeats else number
        if number not in repeats:
            filed.append(number)
        text = texts[requester % len(texts)]
        data: dict[str, object] = {
            "requester": {
                "account_id": f"{prefix}-{requester}",
                "display_name": f"Requester {requester}",
                "tier": "vip" if requester % 20 == 0 else "standard",
            },
            "category": CATEGORIES[requester % len(CATEGORIES)],
            "subject": text[:200],
            "body": text,
        }
        yield f"{prefix}-{number}", event(f"{prefix}-{number}", "ticket.submit", "/channels/web", data)


def requests() -> list[str]:
    """The texts of the submissions. Longer ones cost more: only runs with the same texts compare."""
    if not REQUESTS.exists():
        return MADE_UP
    with REQUESTS.open(encoding="utf-8", newline="") as file:
        return [" ".join(row["text"].split()) for row in csv.DictReader(file)]


def event(id_: str, type_: str, source: str, data: dict[str, object]) -> bytes:
    """A message as a channel or agent sends it."""
    time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    head = {"specversion": "1.0", "id": id_, "type": type_, "source": source, "time": time}
    return json.dumps({**head, "data": data}).encode()


class Broker:
    """The bench's hands at the broker: the administrator, who may speak for a channel and for agents."""

    def __init__(self, desk: Desk) -> None:
        self.url = desk.amqp_url(ADMIN)
        self._watching = Bus(self.url)
        self._speaking = Client(self.url)
        self._signed_on: list[SignOn] = []
        self._closing = threading.Event()
        self._beating = threading.Thread(target=self._beat, daemon=True)
        self._beating.start()

    def collect(self, queue: str, exchange: str, key: str) -> None:
        """An empty queue for all that `exchange` gets under `key`."""
        with Bus(self.url) as bus:
            bus.channel.queue_declare(queue, durable=True, auto_delete=False, arguments=QUORUM)
            bus.channel.queue_bind(queue, exchange, key)
            bus.channel.queue_purge(queue)

    def fill(self, exchange: str, key: str, messages: Iterable[tuple[str, bytes]], user: str = "web") -> None:
        """Publish everything, confirmed, as `user`: a channel, unless it says otherwise.

        By the services' own publisher, whose frames cost least: a queue has to be full before what is measured starts,
        and the client spends more CPU on a message than intake does.
        """
        publisher = Publisher(self.url, user)
        left = iter(messages)
        while batch := list(islice(left, FILLED_AT_ONCE)):
            untaken = publisher.publish([Outgoing(exchange, key, id_, key, body) for id_, body in batch])
            if untaken:
                raise SystemExit(f"bench: the broker did not take {len(untaken)} messages {key}")
        publisher.close()

    def sign_on(self, agents: int) -> None:
        """Sign on `b1`, `b2`, … who never answer, but send heartbeats."""
        for number in range(1, agents + 1):
            me = SignOn(agent_id=f"b{number}", display_name=f"Agent {number}", capacity=CAPACITY, skills=["*"])
            self._say(me, core.sign_on(me)).result()
            self._signed_on.append(me)

    def forget(self, queue: str) -> None:
        """Delete `queue`."""
        self._watching.channel.queue_delete(queue)

    def purge(self, queue: str) -> None:
        """Forget what waits in `queue`."""
        self._watching.channel.queue_purge(queue)

    def length(self, queue: str) -> int:
        """How many messages wait in `queue`."""
        return self._watching.depth(queue)

    def consumers(self, queue: str) -> int:
        """How many consume `queue`."""
        return int(self._watching.channel.queue_declare(queue, passive=True).consumer_count)

    def close(self) -> None:
        """Leave."""
        self._closing.set()
        self._beating.join()
        self._speaking.close()
        self._watching.close()

    def _beat(self) -> None:
        """Send heartbeats of all who signed on, until closed."""
        while not self._closing.wait(HEARTBEAT):
            for me in list(self._signed_on):
                self._say(me, core.heartbeat(me))

    def _say(self, me: SignOn, sending: core.Sending) -> Future[None]:
        """What an agent says, in their name."""
        by_agent = {"user_id": AGENT_PREFIX + me.agent_id}
        return self._speaking.publish(dataclasses.replace(sending, properties=by_agent))
