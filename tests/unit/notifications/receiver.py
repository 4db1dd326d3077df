"""A webhook's receiver for tests: a real HTTP server that verifies signatures, and answers as its path says."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook as Verifier

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class Receiver(BaseHTTPRequestHandler):
    """What becomes of a request is in its path."""

    verified: list[tuple[str, str]]
    asked: list[str]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append(self.path)
        Verifier(SECRET).verify(body, dict(self.headers), json_parse=False)  # raises: no answer at all
        self.verified.append((self.headers["webhook-id"], body.decode()))
        match self.path.partition("?")[0].split("/")[1:]:
            case ["status", status]:
                self.send_response(int(status))
                self.send_header("Location", "/status/200")
                self.end_headers()
            case ["silent"]:
                time.sleep(30)
            case ["drip"]:
                for _ in range(30):
                    self.wfile.write(b"H")
                    time.sleep(0.1)
            case ["cut"]:
                self.connection.shutdown(socket.SHUT_RDWR)
            case ["endless"]:
                self.send_response(200)
                self.end_headers()
                for _ in range(50):
                    self.wfile.write(b"x" * 65536)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that we cut."""


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[tuple[type[Receiver], str]]:
    """A receiver of its own, and its URL."""
    kept = type("Kept", (Receiver,), {"verified": [], "asked": []})
    with Server(("127.0.0.1", 0), kept) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield kept, f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_port}"
        server.shutdown()
