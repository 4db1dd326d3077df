"""The private MongoDB of a local stack: a one-node replica set on 127.0.0.1 that knows its users.

It creates users and no collections: services create those. The page is docs/local-stack.md.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.files import write_atomically
from deploy.local import programs
from deploy.local.folder import Folder, is_free
from deploy.local.processes import Processes
from deploy.provision import database
from deploy.provision.database import Client
from deploy.trouble import Trouble

DATABASE = "mongod"
ROOT = "casebus_root"
REPLICA_SET = "casebus"
PATIENCE = 60.0

_UNAUTHORIZED = 13
_AUTHENTICATION_FAILED = 18
_NOT_YET_INITIALIZED = 94
"""Also for a moment at each start, while it loads its configuration."""


class Database:
    """The MongoDB server of the stack in `folder`."""

    def __init__(self, folder: Folder, processes: Processes, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._processes = processes
        self._say = say

    def url(self, user: str = ROOT) -> str:
        """The MongoDB URL of `user`. Users live in the database `admin`, which the path names as authSource."""
        return f"mongodb://{user}:{self._password(user)}@{self._host}/admin?replicaSet={REPLICA_SET}"

    def begin(self) -> None:
        """Start the server unless it runs; `wait` says when it is up."""
        if self._processes.pid(DATABASE):
            return
        program = programs.mongod(self._say)
        self._say("starting MongoDB")
        self._folder.port_to_listen_on(DATABASE)
        options = {
            "--bind_ip": "127.0.0.1",
            "--port": self._folder.port(DATABASE),
            "--dbpath": self._folder.sub("mongodb"),
            "--replSet": REPLICA_SET,
            "--keyFile": self._key_file(),
            "--wiredTigerCacheSizeGB": 0.5,
        }
        parameters = {
            "diagnosticDataCollectionEnabled": "false",
            # How long the transaction of a killed instance holds the documents that it wrote; the default is 60.
            "transactionLifetimeLimitSeconds": 10,
            # Passwords here are random, so nobody guesses them by trying: the fewest rounds that MongoDB accepts.
            "scramSHA256IterationCount": 5_000,
        }
        words = [str(word) for option in options.items() for word in option]
        for name, value in parameters.items():
            words += ["--setParameter", f"{name}={value}"]
        command = [str(program), "--auth", "--nounixsocket", "--quiet", *words]
        self._processes.start(DATABASE, command, {})

    def wait(self) -> None:
        """Wait until the server accepts writes as the root user, and set up what is missing at the first start. Raises:
        Trouble with the end of its log."""
        deadline = time.monotonic() + PATIENCE
        retried = False
        while not self._is_set_up():
            if not self._processes.pid(DATABASE):
                if retried or is_free(self._folder.port(DATABASE)):
                    raise self._processes.failure(DATABASE, "MongoDB ended while it was starting.")
                retried = True
                self.begin()
            if time.monotonic() > deadline:
                raise self._processes.failure(DATABASE, f"MongoDB was not up within {PATIENCE:.0f} seconds.")
            time.sleep(0.02)

    def ensure_users(self, users: Iterable[str]) -> None:
        """The users of these names, with the rights that their names stand for."""
        with self._connect(ROOT) as client:
            database.ensure_users(client, {name: self._password(name) for name in users})

    def drop(self, databases: Iterable[str], operator: str) -> None:
        """Remove these databases with their users, and the operator's user and role."""
        with self._connect(ROOT) as client:
            for name in databases:
                client.drop_database(name)
                client.admin.command("dropUser", name)
            client.admin.command("dropUser", operator)
            client.admin.command("dropRole", operator)

    @property
    def _host(self) -> str:
        return f"127.0.0.1:{self._folder.port(DATABASE)}"

    def _password(self, user: str) -> str:
        return self._folder.secret(f"database-{user}")

    def _key_file(self) -> str:
        """The key by which members of a replica set know each other: MongoDB asks for one even if it is alone."""
        path = self._folder.sub("secrets") / "database-key"
        if not path.exists():
            write_atomically(path, base64.b64encode(os.urandom(96)))
        return str(path)

    def _connect(self, user: str | None) -> Client:
        """A client of this very server, in whatever state it is."""
        known: dict[str, Any] = {}
        if user:
            known = {"username": user, "password": self._password(user), "authSource": "admin"}
        return MongoClient(
            self._host,
            directConnection=True,
            serverSelectionTimeoutMS=2_000,
            connectTimeoutMS=2_000,
            socketTimeoutMS=20_000,
            **known,
        )

    def _is_set_up(self) -> bool:
        """Whether it is a primary that knows the root user; if not, takes one step towards that."""
        try:
            with self._connect(ROOT) as client:
                return self._is_primary(client)
        except OperationFailure as error:
            if error.code == _AUTHENTICATION_FAILED:
                self._first_steps()
            elif error.code != _NOT_YET_INITIALIZED:
                raise
            return False
        except PyMongoError:
            return False

    def _is_primary(self, client: Client) -> bool:
        if database.is_primary(client):
            return True
        config = client.admin.command("replSetGetConfig")["config"]
        if config["members"][0]["host"] != self._host:
            # The port was taken by another program since the last start.
            config["members"][0]["host"] = self._host
            config["version"] += 1
            client.admin.command("replSetReconfig", config, force=True)
        return False

    def _first_steps(self) -> None:
        """Until the first user exists, MongoDB lets a client on the same machine initiate the set and create that
        user."""
        with self._connect(None) as client:
            try:
                database.initiate(client, REPLICA_SET, self._host)
            except OperationFailure as error:
                if error.code == _UNAUTHORIZED:
                    raise Trouble(
                        f"The data in {self._folder.path} were written with other secrets than those beside them;"
                        " `make clean` deletes both."
                    ) from error
                raise
            if database.is_primary(client):
                client.admin.command(
                    "createUser", ROOT, pwd=self._password(ROOT), roles=["root"], mechanisms=["SCRAM-SHA-256"]
                )
