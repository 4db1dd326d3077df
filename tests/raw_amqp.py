"""Publishes with properties that no client library writes: bytes as they are, put into AMQP 0-9-1 frames by hand.

Layout: chapters 2.3 and 4.2 of the AMQP 0-9-1 specification, with RabbitMQ's letters for the types in tables.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import amqp

HEADERS, MESSAGE_ID, TIMESTAMP, USER_ID = 1 << 13, 1 << 7, 1 << 6, 1 << 4
"""Flags of a content header: which properties follow, in the order of their bits, highest first."""


@contextmanager
def open_channel(url: str) -> Iterator[amqp.Channel]:
    """A channel in confirm mode on a connection of its own."""
    parts = urlsplit(url)
    address, vhost = f"{parts.hostname}:{parts.port}", parts.path[1:]
    with amqp.Connection(address, parts.username, parts.password, virtual_host=vhost) as connection:
        channel = connection.channel()
        channel.confirm_select()
        yield channel


def publish_raw(channel: Any, exchange: str, routing_key: str, properties: dict[int, bytes], body: bytes) -> None:
    """Publish with these properties, encoded by the caller. One frame each: small bodies only."""
    method = struct.pack(">HHH", 60, 40, 0) + short(exchange) + short(routing_key) + b"\0"
    flags = sum(properties)
    values = b"".join(properties[flag] for flag in sorted(properties, reverse=True))
    header = struct.pack(">HHQH", 60, 0, len(body), flags) + values
    frames = [(1, method), (2, header), *([(3, body)] if body else [])]
    for kind, payload in frames:
        frame = struct.pack(">BHI", kind, channel.channel_id, len(payload)) + payload + b"\xce"
        channel.connection.transport.write(frame)


def short(text: str | bytes) -> bytes:
    """A short string."""
    encoded = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return bytes((len(encoded),)) + encoded


def nested_table(depth: int) -> bytes:
    """A table in a table, and so on: 7 bytes for each."""
    table = b""
    for _ in range(depth):
        table = b"\x01aF" + struct.pack(">I", len(table)) + table
    return struct.pack(">I", len(table)) + table


def confirmed(channel: amqp.Channel, count: int, timeout: float = 30) -> None:
    """Wait until the broker has confirmed this many messages on a channel in confirm mode, then stop listening."""
    seen: list[int] = []

    def note(tag: int, multiple: bool) -> None:
        seen.extend(range(max(seen, default=0) + 1, tag + 1) if multiple else [tag])

    channel.events["basic_ack"].add(note)
    while len(seen) < count:
        channel.connection.drain_events(timeout=timeout)
    channel.events["basic_ack"].discard(note)


UNREADABLE: Mapping[bytes, dict[int, bytes]] = {
    b"tables in tables": {HEADERS: nested_table(18_000)},
    b"a time beyond the calendar": {TIMESTAMP: struct.pack(">Q", 2**60)},
    b"a time beyond the clock": {TIMESTAMP: struct.pack(">Q", 2**64 - 1)},
    b"no UTF-8": {MESSAGE_ID: short(b"\xff\xfe")},
}
"""Properties that the broker passes on and py-amqp cannot decode, by what is odd about them."""
