"""/healthz (the process runs), /readyz (it can work now) and /metrics (Prometheus), on one small HTTP server."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.chassis.settings import WrongSettings

log = logging.getLogger(__name__)

TEXT = "text/plain"
ASKED_WITHIN = 10.0
"""Seconds that a client may take to ask."""


class Health(ThreadingTCPServer):
    """Has its port from the start, and answers once there is something to report."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, host: str, port: int) -> None:
        """Take the port (0: a free one). Raises `WrongSettings` if the port is not free."""
        self.problems: Callable[[], list[str]] = list
        try:
            super().__init__((host, port), _Answers)
        except OSError as error:
            raise WrongSettings(f"CASEBUS_HEALTH_PORT: cannot listen on {host}:{port} ({error.strerror}).") from error

    @property
    def port(self) -> int:
        """The port that it has."""
        port: int = self.socket.getsockname()[1]
        return port

    def serve(self, problems: Callable[[], list[str]]) -> None:
        """Answer from now on, in threads; `problems()` says what keeps the service from working."""
        self.problems = problems
        threading.Thread(target=self.serve_forever, name="health", daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's signature
        """If a client leaves before it has its answer, that is the client's business; anything else is logged."""
        if not isinstance(sys.exception(), OSError):
            log.exception("a request to the health port failed", extra={"of": str(client_address)})


class _Answers(BaseHTTPRequestHandler):
    server: Health
    server_version, sys_version = "casebus", ""
    """What the server says of itself: not which Python it runs on."""
    timeout = ASKED_WITHIN

    def do_GET(self) -> None:
        status, kind, body = self._answer()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self) -> tuple[int, str, bytes]:
        match self.path.partition("?")[0]:
            case "/metrics":
                return 200, CONTENT_TYPE_LATEST, generate_latest()
            case "/healthz":
                return 200, TEXT, b"ok\n"
            case "/readyz":
                found = self.server.problems()
                return (503 if found else 200), TEXT, ("; ".join(found) or "ok").encode() + b"\n"
        return 404, TEXT, b"/healthz, /readyz or /metrics\n"

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing: monitors ask every few seconds."""
