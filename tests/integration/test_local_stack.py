"""The local stack on the real broker and database: it comes up, stays, heals, keeps to itself, and goes away
completely."""

from __future__ import annotations

import smtplib
import socketserver
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import amqp
import pytest
from kombu.connection import Connection
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from deploy.local.desk import Desk
from deploy.local.folder import is_free
from deploy.local.stack import Stack
from deploy.trouble import Trouble

LATE = 2.0
"""Seconds after which RabbitMQ 4.0 has recorded a stream that it made. If it is killed earlier, it keeps half of it."""


class HangUp(socketserver.BaseRequestHandler):
    """A server that says nothing to its clients."""

    def handle(self) -> None:
        self.request.close()


class Squatter(socketserver.ThreadingTCPServer):
    """Takes its port although connections of the server before are still fading."""

    allow_reuse_address = True


@contextmanager
def taken(port: int) -> Iterator[None]:
    """Somebody else's server listens on this port of 127.0.0.1."""
    with Squatter(("127.0.0.1", port), HangUp) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield
        server.shutdown()


def queue_names(stack: Stack, vhost: str) -> set[str]:
    return {queue["name"] for queue in stack.broker.management.get(f"/queues/{vhost}")}


def environment(stack: Stack) -> dict[str, str]:
    lines = stack.environment_file.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_it_comes_up_once_heals_and_goes_away_whole(root: Path) -> None:
    stack = Stack(root)
    stack.start()
    before = {name: process.pid for name, process in stack.processes.running().items()}
    assert set(before) == {"epmd", "rabbitmq", "mongod", "mail"}
    assert {"intake.commands", "web.outcomes", "agent.a1.inbox"} <= queue_names(stack, "casebus")
    with MongoClient[dict[str, Any]](stack.desk.mongo_url("intake")) as client:
        client["casebus_intake"].tickets.insert_one({"number": "00000001"})

    stack.start()
    assert {name: process.pid for name, process in stack.processes.running().items()} == before

    assert stat.S_IMODE(stack.environment_file.stat().st_mode) == 0o600
    told = environment(stack)
    assert told["CASEBUS_PID_RABBITMQ"] == str(before["rabbitmq"])
    sourced = subprocess.run(
        ["sh", "-c", f". '{stack.environment_file}'; printf %s \"$CASEBUS_MONGO\""],
        capture_output=True,
        text=True,
        check=True,
    )
    assert sourced.stdout == told["CASEBUS_MONGO"]

    # Broker and database die, and somebody takes their ports: both come back elsewhere, with what they held.
    time.sleep(LATE)
    stack.processes.kill("rabbitmq")
    stack.processes.kill("mongod")
    assert stack.missing() == ["rabbitmq", "mongod"]
    with taken(stack.folder.port("amqp")), taken(stack.folder.port("mongod")):
        stack.start()
        after = {name: process.pid for name, process in stack.processes.running().items()}
        assert after["mail"] == before["mail"]
        healed = environment(stack)
        for name in ("CASEBUS_AMQP_CHANNEL", "CASEBUS_MONGO", "CASEBUS_PID_RABBITMQ", "CASEBUS_PID_MONGOD"):
            assert healed[name] != told[name]
        with Connection(healed["CASEBUS_AMQP_CHANNEL"]) as connection:
            connection.connect()
        with MongoClient[dict[str, Any]](stack.desk.mongo_url("intake")) as client:
            assert client["casebus_intake"].tickets.count_documents({}) == 1

    stack.stop()
    assert (stack.processes.running(), stack.missing()) == ({}, [])
    assert not stack.environment_file.exists()
    assert all(is_free(stack.folder.port(name)) for name in ("amqp", "management", "distribution", "epmd", "mongod"))


def test_two_stacks_on_one_machine_never_meet(stack: Stack, desk: Desk, root: Path) -> None:
    other = Stack(root)
    other.start_servers()
    names = ("amqp", "management", "distribution", "epmd", "mongod")
    assert {stack.folder.port(name) for name in names}.isdisjoint(other.folder.port(name) for name in names)
    assert desk.name not in {vhost["name"] for vhost in other.broker.management.get("/vhosts")}
    other.remove()
    assert other.processes.running() == {}
    with Connection(desk.amqp_url("web")) as connection:
        connection.connect()


def test_desks_share_a_broker_and_a_database_and_nothing_in_them(stack: Stack, desk: Desk) -> None:
    other = stack.other_desk("neighbour")
    other.prepare()
    assert queue_names(stack, desk.name) == queue_names(stack, other.name)
    for service in ("intake", "sla"):
        with (
            MongoClient[dict[str, Any]](other.mongo_url("intake")) as client,
            pytest.raises(OperationFailure, match="not authorized"),
        ):
            client[f"{desk.db_prefix}_{service}"].tickets.insert_one({})
    other.remove()
    with pytest.raises(amqp.NotAllowed), Connection(other.amqp_url("web")) as connection:
        connection.connect()


def test_a_mail_with_the_same_id_is_kept_once(desk: Desk) -> None:
    desk.start_mail()
    port = int(desk.smtp_url.rsplit(":", 1)[1])
    with smtplib.SMTP("127.0.0.1", port) as client:
        for message_id in ("<one@casebus.example>", "<two@casebus.example>", "<one@casebus.example>"):
            mail = EmailMessage()
            mail["Message-ID"], mail["From"], mail["To"] = message_id, "desk@casebus.example", "ann@player.example"
            mail.set_content("Your case is open.")
            client.send_message(mail)
    kept = {file.name: file.read_text() for file in desk.mail_folder.iterdir()}
    assert set(kept) == {"one@casebus.example.eml", "two@casebus.example.eml"}
    assert all("X-Envelope-To: ann@player.example" in text for text in kept.values())


def test_instances_of_a_service_come_and_go(desk: Desk) -> None:
    desk.scale({"intake": 2})
    assert desk.instances("intake") == [1, 2]
    first = desk.pid("intake", 1)

    desk.kill("intake", 2)
    assert desk.instances("intake") == [1]
    desk.start("intake", 2)
    assert desk.instances("intake") == [1, 2]

    desk.terminate("intake", 2)
    assert desk.instances("intake") == [1]
    assert desk.pid("intake", 1) == first
    assert desk.stop() == []
    assert desk.instances("intake") == []


def test_a_service_that_cannot_start_says_why(desk: Desk) -> None:
    desk.settings["CASEBUS_LOG_LEVEL"] = "LOUD"
    with pytest.raises(Trouble, match=r"(?s)intake 1 ended while it was starting.*CASEBUS_LOG_LEVEL must be"):
        desk.start("intake")
