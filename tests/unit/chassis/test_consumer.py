"""The consumer without a broker: what joins a turn, what is acknowledged, how it pauses and stops."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from services.chassis import consumer as consumer_module
from services.chassis.consumer import PREFETCH, QUIET, TURNS_AT_ONCE, Consumer, _pause_after
from services.chassis.failing import Failing, Try
from services.chassis.patience import Stopping
from services.chassis.reading import Delivery
from services.chassis.turn import Decided
from services.chassis.waiting import LARGEST_TURN
from tests.fakes import FakeHandler, never_pausing
from tests.waiting import wait

PATIENCE = 10.0


@contextmanager
def turning(consumer: Any) -> Iterator[list[threading.Thread]]:
    """Its threads run turns inside the block; they have ended afterwards."""
    threads = [threading.Thread(target=consumer._run_turns, daemon=True) for _ in range(TURNS_AT_ONCE)]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        with consumer._changed:
            consumer._ended = True
            consumer._changed.notify_all()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()


def take_in(consumer: Any, *messages: Any) -> None:
    """They are delivered, as the reading thread does it."""
    for each in messages:
        consumer._deliver("toys")(each)
    with consumer._changed:
        consumer._take_in()
        consumer._put_back_due()
        if consumer._until_turn() <= 0:
            consumer._changed.notify()


class Slow:
    """A consumer whose turns last until `go_on`; and what became of them."""

    def __init__(self) -> None:
        self.turns: list[list[int]] = []
        self.acknowledged: list[tuple[int, bool]] = []
        self.go_on = threading.Event()
        self.handler = FakeHandler(self.handle)
        self.consumer: Any = Consumer("amqp://", "toy", ["toys"], self.handler, never_pausing())
        self.connect()

    def connect(self) -> None:
        """As `_open` does, without a broker."""
        self.consumer._connection = SimpleNamespace(collect=lambda: None)
        self.consumer._channel = SimpleNamespace(basic_ack=self.acknowledge)

    def acknowledge(self, tag: int, multiple: bool = False) -> None:
        self.acknowledged.append((tag, multiple))

    def handle(self, deliveries: list[Delivery]) -> list[Delivery]:
        self.turns.append([delivery.tag for delivery in deliveries])
        assert self.go_on.wait(PATIENCE)
        return []


class Line:
    """What a turn waits for before it is decided, and whether one does."""

    def __init__(self) -> None:
        self.ahead = threading.Lock()
        self.waited = threading.Event()

    def __enter__(self) -> None:
        self.waited.set()
        self.ahead.acquire()

    def __exit__(self, *_: object) -> None:
        self.ahead.release()


@pytest.mark.parametrize("lost_before", [0, 1, 2])
def test_no_turn_begins_with_what_a_lost_connection_has_delivered(lost_before: int) -> None:
    """A turn is in work and a message waits behind it when the connection is lost; then the turn ends, on the next
    connection."""
    slow = Slow()
    for _ in range(lost_before):
        slow.consumer._drop()
        slow.connect()
    with turning(slow.consumer):
        take_in(slow.consumer, message(1))
        wait(lambda: slow.turns, "the first turn", lambda turns: turns == [[1]], every=0.001)
        take_in(slow.consumer, message(2))
        slow.consumer._drop()
        slow.connect()
        slow.go_on.set()
        wait(lambda: not slow.consumer.busy, "the end of all turns", every=0.001)
    assert (slow.turns, slow.acknowledged, slow.consumer._failure) == ([[1]], [], None)


def test_what_comes_while_a_turn_waits_for_the_one_ahead_joins_it() -> None:
    """Whoever is ahead: here a turn of timers. Otherwise a busy service would have many small turns."""
    slow = Slow()
    slow.go_on.set()
    slow.handler.deciding = line = Line()
    with turning(slow.consumer):
        with line.ahead:
            take_in(slow.consumer, message(1))
            wait(line.waited.is_set, "a turn that waits", every=0.001)
            take_in(slow.consumer, message(2), message(3))
        wait(lambda: not slow.consumer.busy, "the end of all turns", every=0.001)
    assert (slow.turns, slow.acknowledged) == ([[1, 2, 3]], [(3, True)])
    assert slow.handler.published == [Decided([])]


def test_one_turn_is_decided_while_the_one_before_is_published() -> None:
    """And acknowledged one by one, if it ends first."""
    slow = Slow()
    slow.go_on.set()
    published = threading.Event()
    publish = slow.handler.publish

    def publish_slowly(decided: Any) -> None:
        if len(slow.turns) == 1:
            assert published.wait(PATIENCE)
        publish(decided)

    slow.handler.publish = publish_slowly  # type: ignore[method-assign]
    with turning(slow.consumer):
        take_in(slow.consumer, message(1), message(2))
        wait(lambda: slow.turns, "the first turn", lambda turns: turns == [[1, 2]], every=0.001)
        take_in(slow.consumer, message(3))
        wait(lambda: slow.acknowledged, "the end of the second turn", lambda tags: tags == [(3, False)], every=0.001)
        published.set()
        wait(lambda: not slow.consumer.busy, "the end of all turns", every=0.001)
    assert (slow.turns, slow.acknowledged) == ([[1, 2], [3]], [(3, False), (2, True)])


def test_what_a_turn_raises_ends_the_consumer_and_one_that_stops_in_an_outage_does_not() -> None:
    slow = Slow()
    raised: list[Exception] = [Stopping("broker"), KeyError("a mistake")]

    def fail(_deliveries: list[Delivery]) -> list[Delivery]:
        raise raised.pop(0)

    slow.handler.handle = fail
    with turning(slow.consumer):
        take_in(slow.consumer, message(1))
        wait(lambda: not slow.consumer.busy, "the end of all turns", every=0.001)
        assert slow.consumer._failure is None
        take_in(slow.consumer, message(2))
        wait(lambda: slow.consumer._failure, "the failure", every=0.001)
    assert isinstance(slow.consumer._failure, KeyError)
    assert slow.acknowledged == []


def message(tag: int, key: str = "toy", returns: int = 0) -> Any:
    info = {"exchange": "helpdesk.intake", "routing_key": key, "redelivered": returns > 0, "delivery_tag": tag}
    properties = {"application_headers": {"x-delivery-count": returns}} if returns else {}
    return SimpleNamespace(delivery_info=info, properties=properties, body=b"{}")


def paced(pause: float) -> tuple[Any, list[list[int]]]:
    """A consumer whose turns are `pause` apart, except for "urgent"; and the tags that its turns took."""
    turns: list[list[int]] = []

    def handle(deliveries: list[Delivery]) -> list[Delivery]:
        turns.append([delivery.tag for delivery in deliveries])
        return []

    consumer: Any = Consumer("amqp://", "toy", ["toys"], FakeHandler(handle), never_pausing(), pause, ["urgent"])
    consumer._channel = SimpleNamespace(basic_ack=lambda _tag, multiple=False: None)
    return consumer, turns


def arrive(consumer: Any, *messages: Any) -> None:
    """They are delivered, and the turn that begins with them ends."""
    take_in(consumer, *messages)
    while consumer._until_turn() <= 0:
        assert consumer._run_turn()


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
    """Suspects are handled one by one: hundreds of them would wait for a pause each."""
    consumer, turns = paced(3600)
    consumer._took_at = -3600.0
    arrive(consumer, *(message(tag, returns=2) for tag in range(5)))
    assert turns == [[0], [1], [2], [3], [4]]


def test_suspect_messages_that_come_one_by_one_wait_for_no_pause() -> None:
    """They are delivered in this way until one comes that is above suspicion; after an outage sla took ten of them a
    second."""
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
    take_in(consumer, message(1), message(2, returns=2), message(3))
    consumer._deliver("toys")(message(4, returns=5))
    consumer._stopping = True
    with consumer._changed:
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
        self.consumer: Any = Consumer("amqp://", "toy", ["toys"], FakeHandler(self.handle), self.failing)
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

    def handle(self, taken: list[Delivery]) -> list[Delivery]:
        self.turns.append([delivery.tag for delivery in taken])
        fail = [delivery for delivery in taken if not self.works or delivery.tag in self.poison]
        self.failing.note(
            [Try(delivery in fail, not delivery.has_failed, delivery.is_probe) for delivery in taken], "ValueError"
        )
        for delivery in fail:
            delivery.attempts += 1
            delivery.has_failed = True
        return fail

    def go_on(self, seconds: float = 0.0) -> None:
        self.now += seconds
        if self.consumer._probing:
            with self.consumer._changed:
                self.consumer._probe()
        arrive(self.consumer)


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
    broken.go_on()  # what failed in between, with all its tries
    assert sorted(broken.turns[4]) == [101, 102]
    assert broken.acknowledged[-1] == 102


def test_what_failed_while_it_paused_does_not_pause_it_once_more() -> None:
    """Six poison messages at the head of a queue in the night, and a good one right behind them."""
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
    with broken.consumer._changed:
        broken.consumer._cancel()
    assert (len(broken.consumer._waiting), broken.acknowledged) == (0, [])


def test_a_message_that_fails_for_long_is_tried_once_a_minute() -> None:
    assert [_pause_after(attempts) for attempts in (0, 1, 5, 8, 9, 1000)] == [0.2, 0.4, 6.4, 51.2, 60.0, 60.0]


class Scripted:
    """A broker's connection on which these messages come, one a read, and then it ends; at None nothing comes.
    `prefetched` says how much the consumer took in hand at each read."""

    def __init__(self, *messages: Any) -> None:
        self.consumer: Any = Consumer("amqp://", "toy", ["toys"], FakeHandler(lambda _: []), never_pausing())
        self.messages = list(messages)
        self.prefetched: list[int] = []
        self.granted: list[int] = []
        self.beats = 0
        self.has_more = False

    def collect(self) -> None:
        """As a connection that is given up does."""

    def channel(self) -> Any:
        return SimpleNamespace(
            basic_qos=lambda _size, count, _everywhere: self.granted.append(count), basic_consume=lambda *_, **__: None
        )

    def drain_events(self, timeout: float) -> None:
        self.prefetched.append(sum(self.granted))
        if not self.messages:
            raise OSError("the connection ended")
        message = self.messages.pop(0)
        if message is None:
            raise TimeoutError
        self.consumer._deliver("toys")(message)

    def heartbeat_tick(self) -> None:
        self.beats += 1


@pytest.mark.parametrize(
    ("messages", "prefetched"),
    [
        ([message(1), message(2)], [1, 1 + PREFETCH, 1 + PREFETCH]),
        ([message(1, returns=3), message(2), message(3)], [1, 1, 1 + PREFETCH, 1 + PREFETCH]),
    ],
    ids=["new", "a suspect first"],
)
def test_a_consumer_takes_one_at_a_time_until_a_message_came_that_killed_nobody(
    messages: list[Any], prefetched: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted = Scripted(*messages)
    monkeypatch.setattr(consumer_module, "connect", lambda *_: scripted)
    scripted.consumer._open()
    with pytest.raises(OSError, match="ended"):
        scripted.consumer._receive()
    assert scripted.prefetched == prefetched


def test_a_consumer_to_whom_nothing_comes_keeps_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = Scripted(None, message(1), None)
    monkeypatch.setattr(consumer_module, "connect", lambda *_: scripted)
    scripted.consumer._open()
    with pytest.raises(OSError, match="ended"):
        scripted.consumer._receive()
    assert scripted.beats == 2


def test_a_consumer_comes_back_later_each_time_until_it_is_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted, at_most, running = Scripted(), list[float](), list[bool]()
    consumer = scripted.consumer
    away: list[bool] = [True, True, False, True, True]

    def connect(*_: Any) -> Scripted:
        if away.pop(0):
            raise OSError("away")
        return scripted

    def rest(_least: float, most: float) -> float:
        at_most.append(most)
        running.append(
            {f"toy {number}" for number in range(TURNS_AT_ONCE)} <= {thread.name for thread in threading.enumerate()}
        )
        consumer._stopping = not away
        return 0.0

    monkeypatch.setattr(consumer_module, "connect", connect)
    monkeypatch.setattr("services.chassis.consumer.random.uniform", rest)
    consumer.run()
    assert at_most == [0.4, 0.8, 0.4, 0.8, 1.6]
    assert all(running), "turns go on while it is away"
    assert consumer._stopped.is_set()


class Leaving:
    """A consumer that is to stop. `asked` counts what it asked of the broker; `on_its_way` comes with the answer;
    `silences` counts how often it listened and nothing came."""

    def __init__(self) -> None:
        self.asked = 0
        self.silences = 0
        self.cancelled = False
        self.acknowledged: list[int | str] = []
        self.on_its_way: list[Any] = []
        self.go_on = threading.Event()
        self.handler = FakeHandler(self.handle)
        self.consumer: Any = Consumer("amqp://", "toy", ["toys"], self.handler, never_pausing())
        self.consumer._channel = SimpleNamespace(
            callbacks={"tag": None},
            queue_declare=self.declare,
            basic_cancel=self.cancel,
            basic_ack=lambda tag, multiple=False: self.acknowledged.append(tag),
            basic_qos=lambda *_: None,
            basic_consume=self.consume,
        )
        self.consumer._connection = SimpleNamespace(drain_events=self.nothing_comes, heartbeat_tick=lambda: None)

    def leave(self, *beside: Leaving) -> None:
        """As `stop` tells it, which then waits."""
        self.consumer._beside = (self.consumer, *(each.consumer for each in beside))
        self.consumer._stopping = True

    def handle(self, _deliveries: list[Delivery]) -> list[Delivery]:
        assert self.go_on.wait(PATIENCE)
        return []

    def declare(self, queue: str, passive: bool) -> None:
        assert (queue, passive) == ("toys", True)
        self.asked += 1
        while self.on_its_way:
            self.consumer._deliver("toys")(self.on_its_way.pop())

    def cancel(self, _tag: str) -> None:
        self.cancelled = True
        self.acknowledged.append("cancelled")

    def consume(self, _queue: str, callback: Any) -> None:
        assert not self.cancelled, "whoever has cancelled consumes no more"

    def nothing_comes(self, timeout: float) -> None:
        self.silences += 1
        time.sleep(timeout)
        raise TimeoutError


def test_what_is_found_on_its_way_as_a_stopping_consumer_asks_is_handled_first() -> None:
    """On a busy machine it was silent for long enough; what comes then is the first message on this connection, too."""
    leaving = Leaving()
    leaving.on_its_way = [message(1)]
    leaving.go_on.set()
    leaving.leave()
    with turning(leaving.consumer):
        leaving.consumer._receive()
    assert (leaving.asked, leaving.cancelled, len(leaving.consumer._unacknowledged)) == (2, True, 0)


def test_a_stopping_consumer_acknowledges_nothing_before_it_has_cancelled() -> None:
    """Each acknowledgement would send the next message on its way."""
    leaving = Leaving()
    leaving.go_on.set()
    leaving.leave()
    take_in(leaving.consumer, message(1))
    with turning(leaving.consumer):
        wait(lambda: not leaving.consumer.busy, "the end of all turns", every=0.001)
        assert leaving.acknowledged == []
        leaving.consumer._receive()
    assert leaving.acknowledged == ["cancelled", 1]


def test_a_stopping_consumer_hears_on_until_what_the_others_have_in_work_is_done() -> None:
    """What comes of it may come to this consumer: the news of intake's own tickets."""
    commands, events = Leaving(), Leaving()
    events.leave(commands)
    with turning(commands.consumer), turning(events.consumer):
        take_in(commands.consumer, message(1))
        receiving = threading.Thread(target=events.consumer._receive, daemon=True)
        receiving.start()
        wait(lambda: events.silences, "more than three silences", lambda count: count > 3, every=0.001)
        assert (events.asked, events.cancelled) == (0, False)
        commands.go_on.set()
        receiving.join(PATIENCE)
    assert (events.asked, events.cancelled) == (1, True)


def test_a_stopping_consumer_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "QUIET_AT_MOST", 2 * QUIET)
    leaving, stuck = Leaving(), Leaving()
    take_in(stuck.consumer, message(1))
    leaving.leave(stuck)
    with turning(leaving.consumer):
        leaving.consumer._receive()
    assert (leaving.asked, leaving.cancelled) == (0, True)


def test_a_consumer_that_has_cancelled_waits_for_what_it_has_in_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "QUIET_AT_MOST", 0.0)
    leaving = Leaving()
    take_in(leaving.consumer, message(1))
    leaving.leave()
    with turning(leaving.consumer):
        wait(lambda: leaving.consumer._in_work, "a message in work", lambda count: count == 1, every=0.001)
        receiving = threading.Thread(target=leaving.consumer._receive, daemon=True)
        receiving.start()
        wait(lambda: leaving.cancelled, "the cancelling", every=0.001)
        receiving.join(0.1)
        assert receiving.is_alive()
        leaving.go_on.set()
        receiving.join(PATIENCE)
        assert not receiving.is_alive()
    assert leaving.acknowledged == ["cancelled", 1]


@pytest.mark.parametrize("after_cancelling", [False, True])
def test_a_stop_comes_to_an_end_though_its_last_turns_pause_it(after_cancelling: bool) -> None:
    leaving = Leaving()
    record = leaving.consumer._failing = Failing("toys", 0.2, 100, time.monotonic)
    cancel, left = leaving.cancel, [message(tag) for tag in range(6)]

    def fail(taken: list[Delivery]) -> list[Delivery]:
        record.note([Try(True) for _ in taken for _ in range(5)], "ValueError")
        return taken

    def come(tag: str) -> None:
        cancel(tag)
        for each in left:
            leaving.consumer._deliver("toys")(each)

    leaving.handler.handle = fail
    if after_cancelling:
        leaving.consumer._channel.basic_cancel = come
    else:
        leaving.on_its_way = left
    leaving.leave()
    with turning(leaving.consumer):
        leaving.consumer._receive()
        take_in(leaving.consumer, message(7))
    assert (record.paused, leaving.cancelled) == (True, True)
