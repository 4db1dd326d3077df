"""Keeps the services of a desk under test running, as the supervisor of a deployment does.

It starts again what has ended, and records what ended unexpectedly. The page is docs/testing.md.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping

from deploy.local.stack import Stack
from deploy.trouble import Trouble
from tests.system.house import House

STOP_PATIENCE = 60.0
CANNOT_START = 2
"""Exit code of a service that finds broker or database away at its start: it is started again."""


class Keeper:
    """Keeps `counts[service]` instances of each service running until it is closed."""

    def __init__(self, house: House, counts: Mapping[str, int]) -> None:
        self.instances = [(service, n) for service, count in counts.items() for n in range(1, count + 1)]
        self.problems: list[str] = []
        """Instances that ended by themselves, or did not end when told to."""
        self._house = house
        self._pids: dict[tuple[str, int], int] = {}
        self._expected: set[int] = set()
        self._closing = threading.Event()
        house.start(**counts)
        self._note_pids()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self._thread.start()

    def kill(self, service: str, n: int) -> None:
        """`kill -9` an instance, and wait until it has gone."""
        pid = self._house.desk.pid(service, n)
        if pid is not None:
            self._expected.add(pid)
            self._house.desk.kill(service, n)

    def stop(self, service: str, n: int) -> None:
        """End an instance by SIGTERM and wait until it has gone; it has to end well."""
        pid = self._house.desk.pid(service, n)
        if pid is None:
            return
        processes = self._house.stack.processes
        self._expected.add(pid)
        # While Python reads the program, the signal ends it at once; then nothing has begun.
        well = {0} if self._house.desk.is_ready(service, n) else {0, -signal.SIGTERM}
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_PATIENCE
        while processes.alive(pid):
            if time.monotonic() > deadline:
                self.problems.append(f"{service} {n} has not ended {STOP_PATIENCE:.0f} s after SIGTERM")
                os.kill(pid, signal.SIGKILL)
                return
            time.sleep(0.05)
        if processes.exit_code(pid) not in well:
            self.problems.append(f"{service} {n} ended with {processes.exit_code(pid)} after SIGTERM")

    def settle(self) -> None:
        """Stop keeping them, and wait until all run and are ready."""
        self.close()
        self._house.desk.start_all(self.instances)

    def close(self) -> None:
        """Stop keeping them; harmless if it is repeated."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(0.3):
            ended = [instance for instance in self.instances if self._house.desk.pid(*instance) is None]
            for service, n in ended:
                pid = self._pids.pop((service, n), None)
                code = None if pid is None or pid in self._expected else self._house.stack.processes.exit_code(pid)
                if code not in (None, CANNOT_START):
                    self.problems.append(f"{service} {n} ended by itself with {code}")
            try:
                self._house.desk.start_all(ended)
            except Trouble:
                self._closing.wait(0.5)  # what it needs is away; it is started again
            self._note_pids()

    def _note_pids(self) -> None:
        for instance in self.instances:
            pid = self._house.desk.pid(*instance)
            if pid is not None:
                self._pids[instance] = pid


def frozen_server(stack: Stack, server: str, seconds: float) -> None:
    """Stop a server (SIGSTOP) for this long."""
    pid = stack.processes.pid(server)
    assert pid is not None, f"{server} does not run"
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        os.kill(pid, signal.SIGCONT)
