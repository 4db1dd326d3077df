"""Waiting, in a test, for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 60.0


def wait(holds: Callable[[], object], what: str, patience: float = PATIENCE, every: float = 0.05) -> None:
    """Return once it holds, looked at so often (seconds). Raises AssertionError, naming `what`, after `patience`."""
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {patience:.0f} s"
        time.sleep(every)
