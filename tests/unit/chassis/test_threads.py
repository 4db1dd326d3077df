"""Work in native threads, in a process of its own: it gives back the memory that it took, and overlooks no lock."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from typing import Any

import eventlet
import pytest

from services.chassis import threads
from services.chassis.threads import _LookUps, in_green_threads

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


NAMES = """
import _socket, time

system, sleep = _socket.getaddrinfo, time.sleep

def slow(*arguments, **named):
    sleep(0.5)
    return system(*arguments, **named)

_socket.getaddrinfo = slow

import services.chassis.run
import eventlet, socket
from urllib3.util.connection import create_connection

ticks = [time.monotonic()]

def tick():
    while True:
        eventlet.sleep(0.01)
        ticks.append(time.monotonic())

eventlet.spawn(tick)
asked = 0
for connect in (socket.create_connection, create_connection):
    try:
        connect(("localhost", 1), 5)
    except ConnectionRefusedError:
        asked += 1
try:
    socket.getaddrinfo("a name with spaces", 1)
except socket.gaierror:
    asked += 1
print(asked, ticks[-1] - ticks[0] > 1.0, max(b - a for a, b in zip(ticks, ticks[1:])) < 0.4)
"""


def test_a_name_that_nobody_answers_for_holds_up_no_other_green_thread() -> None:
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", NAMES], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["3", "True", "True"]


def test_what_waits_in_green_threads_comes_in_the_order_of_the_items() -> None:
    assert in_green_threads(lambda item: eventlet.sleep(0.001 * (3 - item)) or -item, [1, 2, 3]) == [-1, -2, -3]
    with pytest.raises(ZeroDivisionError):
        in_green_threads(lambda item: 1 / item, [1, 0])


MANY_NAMES = """
import _socket, time

system, sleep, asked = _socket.getaddrinfo, time.sleep, []

def slow(name, *arguments, **named):
    asked.append(name)
    if name.endswith(".dead.example"):
        sleep(1.5)
        raise _socket.gaierror(_socket.EAI_AGAIN, "nobody answers")
    return system(name, *arguments, **named)

_socket.getaddrinfo = slow

import services.chassis.run
import eventlet, socket

def look_up(name):
    try:
        return socket.getaddrinfo(name, 1)
    except socket.gaierror as error:
        return error.errno

names = [f"hook-{number}.dead.example" for number in range(30) for _ in range(4)]
pool = eventlet.GreenPool(200)
told = list(pool.imap(look_up, names))
print(set(told) == {_socket.EAI_AGAIN}, len(asked) == 30)

again = [pool.spawn(look_up, name) for name in names]
eventlet.sleep(0.5)
began = time.monotonic()
print(bool(socket.getaddrinfo("localhost", 25)), time.monotonic() - began < 0.5)
"""


def test_names_that_nobody_answers_for_hold_up_the_look_up_of_no_other() -> None:
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", MANY_NAMES], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["True", "True", "True", "True"]


def test_who_waits_for_a_look_up_that_its_asker_gave_up_is_told_to_try_again() -> None:
    """Two ask for a name at once; the first is ended (its service stops) before the answer comes."""
    answers = threading.Event()
    asked: list[Any] = []

    def system(*arguments: Any) -> str:
        asked.append(arguments)
        assert answers.wait(5)
        return "found"

    look_up = _LookUps(system)
    first, second = (eventlet.spawn(look_up, "name.example", 25) for _ in range(2))
    with eventlet.Timeout(5):
        while not asked:
            eventlet.sleep(0.001)
    first.kill()
    with pytest.raises(socket.gaierror, match="given up") as told:
        second.wait()
    assert told.value.errno == socket.EAI_AGAIN
    answers.set()
    assert look_up("name.example", 25) == "found"
    assert asked == [("name.example", 25)] * 2


def test_a_name_that_was_slow_is_remembered_by_itself_until_it_is_fast_again(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = _LookUps(lambda name, port: f"{name}:{port}")
    monkeypatch.setattr(threads, "SLOW", -1.0)
    assert look_up("slow.example", 25) == "slow.example:25"
    assert look_up._slow == {"slow.example"}
    monkeypatch.setattr(threads, "SLOW", 60.0)
    assert look_up("slow.example", 80) == "slow.example:80"
    assert look_up._slow == set()


NO_LOCK = "import services.chassis.run"
HIDDEN_BY_PYTHON = """
import threading

class Ending:
    def __del__(self, lock=threading.RLock()):
        pass

threading._DeleteDummyThreadOnDel = Ending
import services.chassis.run
"""
HIDDEN_BY_US = """
import threading

def ours(lock=threading.RLock()):
    pass

import services.chassis.run
"""


@pytest.mark.parametrize(("program", "complains"), [(NO_LOCK, False), (HIDDEN_BY_PYTHON, False), (HIDDEN_BY_US, True)])
def test_only_the_lock_that_python_hides_may_stay_native(program: str, complains: bool) -> None:
    outside = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}  # eventlet's silence
    command = [sys.executable, "-W", "ignore", "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=outside)
    assert ("RLock(s) were not greened" in ran.stderr) is complains
