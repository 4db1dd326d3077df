"""A bad release on a real queue: nothing is dead-lettered, other instances may have what waits, and a better release
handles it all."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from contracts.envelope import CONTENT_TYPE
from contracts.topology import DESK
from deploy.local.desk import Desk
from deploy.local.processes import CODE
from deploy.local.rabbitmq import ADMIN
from services.client.bus import Bus
from tests.system.client import command
from tests.waiting import wait

QUEUE = "routing.commands"
PATIENCE = 60.0
WAITING = 500


class Toy:
    """The toy service as a process, and the turns that it reports."""

    def __init__(self, url: str, broken: Path) -> None:
        words = [sys.executable, "-m", "tests.integration.failing_toy", url, str(broken)]
        self.turns: list[dict[str, Any]] = []
        self._process = subprocess.Popen(words, cwd=CODE, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def all(self, what: str) -> list[str]:
        """Ids that succeeded, raised, or are dead, in order."""
        return [id_ for turn in list(self.turns) for id_ in turn[what]]

    @property
    def paused(self) -> bool:
        return bool(self.turns) and bool(self.turns[-1]["paused"])

    def end(self, how: signal.Signals) -> int:
        if self._process.poll() is None:
            self._process.send_signal(how)
        code = self._process.wait(PATIENCE)
        self._reader.join()
        return code

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self.turns.append(json.loads(line))


@contextmanager
def toy(desk: Desk, broken: Path) -> Iterator[Toy]:
    process = Toy(desk.amqp_url(ADMIN), broken)
    try:
        yield process
    finally:
        process.end(signal.SIGKILL)


@pytest.fixture
def bus(desk: Desk) -> Iterator[Bus]:
    with Bus(desk.amqp_url("agent.a1")) as own:
        yield own


def send(bus: Bus, *ids: str) -> list[str]:
    for id_ in ids:
        type_, body = command("agent.a1", "agent.heartbeat", {"agent_id": "a1"}, id_)
        bus.publish(DESK, type_, body, message_id=id_, content_type=CONTENT_TYPE)
    bus.settle()
    return list(ids)


def test_a_bad_release_dead_letters_nothing_and_leaves_the_queue_to_others(
    desk: Desk, bus: Bus, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.touch()
    ids = send(bus, *(str(number) for number in range(WAITING)))
    with Bus(desk.amqp_url(ADMIN)) as looking, toy(desk, broken) as bad:
        wait(lambda: bad.paused, "it pauses")
        wait(lambda: sum(turn["paused"] for turn in bad.turns) > 5, "it tries some")
        probes = [turn["raised"] for turn in bad.turns if turn["paused"]][2:]  # the second was in work when it paused
        assert {len(probe) for probe in probes} == {1}
        assert len({id_ for probe in probes for id_ in probe}) > 1, "another each time"
        wait(lambda: looking.depth(QUEUE) > WAITING - 60, "what it does not try is given back")
        # An instance of a better release takes what waits, although the bad one goes on trying.
        with toy(desk, tmp_path / "not broken") as sound:
            wait(lambda: looking.depth(QUEUE) == 0, "the better one has taken the rest")
            broken.unlink()
            wait(lambda: not bad.paused, "the other one goes on as well")
            wait(lambda: len({*bad.all("succeeded"), *sound.all("succeeded")}) == WAITING, "all are handled")
            assert bad.end(signal.SIGTERM) == 0
            assert sound.end(signal.SIGTERM) == 0
        assert (bad.all("dead"), sound.all("dead")) == ([], [])
        assert set(Counter([*bad.all("succeeded"), *sound.all("succeeded")])) == set(ids)
        assert looking.depth(QUEUE) == 0


def test_poison_messages_among_many_are_dead_lettered_alone(desk: Desk, bus: Bus, tmp_path: Path) -> None:
    """Also while it pauses for them: seven at the head of the queue, and nothing has succeeded yet."""
    poison = send(bus, *(f"poison {number}" for number in range(7)))
    ids = send(bus, *(str(number) for number in range(WAITING)))
    with toy(desk, tmp_path / "not broken") as service:
        wait(lambda: len(service.all("dead")) == 7, "they are dead-lettered")
        wait(lambda: len(service.all("succeeded")) == WAITING, "all others are handled")
        assert sorted(service.all("dead")) == poison
        assert sorted(service.all("succeeded")) == sorted(ids)
        assert not service.paused
        assert service.end(signal.SIGTERM) == 0
