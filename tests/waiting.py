"""Waits, in tests and bench, for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 60.0

T = TypeVar("T")


class Missed(AssertionError):
    """What was awaited did not come."""


def wait(
    look: Callable[[], T],
    what: str,
    holds: Callable[[T], object] = bool,
    *,
    patience: float = PATIENCE,
    every: float = 0.05,
) -> T:
    """Look every few seconds (`every`) until what is seen `holds` (by default: until it is true); returns what was
    seen.

    Raises Missed after `patience` seconds; it says `what` was awaited and what was seen last.
    """
    deadline = time.monotonic() + patience
    while not holds(seen := look()):
        if time.monotonic() > deadline:
            raise Missed(f"{what}: not within {patience:g} s; seen last: {seen!r:.2000}")
        time.sleep(every)
    return seen
