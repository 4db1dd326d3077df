"""`casebus topology apply` on a real broker: it creates what is missing, says what it did, and heals."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import amqp
import pytest
from kombu.connection import Connection

from contracts.names import CHANNELS, DEAD, DESK, EVENT_LOG, EVENTS, INTAKE, OPERATOR, SERVICES
from contracts.topology import BY_TYPE, UNKNOWN
from deploy.local.processes import CODE
from deploy.local.rabbitmq import ADMIN
from deploy.local.stack import Stack
from deploy.provision import topology
from deploy.provision.management import Management, ManagementError, Refused
from deploy.provision.topology import IDENTITY, CannotApply, apply

VHOST = "applied"
PASSWORDS = {**dict.fromkeys(SERVICES, "s" * 20), OPERATOR: "o" * 20, "kiosk": "k" * 20, "agent.z1": "z" * 20}


@pytest.fixture
def vhost(stack: Stack) -> Iterator[str]:
    """A name for a vhost that does not exist yet; gone after the test, with the users that the stack does not have."""
    yield VHOST
    management = stack.broker.management
    if VHOST in {each["name"] for each in management.get("/vhosts")}:
        management.delete(f"/vhosts/{VHOST}")
    for user in {"kiosk", "agent.z1"} & {each["name"] for each in management.get("/users")}:
        management.delete(f"/users/{user}")


@pytest.fixture
def passwords(stack: Stack) -> dict[str, str]:
    """Those of the stack's own users stay as they are: other tests log in with them."""
    return {
        user: known if user in ("kiosk", "agent.z1") else stack.broker.password(user)
        for user, known in PASSWORDS.items()
    }


class OfTheFuture(Management):
    """Leaves out of its definitions whatever has its default anyway, as RabbitMQ 4.3 does with `internal`."""

    def get(self, path: str) -> Any:
        answer = super().get(path)
        if path == "/definitions":
            for kind in ("exchanges", "queues", "bindings"):
                answer[kind] = [
                    {name: value for name, value in each.items() if name in IDENTITY[kind] or value not in (False, {})}
                    for each in answer[kind]
                ]
        return answer


def test_what_definitions_leave_out_is_as_it_would_be_anyway(
    stack: Stack, vhost: str, passwords: dict[str, str]
) -> None:
    management = OfTheFuture(**asdict(stack.broker.management))
    assert apply(management, vhost, passwords)
    assert apply(management, vhost, passwords) == []


class SaysYes(Management):
    """The first time, says yes to what holds bindings of the event log, and makes none of these (RabbitMQ 3.10)."""

    asked: ClassVar[list[str]] = []

    def post(self, path: str, body: Mapping[str, Any]) -> None:
        if not self.asked:
            body = {**body, "bindings": [each for each in body["bindings"] if each["destination"] != EVENT_LOG]}
        self.asked.append(path)
        super().post(path, body)


ABSENT = (
    r'{"error":"bad_request","reason":"{resources_missing,\n    [{absent,\n         {amqqueue,\n'
    r"             {resource,<<\"casebus\">>,queue,<<\"helpdesk.events.log\">>},\n             true,false,none,\n"
)
"""Of RabbitMQ 4.0.5."""


class SaysAbsent(Management):
    """The first time, makes all except bindings of the event log, and refuses these, as RabbitMQ 4.0 does."""

    asked: ClassVar[list[str]] = []

    def post(self, path: str, body: Mapping[str, Any]) -> None:
        self.asked.append(path)
        if len(self.asked) == 1:
            some = [each for each in body["bindings"] if each["destination"] != EVENT_LOG]
            super().post(path, {**body, "bindings": some})
            raise Refused(f"RabbitMQ refused POST /definitions: 400 {ABSENT}")
        super().post(path, body)


@pytest.mark.parametrize("just_started", [SaysYes, SaysAbsent])
def test_a_binding_that_a_broker_just_started_did_not_make_is_made(
    stack: Stack, vhost: str, passwords: dict[str, str], just_started: type[SaysYes | SaysAbsent]
) -> None:
    management = stack.broker.management
    apply(just_started(management.address, management.user, management.password), vhost, passwords)
    assert len(just_started.asked) == 3  # in two parts, and what was missing once more
    assert apply(management, vhost, passwords) == []


def test_a_queue_that_a_broker_keeps_half_of_is_named_with_the_way_out(
    stack: Stack, vhost: str, passwords: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topology, "TAKES_UP", 0.0)
    management = stack.broker.management
    SaysAbsent.asked.clear()
    with pytest.raises(ManagementError, match=r"can no longer open the queue helpdesk\.events\.log,"):
        apply(SaysAbsent(management.address, management.user, management.password), vhost, passwords)


def test_it_brings_what_is_lacking_heals_and_does_nothing_again(
    stack: Stack, vhost: str, passwords: dict[str, str]
) -> None:
    management = stack.broker.management
    planned = apply(management, vhost, passwords, channels=["app"], dry_run=True)
    assert vhost not in {each["name"] for each in management.get("/vhosts")}
    assert apply(management, vhost, passwords, channels=["app"]) == planned
    assert {
        f"vhost {vhost}: created",
        "user kiosk: created",
        "permissions of agent.z1: created",
        f"topic permissions of kiosk on {INTAKE}: created",
        f"exchange {EVENTS}: created",
        "queue intake.commands: created",
        "queue kiosk.outcomes: created",
        "queue agent.z1.inbox: created",
        "queue app.outcomes: created",
        f"exchange {INTAKE}.types: created",
        f"binding {INTAKE} → {INTAKE}.types (#): created",
        f"binding {INTAKE}.types → intake.commands (ticket.submit): created",
        f"binding {DESK}.types → intake.assignments (ticket.assign): created",
        f"binding {UNKNOWN} → intake.unknown (#): created",
    } <= set(planned)
    assert apply(management, vhost, passwords, channels=["app"]) == []

    management.delete(f"/queues/{vhost}/sla.events")
    management.put(f"/permissions/{vhost}/kiosk", {"configure": ".*", "write": ".*", "read": ".*"})
    management.put("/users/kiosk", {"password": "another", "tags": "administrator"})
    management.post(f"/bindings/{vhost}/e/{EVENTS}/q/routing.events", {"routing_key": "sla/old #"})
    management.post(f"/bindings/{vhost}/e/{EVENTS}/q/app.outcomes", {"routing_key": "its.own"})
    assert set(apply(management, vhost, passwords)) == {
        "user kiosk: changed",
        "permissions of kiosk: changed",
        "queue sla.events: created",
        f"binding {EVENTS} → sla.events (ticket.#): created",
        f"binding {EVENTS} → routing.events (sla/old #): removed",
    }
    assert apply(management, vhost, passwords) == []
    own = f"amqp://kiosk:{passwords['kiosk']}@127.0.0.1:{stack.folder.port('amqp')}/{vhost}"
    with Connection(own) as connection, pytest.raises(amqp.AccessRefused):
        connection.channel().basic_get("intake.commands")

    # Existing users get the permissions of today, and nobody needs to know their passwords.
    management.put(f"/permissions/{vhost}/kiosk", {"configure": "", "write": "", "read": ""})
    assert apply(management, vhost, {}) == ["permissions of kiosk: changed"]
    with Connection(own) as connection:
        assert connection.channel().basic_get("kiosk.outcomes") is None


OF_BEFORE = (
    (INTAKE, "intake.commands", "#"),
    (DESK, "intake.commands", "ticket.auto_close"),
    (DESK, "intake.desk", "ticket.assign"),
    (DESK, "intake.desk", "ticket.view"),
    (DESK, "routing.commands", "agent.#"),
)
"""Bindings as they were before commands were bound by type, on exchanges of their own."""


def test_a_broker_of_before_is_brought_to_bindings_by_type_and_what_waits_stays(
    stack: Stack, vhost: str, passwords: dict[str, str]
) -> None:
    management = stack.broker.management
    apply(management, vhost, passwords)
    for inner in (*BY_TYPE.values(), UNKNOWN):
        management.delete(f"/exchanges/{vhost}/{inner}")
    for queue in ("intake.assignments", "intake.unknown", "intake.questions"):
        management.delete(f"/queues/{vhost}/{queue}")
    for exchange, queue, key in OF_BEFORE:
        management.post(f"/bindings/{vhost}/e/{exchange}/q/{queue}", {"routing_key": key})

    def publish(exchange: str, key: str) -> None:
        message = {"properties": {}, "routing_key": key, "payload": "{}", "payload_encoding": "string"}
        management.post(f"/exchanges/{vhost}/{exchange}/publish", message)

    publish(INTAKE, "ticket.submit")
    publish(DESK, "ticket.assign")
    lines = apply(management, vhost, passwords)
    assert {f"binding {exchange} → {queue} ({key}): removed" for exchange, queue, key in OF_BEFORE} <= set(lines)
    assert apply(management, vhost, passwords) == []

    for exchange, key in ((INTAKE, "ticket.submit"), (INTAKE, "no.such"), (DESK, "ticket.assign"), (DESK, "agent.no")):
        publish(exchange, key)
    with Connection(stack.broker.url(ADMIN, vhost)) as connection:
        channel = connection.channel()
        found = {name: channel.queue_declare(name, passive=True).message_count for name in AFTERWARDS}
    assert found == AFTERWARDS


AFTERWARDS = {"intake.commands": 2, "intake.desk": 1, "intake.assignments": 1, "intake.unknown": 2, DEAD: 0}


def test_a_queue_with_other_arguments_is_named_before_anything_is_changed(
    stack: Stack, vhost: str, passwords: dict[str, str]
) -> None:
    management = stack.broker.management
    management.put(f"/vhosts/{vhost}", {})
    body = {"durable": True, "arguments": {"x-queue-type": "quorum", "x-delivery-limit": 5}}
    management.put(f"/queues/{vhost}/sla.events", body)
    with pytest.raises(CannotApply, match=r"queue sla\.events exists .* x-delivery-limit is 5 and should be 100"):
        apply(management, vhost, passwords)
    assert [each["name"] for each in management.get(f"/queues/{vhost}")] == ["sla.events"]


def test_a_channel_that_has_a_services_name_is_named_before_anything_is_changed(
    stack: Stack, vhost: str, passwords: dict[str, str]
) -> None:
    management = stack.broker.management
    apply(management, vhost, passwords)
    management.put(f"/queues/{vhost}/sla.outcomes", {"durable": True, "arguments": {"x-queue-type": "quorum"}})
    management.post(f"/bindings/{vhost}/e/{CHANNELS}/q/sla.outcomes", {"routing_key": "sla.#"})
    management.delete(f"/queues/{vhost}/sla.events")
    with pytest.raises(CannotApply, match=r"^A channel is called sla, a name that the desk now needs itself\."):
        apply(management, vhost, passwords)
    assert "sla.events" not in {each["name"] for each in management.get(f"/queues/{vhost}")}

    management.delete(f"/queues/{vhost}/sla.outcomes")
    assert "queue sla.events: created" in apply(management, vhost, passwords)


def test_the_command(stack: Stack, vhost: str, passwords: dict[str, str], tmp_path: Path) -> None:
    for user, password in passwords.items():
        (tmp_path / user).write_text(f"{password}\n")

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "deploy.cli", "topology", "apply", "--vhost", vhost, *arguments]
        environment = {**os.environ, "CASEBUS_AMQP_MANAGEMENT": stack.broker.management.url, "COLUMNS": "200"}
        return subprocess.run(words, env=environment, cwd=CODE, capture_output=True, text=True, check=False)

    tried = command("--passwords", str(tmp_path), "--agent", "z2", "--dry-run")
    assert tried.returncode == 0
    assert tried.stdout.endswith(", none applied\n")
    done = command("--passwords", str(tmp_path), "--agent", "z2")
    assert "queue agent.z2.inbox: created" in done.stdout
    assert done.returncode == 0
    assert command("--passwords", str(tmp_path)).stdout == "The broker matches the topology.\n"
    wrong = command("--channel", "helpdesk")
    assert (wrong.returncode, wrong.stderr) == (2, "'helpdesk' is no name for a channel\n")
    (tmp_path / "kiosk").write_text("")
    empty = command("--passwords", str(tmp_path))
    assert (empty.returncode, empty.stderr.count("\n")) == (2, 1)
    assert "kiosk is empty" in empty.stderr
