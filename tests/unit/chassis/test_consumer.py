"""The consumer between two connections: what the lost one delivered is left to the next."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import eventlet
import pytest
from eventlet.event import Event

from services.chassis import consumer as consumer_module
from services.chassis.consumer import LARGEST_TURN, QUIET, Consumer, _pause_after
from services.chassis.failing import Failing, Try
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


class Broken:
    """A consumer whose messages all fail until `works`, on a clock that the test moves; and the tags that it tried."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.works = False
        self.poison: set[int] = set()
        self.turns: list[list[int]] = []
        self.acknowledged: list[int] = []
        self.consumes = 0
        self.failing = Failing("toys", 0.2, 100, lambda: self.now)
        self.consumer: Any = Consumer("amqp://", "toy", ["toys"], self.handle, failing=self.failing)
        self.connect()

    def connect(self) -> None:
        """As `_open` does, without a broker."""
        self.consumer._channel = SimpleNamespace(
            basic_ack=lambda tag, multiple=False: self.acknowledged.append(tag),
            basic_qos=lambda *_: None,
            basic_consume=self.consume,
        )
        self.consumer._connection = SimpleNamespace(collect=lambda: None)
        self.consumer._probing, self.consumer._room_for_probes = self.failing.paused, 1

    def consume(self, _queue: str, callback: Any) -> None:
        self.consumes += 1

    def handle(self, take: Callable[[], list[Delivery]]) -> list[Delivery]:
        taken = take()
        self.turns.append([delivery.tag for delivery in taken])
        fail = [one for one in taken if not self.works or one.tag in self.poison]
        self.failing.note([Try(one in fail, not one.has_failed, one.is_probe) for one in taken], "ValueError")
        for delivery in fail:
            delivery.attempts += 1
            delivery.has_failed = True
        return fail

    def go_on(self, seconds: float = 0.0) -> None:
        self.now += seconds
        if self.consumer._probing:
            self.consumer._probe()
        for _ in range(5):
            self.consumer._send_off()


def test_when_all_fail_the_consumer_gives_them_back_and_tries_another_each_minute() -> None:
    broken = Broken()
    consumer = broken.consumer
    arrive(consumer, *map(message, range(1, 11)))
    assert (broken.turns, broken.failing.paused) == ([list(range(1, 11))], True)
    arrive(consumer, message(11))
    assert len(broken.turns) == 1, "no turn begins before it has let go of what it holds"

    consumer._drop()
    broken.connect()
    arrive(consumer, message(101))
    broken.go_on(30)
    assert len(broken.turns) == 1
    broken.go_on(30)
    assert broken.turns[1:] == [[101]]
    broken.go_on(1)
    assert broken.consumes == 1, "room for another one, as the first has failed"
    arrive(consumer, message(102))
    for _ in range(10):
        broken.go_on(5)
    assert broken.turns[1:] == [[101]]
    broken.go_on(10)
    assert broken.turns[1:] == [[101], [102]]
    assert broken.acknowledged == []

    broken.works = True
    broken.go_on(1)
    arrive(consumer, message(103))
    broken.go_on(60)
    assert broken.turns[3:] == [[103]]
    assert (broken.failing.paused, broken.acknowledged) == (False, [103])
    broken.go_on()  # what failed meanwhile, with all its tries
    assert sorted(broken.turns[4]) == [101, 102]
    assert broken.acknowledged[-1] == 102


def test_what_failed_while_it_paused_does_not_pause_it_once_more() -> None:
    """Six poisoned ones at the head of a queue in the night, and one that is right behind them."""
    broken = Broken()
    broken.works, broken.poison = True, {*range(1, 7), *range(101, 107)}
    arrive(broken.consumer, *map(message, range(1, 7)))
    assert broken.failing.paused
    broken.consumer._drop()
    broken.connect()
    for tag in range(101, 108):
        arrive(broken.consumer, message(tag))
        broken.go_on(60)
    assert broken.turns[1:] == [[tag] for tag in range(101, 108)]
    assert not broken.failing.paused
    for _ in range(20):
        broken.go_on()
    assert sorted(broken.turns[8]) == list(range(101, 107)), "with all their tries"
    assert not broken.failing.paused


def test_a_stop_while_it_pauses_gives_back_what_is_in_hand() -> None:
    broken = Broken()
    arrive(broken.consumer, *map(message, range(1, 11)))
    broken.consumer._drop()
    broken.connect()
    broken.consumer._channel.callbacks = {}
    arrive(broken.consumer, message(101))
    broken.consumer._stopping = True
    broken.consumer._cancel()
    assert (len(broken.consumer._waiting), broken.acknowledged) == (0, [])


def test_a_message_that_fails_for_long_is_tried_once_a_minute() -> None:
    assert [_pause_after(attempts) for attempts in (0, 1, 5, 8, 9, 1000)] == [0.2, 0.4, 6.4, 51.2, 60.0, 60.0]


class Stopping:
    """A consumer that is to stop; `asked` counts what it asked of the broker; `on_its_way` comes with the answer."""

    def __init__(self) -> None:
        self.asked = 0
        self.cancelled = False
        self.on_its_way: list[Any] = []
        self.go_on = Event()
        self.consumer: Any = Consumer("amqp://", "toy", ["toys"], self.handle)
        self.consumer._channel = SimpleNamespace(
            callbacks={"tag": None},
            queue_declare=self.declare,
            basic_cancel=self.cancel,
            basic_ack=lambda tag, multiple=False: None,
            basic_qos=lambda *_: None,
            basic_consume=self.consume,
        )
        self.consumer._connection = SimpleNamespace(drain_events=self.nothing_comes, heartbeat_tick=lambda: None)

    def handle(self, take: Callable[[], list[Delivery]]) -> list[Delivery]:
        if take():
            self.go_on.wait()
        return []

    def declare(self, queue: str, passive: bool) -> None:
        assert (queue, passive) == ("toys", True)
        self.asked += 1
        while self.on_its_way:
            self.consumer._deliver("toys")(self.on_its_way.pop())

    def cancel(self, _tag: str) -> None:
        self.cancelled = True

    def consume(self, _queue: str, callback: Any) -> None:
        assert not self.cancelled, "whoever has cancelled consumes no more"

    def nothing_comes(self, timeout: float) -> None:
        eventlet.sleep(timeout)
        raise TimeoutError


def test_what_is_found_on_its_way_as_a_stopping_consumer_asks_is_handled_first() -> None:
    """A busy machine was silent for long enough; what comes then is the first message on this connection, too."""
    one = Stopping()
    one.on_its_way = [message(1)]
    one.go_on.send()
    stopping = eventlet.spawn(one.consumer.stop)
    eventlet.sleep(0)
    with eventlet.Timeout(10):
        one.consumer._receive()
    assert (one.asked, one.cancelled, one.consumer._unacknowledged) == (2, True, {})
    stopping.kill()


def test_a_stopping_consumer_hears_on_until_what_the_others_have_in_work_is_done() -> None:
    """What comes of it may come to this one: the news of intake's own tickets."""
    commands, events = Stopping(), Stopping()
    commands.consumer._deliver("toys")(message(1))
    commands.consumer._send_off()
    stopping = eventlet.spawn(events.consumer.stop, [commands.consumer])
    receiving = eventlet.spawn(events.consumer._receive)
    eventlet.sleep(3 * QUIET)
    assert (events.asked, events.cancelled) == (0, False)
    commands.go_on.send()
    with eventlet.Timeout(10):
        receiving.wait()
    assert (events.asked, events.cancelled) == (1, True)
    stopping.kill()


def test_a_stopping_consumer_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "QUIET_AT_MOST", 2 * QUIET)
    one, stuck = Stopping(), Stopping()
    stuck.consumer._deliver("toys")(message(1))
    stopping = eventlet.spawn(one.consumer.stop, [stuck.consumer])
    eventlet.sleep(0)
    with eventlet.Timeout(10):
        one.consumer._receive()
    assert (one.asked, one.cancelled) == (0, True)
    stopping.kill()


@pytest.mark.parametrize("after_cancelling", [False, True])
def test_a_stop_comes_to_an_end_though_its_last_turns_pause_it(after_cancelling: bool) -> None:
    one = Stopping()
    record = one.consumer._failing = Failing("toys", 0.2, 100, time.monotonic)
    cancel, left = one.cancel, [message(tag) for tag in range(6)]

    def fail(take: Callable[[], list[Delivery]]) -> list[Delivery]:
        taken = take()
        record.note([Try(True) for _ in taken for _ in range(5)], "ValueError")
        return taken

    def come(tag: str) -> None:
        cancel(tag)
        for each in left:
            one.consumer._deliver("toys")(each)

    one.consumer._handle = fail
    if after_cancelling:
        one.consumer._channel.basic_cancel = come
    else:
        one.on_its_way = left
    stopping = eventlet.spawn(one.consumer.stop)
    eventlet.sleep(0)
    with eventlet.Timeout(10):
        one.consumer._receive()
        arrive(one.consumer, message(7))
    assert (record.paused, one.cancelled) == (True, True)
    stopping.kill()
