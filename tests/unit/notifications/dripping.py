"""A server for tests that never finishes what it says: a byte now and then, for as long as somebody listens."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

GREETING = b"2"
HANDSHAKE = b"\0"


def nothing_before(_connection: socket.socket) -> None:
    """It drips at once."""


def tls_at_once(connection: socket.socket) -> None:
    """The head of a TLS record of 16 KiB, the rest of which is still to come."""
    connection.sendall(b"\x16\x03\x03\x40\x00")


def tls_after_starttls(connection: socket.socket) -> None:
    """A mail server's words up to the handshake, and then the same."""
    connection.sendall(b"220 mail\r\n")
    connection.recv(1024)
    connection.sendall(b"250-mail\r\n250 STARTTLS\r\n")
    connection.recv(1024)
    connection.sendall(b"220 go on\r\n")
    tls_at_once(connection)


@contextmanager
def dripping_server(
    before: Callable[[socket.socket], None] = nothing_before, byte: bytes = GREETING
) -> Iterator[tuple[int, set[socket.socket]]]:
    """Its port, and the connections on which it still drips."""
    held: set[socket.socket] = set()

    def drip(connection: socket.socket) -> None:
        held.add(connection)
        with connection, suppress(OSError):
            before(connection)
            for _ in range(200):
                connection.sendall(byte)
                time.sleep(0.1)
        held.discard(connection)

    def take(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=drip, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=take, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1], held
        listener.shutdown(socket.SHUT_RDWR)
