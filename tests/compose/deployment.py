"""Handles docker-compose.yml for a test: brought up under its own project name, ports and secrets.

It runs `docker compose` as a person would. To a `House` it is the desk, as `deploy.local.desk.Desk` is for processes.
The page is docs/deployment.md.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from contracts.names import AGENT_PREFIX
from deploy.local.processes import CODE
from deploy.local.provision import AGENTS
from deploy.local.rabbitmq import ADMIN
from tests.unlimited import UNLIMITED

PROJECT = "casebus-test"
FILES = ("-f", "docker-compose.yml", "-f", "tests/compose/ports.yml")
READY_WITHIN = 300
RESTARTED_WITHIN = 60


class Failed(Exception):
    """A command of Docker's failed; the text is what it said."""


class Deployment:
    """One deployment, with RabbitMQ of this version. Creating the object starts nothing."""

    def __init__(self, rabbitmq: str) -> None:
        self.db_prefix = "casebus"
        self._scratch = Path(tempfile.mkdtemp(prefix="casebus-compose-"))
        names = ("CASEBUS_AMQP_PORT", "CASEBUS_MANAGEMENT_PORT", "CASEBUS_MAIL_PORT", "CASEBUS_TEST_MONGO_PORT")
        self._ports = dict(zip(names, _free_ports(len(names)), strict=True))
        self.settings = dict(UNLIMITED)
        """Of the services. (A `House` sets the same; here from the first start on.)"""
        self._environment = {
            **os.environ,
            **self.settings,
            **{name: str(port) for name, port in self._ports.items()},
            "CASEBUS_SECRETS": str(self._secrets),
            "RABBITMQ_TAG": f"{rabbitmq}-management",
        }

    # how to reach it

    def amqp_url(self, user: str) -> str:
        """The broker as `user`."""
        file = self._secrets / "broker-admin" if user == ADMIN else self._secrets / "broker" / user
        return f"amqp://{user}:{file.read_text()}@127.0.0.1:{self._ports['CASEBUS_AMQP_PORT']}/casebus"

    @property
    def admin_mongo_url(self) -> str:
        """The database as root."""
        return self._mongo_url("casebus_root", self._secrets / "database-root")

    def mongo_url(self, service: str) -> str:
        """The database as the user of `service`."""
        return self._mongo_url(f"casebus_{service}", self._secrets / "database" / f"casebus_{service}")

    def health_url(self, service: str, n: int = 1) -> str:
        """Where an instance of knowledge says how it is; the file of ports opens no other service."""
        return f"http://{self.compose('port', '--index', str(n), service, '8080').strip()}"

    @property
    def mail_page(self) -> str:
        """Where a browser sees the mails."""
        return f"http://127.0.0.1:{self._ports['CASEBUS_MAIL_PORT']}/"

    @property
    def mail_folder(self) -> Path:
        """A copy of the mails that are there now."""
        copy = self._scratch / "mail"
        shutil.rmtree(copy, ignore_errors=True)
        self.compose("cp", "mail:/mail", str(copy))
        return copy

    # what is done to it

    def compose(self, *arguments: str) -> str:
        """What `docker compose` prints when it gets these arguments. Raises: Failed."""
        return self._run("docker", "compose", "-p", PROJECT, *FILES, *arguments)

    def make_secrets(self) -> None:
        """Those of the file, and of as many agents as the tests have."""
        self._run("sh", "deploy/compose/secrets.sh", *(AGENT_PREFIX + agent for agent in AGENTS))

    def up(self, *arguments: str) -> None:
        """Bring it up, and wait until all of it is healthy."""
        self.compose("up", "-d", "--wait", "--wait-timeout", str(READY_WITHIN), *arguments)

    def containers(self, *services: str) -> list[str]:
        """The ids of the containers that run, of these services or of all."""
        return self.compose("ps", "-q", *services).split()

    def instances(self, service: str) -> list[int]:
        """The instances of `service` that run, by number."""
        return list(range(1, len(self.containers(service)) + 1))

    def inspect(self, *containers: str) -> list[dict[str, Any]]:
        """What Docker knows of these containers."""
        known: list[dict[str, Any]] = json.loads(self._run("docker", "inspect", *containers))
        return known

    def crash(self, service: str) -> None:
        """`kill -9` what runs in the container of `service`, from within, and wait until its policy has started it
        again."""
        (container,) = self.containers(service)
        started = self.inspect(container)[0]["State"]["StartedAt"]
        # Everything but the container's init, which ends with what it has started. The shell that kills goes with it.
        self._run("sh", "-c", f"docker exec {container} sh -c 'kill -9 -1'; true")
        deadline = time.monotonic() + RESTARTED_WITHIN
        while self.inspect(container)[0]["State"]["StartedAt"] == started:
            if time.monotonic() > deadline:
                raise Failed(f"{service} was killed, and not started again within {RESTARTED_WITHIN} s.")
            time.sleep(0.2)

    def kill(self, *services: str) -> list[str]:
        """Kill these containers, or all, as a machine does that loses its power; returns their ids."""
        containers = self.containers(*services)
        self._run("docker", "kill", *containers)
        return containers

    def start(self, containers: list[str]) -> None:
        """Start these containers as the engine does with the machine: all at once, without regard to what they need."""
        self._run("docker", "start", *containers)

    def stop(self, *services: str) -> list[int]:
        """Stop these services; the exit codes of their containers."""
        containers = self.containers(*services)
        self.compose("stop", *services)
        return [each["State"]["ExitCode"] for each in self.inspect(*containers)]

    def exit_codes_of_those_that_go(self, service: str, *arguments: str) -> list[int]:
        """The exit codes of the containers of `service` that `up` with these arguments stops."""
        before = self.containers(service)
        waiting = {
            each: subprocess.Popen(["docker", "wait", each], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for each in before
        }
        self.up(*arguments)
        left = self.containers(service)
        codes = [int(process.communicate()[0]) for each, process in waiting.items() if each not in left]
        for process in waiting.values():
            process.kill()
            process.wait()
        return codes

    def take_down(self) -> None:
        """All of it, with its data; also what a killed run has left."""
        self.compose("down", "--volumes", "--timeout", "5")

    def forget_secrets(self) -> None:
        """Remove them."""
        shutil.rmtree(self._scratch)

    @property
    def _secrets(self) -> Path:
        return self._scratch / "secrets"

    def _mongo_url(self, user: str, file: Path) -> str:
        port = self._ports["CASEBUS_TEST_MONGO_PORT"]
        return f"mongodb://{user}:{file.read_text()}@127.0.0.1:{port}/admin?directConnection=true"

    def _run(self, *words: str) -> str:
        done = subprocess.run(words, cwd=CODE, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"{' '.join(words)}\n{(done.stdout + done.stderr).strip()[-3000:]}")
        return done.stdout


def _free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 on which nobody listens."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
