"""The private RabbitMQ node of a local stack, started as a child process; everything it listens on is on 127.0.0.1.

It starts a node with one administrator and nothing in it; `provision.py` declares what it needs. The page is
docs/local-stack.md.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import time
from collections.abc import Callable

from contracts.topology import LARGEST_TAKEN
from deploy.files import write_atomically
from deploy.local import programs
from deploy.local.folder import Folder, is_free
from deploy.local.processes import Processes
from deploy.provision.management import Management, ManagementError

ADMIN = "casebus_admin"
"""Administers the node. The underscore keeps channels from having this name (contracts/names.py)."""

BROKER = "rabbitmq"
PORT_MAPPER = "epmd"
PATIENCE = 60.0
PORTS = ("amqp", "management", "distribution")


class Broker:
    """The RabbitMQ node of the stack in `folder`."""

    def __init__(self, folder: Folder, processes: Processes, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._processes = processes
        self._say = say

    @property
    def management(self) -> Management:
        """The node's HTTP API, as its administrator."""
        address = f"http://127.0.0.1:{self._folder.port('management')}"
        return Management(address, ADMIN, self.password(ADMIN))

    def password(self, user: str) -> str:
        """The password of a broker user of this stack."""
        return self._folder.secret(f"broker-{user}")

    def url(self, user: str, vhost: str) -> str:
        """The AMQP URL by which `user` reaches `vhost`."""
        return f"amqp://{user}:{self.password(user)}@127.0.0.1:{self._folder.port('amqp')}/{vhost}"

    def begin(self) -> None:
        """Start the node unless it runs; `wait` says when it is up."""
        if self._processes.pid(BROKER):
            return
        server = programs.rabbitmq_server(self._say)
        self._say("starting RabbitMQ")
        self._processes.kill(PORT_MAPPER)
        map_port = self._folder.port_to_listen_on(PORT_MAPPER)
        at_home = {"ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(map_port)}
        self._processes.start(PORT_MAPPER, [programs.epmd(), "-address", "127.0.0.1", "-port", str(map_port)], at_home)
        for name in PORTS:
            self._folder.port_to_listen_on(name)
        self._processes.start(BROKER, [server], at_home | self._environment())

    def wait(self) -> None:
        """Wait until the node speaks AMQP and HTTP.

        Raises: Trouble with the end of its log.
        """
        deadline = time.monotonic() + PATIENCE
        retried = False
        while not (self._speaks_http() and self._speaks_amqp()):
            if not self._processes.pid(BROKER):
                if retried or all(is_free(self._folder.port(name)) for name in PORTS):
                    raise self._processes.failure(BROKER, "RabbitMQ ended while it was starting.")
                retried = True
                self.begin()
            if time.monotonic() > deadline:
                raise self._processes.failure(BROKER, f"RabbitMQ was not up within {PATIENCE:.0f} seconds.")
            time.sleep(0.05)

    def _environment(self) -> dict[str, str]:
        home = self._folder.sub("rabbitmq")
        config, plugins, definitions = home / "rabbitmq.conf", home / "enabled_plugins", home / "administrator.json"
        write_atomically(config, self._config(str(definitions)).encode())
        write_atomically(plugins, b"[rabbitmq_management].\n")
        write_atomically(definitions, json.dumps(self._administrator()).encode())
        # A machine may have several stacks: each has its own port mapper, and a node name derived from its folder.
        name = hashlib.sha256(str(self._folder.path).encode()).hexdigest()[:12]
        distribution = self._folder.port("distribution")
        return {
            "HOME": str(self._folder.sub("rabbitmq/home")),
            "RABBITMQ_NODENAME": f"casebus-{name}@localhost",
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(home / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_MNESIA_BASE": str(self._folder.sub("rabbitmq/data")),
            "RABBITMQ_PID_FILE": str(home / "node.pid"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_LOG_BASE": str(self._folder.sub("log")),
            "ERL_CRASH_DUMP": str(self._folder.sub("log") / "erl_crash.dump"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            # Makes the start script become the server instead of watching it, so that the pid is the server's.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _config(self, definitions: str) -> str:
        return "\n".join(
            [
                f"listeners.tcp.local = 127.0.0.1:{self._folder.port('amqp')}",
                "management.tcp.ip = 127.0.0.1",
                f"management.tcp.port = {self._folder.port('management')}",
                f"load_definitions = {definitions}",
                "log.console.level = warning",
                "vm_memory_high_watermark.absolute = 1GB",
                "disk_free_limit.absolute = 50MB",
                # RabbitMQ 4's own limit; 3.10 would accept 128 MiB, which the consumer has to hold.
                f"max_message_size = {LARGEST_TAKEN}",
                # The write-ahead log is held in memory too; the default of 512 MB is for a server.
                "raft.wal_max_size_bytes = 67108864",
                "",
            ]
        )

    def _administrator(self) -> dict[str, object]:
        """Read at each start, so that the administrator's password is always the one in our secrets."""
        salt = os.urandom(4)
        digest = hashlib.sha256(salt + self.password(ADMIN).encode()).digest()
        user = {
            "name": ADMIN,
            "password_hash": base64.b64encode(salt + digest).decode(),
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": ["administrator", "impersonator"],
        }
        return {"users": [user], "vhosts": [], "permissions": []}

    def _speaks_amqp(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._folder.port("amqp")), timeout=2) as probe:
                probe.settimeout(2)
                probe.sendall(b"AMQP\x00\x00\x09\x01")
                # A method frame (1) on channel 0: connection.start.
                return probe.recv(3) == b"\x01\x00\x00"
        except OSError:
            return False

    def _speaks_http(self) -> bool:
        try:
            self.management.get("/whoami")
        except ManagementError:
            return False
        return True
