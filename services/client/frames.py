"""How py-amqp reads what any sender may have written, and its TLS settings. Shared with the services' chassis."""

from __future__ import annotations

import ssl
import struct
from collections.abc import Callable
from typing import Any

import amqp
from amqp.method_framing import frame_handler

CONTENT_HEADER = 2
UNDECODABLE = (
    ValueError,
    OverflowError,
    OSError,  # a time beyond the calendar
    RecursionError,  # tables in tables
    struct.error,
    amqp.exceptions.FrameSyntaxError,
)


def reader(connection: Any, callback: Callable[..., Any]) -> Callable[[Any], bool]:
    """py-amqp's reader of frames, with one difference. Any sender may write properties that it cannot decode (bytes
    that are not UTF-8, or a thousand nested tables). Such properties do not end the connection or the process, again at
    each redelivery: the message arrives whole, without properties."""
    read_frame: Callable[[Any], bool] = frame_handler(connection, callback)

    def read(frame: Any) -> bool:
        try:
            return read_frame(frame)
        except UNDECODABLE:
            kind, channel, payload = frame
            if kind != CONTENT_HEADER:
                raise
            class_and_size = bytes(payload[:12])
            return read_frame((kind, channel, class_and_size + b"\0\0"))

    return read


def tls_options(host: str, authorities: str | None) -> dict[str, Any]:
    """py-amqp's TLS settings: it checks chain, dates and name of the broker's certificate.

    py-amqp compares the name only if it gets one. `authorities`: a PEM file; None means the system's.
    """
    return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": host, "ca_certs": authorities}
