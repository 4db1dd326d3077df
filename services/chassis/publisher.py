"""Publishing with pipelined confirms: a whole batch goes out, then its confirms are awaited.

A message counts as published when the broker confirmed it; one that no queue takes comes back and is reported. The
publisher reconnects by itself and says `BrokerAway` when it cannot; it stores nothing and retries nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import amqp
from eventlet.semaphore import Semaphore

from services.chassis.amqp_connection import AWAY, close, connect

CONTENT_TYPE = "application/cloudevents+json"
CONFIRM_TIMEOUT = 30.0
"""Seconds without any confirm after which the connection is given up."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message ready to publish. `to_sender` and `cause` say whose command an outcome answers."""

    exchange: str
    routing_key: str
    message_id: str
    type: str
    body: bytes
    correlation_id: str | None = None
    reply_to: str | None = None
    mandatory: bool = True
    to_sender: str | None = None
    cause: str | None = None
    headers: dict[str, Any] = field(default_factory=dict)


class BrokerAway(Exception):
    """The broker could not be reached, or was lost before it confirmed everything."""


class PublishesMessages(Protocol):
    """What a turn needs of a publisher: the real one, or the fake of the unit tests."""

    def publish(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """Publish all and return those that no queue took. Raises `BrokerAway`."""


class Publisher:
    """Publishes as the broker user `user`. Green-thread safe: one batch at a time."""

    def __init__(self, url: str, user: str) -> None:
        self._url = url
        self._user = user
        self._lock = Semaphore()
        self._connection: Any = None
        self._channel: Any = None
        self._open: set[int] = set()
        self._nacked: set[int] = set()
        self._returned: list[str] = []
        self._next_tag = 1

    def publish(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """Publish all and wait for the confirms; returns the messages that no queue took (mandatory ones only).

        Raises `BrokerAway` when the connection fails or a queue refuses a message: none, some or all may have been
        taken then, and publishing the same ids again is harmless to whoever keeps handled ids.
        """
        if not messages:
            return []
        with self._lock:
            try:
                self._ensure_open()
                with self._connection.corked():
                    for message in messages:
                        self._open.add(self._next_tag)
                        self._next_tag += 1
                        self._publish_one(message)
                while self._open:
                    self._connection.drain_events(timeout=CONFIRM_TIMEOUT)
            except AWAY as error:
                self._drop()
                raise BrokerAway(f"{type(error).__name__}: {error}") from error
            if self._nacked:
                refused, self._nacked = len(self._nacked), set()
                raise BrokerAway(f"a queue refused {refused} messages")
            returned, self._returned = set(self._returned), []
        return [message for message in messages if message.message_id in returned and message.mandatory]

    def heartbeat(self) -> None:
        """Keep an idle connection alive; to be called about once a second."""
        if self._connection is None or not self._lock.acquire(blocking=False):
            return
        try:
            try:
                self._connection.drain_events(timeout=0.001)
            except TimeoutError:
                self._connection.heartbeat_tick()
        except AWAY:
            self._drop()
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the connection; a later `publish` opens it again."""
        with self._lock:
            if self._connection is not None:
                close(self._connection)
            self._connection = self._channel = None

    def _ensure_open(self) -> None:
        if self._connection is not None:
            return
        self._connection = connect(self._url, f"{self._user} publisher")
        self._channel = self._connection.channel()
        self._open, self._nacked, self._returned, self._next_tag = set(), set(), [], 1
        self._channel.confirm_select()
        # Registered before anything is published: py-amqp drops a confirm that nobody listens for.
        self._channel.events["basic_ack"].add(self._acked)
        self._channel.events["basic_nack"].add(self._refused)
        self._channel.events["basic_return"].add(self._came_back)

    def _publish_one(self, message: Outgoing) -> None:
        properties: dict[str, Any] = {
            "content_type": CONTENT_TYPE,
            "message_id": message.message_id,
            "delivery_mode": 2,
            "user_id": self._user,
            "type": message.type,
            "correlation_id": message.correlation_id,
            "reply_to": message.reply_to,
            "application_headers": message.headers or None,
        }
        self._channel.basic_publish(
            amqp.Message(message.body, **{name: value for name, value in properties.items() if value is not None}),
            exchange=message.exchange,
            routing_key=message.routing_key,
            mandatory=message.mandatory,
        )

    def _acked(self, tag: int, multiple: bool) -> None:
        self._settle(tag, multiple)

    def _refused(self, tag: int, multiple: bool) -> None:
        self._nacked |= self._settle(tag, multiple)

    def _settle(self, tag: int, multiple: bool) -> set[int]:
        settled = {open_tag for open_tag in self._open if open_tag <= tag} if multiple else {tag}
        self._open -= settled
        return settled

    def _came_back(self, *arguments: Any) -> None:
        self._returned.append(arguments[-1].properties.get("message_id", ""))

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.collect()
        self._connection = self._channel = None


def unroutable_copy(message: Outgoing, dead_exchange: str) -> Outgoing:
    """The copy that operators find: same id and body, where it was to go, and why it is there."""
    return replace(
        message,
        exchange=dead_exchange,
        routing_key=message.routing_key,
        reply_to=None,
        mandatory=False,
        headers={"x-reason": "no queue took it", "x-exchange": message.exchange, "x-routing-key": message.routing_key},
    )
