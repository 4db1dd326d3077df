"""Work in native threads, in a process of its own: what it took of memory is given back."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
from pathlib import Path
from services.chassis.threads import in_native_threads

def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def work(size: int) -> int:
    return len(bytes(bytearray(b"x") * size))

in_native_threads(work, [1] * 20)  # the threads are there
before = resident()
assert in_native_threads(work, [19 * 1024 * 1024] * 40) == [19 * 1024 * 1024] * 40
print(resident() - before)
"""


def test_what_a_native_thread_has_freed_goes_back_to_the_system() -> None:
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 19 * 1024 * 1024
