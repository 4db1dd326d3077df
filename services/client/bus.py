"""Plain AMQP: connect, publish with pipelined confirms, consume. One `Bus` is one connection and one channel of one
broker user, and belongs to one thread.

It knows only AMQP: `core.py` knows what the messages mean. It does not reconnect: `link.py` does. The page is
docs/client.md.
"""

from __future__ import annotations

import ssl
import struct
import time
import uuid
from collections.abc import Callable
from ssl import SSLCertVerificationError
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import amqp
from amqp.exceptions import AccessRefused, AMQPError, FrameSyntaxError, NotAllowed, NotFound

from .errors import BrokerBlocked, LoginRefused, NobodyAnswers, Unreachable
from .frames import reader, tls_options

BROKEN = (AMQPError, OSError)
"""What a Bus raises when its connection or channel is gone."""

UNWRITABLE = (TypeError, ValueError, AttributeError, RecursionError, struct.error, FrameSyntaxError)
"""What `publish` raises for properties that AMQP cannot carry; then it has written nothing of the message. (One of them
is among BROKEN too: catch these first.)"""

OnMessage = Callable[[Any], None]
"""Takes an `amqp.Message`: `body` (bytes), `headers`, `delivery_info["routing_key"]`, `properties`."""


WITHIN = 60
"""Seconds that the broker may take for anything: to read what is sent, to answer, to confirm, to end an alarm."""
LEAVES_WITHIN = 5
"""Seconds that the broker may take to say goodbye."""

AUTHORITIES = "cacertfile"
"""The query parameter of a URL that names a PEM file. Source: RabbitMQ's URI query parameters."""


def _ignore(_tag: int) -> None:
    """Nobody wants to log each confirm."""


class _Connection(amqp.Connection):  # type: ignore[misc]
    """Hears of `connection.blocked` only while draining: to hear of it earlier, py-amqp reads the socket before each
    publish, for half the cost."""

    def connect(self, callback: Any = None) -> None:
        """Connect; then tell py-amqp that it was not negotiated."""
        super().connect(callback)
        self.client_properties["capabilities"]["connection.blocked"] = False

    def __init__(self, **options: Any) -> None:
        # Operators look at what any sender may have written, also at properties that nobody can decode.
        super().__init__(frame_handler=reader, **options)

    def channel(self, channel_id: int | None = None) -> Any:
        """A channel that leaves bodies as they are, whatever codec their `content_encoding` names."""
        opened = super().channel(channel_id)
        opened.auto_decode = False
        return opened


class Bus:
    """Publishes without waiting, up to `window` messages unconfirmed, and hands over what arrives while draining.

    Raises Unreachable when `url` is not an address, the broker cannot be reached, or it refuses the login; one of
    BROKEN when the broker goes away later, or does not answer within `within` seconds. `publish` and `settle` raise
    BrokerBlocked when a disk or memory alarm keeps the broker from taking messages for longer than that.
    """

    def __init__(self, url: str, *, window: int = 1000, heartbeat: int = 0, within: float = WITHIN) -> None:
        parts = _parts(url)
        port = parts.port or (5671 if parts.scheme == "amqps" else 5672)
        self.user = unquote(parts.username or "guest")
        self.confirmed = 0
        self.returned: list[str] = []
        """Ids of the messages that the broker could not route (published `mandatory`)."""
        self.refused: list[str] = []
        """Ids of the messages that the broker would not take (a full queue)."""
        self.on_confirmed: Callable[[int], None] = _ignore
        self.on_refused: Callable[[int], None] = _ignore
        """Take what `publish` returned; `returned` has the id of an unroutable message before that is confirmed."""
        self._window = window
        self._within = within
        self._blocked_since: float | None = None
        self._tag = 0
        self._unconfirmed: dict[int, str] = {}
        self._unacknowledged: int | None = None
        address, vhost = f"{parts.hostname}:{port}", unquote(parts.path[1:]) or "/"
        self._connection = _Connection(
            host=address,
            userid=self.user,
            password=unquote(parts.password or ""),
            virtual_host=vhost,
            login_method="PLAIN",
            ssl=tls_options(str(parts.hostname), _authorities(parts)) if parts.scheme == "amqps" else False,
            connect_timeout=10,
            read_timeout=within,
            write_timeout=within,
            on_blocked=self._on_blocked,
            on_unblocked=self._on_unblocked,
            heartbeat=heartbeat,
        )
        try:
            self._connection.connect()
            self.channel = self._connection.channel()
            self.channel.confirm_select()
        except AccessRefused as error:
            raise LoginRefused(f"The broker at {address} refuses the login of {self.user}.") from error
        except SSLCertVerificationError as error:
            reason = error.verify_message.rstrip(".")
            raise Unreachable(f"The certificate of the broker at {address} is not trusted: {reason}.") from error
        except NotAllowed as error:
            raise Unreachable(
                f"The broker at {address} does not let {self.user} into the virtual host {vhost}."
            ) from error
        except BROKEN as error:
            raise NobodyAnswers(f"No broker answers at {address}: is the desk running?") from error
        for event, handler in (
            ("basic_ack", self._on_ack),
            ("basic_nack", self._on_nack),
            ("basic_return", self._on_return),
        ):
            self.channel.events[event].add(handler)

    def publish(self, exchange: str, routing_key: str, body: bytes, **properties: Any) -> int:
        """Send one persistent, mandatory message; wait only while the window is full or the broker takes nothing.
        Returns the number by which it is confirmed: 1, 2, ….

        `properties` are AMQP's (`message_id`, `content_type`, `reply_to`, …); `user_id` is the Bus's own unless given.
        """
        message = amqp.Message(body, **{"user_id": self.user, "delivery_mode": 2, **properties})
        while self.blocked:
            self._wait()
        self.channel.basic_publish(message, exchange, routing_key, mandatory=True)
        self._tag += 1
        self._unconfirmed[self._tag] = properties.get("message_id", "")
        if len(self._unconfirmed) >= self._window:
            self._settle_to(self._window // 2, self._within)
        return self._tag

    def settle(self, timeout: float | None = None) -> None:
        """Wait until every message is confirmed or refused; TimeoutError after `timeout` seconds without progress."""
        self._settle_to(0, self._within if timeout is None else timeout)

    @property
    def blocked(self) -> bool:
        """Whether the broker has said that it takes no messages now, because of an alarm."""
        return self._blocked_since is not None

    def consume(self, queue: str, on_message: OnMessage, *, acknowledge: bool = True, prefetch: int = 500) -> None:
        """Hand what comes on `queue` to `on_message` while draining; acknowledge it after that, if asked to."""

        def receive(message: Any) -> None:
            on_message(message)
            if acknowledge:
                self._unacknowledged = message.delivery_tag

        self.channel.basic_qos(0, prefetch, False)
        try:
            self.channel.basic_consume(queue, no_ack=not acknowledge, callback=receive)
        except NotFound as error:
            raise Unreachable(f"The broker has no queue {queue}.") from error

    def hold(self, queue: str, on_message: OnMessage, prefetch: int) -> None:
        """Like `consume`, but each message stays in hand until `acknowledge` is called; at most `prefetch` of them."""
        self.channel.basic_qos(0, prefetch, False)
        try:
            self.channel.basic_consume(queue, callback=on_message)
        except NotFound as error:
            raise Unreachable(f"The broker has no queue {queue}.") from error

    def acknowledge(self, tag: int) -> None:
        """The broker may forget the message with this delivery tag."""
        self.channel.basic_ack(tag)

    @staticmethod
    def user_of(url: str) -> str:
        """The broker user of an address. Raises Unreachable."""
        return unquote(_parts(url).username or "guest")

    def own_queue(self, *bindings: tuple[str, str]) -> str:
        """Declare a queue of its own (exclusive; gone with the connection), bound to these (exchange, key) pairs.
        Returns its name."""
        queue = f"{self.user}.{uuid.uuid4().hex[:12]}"
        self.channel.queue_declare(queue, exclusive=True, auto_delete=True)
        for exchange, key in bindings:
            self.channel.queue_bind(queue, exchange, key)
        return queue

    def depth(self, queue: str) -> int:
        """Messages ready in a queue."""
        return int(self.channel.queue_declare(queue, passive=True).message_count)

    @property
    def socket(self) -> Any:
        """The connection's socket, for waiting on it beside others."""
        return self._connection.transport.sock

    def drain(self, timeout: float = 0) -> bool:
        """Handle what has arrived, up to 1000 frames; wait up to `timeout` seconds for the first. Returns whether there
        may be more."""
        more = True
        try:
            self._connection.drain_events(timeout=timeout)
            for _ in range(1000):
                self._connection.drain_events(timeout=0)
        except TimeoutError:
            more = False
        if self._unacknowledged is not None:
            self.channel.basic_ack(self._unacknowledged, multiple=True)
            self._unacknowledged = None
        self._connection.heartbeat_tick()
        return more

    def close(self) -> None:
        """Leave. It does no harm if the connection is already gone, or if the broker does not listen."""
        try:
            if self._connection.connected:  # otherwise py-amqp would connect once more to close that
                self._connection.transport.sock.settimeout(0.1 if self.blocked else LEAVES_WITHIN)
            self._connection.close()
        except BROKEN:
            self._connection.collect()

    def __enter__(self) -> Bus:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _settle_to(self, left: int, timeout: float) -> None:
        before, moved_at = len(self._unconfirmed), time.monotonic()
        while len(self._unconfirmed) > left:
            self._wait()
            if len(self._unconfirmed) != before:
                before, moved_at = len(self._unconfirmed), time.monotonic()
            elif time.monotonic() - moved_at > timeout:
                raise TimeoutError(f"The broker has not confirmed {before} messages for {timeout:.0f} s.")

    def _wait(self) -> None:
        """Until something comes, for a second at most."""
        self.drain(1)
        if self._blocked_since is not None and time.monotonic() - self._blocked_since > self._within:
            raise BrokerBlocked(
                f"The broker has taken no messages for {self._within:.0f} s: an alarm of its disk or memory is on. "
                "The desk has every message that it had confirmed."
            )

    def _on_blocked(self, _reason: str) -> None:
        self._blocked_since = self._blocked_since or time.monotonic()

    def _on_unblocked(self) -> None:
        self._blocked_since = None

    def _on_ack(self, tag: int, multiple: bool) -> None:
        for settled in self._settled(tag, multiple):
            self.confirmed += 1
            del self._unconfirmed[settled]
            self.on_confirmed(settled)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        for settled in self._settled(tag, multiple):
            self.refused.append(self._unconfirmed.pop(settled))
            self.on_refused(settled)

    def _settled(self, tag: int, multiple: bool) -> list[int]:
        if not multiple:
            return [tag]
        tags = []
        for waiting in self._unconfirmed:  # in order of publishing
            if waiting > tag:
                break
            tags.append(waiting)
        return tags

    def _on_return(self, _error: object, _exchange: str, _routing_key: str, message: Any) -> None:
        self.returned.append(str(message.properties.get("message_id", "")))


def _parts(url: str) -> SplitResult:
    """The parts of an address. Raises Unreachable, without the address: it holds a password."""
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("amqp", "amqps") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        str(parts.hostname).encode("idna")  # as the resolver gets it
    except ValueError:
        right = False
    if not right:
        raise Unreachable("The address of the broker is wrong: it must be amqp://user:password@host:port/vhost.")
    return parts


def _authorities(parts: SplitResult) -> str | None:
    """The file of certificates that an address names. Raises Unreachable if it cannot be read."""
    file = dict(parse_qsl(parts.query)).get(AUTHORITIES)
    if file is not None:
        try:
            ssl.create_default_context(cafile=file)
        except OSError as error:
            raise Unreachable(f"{AUTHORITIES} names no readable file of PEM certificates: {file}.") from error
    return file
