"""/healthz (the process turns over), /readyz (it can work now) and /metrics (Prometheus), on one small HTTP server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

import eventlet
import eventlet.wsgi
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Start = Callable[[str, list[tuple[str, str]]], Any]


def serve(host: str, port: int, problems: Callable[[], list[str]]) -> int:
    """Serve in a green thread; `problems()` says what keeps the service from working. Returns the port taken."""
    listener = eventlet.listen((host, port))

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
    return int(listener.getsockname()[1])
