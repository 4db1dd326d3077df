"""What keeps a service from starting is said in one sentence, with code 2."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from contracts.names import SERVICES
from deploy.local.desk import Desk
from deploy.local.processes import CODE
from deploy.local.stack import Stack


@pytest.mark.parametrize(
    ("service", "wrong", "sentence"),
    [
        ("intake", {}, "CASEBUS_SECRET_KEY (or CASEBUS_SECRET_KEY_FILE) is not set."),
        (
            "intake",
            {"CASEBUS_SECRET_KEY": "k" * 32},
            "CASEBUS_ATTACHMENT_KEYS (or CASEBUS_ATTACHMENT_KEYS_FILE) is not set.",
        ),
        ("routing", {"CASEBUS_CATALOGUE": "/none.yaml"}, "/none.yaml: the catalogue cannot be read"),
        ("routing", {"CASEBUS_AMQP": "amqp://a:b@127.0.0.1:1/x"}, "The broker of CASEBUS_AMQP cannot be used"),
        (
            "routing",
            {"CASEBUS_AMQP": "localhost"},
            "CASEBUS_AMQP must be a URL amqp://user:password@host:port/vhost or amqps://….",
        ),
        (
            "routing",
            {"CASEBUS_AMQP": "web"},
            "CASEBUS_AMQP must have the service's own broker user, routing, and not web.",
        ),
        ("routing", {"CASEBUS_DB_PREFIX": "others"}, "it refuses the service's user: Unauthorized."),
        ("routing", {"CASEBUS_HEALTH_PORT": "many"}, "CASEBUS_HEALTH_PORT must be a number, not 'many'."),
        ("routing", {"CASEBUS_HEALTH_PORT": "taken"}, "cannot listen on"),
        ("sla", {"CASEBUS_CALENDARS": "/none.yaml"}, "/none.yaml"),
        ("nobody", {}, f"Name one service: {', '.join(SERVICES)}."),
    ],
)
def test_what_keeps_a_service_from_starting(
    emptied_desk: Desk, service: str, wrong: dict[str, str], sentence: str
) -> None:
    user = service if service != "nobody" else "routing"
    right = {
        "CASEBUS_AMQP": emptied_desk.amqp_url(user),
        "CASEBUS_MONGO": emptied_desk.mongo_url(user),
        "CASEBUS_DB_PREFIX": emptied_desk.db_prefix,
    }
    if wrong.get("CASEBUS_AMQP") == "web":
        wrong = {"CASEBUS_AMQP": emptied_desk.amqp_url("web")}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        if wrong.get("CASEBUS_HEALTH_PORT") == "taken":
            wrong = {"CASEBUS_HEALTH_PORT": str(taken.getsockname()[1])}
        ended = subprocess.run(
            [sys.executable, "-m", "services.chassis.run", service],
            env={**os.environ, **right, **wrong},
            cwd=CODE,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 2
    assert ended.stderr.startswith("casebus: ")
    assert sentence in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_service_may_be_started_before_what_it_needs_is_there(stack: Stack, desk: Desk) -> None:
    stack.broker.management.delete(f"/queues/{desk.name}/sla.events")
    desk.settings["CASEBUS_START_PATIENCE"] = "60"
    starting = threading.Thread(target=desk.start, args=("sla",))
    starting.start()
    while not any("not started yet" in log.read_text() for log in desk.logs("sla")):
        assert starting.is_alive(), "it has not waited"
        starting.join(0.05)
    desk.prepare()
    starting.join()
    assert desk.is_ready("sla")


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_still_waits_for_what_it_needs_ends_well_when_it_is_told_to(
    emptied_desk: Desk, told: signal.Signals
) -> None:
    settings = {
        "CASEBUS_AMQP": "amqp://sla:x@127.0.0.1:1/x",
        "CASEBUS_MONGO": emptied_desk.mongo_url("sla"),
        "CASEBUS_DB_PREFIX": emptied_desk.db_prefix,
        "CASEBUS_START_PATIENCE": "60",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "services.chassis.run", "sla"],
        env={**os.environ, **settings},
        cwd=CODE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as waiting:
        assert waiting.stdout is not None
        assert "not started yet" in waiting.stdout.readline()
        waiting.send_signal(told)
        assert waiting.wait(30) == 0
        assert waiting.stdout.read().count("Traceback") == 0


def test_names_are_looked_up_again_each_time() -> None:
    """Eventlet's own resolver remembers that a name did not exist: a service that started before the broker never found
    it."""
    program = "import services.chassis.run, sys; print('eventlet.support.greendns' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=CODE, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
