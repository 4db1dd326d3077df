"""Waits, in the demo, for what others do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def waited(look: Callable[[], T], patience: float, every: float = 0.05) -> T:
    """What `look` returns, as soon as that is true; after `patience` seconds, what it returned last. It looks every
    `every` seconds."""
    end = time.monotonic() + patience
    while not (seen := look()) and time.monotonic() < end:
        time.sleep(every)
    return seen
