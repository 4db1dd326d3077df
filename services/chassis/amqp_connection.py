"""A service's AMQP connection, opened by py-amqp with the settings that a service needs."""

from __future__ import annotations

import socket
from typing import Any

import amqp
from kombu.utils.url import parse_url

from services.chassis.tls import AUTHORITIES
from services.client.frames import reader, tls_options

HEARTBEAT = 30
"""Seconds; the broker closes a connection after two missed ones."""

ANSWER_TIMEOUT = 15.0
"""Seconds that the broker may take to read what is written, or to answer what is asked of it."""

AWAY = (amqp.exceptions.AMQPError, OSError, socket.timeout)
"""What a lost or refused connection, or one that the broker closed, raises here."""


READ_BYTES = 16 * 1024
"""How much to read at once: a dozen messages. py-amqp asks for each frame in three pieces, and each is a system
call."""


class Connection(amqp.Connection):
    """Without `connection.blocked`: with it py-amqp polls the socket before each publish. A blocked broker simply
    does not confirm, and the publisher waits."""

    negotiate_capabilities = {**amqp.Connection.negotiate_capabilities, "connection.blocked": False}

    def __init__(self, **options: Any) -> None:
        super().__init__(frame_handler=reader, **options)

    @property
    def has_more(self) -> bool:
        """Whether something that the broker sent is already in the buffer, so that `drain_events` need not wait for
        it."""
        return bool(self.transport._read_buffer)


def connect(url: str, name: str) -> Any:
    """Open a connection to `url`. An operator sees `name` in the broker's list. Raises one of `AWAY`."""
    parts = parse_url(url)
    is_tls = parts["transport"] == "amqps"
    connection = Connection(
        host=f"{parts['hostname']}:{parts['port'] or (5671 if is_tls else 5672)}",
        userid=parts["userid"],
        password=parts["password"],
        virtual_host=parts["virtual_host"] or "/",
        heartbeat=HEARTBEAT,
        connect_timeout=10,
        login_method="PLAIN",
        ssl=tls_options(parts["hostname"], parts.get(AUTHORITIES)) if is_tls else False,
        client_properties={"connection_name": name},
    )
    connection.connect()
    # For whatever py-amqp does without a time-out of its own: otherwise it would wait forever for a broker that hangs
    # or is cut off silently.
    connection.sock.settimeout(ANSWER_TIMEOUT)
    transport = connection.transport
    receive = transport._quick_recv
    transport._quick_recv = lambda size: receive(max(size, READ_BYTES))
    return connection


def close(connection: Any) -> None:
    """Close politely; if the connection is already gone, just drop it."""
    try:
        connection.close()
    except AWAY:
        connection.collect()
