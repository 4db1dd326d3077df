"""Consumer and publisher on a real broker: connections that are lost in the middle of a turn, or no longer answer."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

import amqp
import pytest
from kombu.utils.url import parse_url

from deploy.local.desk import Desk
from services.chassis import amqp_connection
from services.chassis.consumer import Consumer
from services.chassis.outgoing import Outgoing
from services.chassis.publisher import BrokerAway, Publisher
from services.chassis.reading import Delivery
from tests.fakes import FakeHandler, never_pausing
from tests.raw_amqp import open_channel
from tests.waiting import wait

QUEUE = "web.outcomes"
PATIENCE = 20.0


class Line:
    """A way to the broker that can be frozen: open, but nothing passes any more."""

    def __init__(self, url: str) -> None:
        parts = parse_url(url)
        self._broker = (parts["hostname"], parts["port"])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._frozen = threading.Event()
        self.url = url.replace(f":{parts['port']}", f":{self._listener.getsockname()[1]}")
        threading.Thread(target=self._connect, daemon=True).start()

    def freeze(self) -> None:
        """From now on."""
        self._frozen.set()

    def _connect(self) -> None:
        while not self._frozen.is_set():
            ends = self._listener.accept()[0], socket.create_connection(self._broker)
            for way in (ends, ends[::-1]):
                threading.Thread(target=self._carry, args=way, daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(ConnectionError):  # an end that is closed
            while (data := source.recv(65536)) and not self._frozen.is_set():
                sink.sendall(data)


def running(consumer: Consumer) -> threading.Thread:
    """The consumer consumes from now on."""
    thread = threading.Thread(target=consumer.run, daemon=True)
    thread.start()
    return thread


def test_a_turn_that_outlived_its_connection_acknowledges_nothing_on_the_next(desk: Desk) -> None:
    """The message comes again on the next connection, under the same tag."""
    turns: list[bytes] = []
    second = threading.Event()

    def handle(deliveries: list[Delivery]) -> list[Delivery]:
        turns.extend(delivery.body for delivery in deliveries)
        if len(turns) == 1:
            generation = consumer._generation
            consumer._connection.sock.shutdown(socket.SHUT_RDWR)
            wait(lambda: consumer._generation > generation and consumer._waiting, "it comes again", every=0.01)
        else:
            assert second.wait(PATIENCE)
        return []

    consumer = Consumer(desk.amqp_url("web"), "test", [QUEUE], FakeHandler(handle), never_pausing())
    with open_channel(desk.amqp_url("casebus_admin")) as channel:
        channel.basic_publish_confirm(amqp.Message(b"1", delivery_mode=2), exchange="", routing_key=QUEUE)
        thread = running(consumer)
        wait(lambda: len(turns), "a second turn", lambda count: count == 2, patience=PATIENCE, every=0.01)
        assert len(consumer._unacknowledged) == 1
        second.set()
        consumer.stop()
        thread.join(PATIENCE)
        assert turns == [b"1", b"1"]
        assert channel.queue_declare(QUEUE, passive=True).message_count == 0


def test_a_consumer_stops_though_the_broker_answers_no_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amqp_connection, "ANSWER_TIMEOUT", 0.5)
    line = Line(desk.amqp_url("web"))
    consumer = Consumer(line.url, "test", [QUEUE], FakeHandler(lambda deliveries: []), never_pausing())
    thread = running(consumer)
    wait(lambda: consumer.connected, "the connection", patience=PATIENCE)
    line.freeze()
    consumer.stop()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert not consumer.connected


def test_a_publisher_gives_up_on_a_broker_that_reads_no_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amqp_connection, "ANSWER_TIMEOUT", 0.5)
    line = Line(desk.amqp_url("intake"))
    publisher = Publisher(line.url, "intake")
    assert publisher.publish([Outgoing("", QUEUE, "1", "x", b"x")]) == []
    line.freeze()
    with pytest.raises(BrokerAway, match="timed out"):
        publisher.publish([Outgoing("", QUEUE, "2", "x", bytes(32 * 1024 * 1024))])
