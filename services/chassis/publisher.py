"""Publishes with pipelined confirms: a whole batch goes out, then the publisher waits for its confirms.

A message counts as published when the broker has confirmed it; one that no queue takes comes back and is reported. The
publisher reconnects by itself, and raises `BrokerAway` when it cannot. It stores nothing and retries nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import amqp

from contracts.names import AGENTS, CHANNELS, LIVE
from services.chassis.amqp_connection import AWAY, close, connect
from services.chassis.amqp_frames import publish_frames
from services.chassis.outgoing import Outgoing

log = logging.getLogger(__name__)

CONFIRM_TIMEOUT = 30.0
"""Seconds without a confirm after which the publisher gives the connection up."""


WRITTEN_AT_ONCE = 256 * 1024
"""Bytes, about."""

OUTSIDE = frozenset({"", CHANNELS, AGENTS, LIVE})
"""Exchanges that lead to queues of channels and agents, who may declare their queues as they like and let them
refuse."""


class BrokerAway(Exception):
    """The broker cannot be reached, or was lost before it had confirmed everything."""


class PublishesMessages(Protocol):
    """What a turn needs of a publisher: the real one, or the fake of the unit tests."""

    def publish(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """Publish all and return those that no queue took. Raises `BrokerAway`."""


class Publisher:
    """Publishes as the broker user `user`. Safe for several threads: one batch at a time."""

    def __init__(self, url: str, user: str, confirm_timeout: float = CONFIRM_TIMEOUT) -> None:
        self._url = url
        self._user = user
        self._confirm_timeout = confirm_timeout
        self._lock = threading.Lock()
        self._connection: Any = None
        self._channel: Any = None
        self._open: dict[int, Outgoing] = {}
        self._refused: list[Outgoing] = []
        self._returned: set[tuple[str, str, str]] = set()
        self._next_tag = 1

    def publish(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """Publish all and wait for the confirms. Returns the messages that no queue took (only mandatory ones), and
        those that an outsider's queue refused (a full one whose owner lets it refuse).

        Raises `BrokerAway` when the connection fails or one of the desk's queues refuses. Then none, some or all may
        have been taken; publishing the same ids again is harmless to whoever keeps handled ids.
        """
        ordinary = [message for message in messages if not message.is_direct_reply]
        direct: dict[str | None, list[Outgoing]] = {}
        for message in messages:
            if message.is_direct_reply:
                direct.setdefault(message.to_sender, []).append(message)
        with self._lock:
            untaken = self._publish_all(ordinary)
            for sender, replies in direct.items():
                self._reply_directly(sender, replies)
        return untaken

    def _publish_all(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        if not messages:
            return []
        self._refused, self._returned = [], set()
        try:
            self._ensure_open()
            for piece in self._pieces(messages):
                self._connection.transport.write(piece)
            while self._open:
                self._connection.drain_events(timeout=self._confirm_timeout)
        except AWAY as error:
            self._drop()
            raise BrokerAway(f"{type(error).__name__}: {error}") from error
        ours = sum(message.exchange not in OUTSIDE for message in self._refused)
        if ours:
            raise BrokerAway(f"a queue refused {ours} messages")
        returned = [message for message in messages if message.mandatory and message.address in self._returned]
        # Nobody reads a live message later, so one that a full queue refuses is gone.
        return [*(message for message in self._refused if message.exchange != LIVE), *returned]

    def _reply_directly(self, sender: str | None, replies: Sequence[Outgoing]) -> None:
        """Best effort, each sender's separately: the sender wrote where a reply goes, and RabbitMQ 3.10 ends the
        connection (541) because of a name that it did not make."""
        try:
            self._publish_all(replies)
        except BrokerAway as error:
            if not isinstance(error.__cause__, amqp.exceptions.InternalError):
                raise
            log.warning("direct replies break the connection and are left out", extra={"sender": sender})

    def heartbeat(self) -> None:
        """Keep an idle connection alive; call it about once a second."""
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
        self._open, self._next_tag = {}, 1
        self._channel.confirm_select()
        # Registered before anything is published: py-amqp drops a confirm that nobody listens for.
        self._channel.events["basic_ack"].add(self._acked)
        self._channel.events["basic_nack"].add(self._nacked)
        self._channel.events["basic_return"].add(self._came_back)

    def _pieces(self, messages: Sequence[Outgoing]) -> Iterator[bytearray]:
        """What to write, in few large pieces: a system call for each message was the most expensive part of
        publishing."""
        held = bytearray()
        for message in messages:
            held += publish_frames(self._channel.channel_id, self._connection.frame_max, message, self._user)
            self._open[self._next_tag] = message
            self._next_tag += 1
            if len(held) >= WRITTEN_AT_ONCE:
                yield held
                held = bytearray()
        yield held

    def _acked(self, tag: int, multiple: bool) -> None:
        self._settle(tag, multiple)

    def _nacked(self, tag: int, multiple: bool) -> None:
        self._refused += self._settle(tag, multiple)

    def _settle(self, tag: int, multiple: bool) -> list[Outgoing]:
        settled = [open_tag for open_tag in self._open if open_tag <= tag] if multiple else [tag]
        return [self._open.pop(settled_tag) for settled_tag in settled if settled_tag in self._open]

    def _came_back(self, _why: Any, exchange: str, routing_key: str, message: Any) -> None:
        self._returned.add((exchange, routing_key, message.properties.get("message_id", "")))

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.collect()
        self._connection = self._channel = None
