"""One help desk on a local stack: a vhost of the broker, databases, a mail catcher, and instances of the services.

A checkout has one desk, `casebus`. Each test has its own, so tests share broker and database but nothing in them. The
page is docs/local-stack.md.
"""

from __future__ import annotations

import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from contracts.names import OPERATOR, SERVICES
from deploy.local.folder import Folder
from deploy.local.mongodb import Database
from deploy.local.operators import takes
from deploy.local.processes import Processes
from deploy.local.provision import provision
from deploy.local.rabbitmq import Broker
from deploy.trouble import Trouble

MOST_INSTANCES = 32
PATIENCE = 30.0
SENDER = "help-desk@casebus.example"


class Desk:
    """The help desk `name`; `name` is also the vhost and the prefix of the databases (letters, digits, `_`)."""

    def __init__(
        self,
        name: str,
        prefix: str,
        folder: Folder,
        processes: Processes,
        broker: Broker,
        database: Database,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`prefix` begins the names of its processes; `changed` is called when processes have come or gone."""
        self.name = name
        self.db_prefix = name
        self.settings: dict[str, str] = {}
        """Further environment of services that are started from now on (`CASEBUS_LOG_LEVEL`, for example)."""
        self.settings_of: dict[str, dict[str, str]] = {}
        """The same for the instances of one service, by its name: it overrides `settings`."""
        self.runner = "services.chassis.run"
        """The module that runs a service; a test replaces it by one that breaks the service."""
        self.patience = PATIENCE
        """Seconds that an instance may say nothing new of why it is not ready. An index of many texts takes longer,
        and says how far it is."""
        self._prefix = prefix
        self._folder = folder
        self._processes = processes
        self._broker = broker
        self._database = database
        self._changed = changed

    def prepare(self) -> None:
        """Create vhost, topology and database users; running it again is harmless."""
        provision(self._broker, self.name)
        self._database.ensure_users([*self._databases(), self._operator()])

    def remove(self) -> None:
        """Stop its services at once and delete everything it has."""
        self.kill_all()
        self._broker.management.delete(f"/vhosts/{self.name}")
        self._database.drop(self._databases(), self._operator())
        shutil.rmtree(self.mail_folder)

    def amqp_url(self, user: str) -> str:
        """The broker as `user`: a service, a channel of the demo, an agent (`agent.a1`), or `casebus_admin`."""
        return self._broker.url(user, self.name)

    def mongo_url(self, service: str) -> str:
        """The database as the user of `service`, who sees only the database `<db_prefix>_<service>`."""
        return self._database.url(f"{self.db_prefix}_{service}")

    @property
    def operator_mongo_url(self) -> str:
        """The databases as the operator, who may read all of them and write none."""
        return self._database.url(self._operator())

    @property
    def admin_mongo_url(self) -> str:
        """The database as root."""
        return self._database.url()

    @property
    def mail_folder(self) -> Path:
        """The folder in which each mail that was sent is a file `<Message-ID>.eml`."""
        return self._folder.sub(f"{self._prefix}mail")

    @property
    def smtp_url(self) -> str:
        """Where mail goes."""
        return f"smtp://127.0.0.1:{self._folder.port(self._mail)}"

    def health_url(self, service: str, n: int = 1) -> str:
        """Where instance `n` of `service` answers `/healthz`, `/readyz` and `/metrics`."""
        return f"http://127.0.0.1:{self._folder.port(self._process(service, n))}"

    def instances(self, service: str) -> list[int]:
        """The numbers of the instances of `service` that run, ascending."""
        running = self._processes.running()
        return [n for n in range(1, MOST_INSTANCES + 1) if self._process(service, n) in running]

    def pid(self, service: str, n: int = 1) -> int | None:
        """The process id of an instance, None if it does not run."""
        return self._processes.pid(self._process(service, n))

    def is_ready(self, service: str, n: int = 1) -> bool:
        """Whether instance `n` of `service` says that it can work now."""
        return self._problem(service, n) is None

    def logs(self, service: str) -> list[Path]:
        """What the instances of `service` have printed, one file each."""
        return sorted(self._folder.sub("log").glob(f"{self._prefix}{service}-*.log"))

    def start_mail(self) -> None:
        """Start the mail catcher unless it runs, and wait until it takes mail."""
        if not self._processes.pid(self._mail):
            self._folder.port_to_listen_on(self._mail)
        port = self._folder.port(self._mail)
        command = [sys.executable, "-m", "deploy.mail", str(port), str(self.mail_folder)]
        self._processes.start(self._mail, command, {})
        self._wait(self._mail, "The mail catcher", lambda: None if _greets(port) else "it takes no mail")

    def start(self, service: str, n: int = 1) -> None:
        """Start instance `n` of `service` unless it runs, and wait until it is ready."""
        self.start_all([(service, n)])

    def start_all(self, instances: Iterable[tuple[str, int]]) -> None:
        """Start those of these (service, number) that do not run, together, and wait until all are ready."""
        wanted = list(instances)
        for service, n in wanted:
            self._begin(service, n)
        try:
            for service, n in wanted:
                self._wait(self._process(service, n), f"{service} {n}", partial(self._problem, service, n))
        finally:
            self._changed()

    def kill(self, service: str, n: int = 1) -> None:
        """`kill -9` instance `n` of `service`."""
        self._processes.kill(self._process(service, n))
        self._changed()

    def terminate(self, service: str, n: int = 1) -> None:
        """Stop instance `n` of `service` by SIGTERM and wait: it handles what it was given, then ends."""
        self._processes.stop(self._process(service, n))
        self._changed()

    def scale(self, wanted: Mapping[str, int]) -> None:
        """Run that many instances of each service named, starting or stopping (by SIGTERM) the difference."""
        surplus = [(service, n) for service, count in wanted.items() for n in self.instances(service) if n > count]
        self._processes.stop(*(self._process(service, n) for service, n in surplus))
        self.start_all((service, n) for service, count in wanted.items() for n in range(1, count + 1))

    def stop(self) -> list[str]:
        """Stop all instances and the mail catcher by SIGTERM. Returns the names of those that had to be killed."""
        late = self._processes.stop(*self._all_instances())
        return late + self._processes.stop(self._mail)

    def kill_mail(self) -> None:
        """`kill -9` the mail catcher."""
        self._processes.kill(self._mail)

    def kill_all(self) -> None:
        """`kill -9` everything that this desk runs."""
        for name in [*self._all_instances(), self._mail]:
            self._processes.kill(name)

    @property
    def _mail(self) -> str:
        return f"{self._prefix}mail"

    def _process(self, service: str, n: int) -> str:
        if service not in SERVICES:
            raise Trouble(f"There is no service {service!r}; there are {', '.join(SERVICES)}.")
        if not 1 <= n <= MOST_INSTANCES:
            raise Trouble(f"Instances of {service} are numbered 1 to {MOST_INSTANCES}, not {n}.")
        return f"{self._prefix}{service}-{n}"

    def _all_instances(self) -> list[str]:
        return [self._process(service, n) for service in SERVICES for n in self.instances(service)]

    def _operator(self) -> str:
        return f"{self.db_prefix}_{OPERATOR}"

    def _databases(self) -> list[str]:
        return [f"{self.db_prefix}_{service}" for service in SERVICES]

    def _begin(self, service: str, n: int) -> None:
        name = self._process(service, n)
        if not self._processes.pid(name):
            self._folder.port_to_listen_on(name)
        env = {
            "CASEBUS_AMQP": self.amqp_url(service),
            "CASEBUS_MONGO": self.mongo_url(service),
            "CASEBUS_DB_PREFIX": self.db_prefix,
            "CASEBUS_HEALTH_PORT": str(self._folder.port(name)),
        }
        taken = takes(service)
        if "secret_key" in taken:
            env["CASEBUS_SECRET_KEY_FILE"] = str(self._folder.secret_file(f"{service}-key"))
        if "attachment_keys" in taken:
            env["CASEBUS_ATTACHMENT_KEYS_FILE"] = str(self._folder.attachment_keys())
        if "smtp" in taken:
            self.start_mail()
            env |= {"CASEBUS_SMTP": self.smtp_url, "CASEBUS_SMTP_FROM": SENDER}
        command = [sys.executable, "-m", self.runner, service]
        self._processes.start(name, command, env | self.settings | self.settings_of.get(service, {}))

    def _problem(self, service: str, n: int) -> str | None:
        return problem_at(self._folder.port(self._process(service, n)))

    def _wait(self, process: str, what: str, problem: Callable[[], str | None]) -> None:
        """Wait until there is no `problem`, or raise Trouble with the end of the log of `process`: once it has ended,
        or has named no new problem for too long."""
        named, deadline = set[str](), time.monotonic() + self.patience
        while (found := problem()) is not None:
            if found not in named:
                named.add(found)
                deadline = time.monotonic() + self.patience
            if not self._processes.pid(process):
                raise self._processes.failure(process, f"{what} ended while it was starting.")
            if time.monotonic() > deadline:
                said = f"{what} is not ready: {found}. It has said nothing new for {self.patience:.0f} seconds."
                raise self._processes.failure(process, said)
            time.sleep(0.05)


def problem_at(port: int) -> str | None:
    """Why the service with this health port is not ready; None if it is."""
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        said = answer.read().decode(errors="replace").strip()
        return None if answer.status == 200 else said
    except (OSError, HTTPException):
        return "it does not answer"
    finally:
        connection.close()


def _greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as probe:
            return probe.recv(3) == b"220"
    except OSError:
        return False
