"""Forks the services that tests start from one process that has imported all of them.

What a service imports takes half a second of CPU, and a test run starts two hundred. A fork gets its environment and
its log, and then runs as `python -m services.chassis.run` does. Not forked are the stacks that a test starts for itself
(test_local_stack.py, tests/pages), and other modules. The page is docs/testing.md.
"""

from __future__ import annotations

import array
import ctypes
import gc
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, NoReturn

from contracts.names import SERVICES
from deploy.local.processes import CODE, Child, spawned

RUNS = [sys.executable, "-m", "services.chassis.run"]
LARGEST = 65_536
PR_SET_CHILD_SUBREAPER = 36


@dataclass
class Forked:
    """A service that this process has adopted as its child."""

    pid: int
    ended: int | None = None

    def poll(self) -> int | None:
        """As of `subprocess.Popen`."""
        if self.ended is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.ended = os.waitstatus_to_exitcode(status) if pid else None
        return self.ended


class Forking:
    """A `Spawn` that forks what can be forked. `env`: the environment that others see of the forks."""

    def __init__(self, env: Mapping[str, str]) -> None:
        # We adopt what the forking process leaves behind.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.forking"]
        self._forks = subprocess.Popen(
            command, cwd=CODE, env={**os.environ, **env}, stdin=theirs.fileno(), start_new_session=True
        )
        theirs.close()

    def __call__(self, words: Sequence[str], env: Mapping[str, str], log: IO[bytes]) -> Child:
        """Start it."""
        *program, service = words
        if program != RUNS:
            return spawned(words, env, log)
        handed_over = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [log.fileno()]))]
        self._ours.sendmsg([json.dumps([service, dict(env)]).encode()], handed_over)
        return Forked(int(self._ours.recv(LARGEST)))

    def close(self) -> None:
        """Stop forking."""
        self._ours.close()
        self._forks.wait()


def main() -> None:
    """Fork a service for each message on stdin, and print its process id."""
    orders = socket.socket(fileno=0)
    fork, wait, read = os.fork, os.waitpid, os.read  # before everything is made green
    from services.chassis import run  # noqa: F401 - first, because it makes all green
    from services.chassis.declared import module_of

    for service in SERVICES:
        module_of(service)
    gc.freeze()  # it stays shared
    while True:
        order, handed_over, _, _ = orders.recvmsg(LARGEST, socket.CMSG_SPACE(array.array("i").itemsize))
        if not order:
            return
        log = array.array("i", handed_over[0][2])[0]
        told, telling = os.pipe()
        if between := fork():
            os.close(log)
            os.close(telling)
            wait(between, 0)
            orders.send(read(told, LARGEST))
            os.close(told)
            continue
        if pid := fork():
            os.write(telling, str(pid).encode())
            os._exit(0)  # whose parent has ended is adopted
        for file in (told, telling):
            os.close(file)
        service, env = json.loads(order)
        become(service, env, log)


def become(service: str, env: Mapping[str, str], log: int) -> NoReturn:
    """Be what `python -m services.chassis.run` would be with this environment."""
    from eventlet import hubs

    from services.chassis import run

    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nothing, log, log)):
        os.dup2(file, number)
    os.close(nothing)
    os.close(log)
    os.environ.clear()
    os.environ.update(env)
    hubs.use_hub()  # that of the process which forks waits for the same files
    sys.argv = [run.__file__, service]
    sys.exit(run.main([service]))


if __name__ == "__main__":
    main()
