"""A program that receives the desk's webhooks, as an operator's would: it verifies each by its signature, and keeps it.

It listens on 127.0.0.1. docs/notifications.md, "Webhooks", says what is sent and how it is signed.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

MOST = 1024 * 1024


class Hook:
    """Receives until it is closed. `received` are the CloudEvents that were verified, `forged` counts the others."""

    def __init__(self, port: int, secret: str) -> None:
        self.received: list[dict[str, Any]] = []
        self.forged = 0
        self._verifier = Webhook(secret)
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(min(int(self.headers.get("Content-Length", "0")), MOST))
                self.send_response(204 if hook.take(body, dict(self.headers.items())) else 401)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Log nothing: the demo prints what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, body: bytes, headers: dict[str, str]) -> bool:
        """Keep a request's event if its signature is right and its timestamp is recent. Returns whether it was kept."""
        try:
            self._verifier.verify(body, {name.lower(): value for name, value in headers.items()})
        except WebhookVerificationError:
            self.forged += 1
            return False
        self.received.append(json.loads(body))
        return True

    def close(self) -> None:
        """Free the port."""
        self._server.shutdown()
        self._server.server_close()
