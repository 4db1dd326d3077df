"""RabbitMQ's management HTTP API, as far as a local stack uses it. The page is docs/local-stack.md."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from deploy.local.folder import StackError

_open = build_opener(ProxyHandler({})).open
"""No proxy, whatever the environment says: the API is on 127.0.0.1."""


class ManagementError(StackError):
    """The API cannot be reached, or refuses."""


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
        """What the API tells, decoded from JSON. Raises: ManagementError, as all of these do."""
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
        try:
            with _open(request, timeout=20) as answer:
                content: bytes = answer.read()
        except HTTPError as error:
            reason = error.read().decode(errors="replace")[:500]
            raise ManagementError(f"RabbitMQ refused {method} {path}: {error.code} {reason}") from error
        except (URLError, OSError) as error:
            raise ManagementError(f"RabbitMQ's management API does not answer ({error}).") from error
        return content
