"""Work for many items at once: what would stall every green thread (hashing a secret costs 30 ms of CPU) in native
threads, what waits for the database in green ones. And names of machines, looked up in native threads."""

from __future__ import annotations

import _socket
import ctypes
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from typing import Any, TypeVar

import eventlet
from eventlet import tpool
from eventlet.event import Event
from eventlet.semaphore import Semaphore

A = TypeVar("A")
B = TypeVar("B")

WAIT_TOGETHER = 6
"""Fewer than the database's connections that a service has (unit_of_work.py)."""

SLOW = 1.0
SLOW_AT_ONCE = 10
"""Seconds from which the look-up of a name is a slow one, and how many of those go on at once, of the pool's 20."""

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
    _socket.getaddrinfo = _LookUps(_socket.getaddrinfo)  # what the socket module calls, and eventlet's


class _LookUps:
    """Look-ups in the pool's threads, which are few: what many ask at once is asked once, and names that were slow the
    last time never have all threads, so that another (the mail server's, the broker's) does not wait for theirs."""

    def __init__(self, system: Callable[..., Any]) -> None:
        self._system = system
        self._under_way: dict[Any, Event] = {}
        self._slow: set[Any] = set()
        self._few = Semaphore(SLOW_AT_ONCE)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        asked = arguments, tuple(sorted(named.items()))
        if asked in self._under_way:
            return self._under_way[asked].wait()
        answer = self._under_way[asked] = Event()
        try:
            found = self._look_up(arguments, named)
        except BaseException as error:
            away = _socket.gaierror(_socket.EAI_AGAIN, "given up")
            answer.send_exception(error if isinstance(error, Exception) else away)
            raise
        else:
            answer.send(found)
            return found
        finally:
            del self._under_way[asked]

    def _look_up(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        name = arguments[0] if arguments else named.get("host")
        with self._few if name in self._slow else nullcontext():
            return tpool.execute(self._timed, name, arguments, named)

    def _timed(self, name: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """In the native thread: what waits for one is not slow itself."""
        began = time.monotonic()
        try:
            return self._system(*arguments, **named)
        finally:
            (self._slow.add if time.monotonic() - began > SLOW else self._slow.discard)(name)
