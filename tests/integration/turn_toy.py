"""A toy service for the tests of the consumer: `python -m tests.integration.turn_toy URL QUEUE SECONDS`.

It has only the consumer, on green threads like a service, and turns that only take time. It prints a line of JSON for
each turn: the ids of its messages. It gives a message back as often as its body says before it handles it. It stops on
SIGTERM, as services do.
"""

# ruff: noqa: E402 - green before anything else is imported
from __future__ import annotations

import eventlet

eventlet.monkey_patch()

import json
import signal
import sys
import time

from services.chassis.consumer import Consumer
from services.chassis.reading import Delivery
from tests.fakes import FakeHandler, never_pausing


def main(url: str, queue: str, seconds: float) -> None:
    """Consume `queue`; each turn takes this long."""

    def turn(deliveries: list[Delivery]) -> list[Delivery]:
        time.sleep(seconds)
        again = [delivery for delivery in deliveries if delivery.attempts < int(delivery.body)]
        for delivery in again:
            delivery.attempts += 1
        print(json.dumps([delivery.properties["message_id"] for delivery in deliveries]), flush=True)
        return again

    consumer = Consumer(url, "toy", [queue], FakeHandler(turn), never_pausing())
    signal.signal(signal.SIGTERM, lambda *_: eventlet.spawn(consumer.stop))
    consumer.run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
