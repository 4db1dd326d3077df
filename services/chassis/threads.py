"""Work for many items at once, in threads: native threads for what would stall every green thread (hashing a secret
costs 30 ms of CPU), green ones for what waits for the database. Names of machines are looked up in native threads
too."""

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
"""Fewer than the database connections that a service has (database.py)."""

SLOW = 1.0
SLOW_AT_ONCE = 10
"""From how many seconds on the look-up of a name is slow, and how many slow ones may run at once, of the pool's 20."""

M_MMAP_THRESHOLD = -3
LARGE = 1024 * 1024
"""Bytes. glibc keeps for a thread what it has freed, and after the first large block large ones too: the 19 MiB of a
hash stayed with each of the pool's 20 threads, often twice. Larger blocks than this go back to the system."""
with suppress(AttributeError):  # other C libraries have no mallopt
    ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE)


def in_native_threads(function: Callable[[A], B], items: Sequence[A]) -> list[B]:
    """`function` of each item, in order, while other green threads run. Raises the first exception."""
    pool = eventlet.GreenPool(size=4)
    return list(pool.imap(lambda item: tpool.execute(function, item), items))


def in_green_threads(function: Callable[[A], B], items: Sequence[A]) -> list[B]:
    """`function` of each item, in order, a few at a time, while others wait. Raises the first exception."""
    return list(eventlet.GreenPool(size=WAIT_TOGETHER).imap(function, items))


def look_up_names_in_native_threads() -> None:
    """From now on, the system's look-up of a name stops only the green thread that asks. It may take many seconds if
    nobody answers for the name (a webhook's)."""
    _socket.getaddrinfo = _LookUps(_socket.getaddrinfo)  # what the socket module calls, and eventlet's


class _LookUps:
    """Looks names up in the pool's few threads. A name that several ask for at the same time is looked up once. Names
    that were slow the last time never occupy all threads, so another name (the mail server's, the broker's) does not
    wait for theirs."""

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
        except BaseException as error:  # the end of its green thread too: others may wait for the answer
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
        """In the native thread: a look-up that only waited for a thread is not slow itself."""
        began = time.monotonic()
        try:
            return self._system(*arguments, **named)
        finally:
            (self._slow.add if time.monotonic() - began > SLOW else self._slow.discard)(name)
