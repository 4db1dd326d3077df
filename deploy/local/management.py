"""RabbitMQ's management HTTP API, as far as a local stack uses it. The page is docs/local-stack.md."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

_open = build_opener(ProxyHandler({})).open
"""No proxy, whatever the environment says: the API is on 127.0.0.1."""


@dataclass(frozen=True, slots=True)
class Management:
    """The API on `port` of 127.0.0.1. Paths begin with a slash and follow `/api`."""

    port: int
    user: str
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        """Where it is, with the credentials in it."""
        return f"http://{self.user}:{self.password}@127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        """What the API tells, decoded from JSON. Raises urllib's HTTPError and URLError, as all of these do."""
        return json.loads(self._call("GET", path))

    def put(self, path: str, body: Mapping[str, object]) -> None:
        self._call("PUT", path, body)

    def post(self, path: str, body: Mapping[str, object]) -> None:
        self._call("POST", path, body)

    def delete(self, path: str) -> None:
        self._call("DELETE", path)

    def _call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> bytes:
        token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"http://127.0.0.1:{self.port}/api{path}", data=data, headers=headers, method=method)
        with _open(request, timeout=20) as answer:
            content: bytes = answer.read()
        return content
