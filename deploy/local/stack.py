"""The local stack as a whole: broker, database, and the desks on them. `make up`, the tests and the bench use it.

Everything of a stack is in one folder and on 127.0.0.1, so several stacks on one machine never meet. The page is
docs/local-stack.md.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from contracts.names import AGENT_PREFIX, OPERATOR, SERVICES
from deploy.files import write_atomically
from deploy.local.desk import Desk
from deploy.local.folder import Folder
from deploy.local.mongodb import DATABASE, Database
from deploy.local.processes import CODE, Processes
from deploy.local.provision import AGENTS, CHANNELS
from deploy.local.rabbitmq import ADMIN, BROKER, PORT_MAPPER, Broker

ROOT = CODE / ".local"
"""The folder of the checkout's own stack."""

MAIN_DESK = "casebus"


def _silent(line: str) -> None:
    """Reports nothing."""


class Stack:
    """The stack whose folder is `root`. Creating the object starts nothing."""

    def __init__(self, root: Path = ROOT, say: Callable[[str], None] = _silent) -> None:
        self.folder = Folder(root)
        self.processes = Processes(self.folder)
        self.broker = Broker(self.folder, self.processes, say)
        self.database = Database(self.folder, self.processes, say)
        self.desk = Desk(MAIN_DESK, "", self.folder, self.processes, self.broker, self.database, self.write_environment)
        """The stack's main desk, the one that `start` starts."""
        self._say = say
        self._scale_file = self.folder.path / "scale.json"

    def other_desk(self, name: str) -> Desk:
        """A desk beside the main one, with its own vhost, databases and processes; `prepare` creates it."""
        return Desk(name, f"{name}.", self.folder, self.processes, self.broker, self.database)

    @property
    def environment_file(self) -> Path:
        """What others need to use the main desk, as `NAME=value` lines; it exists while the stack is up."""
        return self.folder.path / "casebus.env"

    def start_servers(self) -> None:
        """Start broker and database if they do not run, and wait until both are up. Raises: Trouble."""
        with self.folder.lock():
            self._start_servers()

    def start(self, services: Mapping[str, int] | None = None, default: int = 0) -> None:
        """Start the main desk: servers, topology, mail catcher, and this many instances of each named service. Whatever
        already runs is left alone, unless its settings are out of date. A service that is not named keeps its last
        number, or gets `default`. Raises: Trouble."""
        with self.folder.lock():
            self._start_servers()
            self.desk.prepare()
            self.desk.start_mail()
            scale = dict.fromkeys(SERVICES, default) | self._remembered_scale() | dict(services or {})
            write_atomically(self._scale_file, json.dumps(scale).encode())
            new = {service: count for service, count in scale.items() if len(self.desk.instances(service)) < count}
            if new:
                self._say("starting " + ", ".join(f"{service} ×{count}" for service, count in new.items()))
            self.desk.scale(scale)

    def stop(self) -> None:
        """Stop everything in order, services first, and wait until each has handled what it was given. The data
        stays."""
        with self.folder.lock():
            late = self.desk.stop()
            late += self.processes.stop(BROKER, DATABASE)
            late += self.processes.stop(PORT_MAPPER)
            if late:
                self._say(f"killed, because they did not end in time: {', '.join(late)}")
            self.processes.kill_leftovers()
            self.environment_file.unlink(missing_ok=True)
            self._scale_file.unlink(missing_ok=True)

    def remove(self) -> None:
        """Kill everything and delete the folder with all data."""
        self.processes.kill_leftovers()
        shutil.rmtree(self.folder.path, ignore_errors=True)

    def missing(self) -> list[str]:
        """Names of the processes that `start` was asked for and that do not run."""
        scale = self._remembered_scale()
        if not scale:
            return []
        instances = [f"{service}-{n}" for service, count in scale.items() for n in range(1, count + 1)]
        running = self.processes.running()
        return [name for name in (BROKER, PORT_MAPPER, DATABASE, "mail", *instances) if name not in running]

    def write_environment(self) -> None:
        """Write `casebus.env` as things are now, in one step."""
        # A shell reads the file too. It would change nothing in the URLs, so they are not quoted.
        lines = [f"{name}={value}\n" for name, value in self._environment().items()]
        write_atomically(self.environment_file, "".join(lines).encode())

    def _start_servers(self) -> None:
        self.broker.begin()
        self.database.begin()
        self.database.wait()
        self.broker.wait()

    def _remembered_scale(self) -> dict[str, int]:
        if not self._scale_file.exists():
            return {}
        scale: dict[str, int] = json.loads(self._scale_file.read_bytes())
        # Another revision of the checkout may have had more services.
        return {service: count for service, count in scale.items() if service in SERVICES}

    def _environment(self) -> dict[str, str]:
        desk = self.desk
        found = {
            "CASEBUS_AMQP_ADMIN": desk.amqp_url(ADMIN),
            "CASEBUS_AMQP_MANAGEMENT": self.broker.management.url,
            "CASEBUS_AMQP_OPERATOR": desk.amqp_url(OPERATOR),
            "CASEBUS_AMQP_CHANNEL": desk.amqp_url(CHANNELS[0]),
            "CASEBUS_AMQP_AGENT": desk.amqp_url(AGENT_PREFIX + AGENTS[0]),
            **{f"CASEBUS_AMQP_CHANNEL_{name.upper()}": desk.amqp_url(name) for name in CHANNELS},
            **{f"CASEBUS_AMQP_AGENT_{agent.upper()}": desk.amqp_url(AGENT_PREFIX + agent) for agent in AGENTS},
            "CASEBUS_MONGO": desk.operator_mongo_url,
            "CASEBUS_DB_PREFIX": desk.db_prefix,
            "CASEBUS_ATTACHMENT_KEYS_FILE": shlex.quote(str(self.folder.attachment_keys())),
            "CASEBUS_SMTP_SINK": shlex.quote(str(desk.mail_folder)),
        }
        for service in SERVICES:
            for n in desk.instances(service):
                found[f"CASEBUS_HEALTH_{service.upper()}_{n}"] = desk.health_url(service, n)
        for name, process in sorted(self.processes.running().items()):
            found[f"CASEBUS_PID_{name.replace('-', '_').upper()}"] = str(process.pid)
        return found
