"""The consumer between two connections: what the lost one delivered is left to the next."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import eventlet
from eventlet.event import Event

from services.chassis.consumer import LARGEST_TURN, Consumer
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


def message(tag: int, key: str = "toy", returns: int = 0) -> Any:
    info = {"exchange": "helpdesk.intake", "routing_key": key, "redelivered": returns > 0, "delivery_tag": tag}
    properties = {"application_headers": {"x-delivery-count": returns}} if returns else {}
    return SimpleNamespace(delivery_info=info, properties=properties, body=b"{}")


def paced(pause: float) -> tuple[Any, list[list[int]]]:
    """A consumer whose turns are `pause` apart, except for "urgent"; and the tags that its turns took."""
    turns: list[list[int]] = []

    def handle(take: Callable[[], list[Delivery]]) -> list[Delivery]:
        turns.append([delivery.tag for delivery in take()])
        return []

    consumer: Any = Consumer("amqp://", "toy", ["toys"], handle, pause, ["urgent"])
    consumer._channel = SimpleNamespace(basic_ack=lambda _tag, multiple=False: None)
    return consumer, turns


def arrive(consumer: Any, *messages: Any) -> None:
    """They are delivered, and what begins with them comes to its end."""
    for one in messages:
        consumer._deliver("toys")(one)
    for _ in range(5):
        consumer._send_off()


def test_turns_keep_their_pause_and_what_is_urgent_takes_along_what_waits() -> None:
    consumer, turns = paced(3600)
    consumer._took_at = -3600.0  # quiet for an hour
    arrive(consumer, message(1))
    arrive(consumer, message(2))
    arrive(consumer, message(3))
    assert turns == [[1]]
    assert 3590 < consumer._until_turn() <= 3600
    arrive(consumer, message(4, "urgent"))
    arrive(consumer, message(5))
    assert turns == [[1], [2, 3, 4]]


def test_a_full_turn_waits_for_nothing() -> None:
    consumer, turns = paced(3600)
    consumer._took_at = time.monotonic()
    arrive(consumer, *map(message, range(LARGEST_TURN - 1)))
    assert turns == []
    arrive(consumer, message(LARGEST_TURN))
    assert [len(turn) for turn in turns] == [LARGEST_TURN]


def test_what_a_turn_leaves_does_not_wait_again() -> None:
    """Suspect messages are handled one by one: hundreds of them would be kept for a pause each."""
    consumer, turns = paced(3600)
    consumer._took_at = -3600.0
    arrive(consumer, *(message(tag, returns=2) for tag in range(5)))
    assert turns == [[0], [1], [2], [3], [4]]


def test_suspect_messages_that_come_one_by_one_wait_for_no_pause() -> None:
    """They are delivered so until one comes that is above suspicion; after an outage sla took ten of them a second."""
    consumer, turns = paced(3600)
    consumer._took_at = time.monotonic()
    for tag in range(3):
        arrive(consumer, message(tag, returns=2))
    arrive(consumer, message(3))
    assert turns == [[0], [1], [2]]


def test_a_stop_gives_back_the_suspect_messages_that_nobody_has_begun() -> None:
    acknowledged: list[int] = []
    consumer, turns = paced(3600)
    consumer._channel = SimpleNamespace(callbacks={}, basic_ack=lambda tag, multiple=False: acknowledged.append(tag))
    for one in (message(1), message(2, returns=2), message(3), message(4, returns=5)):
        consumer._deliver("toys")(one)
    consumer._stopping = True
    consumer._cancel()
    arrive(consumer)
    assert (turns, acknowledged) == ([[1, 3]], [1, 3])


def test_turns_without_a_pause_follow_each_other() -> None:
    consumer, turns = paced(0)
    arrive(consumer, message(1))
    arrive(consumer, message(2))
    assert turns == [[1], [2]]
