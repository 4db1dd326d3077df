"""`make bench`: what Casebus handles, as ratios within one run, on a stack of its own.

*naive*: stock nameko `@consume`, one message at a time, same durability (naive.py). *intake*: the service, one process,
from `ticket.submit` to the stored ticket, its event and outcome confirmed. *desk*: the four services, one process each,
to `ticket.assigned`. Each is given a full queue, and its rate is measured between 10 % and 90 % of the work, from the
counts of a queue that its results go to. Prints a table, writes `.local/bench/result.json`; see docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from contracts import topology
from deploy.local.desk import Desk
from deploy.local.processes import CODE
from deploy.local.rabbitmq import ADMIN
from deploy.local.stack import Stack
from tests.bench.load import Broker, submissions

DUPLICATES = 0.1
PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class Result:
    """Messages a second, and what one costs all the service's processes together, in milliseconds of CPU."""

    rate: float
    cpu_ms: float


def naive(desk: Desk, broker: Broker, count: int, workers: int) -> Result:
    """stock nameko with `workers` workers (1: strictly one at a time; 10: nameko's default)."""
    broker.declare_naive()
    broker.fill("", "naive.commands", submissions(count, DUPLICATES, f"naive{workers}"), "application/json")
    environment = {
        **os.environ,
        "BENCH_AMQP": desk.amqp_url(ADMIN),
        "BENCH_MONGO": desk.admin_mongo_url,
        "BENCH_DATABASE": f"bench_naive_{workers}",
        "BENCH_WORKERS": str(workers),
    }
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-m", "tests.bench.naive"], env=environment, cwd=CODE)
    try:
        return measure(lambda: broker.length("naive.results"), count, [process.pid])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def intake(desk: Desk, broker: Broker, count: int) -> Result:
    """One intake process."""
    broker.collect("bench.outcomes", topology.CHANNELS, "web.#")
    broker.fill(topology.INTAKE, "ticket.submit", submissions(count, DUPLICATES, "intake"))
    desk.start("intake")
    try:
        return measure(lambda: broker.length("bench.outcomes"), count, [desk.pid("intake")])
    finally:
        desk.terminate("intake")


def whole_desk(desk: Desk, broker: Broker, count: int) -> Result:
    """All four services, until the agents have the tickets."""
    unique = count - int(count * DUPLICATES)
    broker.collect("bench.assigned", topology.AGENTS, "agent.*.ticket.assigned")
    services = ["intake", "routing", "sla", "notifications"]
    desk.start_all((service, 1) for service in services)
    try:
        broker.sign_on(agents=unique // 90 + 1, capacity=100)
        broker.fill(topology.INTAKE, "ticket.submit", submissions(count, DUPLICATES, "desk"))
        pids = [desk.pid(service) for service in services]
        return measure(lambda: broker.length("bench.assigned"), unique, pids)
    finally:
        for service in services:
            desk.terminate(service)


def measure(done: Callable[[], int], count: int, pids: Sequence[int | None]) -> Result:
    """What `done` counts a second, and the processes' CPU for each, between 10 % and 90 % of `count`."""
    processes = [psutil.Process(pid) for pid in pids if pid is not None]

    def cpu() -> float:
        return sum(times.user + times.system for times in (process.cpu_times() for process in processes))

    begun: tuple[float, int, float] | None = None
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        now, number = time.monotonic(), done()
        if begun is None and number >= count * 0.1:
            begun = now, number, cpu()
        if begun is not None and number >= count * 0.9:
            more = number - begun[1]
            return Result(more / (now - begun[0]), 1000 * (cpu() - begun[2]) / more)
        time.sleep(0.02)
    raise SystemExit(f"bench: only {done()} of {count} were done within {PATIENCE:.0f} s")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=10_000, help="submissions for Casebus; the naive gets a quarter")
    parser.add_argument("--only", choices=["naive", "intake", "desk"], help="measure only this")
    options = parser.parse_args()
    console = Console()
    stack = Stack(CODE / ".local" / "bench", console.print)
    results: dict[str, Result] = {}
    stack.remove()  # whatever a run that was cut off has left
    stack.start_servers()
    desk = stack.other_desk("bench")
    try:
        desk.prepare()
        broker = Broker(desk)
        small = options.count // 4
        measured: dict[str, Callable[[], Result]] = {
            "naive": lambda: naive(desk, broker, small, workers=1),
            "naive, nameko's default of 10 workers": lambda: naive(desk, broker, small, workers=10),
            "intake": lambda: intake(desk, broker, options.count),
            "desk": lambda: whole_desk(desk, broker, options.count),
        }
        for name, run in measured.items():
            if options.only is None or name.startswith(options.only):
                console.print(f"measuring {name} …")
                results[name] = run()
    finally:
        desk.remove()
        stack.stop()
    title = "Casebus bench: ratios within one run"
    table = Table("what", "messages a second", "times naive", "CPU ms a message", title=title)
    for name, value in results.items():
        ratio = f"{value.rate / results['naive'].rate:.1f}" if "naive" in results else "–"
        table.add_row(name, f"{value.rate:.0f}", ratio, f"{value.cpu_ms:.2f}")
    console.print(table)
    file = Path(CODE / ".local" / "bench" / "result.json")
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "count": options.count}
    file.write_text(
        json.dumps({"results": {name: asdict(value) for name, value in results.items()}, "machine": machine}, indent=2)
        + "\n",
        encoding="utf-8",
    )
    console.print(f"written to {file.relative_to(CODE)}")


if __name__ == "__main__":
    main()
