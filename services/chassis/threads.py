"""Work that would stall every green thread (hashing a secret costs 30 ms of CPU), done in native threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import eventlet
from eventlet import tpool

A = TypeVar("A")
B = TypeVar("B")


def in_native_threads(function: Callable[[A], B], items: Sequence[A]) -> list[B]:
    """`function` of each item, in order, while other green threads go on. The first exception is raised."""
    pool = eventlet.GreenPool(size=4)
    return list(pool.imap(lambda item: tpool.execute(function, item), items))
