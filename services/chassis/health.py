"""/healthz (the process turns over), /readyz (it can work now) and /metrics (Prometheus), on one small HTTP server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

import eventlet
import eventlet.wsgi
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.chassis.settings import WrongSettings

Start = Callable[[str, list[tuple[str, str]]], Any]


def listen(host: str, port: int) -> Any:
    """Take the port (0: a free one). Raises `WrongSettings` if it cannot be had."""
    try:
        return eventlet.listen((host, port))
    except OSError as error:
        raise WrongSettings(f"CASEBUS_HEALTH_PORT: {host}:{port} cannot be listened on ({error.strerror}).") from error


def serve(listener: Any, problems: Callable[[], list[str]]) -> None:
    """Serve in a green thread; `problems()` says what keeps the service from working."""

    def application(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            start("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
            return [generate_latest()]
        if path in ("/healthz", "/readyz"):
            found = problems() if path == "/readyz" else []
            start("503 Service Unavailable" if found else "200 OK", [("Content-Type", "text/plain")])
            return [("; ".join(found) or "ok").encode() + b"\n"]
        start("404 Not Found", [("Content-Type", "text/plain")])
        return [b"/healthz, /readyz or /metrics\n"]

    quiet = logging.getLogger("casebus.health")
    quiet.setLevel(logging.ERROR)
    eventlet.spawn(eventlet.wsgi.server, listener, application, log=quiet, log_output=False)
