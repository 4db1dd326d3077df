"""The frames of a publish are, byte for byte, those that py-amqp writes."""

from __future__ import annotations

from types import SimpleNamespace

import amqp
import pytest
from amqp.method_framing import frame_writer
from amqp.serialization import dumps
from hypothesis import given
from hypothesis import strategies as st

from contracts.names import CHANNELS, EVENTS, LIVE
from services.chassis.amqp_frames import publish_frames
from services.chassis.outgoing import Outgoing

LARGEST = 4096

names = st.text(st.characters(exclude_categories=()), max_size=60)
"""Also lone surrogates."""
outgoing = st.builds(
    Outgoing,
    exchange=names | st.just(LIVE),
    routing_key=names,
    message_id=names,
    type=names,
    body=st.one_of(st.binary(max_size=200), st.binary(min_size=LARGEST - 100, max_size=LARGEST * 3)),
    correlation_id=st.none() | names,
    reply_to=st.none() | names,
    mandatory=st.booleans(),
    headers=st.dictionaries(names.filter(bool), names | st.integers(0, 100), max_size=4),
)


def by_py_amqp(message: Outgoing, user: str) -> bytes:
    """What py-amqp would write on channel 3."""
    written = bytearray()
    transport = SimpleNamespace(write=written.extend)
    write = frame_writer(SimpleNamespace(frame_max=LARGEST, bytes_sent=0), transport)
    properties = {
        "content_type": "application/cloudevents+json",
        "delivery_mode": 1 if message.exchange == LIVE else 2,
        "message_id": message.message_id,
        "type": message.type,
        "user_id": user,
        "correlation_id": message.correlation_id,
        "reply_to": message.reply_to,
        "application_headers": message.headers or None,
    }
    content = amqp.Message(message.body, **{name: value for name, value in properties.items() if value is not None})
    args = dumps("Bssbb", (0, message.exchange, message.routing_key, message.mandatory, False))
    write(1, 3, (60, 40), args, content)
    return bytes(written)


@given(outgoing)
def test_frames_are_those_of_py_amqp(message: Outgoing) -> None:
    """For any names, properties and sizes, with one body frame or several."""
    assert publish_frames(3, LARGEST, message, "intake") == by_py_amqp(message, "intake")


def test_a_live_message_is_not_persistent() -> None:
    """Everything else is."""
    for exchange, mode in ((LIVE, 1), (EVENTS, 2), (CHANNELS, 2), ("", 2)):
        message = Outgoing(exchange, "key", "id", "type", b"{}")
        assert b"".join((b"application/cloudevents+json", bytes((mode,)))) in publish_frames(1, LARGEST, message, "u")


def test_a_name_too_long_for_the_protocol_is_refused() -> None:
    """At most 255 bytes, however many characters they are."""
    fits = Outgoing("x", "ä" * 127 + "a", "id", "type", b"{}")
    assert "ä".encode() * 127 + b"a" in publish_frames(1, LARGEST, fits, "intake")
    with pytest.raises(ValueError, match="bytes must be in range"):
        publish_frames(1, LARGEST, Outgoing("x", "ä" * 128, "id", "type", b"{}"), "intake")
