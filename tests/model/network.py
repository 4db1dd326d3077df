"""The broker of the model-based test, in memory: what is published lies in queues by the bindings of the topology.

Who delivers what, when and how often is the test's choice. It knows no service. The page is docs/testing.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cache
from typing import Any

from contracts.names import AGENTS, CHANNELS, DEAD, EVENTS, role_of
from contracts.topology import ALTERNATES, QUEUES, definitions
from services.chassis.outgoing import Outgoing
from services.chassis.reading import Delivery
from tests.system.evidence import Dead, Heard

BINDINGS = definitions("desk", {})["bindings"]
OTHERS = "tests"
"""Who hears all events."""


class Network:
    """Exchanges, and queues of these services; what channels and agents heard; what came to the dead letters."""

    def __init__(self, services: Collection[str]) -> None:
        names = [queue.name for queue in QUEUES if queue.name.split(".")[0] in services]
        self.queues: dict[str, list[Delivery]] = {name: [] for name in names}
        self.delivered: dict[str, list[Delivery]] = {name: [] for name in names}
        self.heard: list[Heard] = []
        self.events: list[Heard] = []
        self.dead: list[Dead] = []

    def publish(self, user: str, message: Outgoing) -> None:
        """One message of this broker user to everybody whom it reaches."""
        properties = {
            "user_id": user,
            "message_id": message.message_id,
            "reply_to": message.reply_to,
            "correlation_id": message.correlation_id,
        }
        exchange, key = message.exchange, message.routing_key
        if exchange == DEAD:
            self.dead.append(Dead(message.message_id, str(message.headers.get("x-reason"))))
        elif exchange == CHANNELS:
            self.heard.append(Heard(key.split(".")[0], message.body))
        elif exchange == AGENTS:
            self.heard.append(Heard(".".join(key.split(".")[:2]), message.body))
        elif exchange == EVENTS:
            self.events.append(Heard(OTHERS, message.body))
        reached = queues_reached(exchange, key) if exchange else {key}
        for queue in self.queues:
            if queue in reached:
                self.queues[queue].append(Delivery(queue, exchange, key, message.body, properties))

    def take(self, queue: str, places: Sequence[int]) -> list[Delivery]:
        """Those at these places, in this order; alone if one comes back for the second time, as consumers have it."""
        chosen = [self.queues[queue][place] for place in places]
        suspects = [delivery for delivery in chosen if delivery.returns >= 2]
        chosen = suspects[:1] or chosen
        for delivery in chosen:
            self.queues[queue].remove(delivery)
        return chosen

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """They are done; remembered, to be delivered once more."""
        for delivery in deliveries:
            self.delivered[delivery.queue].append(delivery)

    def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Whoever had them died: they are first in their queue again."""
        for delivery in reversed(deliveries):
            count = delivery.headers.get("x-delivery-count", 0) + 1
            again = replace(delivery, redelivered=True, headers={"x-delivery-count": count})
            self.queues[delivery.queue].insert(0, again)

    def repeat(self, delivery: Delivery, redelivered: bool) -> None:
        """The same message once more, by the broker or (not `redelivered`) because it was published twice."""
        again = copy(delivery)
        again.redelivered, again.headers, again.waiting_since = redelivered, {}, None
        self.queues[delivery.queue].append(again)

    @property
    def waiting(self) -> int:
        """Messages in all queues."""
        return sum(map(len, self.queues.values()))


@cache
def queues_reached(exchange: str, key: str) -> frozenset[str]:
    """The queues that take what is published there, as RabbitMQ finds them."""
    bound = [binding for binding in BINDINGS if binding["source"] == exchange and fits(binding["routing_key"], key)]
    if not bound and exchange in ALTERNATES:
        return queues_reached(ALTERNATES[exchange], key)
    queues = {binding["destination"] for binding in bound if binding["destination_type"] == "queue"}
    inner = [binding["destination"] for binding in bound if binding["destination_type"] == "exchange"]
    return frozenset(queues).union(*(queues_reached(each, key) for each in inner))


@cache
def fits(binding: str, key: str) -> bool:
    """Whether a topic binding takes a routing key."""
    return _fits(binding.split("."), key.split("."))


def _fits(binding: list[str], key: list[str]) -> bool:
    if not binding:
        return not key
    if binding[0] == "#":
        return any(_fits(binding[1:], key[place:]) for place in range(len(key) + 1))
    return bool(key) and binding[0] in ("*", key[0]) and _fits(binding[1:], key[1:])


def exchange_of(user: str) -> str:
    """Where a channel, an agent or the operator sends commands; where a service tells of events."""
    by_role = {"channel": "helpdesk.intake", "service": EVENTS}
    return by_role.get(role_of(user) or "", "helpdesk.desk")


def outgoing(user: str, id_: str, type_: str, body: bytes) -> Outgoing:
    """A command (or a service's event), as it is published."""
    return Outgoing(exchange_of(user), type_, id_, type_, body)


def decoded(body: bytes) -> Mapping[str, Any]:
    """The CloudEvent of a body."""
    return Heard(OTHERS, body).event
