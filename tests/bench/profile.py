"""py-spy on the processes that are measured, while they are measured: where their CPU time goes.

Writes py-spy's raw stacks beside the bench's result and prints the top shares. The shares are of the time in which the
process held Python's lock: its native threads, which mostly wait, are left out. It slows what it watches by a few per
cent, so the figures of a run with it do not count.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deploy.local.processes import CODE

SAMPLES_A_SECOND = 200
LONGEST = 600
SHOWN = 14
FRAME = re.compile(r"^(?P<function>.*) \((?P<file>[^()]*?)(?::\d+)?\)$")


@contextmanager
def recorded(processes: Mapping[str, int], folder: Path) -> Iterator[None]:
    """Record these processes (name: pid) as long as the block runs, into `<folder>/<name>.raw`."""
    folder.mkdir(parents=True, exist_ok=True)
    py_spy = str(Path(sys.executable).with_name("py-spy"))
    recorders = []
    for name, pid in processes.items():
        command = [py_spy, "record", "-p", str(pid), "--gil", "-d", str(LONGEST), "-r", str(SAMPLES_A_SECOND)]
        output = ["-f", "raw", "-o", str(folder / f"{name}.raw")]
        recorders.append(subprocess.Popen([*command, *output], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
    try:
        yield
    finally:
        for recorder in recorders:
            recorder.send_signal(signal.SIGINT)
        for recorder in recorders:
            _, said = recorder.communicate(timeout=60)
            if recorder.returncode:
                raise SystemExit(f"bench: py-spy cannot look into a process (it may take root): {said.decode()[-300:]}")


def print_shares(console: Console, name: str, raw: Path) -> None:
    """The dearest modules (by the innermost frame) and functions (with all that they call) of one recording."""
    modules: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    total = 0
    for line in raw.read_text(encoding="utf-8").splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [found for frame in stack.split(";") if (found := _frame(frame)) is not None]
        if not frames:
            continue
        total += int(count)
        modules[frames[-1][1]] += int(count)
        for frame in {f"{file} {function}" for function, file in frames}:
            functions[frame] += int(count)
    table = Table("module, itself", "%", "function, with what it calls", "%", title=f"{name}: {total} samples")
    ours = [
        function
        for function in functions.most_common()
        if function[0].startswith(("services/", "contracts/", "tests/"))
    ]
    for place in range(SHOWN):
        row = [*_share(modules.most_common(), place, total), *_share(ours, place, total)]
        table.add_row(*row)
    console.print(table)


def _share(counted: list[tuple[str, int]], place: int, total: int) -> tuple[str, str]:
    if place >= len(counted):
        return "", ""
    what, count = counted[place]
    return what, f"{100 * count / total:.1f}"


def _frame(text: str) -> tuple[str, str] | None:
    """(function, file) of a frame as py-spy writes it; files of packages by package."""
    found = FRAME.match(text.strip())
    if found is None:
        return None
    file = found["file"].removeprefix(f"{CODE}/")
    _, installed, package = file.rpartition("site-packages/")
    return found["function"], "/".join(package.split("/")[:2]) if installed else file
