"""RabbitMQ's management HTTP API, as provisioning, the command line and the local stack use it.

The page is docs/deployment.md.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import BaseHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

from deploy.trouble import Trouble
from services.chassis.tls import authorities_of, trusting


class ManagementError(Trouble):
    """The API cannot be reached, or refuses."""


class Refused(ManagementError):
    """The API refuses a request."""


@dataclass(frozen=True, slots=True)
class Management:
    """The API at `address` (`http://host:port`). Paths begin with a slash and follow `/api`."""

    address: str
    user: str
    password: str = field(repr=False)
    authorities: str | None = None
    """A PEM file with the certificate authorities to trust; None: the system's."""

    @classmethod
    def at(cls, url: str) -> Management:
        """The API at a URL that contains the credentials. Raises: ManagementError for any other text."""
        try:
            parts = urlsplit(url)
            is_one = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:  # its message may repeat the password
            parts, is_one = urlsplit(""), False
        if not is_one or parts.username is None:
            raise ManagementError("The address of RabbitMQ's management API must be http://user:password@host:port.")
        address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        return cls(address, unquote(parts.username), unquote(parts.password or ""), authorities_of(parts.query))

    @property
    def url(self) -> str:
        """Its URL, with the credentials."""
        scheme, _, host = self.address.partition("://")
        return f"{scheme}://{quote(self.user, safe='')}:{quote(self.password, safe='')}@{host}"

    def get(self, path: str) -> Any:
        """The API's answer, decoded from JSON. Like the other methods, raises ManagementError."""
        return json.loads(self._call("GET", path))

    def put(self, path: str, body: Mapping[str, object]) -> None:
        self._call("PUT", path, body)

    def post(self, path: str, body: Mapping[str, object]) -> None:
        self._call("POST", path, body)

    def delete(self, path: str) -> None:
        self._call("DELETE", path)

    def _opener(self) -> OpenerDirector:
        # No proxy, whatever the environment says: the broker is on this machine or in this network.
        handlers: list[BaseHandler] = [ProxyHandler({})]
        if self.address.startswith("https:"):
            handlers.append(HTTPSHandler(context=trusting(self.authorities)))
        return build_opener(*handlers)

    def _call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> bytes:
        token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.address}/api{path}", data=data, headers=headers, method=method)
        try:
            with self._opener().open(request, timeout=20) as answer:
                content: bytes = answer.read()
        except HTTPError as error:
            reason = error.read().decode(errors="replace")[:500]
            raise Refused(f"RabbitMQ refused {method} {path}: {error.code} {reason}") from error
        except (URLError, OSError) as error:
            raise ManagementError(
                f"RabbitMQ's management API does not answer ({getattr(error, 'reason', error)})."
            ) from error
        return content
