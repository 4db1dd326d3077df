"""Operators' webhooks: the file that names them, and requests to them, signed by Standard Webhooks.

lines.py bounds the batch and its time; domain/attempts.py decides whether to try again. See docs/notifications.md.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import logging
import os
import re
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, validate
from standardwebhooks.webhooks import Webhook as Signer
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as TooLate

from contracts.envelope import CONTENT_TYPE
from contracts.values import dataclass
from services.chassis.handshake import shaken
from services.chassis.settings import WrongSettings
from services.chassis.tls import trusting
from services.chassis.yaml_file import WrongFile, read_yaml
from services.notifications.domain.state import Outcome
from services.notifications.domain.telling import FOR_WEBHOOKS
from services.notifications.lines import BATCH_TIME, send_all

log = logging.getLogger(__name__)

MOST = 50
CONNECT_TIME = 5.0
WHOLE_TIME = 10.0
"""Seconds for connecting, and for a request from beginning to end."""

AWAY = frozenset({408, 429, 502, 503, 504})
"""Answers that any other request would get now too."""

BROKEN = (OSError, HTTPError, HTTPException)
KEY_BYTES = range(24, 65)
"""How long a secret may be (Standard Webhooks)."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where requests go, what for, and how they are signed: by every secret, so that a secret can be replaced."""

    name: str
    url: str
    kinds: frozenset[str]
    secrets: tuple[str, ...] = field(repr=False)
    ca: str | None = None
    """A PEM file: whose certificates to trust; None: those of the system's authorities."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request to make; `id` is the same at every attempt."""

    id: str
    body: str


def read_webhooks(file: Path, environment: Mapping[str, str] = os.environ) -> Mapping[str, Webhook]:
    """The operator's webhooks by name. Raises `WrongSettings` with file, line and field; never quotes a secret."""
    try:
        return read_yaml(file, "the file of webhooks", partial(_webhooks, environment=environment))
    except WrongFile as error:
        raise WrongSettings(f"CASEBUS_WEBHOOKS: {error}") from error


class _Webhook(Schema):
    name = fields.String(
        required=True,
        validate=validate.Regexp("[a-z0-9][a-z0-9-]{0,31}\\Z", error="must be up to 32 lower-case letters, digits, -."),
    )
    url = fields.String(required=True)
    insecure = fields.Boolean(truthy={True}, falsy={False})
    ca = fields.String()
    kinds = fields.List(fields.String(validate=validate.OneOf(FOR_WEBHOOKS, error="is no kind; they are {choices}.")))
    secrets = fields.List(
        fields.Raw(), required=True, validate=validate.Length(1, 5, error="must have 1 to 5 entries.")
    )


class _File(Schema):
    webhooks = fields.List(
        fields.Nested(_Webhook),
        required=True,
        validate=validate.Length(max=MOST, error=f"at most {MOST} can be served."),
    )


def _webhooks(data: Any, environment: Mapping[str, str]) -> Mapping[str, Webhook]:
    found: dict[str, Webhook] = {}
    for place, raw in enumerate(_File().load(data)["webhooks"]):
        faults: dict[str, list[str]] = {}
        if raw["name"] in found:
            faults["name"] = ["is there twice."]
        if problem := _fault_of_url(raw["url"], raw.get("insecure", False)):
            faults["url"] = [problem]
        try:
            trusting(raw.get("ca"))
        except ValueError as error:
            faults["ca"] = [f"{error}."]
        try:
            secrets = tuple(_secret(each, environment) for each in raw["secrets"])
        except ValueError as error:
            faults["secrets"] = [str(error)]
        if faults:
            raise ValidationError({"webhooks": {place: faults}})
        kinds = frozenset(raw.get("kinds", FOR_WEBHOOKS))
        found[raw["name"]] = Webhook(raw["name"], raw["url"], kinds, secrets, raw.get("ca"))
    return found


def _fault_of_url(url: str, insecure: bool) -> str | None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no URL."
    if parts.scheme not in ("https", "http") or not host or not url.isascii() or not url.isprintable() or " " in url:
        return "must be a URL https://host/path."
    if parts.username or parts.password:
        return "must not hold a user or a password: requests are signed."
    if parts.scheme == "http" and not insecure and not _is_loopback(host):
        return "must begin with https://, or say `insecure: true` and let anybody on the way read it."
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _secret(raw: Any, environment: Mapping[str, str]) -> str:
    """The secret that an item of the file means. Raises ValueError, worded to follow the field's name."""
    match raw:
        case str():
            text = raw
        case {"env": str() as name} if len(raw) == 1:
            if name not in environment:
                raise ValueError(f"the environment variable {name} is not set.")
            text = environment[name]
        case {"file": str() as name} if len(raw) == 1:
            try:
                text = Path(name).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"the file {name} cannot be read ({type(error).__name__}).") from error
        case _:
            raise ValueError("each must be whsec_…, or {env: NAME}, or {file: PATH}.")
    secret = text.strip()
    if not re.fullmatch(r"whsec_[A-Za-z0-9+/]+={0,2}", secret):
        raise ValueError("each must be whsec_ followed by base64.")
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise ValueError("each must be whsec_ followed by base64.") from error
    if len(key) not in KEY_BYTES:
        raise ValueError(f"each must stand for {KEY_BYTES[0]} to {KEY_BYTES[-1]} random bytes.")
    return secret


def headers(webhook: Webhook, request: Request, now: datetime) -> dict[str, str]:
    """The request's headers. Source: the Standard Webhooks specification, symmetric signatures (v1)."""
    signatures = [Signer(secret).sign(request.id, now, request.body) for secret in webhook.secrets]
    return {
        "Content-Type": CONTENT_TYPE,
        "User-Agent": "Casebus",
        "webhook-id": request.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


class Poster:
    """Makes requests to one webhook."""

    def __init__(
        self,
        webhook: Webhook,
        *,
        connect_time: float = CONNECT_TIME,
        whole_time: float = WHOLE_TIME,
        batch_time: float = BATCH_TIME,
    ) -> None:
        self.webhook = webhook
        self.connect_time = connect_time
        self.whole_time = whole_time
        self._trusted = trusting(webhook.ca)
        self._batch_time = batch_time

    def send(self, requests: Sequence[Request], now: datetime) -> dict[str, Outcome]:
        """Make each request once; the outcome of each by id, in bounded time (`lines.send_all`)."""
        return send_all(requests, lambda: _Connection(self, now), self._batch_time)

    def connection(self) -> HTTPConnection:
        """A connection that is made with the first request."""
        parts = urlsplit(self.webhook.url)
        assert parts.hostname is not None  # read_webhooks has checked it
        if parts.scheme == "https":
            return _Https(parts.hostname, parts.port, timeout=self.connect_time, ssl_context=self._trusted)
        return HTTPConnection(parts.hostname, parts.port, timeout=self.connect_time)


class _Https(HTTPSConnection):
    def connect(self) -> None:
        """Like urllib3's without proxies, with a handshake that ends within the time for connecting."""
        HTTPConnection.connect(self)
        assert self.ssl_context is not None  # the only caller that makes these gives it
        assert self.sock is not None
        self.ssl_context.set_alpn_protocols(["http/1.1"])
        self.sock = shaken(self.ssl_context, self.sock, self.host.rstrip("."))
        self.is_verified = True


class _Connection:
    """One request after the other, each over a connection of its own, because answers are not read to their end."""

    def __init__(self, poster: Poster, now: datetime) -> None:
        self._poster = poster
        self._now = now
        self._connection: HTTPConnection | None = None
        self._is_over = False

    def send(self, request: Request) -> Outcome:
        """One request; never longer than the whole time."""
        late = threading.Event()

        def end() -> None:
            late.set()
            self._shut()

        guard = threading.Timer(self._poster.whole_time, end)
        guard.daemon = True
        guard.start()
        try:
            status = self._ask(request, late)
        except BROKEN as error:
            return Outcome("deferred", "timed out" if late.is_set() else _why(error), away=True)
        finally:
            guard.cancel()
            self.leave()
        return _answered(status)

    def leave(self) -> None:
        """Close it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def cut(self) -> None:
        """Cut it, which ends whatever waits on it; a connection that is still being made is not used."""
        self._is_over = True
        self._shut()

    def _shut(self) -> None:
        sock = self._connection.sock if self._connection is not None else None
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError as error:
                log.debug("already cut", extra={"error": type(error).__name__})

    def _ask(self, request: Request, late: threading.Event) -> int:
        """The answer's status; the rest is of no interest, and may be of any length."""
        webhook = self._poster.webhook
        parts = urlsplit(webhook.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        signed = headers(webhook, request, self._now)
        connection = self._connection = self._poster.connection()
        connection.connect()
        if late.is_set() or self._is_over:  # by now the request counts as put off, and another instance will make it
            raise TimeoutError
        connection.timeout = self._poster.whole_time
        connection.request("POST", target, request.body.encode(), signed, preload_content=False)
        return connection.getresponse().status


def _answered(status: int) -> Outcome:
    """Source: Standard Webhooks, "Deliverability and reliability". Redirects are not followed."""
    if 200 <= status < 300:
        return Outcome("accepted")
    return Outcome("refused" if status == 410 else "deferred", f"HTTP {status}", away=status in AWAY)


def _why(error: Exception) -> str:
    """Why there is no answer, without anything that the other side wrote."""
    if isinstance(error, ssl.SSLError):
        return "TLS failed"
    if isinstance(error, TimeoutError | TooLate):
        return "timed out"
    return type(error).__name__
