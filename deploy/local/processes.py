"""The background processes of one local stack: start, find, stop and kill them by name.

A pid file alone would be wrong once the pid belongs to another process. So each process also carries a mark in its
environment: which stack it belongs to, its name, and a digest of what it was started with. The page is
docs/local-stack.md.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, TypeAlias

import psutil

from deploy.files import write_atomically
from deploy.local.folder import Folder
from deploy.trouble import Trouble

OWNER = "CASEBUS_LOCAL_OWNER"
NAME = "CASEBUS_LOCAL_NAME"
DIGEST = "CASEBUS_LOCAL_DIGEST"

CODE = Path(__file__).resolve().parents[2]
"""The checkout, where `python -m services…` runs."""


class Child(Protocol):
    """A process that was started here, as `subprocess.Popen` has it."""

    pid: int

    def poll(self) -> int | None:
        """How it ended (by a signal: its negative number); None while it runs."""


Spawn: TypeAlias = Callable[[Sequence[str], Mapping[str, str], IO[bytes]], Child]
"""Starts this command with this environment, as the leader of a session that prints into this file."""


def spawned(words: Sequence[str], env: Mapping[str, str], log: IO[bytes]) -> Child:
    """A `Spawn`, in the checkout."""
    return subprocess.Popen(
        words,
        cwd=CODE,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


@dataclass(frozen=True, slots=True)
class Running:
    """A process of the stack that is alive."""

    name: str
    pid: int
    digest: str


class Processes:
    """The processes of the stack in `folder`. Each is the leader of a session of its own, so it outlives `make up`."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._owner = str(folder.path)
        self._children: dict[int, Child] = {}
        self._started: dict[int, Running] = {}
        """We know our children without a mark: after each exec the kernel shows an empty environment for an instant."""
        self.spawn: Spawn = spawned
        """What starts a process; tests fork theirs."""

    def running(self) -> dict[str, Running]:
        """All that runs now, by name."""
        found = (self._find(file.stem) for file in self._folder.sub("run").glob("*.pid"))
        return {process.name: process for process in found if process}

    def pid(self, name: str) -> int | None:
        """The process id of `name`, None if it does not run."""
        found = self._find(name)
        return found.pid if found else None

    def start(self, name: str, command: Sequence[str | Path], env: Mapping[str, str]) -> int:
        """Start `command` in the background as `name`; returns its process id. It sees PATH, HOME, locale and time zone
        of the caller and `env`, nothing else. If it already runs with the same command and `env`, it is left alone;
        with others (if a port has changed, for example), it is stopped first."""
        kept = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
        whole = {key: os.environ[key] for key in kept if key in os.environ} | dict(env)
        words = [str(word) for word in command]
        digest = hashlib.sha256(repr((words, sorted(env.items()))).encode()).hexdigest()
        present = self._find(name)
        if present and present.digest == digest:
            return present.pid
        self.stop(name)
        self._kill([left.pid for left in self._marked() if left.name == name])
        marks = {OWNER: self._owner, NAME: name, DIGEST: digest}
        with self.log(name).open("ab") as log:
            child = self.spawn(words, whole | marks, log)
        self._children[child.pid] = child
        self._started[child.pid] = Running(name, child.pid, digest)
        write_atomically(self._pid_file(name), str(child.pid).encode())
        return child.pid

    def stop(self, *names: str, patience: float = 60) -> list[str]:
        """End these by SIGTERM and wait until all have gone; kill those that are still there after `patience` s.
        Returns their names."""
        pids = {name: pid for name in names if (pid := self.pid(name))}
        for pid in pids.values():
            _signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while any(map(self.alive, pids.values())) and time.monotonic() < deadline:
            time.sleep(0.02)
        late = [name for name, pid in pids.items() if self.alive(pid)]
        self._kill([pids[name] for name in late])
        return late

    def kill(self, name: str) -> None:
        """`kill -9`, and wait until it has gone; nothing if it does not run."""
        pid = self.pid(name)
        self._kill([pid] if pid else [])

    def kill_leftovers(self) -> None:
        """`kill -9` everything with this stack's mark, also helpers of a process that was killed."""
        self._kill([found.pid for found in self._marked()])

    def alive(self, pid: int) -> bool:
        """Whether the process `pid`, which was one of ours a moment ago, still runs."""
        child = self._children.get(pid)
        if child:
            # A process ends only when all its threads have ended and its ports are free; a zombie's may not be free
            # yet.
            return child.poll() is None
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def exit_code(self, pid: int) -> int | None:
        """How `pid`, which was started here, ended (by a signal: its negative number); None while it runs."""
        return self._children[pid].poll()

    def log(self, name: str) -> Path:
        """The file that gets what `name` prints."""
        return self._folder.sub("log") / f"{name}.log"

    def failure(self, name: str, what: str) -> Trouble:
        """An error that says `what`, with the last lines of the log of `name`."""
        log = self.log(name)
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:] if log.exists() else []
        return Trouble("\n".join([f"{what} Its log, {log}, ends with:", *(f"    {line[:400]}" for line in lines)]))

    def _pid_file(self, name: str) -> Path:
        return self._folder.sub("run") / f"{name}.pid"

    def _find(self, name: str) -> Running | None:
        """The process whose pid we wrote down for `name`, if it is alive and bears our mark."""
        file = self._pid_file(name)
        found = self._read_mark(int(file.read_text())) if file.exists() else None
        return found if found and found.name == name else None

    def _marked(self) -> list[Running]:
        """Every live process with this stack's mark: those started here, and what they started."""
        return [found for found in map(self._read_mark, psutil.pids()) if found]

    def _read_mark(self, pid: int) -> Running | None:
        if not self.alive(pid):
            return None
        if pid in self._started:
            return self._started[pid]
        try:
            marks = psutil.Process(pid).environ()
        except (psutil.Error, OSError):
            # It has just ended, or belongs to another user: not ours.
            return None
        return Running(marks[NAME], pid, marks[DIGEST]) if marks.get(OWNER) == self._owner else None

    def _kill(self, pids: Sequence[int]) -> None:
        for pid in pids:
            _signal(pid, signal.SIGKILL)
        while any(map(self.alive, pids)):
            time.sleep(0.01)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
