"""One run of the demo: what makes its requesters and tickets its own, and what its people do later.

Shared by the demo's threads; holds no connection. The page is docs/cli.md.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any


@dataclass(frozen=True, slots=True)
class Run:
    """A run: `id` begins every account id of it; `pace` multiplies how long its people take to do things."""

    id: str
    pace: float
    capacity: int
    """Open tickets that each agent takes."""
    rate: float | None
    """Requests a second that each channel feeds; None: as fast as the desk answers."""
    over: threading.Event = field(default_factory=threading.Event)
    """Set when everything is finished: then all threads leave."""

    @classmethod
    def relaxed(cls) -> Run:
        """A run at a pace to watch."""
        return cls(_fresh_id(), pace=1.0, capacity=5, rate=8.0)

    @classmethod
    def brisk(cls) -> Run:
        """A run as fast as the desk takes it, with people who answer at once."""
        return cls(_fresh_id(), pace=0.1, capacity=100, rate=None)

    def requester(self, requester: Mapping[str, Any]) -> dict[str, Any]:
        """A requester of a file as one of this run."""
        return {**requester, "account_id": self.account(requester["account_id"])}

    def account(self, name: str) -> str:
        """The account of this run that has this name."""
        return f"{self.id}-{name}"

    def owns(self, account_id: str) -> bool:
        """Whether the account is of this run."""
        return account_id.startswith(self.account(""))


def _fresh_id() -> str:
    """Different for each run of a machine, and later ones sort later."""
    return f"{int(time.time()):x}"


class Later:
    """Things that one person will do after a while; used from one thread."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str, Callable[[], object]]] = []
        self._latest: dict[str, int] = {}
        self._count = count()

    def __len__(self) -> int:
        return len(self._latest)

    def after(self, seconds: float, about: str, action: Callable[[], object]) -> None:
        """Do `action` in this many seconds, instead of what was planned about the same thing."""
        turn = next(self._count)
        self._latest[about] = turn
        heapq.heappush(self._heap, (time.monotonic() + seconds, turn, about, action))

    def forget(self, about: str) -> None:
        """Do nothing more about it."""
        self._latest.pop(about, None)

    def do_what_is_due(self) -> None:
        """Do everything whose time has come."""
        while self._heap and self._heap[0][0] <= time.monotonic():
            _, turn, about, action = heapq.heappop(self._heap)
            if self._latest.get(about) == turn:
                del self._latest[about]
                action()
