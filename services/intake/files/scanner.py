"""Asks a virus scanner about a file, by ClamAV's protocol (`INSTREAM`, man 8 clamd), over TLS where the URL says so.

Off unless the operator names a scanner. What the answer means for a file is the domain's. The page is
docs/attachments.md.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from urllib.parse import urlsplit

from contracts.values import dataclass
from services.chassis.handshake import shaken
from services.chassis.tls import AUTHORITIES, authorities_of, trusting

SECONDS = 30.0
"""How long a scanner may take for each step."""

LONGEST_ANSWER = 4096

EXPECTED = "expected tcp://host:port, tls://host:port or unix:///path"


class ScannerAway(Exception):
    """It cannot be asked now, or it did not say whether the file is clean."""


class WrongScanner(ValueError):
    """The setting names no scanner; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Scanner:
    """Where it listens: a host and port, or a socket's path."""

    address: tuple[str, int] | str
    tls: ssl.SSLContext | None = None

    @classmethod
    def at(cls, url: str) -> Scanner:
        """The scanner of `tcp://host:port`, `tls://host:port` or `unix:///path`. Raises `WrongScanner`."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise WrongScanner(EXPECTED) from error
        if parts.scheme == "unix" and parts.path.startswith("/") and not parts.netloc:
            return cls(parts.path)
        if parts.scheme in ("tcp", "tls") and parts.hostname and port and not parts.path.strip("/"):
            return cls((parts.hostname, port), _tls(parts.query) if parts.scheme == "tls" else None)
        raise WrongScanner(EXPECTED)

    def finds(self, content: Iterable[bytes]) -> str | None:
        """The name of what is wrong with the file, None if it is clean. Raises `ScannerAway`."""
        try:
            with self._connected() as connection:
                connection.sendall(b"zINSTREAM\0")
                for piece in filter(None, content):
                    connection.sendall(len(piece).to_bytes(4, "big") + piece)
                connection.sendall(bytes(4))
                answer = _answer(connection)
        except OSError as error:
            raise ScannerAway(type(error).__name__) from error
        if answer == "stream: OK":
            return None
        if answer.startswith("stream: ") and answer.endswith(" FOUND"):
            return answer.removeprefix("stream: ").removesuffix(" FOUND")
        raise ScannerAway(f"it answered {answer[:200]!r}")

    def _connected(self) -> socket.socket:
        if isinstance(self.address, tuple):
            connection = socket.create_connection(self.address, timeout=SECONDS)
            return connection if self.tls is None else shaken(self.tls, connection, self.address[0])
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(SECONDS)
            connection.connect(self.address)
        except OSError:
            connection.close()
            raise
        return connection


def _tls(query: str) -> ssl.SSLContext:
    try:
        return trusting(authorities_of(query))
    except ValueError as error:
        raise WrongScanner(f"its {AUTHORITIES} {error}") from error


def _answer(connection: socket.socket) -> str:
    """One answer, which ends with a zero byte."""
    received = b""
    while not received.endswith(b"\0"):
        piece = connection.recv(1024)
        if not piece or len(received) > LONGEST_ANSWER:
            raise ConnectionResetError("no whole answer")
        received += piece
    return received[:-1].decode(errors="replace")
