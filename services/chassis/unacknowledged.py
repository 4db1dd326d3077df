"""The deliveries of one connection that are not acknowledged yet, in their order.

Pure: it says what may be acknowledged, and the caller does it. Not for several threads at once.
"""

from __future__ import annotations

from collections.abc import Iterable

from services.chassis.reading import Delivery

LARGE = 64 * 1024


class Unacknowledged:
    """By their delivery tags, which grow."""

    def __init__(self) -> None:
        self._finished: dict[int, bool] = {}
        """True once handled but not yet acknowledged."""
        self._large: dict[int, int] = {}
        self.held = 0
        """Bytes of the large ones."""

    def __len__(self) -> int:
        return len(self._finished)

    def add(self, delivery: Delivery) -> None:
        """It was delivered."""
        self._finished[delivery.tag] = False
        if size := size_if_large(delivery):
            self._large[delivery.tag] = size
            self.held += size

    def finish(self, tags: Iterable[int]) -> None:
        """These are handled."""
        self._finished |= dict.fromkeys(tags, True)

    def take_finished(self) -> tuple[int, list[int]]:
        """The tag up to which all are handled (0: the oldest is not), and the handled ones behind it; both are
        forgotten here."""
        last = 0
        for tag, finished in self._finished.items():
            if not finished:
                break
            last = tag
        taken = [tag for tag, finished in self._finished.items() if finished]
        for tag in taken:
            del self._finished[tag]
            self.held -= self._large.pop(tag, 0)
        return last, [tag for tag in taken if tag > last]

    def clear(self) -> None:
        """The connection is gone, and the broker delivers them again."""
        self._finished.clear()
        self._large.clear()
        self.held = 0


def size_if_large(delivery: Delivery) -> int:
    """The bytes of its body if it is large; otherwise 0."""
    return len(delivery.body) if len(delivery.body) > LARGE else 0
