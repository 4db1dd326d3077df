"""TLS handshakes that end in a bounded time, whatever the other side sends, and however slowly.

On green threads the library bounds each read of a handshake, and not the handshake: a byte now and then would keep it
going for hours, on a socket that nobody else has and could cut. Mails, webhooks and the scanner use it.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from typing import cast


def bounded(context: ssl.SSLContext) -> ssl.SSLContext:
    """What to give smtplib for this context: it only asks it to wrap a socket."""
    return cast(ssl.SSLContext, _Bounded(context))


class _Bounded:
    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    def wrap_socket(self, sock: socket.socket, server_hostname: str | None = None) -> ssl.SSLSocket:
        """Like an SSL context's, with a bounded handshake."""
        return shaken(self._context, sock, server_hostname)


def shaken(context: ssl.SSLContext, sock: socket.socket, name: str | None) -> ssl.SSLSocket:
    """The socket after a handshake that took no longer in all than the socket's time-out. Raises OSError."""
    seconds = sock.gettimeout()
    wrapped = context.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)
    try:
        wrapped.setblocking(False)
        _shake(wrapped, None if seconds is None else time.monotonic() + seconds)
        wrapped.setblocking(True)
        wrapped.settimeout(seconds)
    except BaseException:  # the end of its thread too: nobody else has the socket, so nobody else could close it
        wrapped.close()
        raise
    return wrapped


def _shake(sock: ssl.SSLSocket, end: float | None) -> None:
    while True:
        try:
            sock.do_handshake()
            return
        except ssl.SSLWantReadError:
            reads, writes = [sock], []
        except ssl.SSLWantWriteError:
            reads, writes = [], [sock]
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError("the handshake takes too long")
        select.select(reads, writes, [], left)
