"""Reads `helpdesk.dead` from its oldest letter on, and removes letters.

A letter stays unacknowledged until the reader closes; then all go back in their order. A killed reader loses none
either. Only one reader works at a time, because nobody else can read what it holds. The page is docs/operating.md; the
reasons are in docs/decisions/0007-dead-letters-are-read-where-they-are.md.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from amqp.exceptions import AccessRefused, NotFound, ResourceLocked

from contracts.names import DEAD, OPERATOR
from deploy.trouble import Trouble
from services.client.bus import BROKEN, Bus

from .letter import Letter, letter_of

READING = f"{OPERATOR}.reading-dead-letters"
"""An exclusive queue without messages, which serves as a lock: its owner is the one reader."""

RELEASED_WITHIN = 1.0
"""Seconds after which the owner of that queue is really at work. RabbitMQ 4.3 closes a connection a few milliseconds
before it deletes the connection's exclusive queues."""

WINDOW = 1000
"""How many letters one consumer holds: the broker delivers as many before it waits for the reader."""

CONSUMERS_AT_MOST = 30
"""The consumers of one channel return their letters in the order of their tags; above 32 consumers, in any order."""

LARGEST_WINDOW = 65_535
"""AMQP's prefetch is a short."""

BATCH = 100
BATCH_BYTES = 4 * 1024 * 1024
PATIENCE = 20.0


def _alone(url: str) -> Bus:
    """A connection of the one reader. Raises Trouble."""
    end = time.monotonic() + RELEASED_WITHIN
    while True:
        bus = Bus(url, heartbeat=60)
        try:
            bus.channel.queue_declare(READING, exclusive=True)
        except ResourceLocked as error:
            bus.close()
            if time.monotonic() > end:
                raise Trouble("Another command is reading the dead letters: wait until it has finished.") from error
            time.sleep(0.05)
        except AccessRefused as error:
            bus.close()
            raise Trouble(
                f"The broker does not let {bus.user} read the dead letters. CASEBUS_AMQP_OPERATOR must name the user"
                f" `{OPERATOR}`; `casebus doctor` says which permission is missing."
            ) from error
        else:
            return bus


class DeadLetters:
    """The letters in the queue at the moment of opening. Raises Trouble while somebody else reads."""

    def __init__(self, url: str) -> None:
        self._bus = _alone(url)
        try:
            self.count = self._bus.depth(DEAD)
        except NotFound as error:
            self._bus.close()
            raise Trouble(f"The broker has no queue {DEAD}: `casebus topology apply` creates it.") from error
        self._removed = 0
        self._channel = self._bus.channel.connection.channel()
        self._arrived: deque[Any] = deque()
        self._consumers: list[str] = []
        self._window = min(LARGEST_WINDOW, max(WINDOW, -(-self.count // CONSUMERS_AT_MOST)))
        self._left = self.count
        self._held = 0
        """How many letters the newest consumer holds; the earlier ones are full."""

    def batches(self) -> Iterator[list[tuple[int, Letter]]]:
        """All letters, oldest first, in batches that fit into memory; each with the tag for `remove`.

        Remove letters of a batch before you ask for the next: then a new consumer replaces a full one, which would
        otherwise take more letters out of their order.
        """
        while self._left:
            if not self._consumers or self._held >= self._window:
                self._consume()
            batch = self._batch(min(self._left, BATCH, self._window - self._held))
            self._left -= len(batch)
            self._held += len(batch)
            yield [
                (
                    message.delivery_tag,
                    letter_of(
                        message.delivery_info["exchange"],
                        message.delivery_info["routing_key"],
                        message.properties,
                        message.body.encode() if isinstance(message.body, str) else bytes(message.body),
                    ),
                )
                for message in batch
            ]

    def remove(self, tags: list[int]) -> None:
        """Remove these letters of the last batch from the queue for good."""
        for tag in tags:
            self._channel.basic_ack(tag)
        self._held -= len(tags)
        self._removed += len(tags)

    def close(self) -> None:
        """Return the letters that were not removed, wait until they are back, and close."""
        if self._consumers:
            # Returned letters queue behind letters that were never consumed: so it consumes the rest too.
            for _ in self.batches():
                pass
            for tag in self._consumers:
                self._channel.basic_cancel(tag)
            # By its source, the broker's side of a channel delays acknowledgements while many are under way, and
            # forgets them as it closes. Once it has answered the cancels and this, it has passed them on.
            self._channel.queue_declare(DEAD, passive=True)
            self._channel.close()
            deadline = time.monotonic() + PATIENCE
            while self._bus.depth(DEAD) < self.count - self._removed and time.monotonic() < deadline:
                time.sleep(0.02)  # no other reader may begin yet
        self._bus.close()

    def __enter__(self) -> DeadLetters:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.close()
        except BROKEN:
            self._bus.close()  # the broker requeues the letters by itself

    def _consume(self) -> None:
        # Consumers return what they hold in the order of their tags.
        tag = f"{len(self._consumers):04}"
        self._channel.basic_qos(0, self._window, False)
        self._channel.basic_consume(DEAD, consumer_tag=tag, callback=self._arrived.append)
        self._consumers.append(tag)
        self._held = 0

    def _batch(self, most: int) -> list[Any]:
        batch: list[Any] = []
        size = 0
        deadline = time.monotonic() + PATIENCE
        while len(batch) < most and size < BATCH_BYTES:
            if self._arrived:
                batch.append(self._arrived.popleft())
                size += len(batch[-1].body)
                continue
            try:
                self._bus.channel.connection.drain_events(timeout=1)
            except TimeoutError:
                if time.monotonic() > deadline:
                    missing, self._left = self._left, 0
                    raise Trouble(
                        f"The broker does not hand over the last {missing:,} of {self.count:,} dead letters: somebody"
                        " else has taken them. Try again."
                    ) from None
        self._bus.channel.connection.heartbeat_tick()
        return batch
