"""The consumer on a real broker: what it acknowledges when its connection is lost in the middle of a turn."""

from __future__ import annotations

import socket
from collections.abc import Callable

import amqp
import eventlet

from deploy.local.desk import Desk
from services.chassis.consumer import TURNS_AT_ONCE, Consumer
from services.chassis.reading import Delivery
from tests.integration.test_intake import channel

QUEUE = "web.outcomes"


def test_a_turn_that_outlived_its_connection_takes_nothing_of_the_next(desk: Desk) -> None:
    turns = 0
    seen: list[bytes] = []

    def handle(take: Callable[[], list[Delivery]]) -> list[Delivery]:
        nonlocal turns
        turns += 1
        if turns == 1:
            consumer._connection.sock.shutdown(socket.SHUT_RDWR)
        if turns <= TURNS_AT_ONCE:
            eventlet.sleep(2)  # meanwhile it connects again, and the message comes again
        seen.extend(delivery.body for delivery in take())
        return []

    consumer = Consumer(desk.amqp_url("web"), "test", [QUEUE], handle)
    with channel(desk, "casebus_admin") as open_channel:
        open_channel.confirm_select()
        open_channel.basic_publish_confirm(amqp.Message(b"1", delivery_mode=2), exchange="", routing_key=QUEUE)
        thread = eventlet.spawn(consumer.run)
        with eventlet.Timeout(20):
            while b"1" not in seen:
                eventlet.sleep(0.05)
            consumer.stop()
            thread.wait()
        assert open_channel.queue_declare(QUEUE, passive=True).message_count == 0
