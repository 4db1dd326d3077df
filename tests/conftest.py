"""What tests share: one real broker and database for the whole run, and a help desk of its own for each test.

Both start when the first test asks for them, and not earlier. A test that asks for them is never skipped: they come up,
or the test fails with a sentence that says what to install.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from hypothesis import settings

from contracts.topology import EVENT_LOG, definitions
from deploy.local.desk import Desk
from deploy.local.processes import DIGEST, NAME, OWNER
from deploy.local.provision import AGENTS, CHANNELS, USERS
from deploy.local.rabbitmq import ADMIN
from deploy.local.stack import ROOT, Stack
from services.client.bus import Bus
from tests.forking import Forking
from tests.unlimited import UNLIMITED

_numbers = itertools.count(1)

# How long an example takes depends on the machine, and on a busy one that is not a fault.
settings.register_profile("casebus", deadline=None)
settings.load_profile("casebus")


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Broker and database, up. Their folder belongs to this test run and is deleted at its end."""
    _remove_what_died()
    shared = Stack(ROOT / f"test-{os.getpid()}")
    forking = Forking({OWNER: str(shared.folder.path), NAME: "forking", DIGEST: ""})
    shared.processes.spawn = forking
    try:
        shared.start_servers()
        yield shared
    finally:
        forking.close()
        shared.remove()


@contextmanager
def _desk(stack: Stack) -> Iterator[Desk]:
    own = stack.other_desk(f"t{next(_numbers)}")
    own.prepare()
    own.settings |= UNLIMITED
    try:
        yield own
    finally:
        own.remove()


@pytest.fixture
def desk(stack: Stack) -> Iterator[Desk]:
    """A help desk that nobody else uses: topology, databases, no service running yet (`desk.start("intake")`)."""
    with _desk(stack) as own:
        yield own


@pytest.fixture(scope="module")
def desk_of_the_file(stack: Stack) -> Iterator[Desk]:
    """One for tests that leave nothing behind but messages and queues."""
    with _desk(stack) as own:
        yield own


@pytest.fixture
def emptied_desk(stack: Stack, desk_of_the_file: Desk) -> Desk:
    """The same, with no queues but the topology's, and nothing in them."""
    own = desk_of_the_file
    made = definitions(own.name, dict.fromkeys(USERS, ""), CHANNELS, AGENTS)["queues"]
    kept = {queue["name"] for queue in made}
    with Bus(own.amqp_url(ADMIN)) as bus:
        for queue in stack.broker.management.get(f"/definitions/{own.name}")["queues"]:
            if queue["name"] not in kept:
                bus.channel.queue_delete(queue["name"])
            elif queue["name"] != EVENT_LOG:
                bus.channel.queue_purge(queue["name"])
    return own


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder for a stack of a test's own; whatever runs from it is ended after the test."""
    folder = ROOT / f"test-{os.getpid()}-{next(_numbers)}"
    try:
        yield folder
    finally:
        Stack(folder).remove()


def _remove_what_died() -> None:
    """A test run that was killed left its servers running: end them."""
    for folder in ROOT.glob("test-*"):
        if not psutil.pid_exists(int(folder.name.split("-")[1])):
            Stack(folder).remove()
