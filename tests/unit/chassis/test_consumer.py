"""The consumer between two connections: what the lost one delivered is left to the next."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import eventlet
from eventlet.event import Event

from services.chassis.consumer import Consumer
from services.chassis.reading import Delivery


def test_no_turn_begins_with_what_a_lost_connection_has_delivered() -> None:
    """A turn is in work and a message waits behind it as the connection is lost; then the turn comes to its end."""
    turns: list[list[int]] = []
    acknowledged: list[int] = []
    go_on = Event()

    def handle(take: Callable[[], list[Delivery]]) -> list[Delivery]:
        turns.append([delivery.tag for delivery in take()])
        go_on.wait()
        return []

    consumer: Any = Consumer("amqp://", "toy", ["toys"], handle)
    consumer._connection = SimpleNamespace(collect=lambda: None)
    consumer._channel = SimpleNamespace(basic_ack=lambda tag, multiple=False: acknowledged.append(tag))
    deliver = consumer._deliver("toys")
    deliver(message(1))
    consumer._start_turn()
    eventlet.sleep(0)
    deliver(message(2))
    consumer._drop()
    go_on.send()
    for _ in range(5):
        eventlet.sleep(0)
    assert (turns, acknowledged, consumer._failure) == ([[1]], [], None)


def message(tag: int) -> Any:
    info = {"exchange": "helpdesk.intake", "routing_key": "toy", "redelivered": False, "delivery_tag": tag}
    return SimpleNamespace(delivery_info=info, properties={}, body=b"{}")
