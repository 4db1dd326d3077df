"""Plain AMQP on a real broker: pipelined confirms, what comes back, what the broker forbids."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from amqp.exceptions import AccessRefused, PreconditionFailed
from pymongo import MongoClient

from contracts.topology import CHANNELS, DEAD, DESK, INTAKE
from deploy.cli.desk import Desk as Books
from deploy.local import programs
from deploy.local.desk import Desk
from deploy.local.rabbitmq import ADMIN, PORT_MAPPER
from deploy.local.stack import Stack
from deploy.settings import Settings
from deploy.trouble import Trouble
from services.client import core, link
from services.client.blocking import Client
from services.client.bus import Bus
from services.client.errors import BrokerBlocked, LoginRefused, NobodyAnswers, Unreachable
from tests.raw_amqp import UNREADABLE, confirmed, open_channel, publish_raw


@pytest.fixture
def desk(emptied_desk: Desk) -> Desk:
    """Shared by the tests of this file."""
    return emptied_desk


def test_thousands_are_confirmed_and_consumed_without_loss(desk: Desk) -> None:
    with Bus(desk.amqp_url("web")) as web, Bus(desk.amqp_url(ADMIN)) as admin:
        got: list[str] = []
        admin.consume(admin.own_queue((INTAKE, "#")), lambda message: got.append(message.properties["message_id"]))
        for number in range(3000):
            web.publish(INTAKE, "ticket.submit", b"x" * 500, message_id=str(number))
        web.settle()
        while len(got) < 3000:
            admin.drain(10)
    assert web.confirmed == 3000
    assert got == [str(number) for number in range(3000)]
    assert web.returned == web.refused == []


def test_what_no_queue_takes_comes_back_by_its_id(desk: Desk) -> None:
    with Bus(desk.amqp_url(ADMIN)) as bus:
        bus.publish("", "no-such-queue", b"", message_id="lost")
        bus.publish(INTAKE, "ticket.submit", b"", message_id="kept")
        bus.settle()
        assert bus.returned == ["lost"]


def test_a_queue_of_ones_own_hears_what_is_bound_and_is_gone_afterwards(desk: Desk) -> None:
    with Bus(desk.amqp_url("web")) as web, Bus(desk.amqp_url(ADMIN)) as admin:
        queue = web.own_queue((CHANNELS, "web.#"))
        assert queue.startswith("web.")
        heard: list[str] = []
        web.consume(queue, lambda message: heard.append(message.delivery_info["routing_key"]), acknowledge=False)
        admin.publish(CHANNELS, "game.ticket.opened", b"")
        admin.publish(CHANNELS, "web.ticket.opened", b"")
        admin.settle()
        web.drain(10)
        assert heard == ["web.ticket.opened"]
    with Bus(desk.amqp_url(ADMIN)) as later:
        later.publish("", queue, b"", message_id="late")
        later.settle()
        assert later.returned == ["late"]


def test_what_nobody_can_decode_is_heard_all_the_same(desk: Desk) -> None:
    """Any channel can send such messages; whoever looks at the dead letters has to see them."""
    url = desk.amqp_url(ADMIN)
    with open_channel(url) as raw:
        for body, odd in UNREADABLE.items():
            publish_raw(raw, DEAD, "intake.commands", odd, body)
        confirmed(raw, len(UNREADABLE))
    with Bus(url) as bus:
        bus.publish(DEAD, "intake.commands", b"\\ud800", content_encoding="unicode_escape")
        bus.settle()
        seen: list[bytes] = []
        bus.consume(DEAD, lambda message: seen.append(message.body))
        while len(seen) <= len(UNREADABLE):
            bus.drain(10)
    assert seen == [*UNREADABLE, b"\\ud800"]


def test_what_was_acknowledged_does_not_come_again(desk: Desk) -> None:
    url = desk.amqp_url(ADMIN)
    with Bus(url) as bus:
        bus.publish(DEAD, "intake.commands", b"1", message_id="1")
        bus.settle()
        seen: list[bytes] = []
        bus.consume(DEAD, lambda message: seen.append(message.body))
        while not seen:
            bus.drain(10)
    with Bus(url) as again:
        again.consume(DEAD, lambda message: seen.append(message.body))
        again.drain(0.3)
    assert seen == [b"1"]


@pytest.mark.parametrize(
    ("exchange", "key", "user", "refusal"),
    [(INTAKE, "ticket.submit", "game", PreconditionFailed), (DESK, "ticket.close", "web", AccessRefused)],
)
def test_the_broker_closes_on_who_pretends(
    desk: Desk, exchange: str, key: str, user: str, refusal: type[Exception]
) -> None:
    with Bus(desk.amqp_url("web")) as bus:
        bus.publish(exchange, key, b"{}", user_id=user)
        with pytest.raises(refusal):
            bus.settle(10)


def test_a_wrong_login_is_one_sentence_and_leaves_nothing_open(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[MongoClient[Any]] = []
    close = MongoClient.close

    def record(client: MongoClient[Any]) -> None:
        closed.append(client)
        close(client)

    monkeypatch.setattr(MongoClient, "close", record)
    right = desk.amqp_url("web")
    with pytest.raises(LoginRefused, match="refuses the login of web"):
        Bus(right.replace(right.split("@")[0], "amqp://web:wrong"))
    wrong = {"DB_PREFIX": desk.db_prefix, "MONGO": desk.mongo_url("intake").replace("mongodb://", "mongodb://x")}
    with pytest.raises(Trouble, match=r"refuses the user of CASEBUS_MONGO \(AuthenticationFailed\)"):
        Books(Settings(wrong, None))
    assert len(closed) == 1


@pytest.fixture
def set_disk_limit(stack: Stack) -> Iterator[Callable[[str], None]]:
    """Sets how much room the broker's disk must have; above what it has, an alarm is on."""
    ports = {"ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(stack.folder.port(PORT_MAPPER))}
    ctl = programs.rabbitmq_server(print).with_name("rabbitmqctl")

    def set_limit(limit: str) -> None:
        environment = os.environ | stack.broker._environment() | ports
        subprocess.run([ctl, "set_disk_free_limit", limit], env=environment, check=True, capture_output=True)

    try:
        yield set_limit
    finally:
        set_limit("50MB")


def test_an_alarm_of_the_broker_is_one_sentence_after_a_while_and_hangs_nobody(
    desk: Desk, set_disk_limit: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_disk_limit("1000000GB")
    began = time.monotonic()
    monkeypatch.setattr(link, "ANSWERS_WITHIN", 1)
    client = Client(desk.amqp_url("web"))
    waits = client.publish(core.command("web", "ticket.submit", {}))
    with Bus(desk.amqp_url("web"), within=2) as bus:
        bus.publish(INTAKE, "ticket.submit", b"x")
        with pytest.raises(BrokerBlocked, match="taken no messages for 2 s: an alarm of its disk or memory"):
            bus.settle(30)
        assert bus.confirmed == 0
    with Bus(desk.amqp_url("web"), within=30) as patient:
        patient.publish(INTAKE, "ticket.submit", b"x")
        while not patient.blocked:
            patient.drain(0.1)
        assert time.monotonic() - began < 25
        assert client.blocked
        assert client._link._connections == 1, "the client waits and keeps its connection"
        set_disk_limit("50MB")
        waits.result(30)
        client.close()
        patient.publish(INTAKE, "ticket.submit", b"y")
        patient.settle()
        assert (patient.blocked, patient.confirmed) == (False, 2)


def test_a_broker_that_says_nothing_has_a_deadline_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(NobodyAnswers, match="No broker answers"):
            Bus(f"amqp://web:secret@127.0.0.1:{port}/casebus", within=0.3)


@pytest.mark.filterwarnings("error")
def test_what_the_broker_has_closed_is_not_opened_again_to_be_closed(desk: Desk) -> None:
    bus = Bus(desk.amqp_url("web"))
    bus._connection.collect()  # as py-amqp does when the broker closes the connection
    bus.close()
    assert not bus._connection.connected


def test_authorities_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for file in (tmp_path / "none.pem", tmp_path / "empty.pem"):
        with pytest.raises(Unreachable, match=f"cacertfile names no readable file of PEM certificates: {file}"):
            Bus(f"amqps://web:secret@127.0.0.1:1/casebus?cacertfile={file}")


def test_an_address_without_a_port_is_said_with_the_usual_one() -> None:
    with pytest.raises(NobodyAnswers, match=r"No broker answers at 127\.99\.0\.1:5672:"):
        Bus("amqp://web:secret@127.99.0.1/casebus")
