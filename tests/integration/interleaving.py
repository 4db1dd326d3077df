"""Lets another turn in between any two queries of a function that reads the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar
from unittest.mock import patch

from greenlet import getcurrent, greenlet
from pymongo.collection import Collection

from services.chassis import pipeline

T = TypeVar("T")


class Interrupted(Generic[T]):
    """`function`, which has sent `after` of its queries, or has ended if it has no more. Only within
    `interruptible()`."""

    def __init__(self, function: Callable[[], T], after: int) -> None:
        self._greenlet = _Reading(function)
        self._greenlet.left = after
        self._result: T = self._greenlet.switch()

    @property
    def has_ended(self) -> bool:
        """Whether it had no more queries."""
        return bool(self._greenlet.dead)

    def result(self) -> T:
        """What the function returns, after the queries that it has left."""
        return self._result if self._greenlet.dead else self._greenlet.switch()


class _Reading(greenlet):  # type: ignore[misc]
    left = 0


def _before_a_query() -> None:
    reading = getcurrent()
    if isinstance(reading, _Reading):
        if reading.left == 0:
            reading.parent.switch()
        reading.left -= 1


@contextmanager
def interruptible() -> Iterator[None]:
    """Meanwhile the queries that the services send together go one by one."""
    together, find = pipeline._run, Collection.find

    def one_by_one(database: Any, commands: Sequence[Any], session: Any) -> tuple[list[Any], Any]:
        if session is not None:
            return together(database, commands, session)
        replies, address = [], None
        for command in commands:
            _before_a_query()
            reply, address = together(database, [command], None)
            replies += reply
        return replies, address

    def alone(self: Collection[Any], *args: Any, **named: Any) -> Any:
        _before_a_query()
        return find(self, *args, **named)

    with patch.object(pipeline, "_run", one_by_one), patch.object(Collection, "find", alone):
        yield
