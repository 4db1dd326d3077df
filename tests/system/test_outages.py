"""Broker and database die and come back: services wait, go on by themselves, and nothing is lost or done twice."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from deploy.cli.bus import BROKEN
from deploy.cli.settings import Trouble
from deploy.local.mongodb import DATABASE
from deploy.local.rabbitmq import BROKER
from tests.system.client import command, publish, submission
from tests.system.house import House


@pytest.mark.parametrize("server", [BROKER, DATABASE])
def test_a_server_is_killed_and_started_again_under_load(house: House, server: str) -> None:
    house.start()
    for number in (1, 2):
        house.sign_on(f"a{number}", capacity=100, answer=lambda _ticket: ("ticket.close", {"reason": "Answered."}))
    with small_load(house):
        more_outcomes(house, 50)
        killed_at = datetime.now(UTC)
        house.stack.processes.kill(server)
        house.stack.start_servers()
        back_at = datetime.now(UTC)
        more_outcomes(house, 50)
    evidence = house.assert_clean()
    opened = sorted(ticket["opened_at"] for ticket in evidence.tickets)
    assert opened[0] < killed_at
    assert opened[-1] > back_at


@contextmanager
def small_load(house: House) -> Iterator[None]:
    """A channel that files request after request meanwhile, 20 at a time; what the broker did not confirm, again."""
    over = threading.Event()

    def file_requests() -> None:
        for number in itertools.count():
            if over.is_set():
                return
            requests = [submission(f"account-{number}-{n}", "order-1") for n in range(20)]
            commands = [command("web", "ticket.submit", data) for data in requests]
            while not sent(house, commands):
                over.wait(0.2)
            over.wait(0.05)

    channel = threading.Thread(target=file_requests)
    channel.start()
    try:
        yield
    finally:
        over.set()
        channel.join()


def sent(house: House, commands: list[tuple[str, bytes]]) -> bool:
    """Whether the broker has confirmed them all."""
    try:
        with house.bus("web") as bus:
            publish(bus, commands, house.ledger)
    except (*BROKEN, Trouble):
        return False
    return True


def more_outcomes(house: House, count: int) -> None:
    """Wait until so many more commands have an outcome than now."""
    before = len(house.ledger.heard)
    house.ledger.wait(lambda: len(house.ledger.heard) >= before + count, f"{count} more outcomes")
