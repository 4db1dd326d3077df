"""The consumer on a real quorum queue: natural batching, suspects one at a time, and a stop that gives nothing back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local.desk import Desk
from deploy.local.processes import CODE
from deploy.local.rabbitmq import ADMIN
from services.chassis.consumer import HELD_AT_MOST, PREFETCH
from services.chassis.waiting import LARGEST_TURN
from services.client.bus import Bus
from tests.waiting import wait

QUEUE = "toys"
PATIENCE = 30.0
AT_ONCE = 0.005
NEVER = 600.0
"""Seconds that a turn takes."""


class Toy:
    """The toy service as a process, and the turns that it reports."""

    def __init__(self, url: str, seconds: float) -> None:
        command = [sys.executable, "-m", "tests.integration.turn_toy", url, QUEUE, str(seconds)]
        self.turns: list[list[str]] = []
        self._process = subprocess.Popen(command, cwd=CODE, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def handled(self) -> list[str]:
        """Ids of all messages that were in a turn."""
        return [id_ for turn in self.turns for id_ in turn]

    def peak(self) -> int:
        """The most bytes of memory that it had."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024

    def wait_for(self, count: int) -> None:
        """Wait until this many were handled."""
        wait(lambda: len(self.handled()) >= count, f"{count} messages handled")

    def end(self, how: signal.Signals) -> int:
        """Send a signal unless it has ended; the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(how)
        code = self._process.wait(PATIENCE)
        self._reader.join()
        return code

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self.turns.append(json.loads(line))


@contextmanager
def toy(desk: Desk, seconds: float = AT_ONCE) -> Iterator[Toy]:
    """A toy service that is gone afterwards."""
    process = Toy(desk.amqp_url(ADMIN), seconds)
    try:
        yield process
    finally:
        process.end(signal.SIGKILL)


@pytest.fixture
def bus(desk: Desk) -> Iterator[Bus]:
    """A connection that may do everything; there is an empty quorum queue."""
    with Bus(desk.amqp_url(ADMIN)) as own:
        declare(own)
        yield own


def declare(bus: Bus) -> None:
    bus.channel.queue_declare(QUEUE, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})


def send(bus: Bus, *ids: int | str, body: bytes = b"0") -> list[str]:
    """Publish a message for each id."""
    for id_ in ids:
        bus.publish("", QUEUE, body, message_id=str(id_))
    bus.settle()
    return [str(id_) for id_ in ids]


def left(desk: Desk) -> dict[str, int]:
    """What is in the queue: how often each message has come back, by id. This makes all of them come back once more."""
    with Bus(desk.amqp_url(ADMIN)) as looking:
        found = {}
        while (message := looking.channel.basic_get(QUEUE)) is not None:
            found[message.properties["message_id"]] = (message.headers or {}).get("x-delivery-count", 0)
        return found


def test_a_turn_takes_what_waits(desk: Desk, bus: Bus) -> None:
    """Up to 200 when busy, one when idle."""
    ids = send(bus, *range(1000))
    with toy(desk) as service:
        service.wait_for(1000)
        assert sorted(service.handled()) == sorted(ids)
        assert max(map(len, service.turns)) <= LARGEST_TURN
        assert len(service.turns) < 100
        send(bus, "alone")
        service.wait_for(1001)
        assert service.turns[-1] == ["alone"]


def test_what_never_came_back_twice_is_taken_by_the_hundred(desk: Desk, bus: Bus) -> None:
    """Also what came back once: any restart may do that to everybody."""
    send(bus, *range(PREFETCH + 100))
    left(desk)
    with toy(desk, NEVER):
        wait(lambda: bus.depth(QUEUE) == 100 - 1, "one at first, then 400 more in hand")


def test_what_came_back_twice_is_taken_and_handled_one_at_a_time(desk: Desk, bus: Bus) -> None:
    """A message that kills its consumer must find no neighbour with it."""
    suspects = send(bus, *range(20))
    left(desk)
    assert set(left(desk).values()) == {1}
    with toy(desk, NEVER):
        wait(lambda: bus.depth(QUEUE) == 19, "one in hand")
        send(bus, *range(20, 40))
        assert bus.depth(QUEUE) == 39
    with toy(desk) as service:
        service.wait_for(40)
        alone = [turn for turn in service.turns if set(turn) & set(suspects)]
        assert sorted(alone) == sorted([id_] for id_ in suspects)


def test_what_is_given_back_is_tried_again_and_its_neighbours_are_done(desk: Desk, bus: Bus) -> None:
    send(bus, *range(50))
    send(bus, "later", body=b"2")
    send(bus, *range(50, 100))
    with toy(desk) as service:
        service.wait_for(103)
        assert service.end(signal.SIGTERM) == 0
    counts = Counter(service.handled())
    assert counts.pop("later") == 3
    assert set(counts.values()) == {1}
    assert left(desk) == {}


def test_a_stop_in_a_stream_of_messages_gives_none_back(desk: Desk, bus: Bus) -> None:
    """Whatever was delivered is handled and acknowledged; what is left has never been on its way."""
    over, sent = threading.Event(), 0

    def flood() -> None:
        nonlocal sent
        with Bus(desk.amqp_url(ADMIN)) as channel:
            while not over.wait(0.03):
                send(channel, *range(sent, sent + 20))
                sent += 20

    publisher = threading.Thread(target=flood)
    publisher.start()
    try:
        handled: list[str] = []
        for _ in range(3):
            with toy(desk) as service:
                service.wait_for(500)
                assert service.end(signal.SIGTERM) == 0
                handled += service.handled()
    finally:
        over.set()
        publisher.join()
    waiting = left(desk)
    assert {id_ for id_, returns in waiting.items() if returns} == set()
    assert sorted([*handled, *waiting]) == sorted(str(number) for number in range(sent))


def test_what_a_killed_consumer_had_in_hand_comes_back(desk: Desk, bus: Bus) -> None:
    ids = send(bus, *range(100))
    with toy(desk, NEVER) as service:
        wait(lambda: bus.depth(QUEUE) == 0, "all in hand")
        service.end(signal.SIGKILL)
    with toy(desk) as service:
        service.wait_for(100)
        assert sorted(service.handled()) == sorted(ids)


def test_no_more_is_held_of_large_messages_than_there_is_room_for(desk: Desk, bus: Bus) -> None:
    """320 MB wait, and two messages make a turn: without a bound nearly all would be in hand at once."""
    count, size = 40, 8_000_000
    ids = send(bus, *range(count), body=b"0".ljust(size))
    with toy(desk, seconds=0.2) as consumer:
        consumer.wait_for(count)
        assert sorted(consumer.handled()) == sorted(ids)
        assert max(map(len, consumer.turns)) == 2
        assert consumer.peak() < 50_000_000 + 2 * HELD_AT_MOST
