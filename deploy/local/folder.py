"""The folder that holds everything of one local stack: data, logs, secrets, and the ports that it chose.

It knows only files; `processes.py` knows what runs. The page is docs/local-stack.md.
"""

from __future__ import annotations

import base64
import fcntl
import json
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.files import write_atomically

PORTS = range(20_000, 32_000)
"""Below the range from which the kernel takes ports for outgoing connections, so that none of those gets in the way."""


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Folder:
    """One stack's folder: `.local` of a checkout, or a temporary one of the tests."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._ports_file = self.path / "ports.json"

    def sub(self, name: str) -> Path:
        """A subfolder of this name, created if necessary, closed to other users."""
        folder = self.path / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One `up` or `down` at a time; a second one waits for the first."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.path / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def secret(self, name: str) -> str:
        """The random secret of this name (URL-safe, 32 characters): created once, kept in a file with mode 600."""
        path = self.secret_file(name)
        return path.read_text(encoding="ascii")

    def secret_file(self, name: str) -> Path:
        """The file that holds `secret(name)`, created if necessary."""
        path = self.sub("secrets") / name
        if not path.exists():
            write_atomically(path, secrets.token_urlsafe(24).encode())
        return path

    def attachment_keys(self) -> Path:
        """The file of the master key that wraps the keys of attached files: one random key, created if necessary."""
        path = self.sub("secrets") / "attachment-keys"
        if not path.exists():
            write_atomically(path, b"local " + base64.b64encode(secrets.token_bytes(32)) + b"\n")
        return path

    def port(self, name: str) -> int:
        """The port remembered for this name, chosen free the first time."""
        return self._ports().get(name) or self._choose(name)

    def port_to_listen_on(self, name: str) -> int:
        """`port(name)` for a server that is about to start: a new one, remembered, if another program has taken the old
        one."""
        port = self.port(name)
        return port if is_free(port) else self._choose(name)

    def _ports(self) -> dict[str, int]:
        if not self._ports_file.exists():
            return {}
        ports: dict[str, int] = json.loads(self._ports_file.read_bytes())
        return ports

    def _choose(self, name: str) -> int:
        ports = self._ports()
        mine = set(ports.values())
        while True:
            port = secrets.choice(PORTS)
            if port not in mine and is_free(port):
                break
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(self._ports_file, json.dumps(ports | {name: port}, indent=1).encode())
        return port
