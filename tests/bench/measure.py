"""How fast something is: what comes out of it a second, and what that costs its processes of CPU."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import psutil

PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class Rate:
    """Messages a second, and what one costs all the measured processes together, in milliseconds of CPU."""

    rate: float
    cpu_ms: float
    documents: float | None = None
    """Documents that one left in the database, and their bytes, where that was looked at."""
    bytes_stored: float | None = None


def measure(
    done: Callable[[], int],
    count: int,
    pids: Collection[int],
    first: float = 0.1,
    last: float = 0.9,
    begun_by: Callable[[], int] | None = None,
) -> Rate:
    """What `done` counts a second, and the processes' CPU for each, between these shares of `count`.

    `begun_by`: what the first share is of, where work begins long before anything is done.
    """
    processes = [psutil.Process(pid) for pid in pids]

    def cpu() -> float:
        return sum(times.user + times.system for times in (process.cpu_times() for process in processes))

    begin = begun_by or done
    begun: tuple[float, int, float] | None = None
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        now, number = time.monotonic(), done()
        if begun is None and begin() >= max(1, count * first):
            begun = now, number, cpu()
        if begun is not None and number >= count * last:
            more = number - begun[1]
            return Rate(more / (now - begun[0]), 1000 * (cpu() - begun[2]) / more)
        time.sleep(0.02)
    raise SystemExit(f"bench: only {done()} of {count} were done within {PATIENCE:.0f} s")


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest of these (ascending, at least one) that `share` of them do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
