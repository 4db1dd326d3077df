"""Work for many items at once: what would stall every green thread (hashing a secret costs 30 ms of CPU) in native
threads, what waits for the database in green ones. And names of machines, looked up in native threads."""

from __future__ import annotations

import _socket
import ctypes
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import eventlet
from eventlet import tpool

A = TypeVar("A")
B = TypeVar("B")

WAIT_TOGETHER = 6
"""Fewer than the database's connections that a service has (unit_of_work.py)."""

M_MMAP_THRESHOLD = -3
LARGE = 1024 * 1024
"""Bytes. glibc keeps for a thread what it has freed, and after the first large block large ones too: the 19 MiB of a
hash stayed with each of the pool's 20 threads, often twice. What is larger than this goes back to the system."""
with suppress(AttributeError):  # another C library has no such habit, and no such function
    ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE)


def in_native_threads(function: Callable[[A], B], items: Sequence[A]) -> list[B]:
    """`function` of each item, in order, while other green threads go on. The first exception is raised."""
    pool = eventlet.GreenPool(size=4)
    return list(pool.imap(lambda item: tpool.execute(function, item), items))


def in_green_threads(function: Callable[[A], B], items: Sequence[A]) -> list[B]:
    """`function` of each item, in order, a few at a time, while others wait. The first exception is raised."""
    return list(eventlet.GreenPool(size=WAIT_TOGETHER).imap(function, items))


def look_up_names_in_native_threads() -> None:
    """From now on the system's look-up of a name, which may take many seconds for one that nobody answers for (a
    webhook's), holds up the green thread that asks and no other."""
    system = _socket.getaddrinfo

    def look_up(*arguments: Any, **named: Any) -> Any:
        return tpool.execute(system, *arguments, **named)

    _socket.getaddrinfo = look_up  # what the socket module calls, and eventlet's
