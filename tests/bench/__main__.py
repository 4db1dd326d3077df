"""`make bench`: what Casebus handles, as ratios within one run, on a stack of its own.

Measures what `--only` names, or all, each on a desk of its own; prints the figures and the goals, writes
`.local/bench.json`, and leaves the logs in `.local/bench-log`. What is measured and how: the module of each, and
docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from deploy.local.desk import Desk
from deploy.local.processes import CODE
from deploy.local.stack import Stack
from tests.bench import throughput
from tests.bench.articles.bus import articles
from tests.bench.backlog import backlog
from tests.bench.fairness import fairness
from tests.bench.latency import latency, naive_latency
from tests.bench.load import Broker, requests
from tests.bench.memory import memory
from tests.bench.profile import print_shares, recorded
from tests.bench.report import as_json, tables
from tests.bench.timers import lateness
from tests.waiting import Missed

FOLDER = CODE / ".local" / "bench"
RESULT = CODE / ".local" / "bench.json"
PROFILES = CODE / ".local" / "profile"
LOGS = CODE / ".local" / "bench-log"


class Bench:
    """One run: the stack, a new desk for each measurement, and what is recorded of the measured processes."""

    def __init__(self, stack: Stack, console: Console, count: int, profiled: bool) -> None:
        self._stack = stack
        self._console = console
        self._count = count
        self._profiled = profiled
        self._desks = 0

    def measurements(self) -> dict[str, Callable[[Desk, Broker], Any]]:
        """All measurements, by the name that `--only` takes, in the order in which they run."""
        count, quarter, tenth = self._count, self._count // 4, self._count // 10
        watching = self._watching
        return {
            "naive-intake": lambda desk, broker: throughput.naive_intake(desk, broker, quarter, 1, watching),
            "naive-intake-10": lambda desk, broker: throughput.naive_intake(desk, broker, quarter, 10, watching),
            "limit": lambda desk, broker: throughput.limit(desk, broker, 2 * count, watching),
            "intake": lambda desk, broker: throughput.intake(desk, broker, 2 * count, watching),
            "naive-desk": lambda desk, broker: throughput.naive_desk(desk, broker, tenth, 1, watching),
            "naive-desk-10": lambda desk, broker: throughput.naive_desk(desk, broker, quarter, 10, watching),
            "desk": lambda desk, broker: throughput.whole_desk(desk, broker, count, watching),
            "naive-latency": lambda desk, broker: naive_latency(desk, broker, tenth),
            "latency": lambda desk, broker: latency(desk, broker, tenth),
            "fairness": lambda desk, broker: fairness(desk, broker, tickets=count // 25),
            "timers": lambda desk, broker: lateness(desk, broker, armed=100 * count, due=count),
            "backlog": lambda desk, broker: backlog(desk, broker, waiting=5 * count),
            "memory": lambda desk, broker: memory(desk, broker, few=count // 2, many=20 * count),
            "articles": lambda desk, broker: articles(desk, broker, (tenth, 10 * count), 5 * count, watching),
        }

    def run(self, names: Sequence[str], results: dict[str, Any]) -> None:
        """Measure these, in order; each result goes into `results`, by name."""
        for name, measurement in self.measurements().items():
            if name in names:
                self._console.print(f"measuring {name} …")
                with self._desk() as desk:
                    broker = Broker(desk)
                    try:
                        results[name] = measurement(desk, broker)
                    except Missed as missed:
                        raise SystemExit(f"bench: {missed}") from missed
                    finally:
                        broker.close()

    @contextmanager
    def _desk(self) -> Iterator[Desk]:
        self._desks += 1
        desk = self._stack.other_desk(f"bench{self._desks}")
        desk.prepare()
        try:
            yield desk
        finally:
            desk.kill_all()  # what it holds goes with the stack: RabbitMQ takes long to delete full queues

    @contextmanager
    def _watching(self, processes: Mapping[str, int]) -> Iterator[None]:
        if not self._profiled:
            yield
            return
        with recorded(processes, PROFILES):
            yield
        for name in processes:
            print_shares(self._console, name, PROFILES / f"{name}.raw")


def main() -> None:
    """Measure, print, write."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    stack = Stack(FOLDER, console.print)
    names = list(Bench(stack, console, 0, False).measurements())
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--count", type=int, default=10_000, help="submissions for the four services; others in proportion"
    )
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="measure only these")
    parser.add_argument("--profile", action="store_true", help="record the measured processes by py-spy, print shares")
    options = parser.parse_args()
    load = os.getloadavg()
    console.print(f"submissions are made of {len(requests()):,} requests")
    results: dict[str, Any] = {}
    stack.remove()  # whatever a run that was cut off has left
    try:
        stack.start_servers()
        Bench(stack, console, options.count, options.profile).run(options.only, results)
    finally:
        shutil.copytree(FOLDER / "log", LOGS, dirs_exist_ok=True)
        stack.remove()
        _report(console, results, options.count, load)


def _report(console: Console, results: Mapping[str, Any], count: int, load: Sequence[float]) -> None:
    """Print and write what was measured, all of it or what came before something went wrong."""
    for table in tables(results):
        console.print(table)
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_before": load,
        "load_after": os.getloadavg(),
    }
    written = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine,
        "count": count,
        "requests": len(requests()),
        "results": as_json(results),
    }
    RESULT.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    console.print(f"written to {RESULT.relative_to(CODE)}")


if __name__ == "__main__":
    main()
