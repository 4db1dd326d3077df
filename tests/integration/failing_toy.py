"""A toy service whose rules fail while a file exists: `python -m tests.integration.failing_toy URL FILE`.

It has the consumer and the turn of a service, on green threads, the broker's queue `routing.commands`, and store and
publisher in memory. A minute between tries lasts a twentieth of a second. It prints a line of JSON for each turn: the
ids that succeeded, those that raised, those that were dead-lettered, and whether it pauses.
"""

# ruff: noqa: E402 - green before anything else is imported
from __future__ import annotations

import eventlet

from contracts.outcomes import Accepted

eventlet.monkey_patch()

import json
import signal
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from contracts.topology import DEAD
from services.chassis import failing
from services.chassis.consumer import Consumer
from services.chassis.decision import Answer, Decision, Message
from services.chassis.reading import Delivery
from services.chassis.rules import Rules
from services.chassis.turn import Turn
from tests.fakes import FakeHandler, FakePublisher, FakeStore

failing.TRIED_EVERY = 0.05
QUEUE = "routing.commands"
POISON = "poison"
"""The beginning of the id of a message that raises however good the rules are."""


class Nothing:
    """A service that keeps nothing."""

    def load(self, messages: Sequence[Message[Any]], now: datetime) -> Nothing:
        return self

    def apply(self, change: Any) -> None:
        """Nothing to change."""

    def writes(self, view: Nothing) -> list[Any]:
        return []


def main(url: str, broken: Path) -> None:
    """Consume until SIGTERM."""
    succeeded: list[str] = []
    raised: list[str] = []

    def decide(_view: Nothing, message: Message[Any], _now: datetime) -> Decision:
        if broken.exists() or message.id.startswith(POISON):
            raised.append(message.id)
            raise ValueError("a bad release")
        succeeded.append(message.id)
        return Decision(answer=Answer("command.accepted", Accepted()))

    publisher = FakePublisher()
    turn = Turn("routing", Rules(Nothing(), decide), FakeStore(), publisher)
    record = turn.watch.over(QUEUE)

    def handle(deliveries: list[Delivery]) -> list[Delivery]:
        again = turn.run(deliveries)
        dead = [message.message_id for message in publisher.published if message.exchange == DEAD]
        publisher.published.clear()
        line = {"succeeded": succeeded[:], "raised": raised[:], "dead": dead, "paused": record.paused}
        succeeded.clear()
        raised.clear()
        print(json.dumps(line), flush=True)
        return again

    consumer = Consumer(url, "toy", [QUEUE], FakeHandler(handle), record)
    signal.signal(signal.SIGTERM, lambda *_: eventlet.spawn(consumer.stop))
    consumer.run()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
