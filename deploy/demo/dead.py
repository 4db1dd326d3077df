"""What dies while the demo runs: reads `helpdesk.dead` as the operator, from a temporary queue of its own.

It uses plain AMQP (`client/bus.py`): a dead letter need not be an event, and its reason is in its headers, while the
client hears only events. The page is docs/cli.md.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from contracts.topology import DEAD
from services.client.bus import Bus

from .run import Run
from .waiting import waited


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that died: its id, the queue or key that it died in, and why."""

    id: str
    died_in: str
    reason: str


class DeadLetters:
    """All dead letters of a run, in order. `listening` is set once it can miss none."""

    def __init__(self, run: Run, url: str) -> None:
        self.letters: list[DeadLetter] = []
        self.listening = threading.Event()
        self._run = run
        self._url = url

    def work(self) -> None:
        """Collect until the run is over. The body of a thread."""
        with Bus(self._url, heartbeat=20) as bus:
            bus.consume(bus.own_queue((DEAD, "#")), self._take, acknowledge=False)
            self.listening.set()
            while not self._run.over.is_set():
                bus.drain(0.1)

    def wait_for(self, id_: str, timeout: float = 30) -> bool:
        """Whether the message with that id died within `timeout` seconds."""
        return waited(lambda: any(letter.id == id_ for letter in self.letters), timeout)

    def _take(self, message: Any) -> None:
        reason = (message.headers or {}).get("x-reason", "dead-lettered by the broker, without a reason")
        id_ = str(message.properties.get("message_id", ""))
        self.letters.append(DeadLetter(id_, message.delivery_info["routing_key"], str(reason)))
