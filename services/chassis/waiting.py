"""Deliveries that wait for a turn: each queue's in order, and some of every queue in each turn.

Pure: no AMQP, no clock. A queue that is never empty does not keep the others waiting, whatever it holds. See
docs/turn.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from services.chassis.reading import Delivery
from services.chassis.turn import SUSPECT_AFTER_RETURNS

LARGEST_TURN = 200
LARGEST_TURN_BYTES = 16 * 1024 * 1024


class Waiting:
    """What waits, by queue."""

    def __init__(self, queues: Sequence[str]) -> None:
        self._queues: dict[str, deque[Delivery]] = {queue: deque() for queue in queues}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Delivery]:
        return chain.from_iterable(self._queues.values())

    def add(self, delivery: Delivery) -> None:
        """Put it behind all others of its queue."""
        self._queues[delivery.queue].append(delivery)
        self._count += 1

    def put_back(self, deliveries: Iterable[Delivery]) -> None:
        """Put them in front of their queues, in this order: they waited before."""
        for delivery in reversed(list(deliveries)):
            self._queues[delivery.queue].appendleft(delivery)
            self._count += 1

    def drop_suspects(self) -> None:
        """Forget those that nobody may begin any more."""
        for queue, waiting in self._queues.items():
            self._queues[queue] = deque(delivery for delivery in waiting if not is_suspect(delivery))
        self._count = sum(map(len, self._queues.values()))

    def clear(self) -> None:
        """Forget all of them."""
        for waiting in self._queues.values():
            waiting.clear()
        self._count = 0

    def next_turn(self) -> list[Delivery]:
        """The deliveries of the next turn, up to the limits: one of each queue in rotation; a suspect alone."""
        self._let_another_begin()
        turn: list[Delivery] = []
        size = 0
        having = [waiting for waiting in self._queues.values() if waiting]
        while having:
            for waiting in having:
                size += len(waiting[0].body)
                if is_suspect(waiting[0]):
                    if not turn:
                        return self._taken([waiting.popleft()])
                    size -= len(waiting[0].body)
                elif len(turn) == LARGEST_TURN or (turn and size > LARGEST_TURN_BYTES):
                    return self._taken(turn)
                else:
                    turn.append(waiting.popleft())
            having = [waiting for waiting in having if waiting and not is_suspect(waiting[0])]
        return self._taken(turn)

    def next_probe(self) -> list[Delivery]:
        """One delivery alone: of those that failed least often, the first from a different queue than last time."""
        self._let_another_begin()
        probe = min(self, key=lambda delivery: delivery.attempts, default=None)
        if probe is None:
            return []
        self._queues[probe.queue].remove(probe)
        return self._taken([probe])

    def _taken(self, turn: list[Delivery]) -> list[Delivery]:
        self._count -= len(turn)
        return turn

    def _let_another_begin(self) -> None:
        """Move the first queue behind the others: otherwise its suspects would get all turns."""
        first = next(iter(self._queues))
        self._queues[first] = self._queues.pop(first)


def is_suspect(delivery: Delivery) -> bool:
    """Whether its consumer may have died of it."""
    return delivery.returns >= SUSPECT_AFTER_RETURNS
