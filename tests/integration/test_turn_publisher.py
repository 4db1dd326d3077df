"""The publisher on a real broker: what is confirmed, what comes back, what is refused, and a connection that breaks."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from contracts.names import CHANNELS, DEAD, DESK, EVENTS, INTAKE, LIVE
from deploy.local.desk import Desk
from deploy.local.rabbitmq import ADMIN
from services.chassis.outgoing import Outgoing
from services.chassis.publisher import BrokerAway, Publisher
from services.client.bus import Bus

OUTCOMES = "web.outcomes"
TO_WEB = Outgoing(CHANNELS, "web.ticket.opened", "1", "ticket.opened", b"{}")
EVENT = Outgoing(EVENTS, "ticket.opened", "1", "ticket.opened", b"{}")


@pytest.fixture
def desk(emptied_desk: Desk) -> Desk:
    """Shared by the tests of this file."""
    return emptied_desk


@pytest.fixture
def publisher(desk: Desk) -> Iterator[Publisher]:
    """One of intake's."""
    own = Publisher(desk.amqp_url("intake"), "intake")
    yield own
    own.close()


@pytest.fixture
def bus(desk: Desk) -> Iterator[Bus]:
    """A connection that may do everything."""
    with Bus(desk.amqp_url(ADMIN)) as own:
        yield own


def full_queue(bus: Bus, name: str) -> None:
    """A queue that refuses a second message."""
    limits = {"x-max-length": 1, "x-overflow": "reject-publish"}
    bus.channel.queue_declare(name, durable=True, auto_delete=False, arguments=limits)


def test_a_batch_is_with_the_broker_when_it_is_published(publisher: Publisher, bus: Bus) -> None:
    messages = [replace(TO_WEB, message_id=f"{number}", body=b"x" * 1000) for number in range(700)]
    assert publisher.publish(messages) == []
    assert publisher.publish([]) == []
    assert bus.depth(OUTCOMES) == 700


def test_a_message_is_as_the_contract_wants_it(publisher: Publisher, bus: Bus) -> None:
    publisher.publish([replace(TO_WEB, correlation_id="asked", headers={"x-reason": "a test"})])
    properties = bus.channel.basic_get(OUTCOMES).properties
    properties["application_headers"].pop("x-delivery-count", None)  # the queue's own; not of every version's
    assert properties == {
        "content_type": "application/cloudevents+json",
        "message_id": "1",
        "delivery_mode": 2,
        "user_id": "intake",
        "type": "ticket.opened",
        "correlation_id": "asked",
        "application_headers": {"x-reason": "a test"},
    }


def test_what_no_queue_takes_comes_back_and_nothing_else(publisher: Publisher) -> None:
    """The same outcome goes to the sender's door and to their `reply_to`, a queue that is gone: only that copy is
    lost."""
    gone = replace(TO_WEB, exchange="", routing_key="web.gone")
    not_mandatory = replace(gone, message_id="2", mandatory=False)
    assert publisher.publish([TO_WEB, gone, not_mandatory]) == [gone]
    assert publisher.publish([TO_WEB]) == []


def test_what_no_channel_is_there_for_comes_back(publisher: Publisher, bus: Bus) -> None:
    to_nobody = replace(TO_WEB, routing_key="nobody.ticket.opened")
    assert publisher.publish([to_nobody]) == [to_nobody]
    assert bus.depth(DEAD) == 0


@pytest.mark.parametrize(
    ("exchange", "queue"), [(EVENTS, DEAD), (DESK, "intake.unknown"), (INTAKE, "intake.unknown")], ids=str
)
def test_what_no_binding_of_the_desk_takes_is_kept(bus: Bus, exchange: str, queue: str) -> None:
    """Intake answers what is asked."""
    before = {name: bus.depth(name) for name in (DEAD, "intake.unknown")}
    bus.publish(exchange, "nobody.asked", b"{}", user_id="web")
    bus.settle()
    found = {name: bus.depth(name) - count for name, count in before.items()}
    assert (bus.returned, found) == ([], {DEAD: 0, "intake.unknown": 0} | {queue: 1})


def test_a_full_queue_of_a_channel_holds_nobody_up(publisher: Publisher, bus: Bus) -> None:
    full_queue(bus, "web.small")
    small = [replace(TO_WEB, exchange="", routing_key="web.small", message_id=f"{number}") for number in range(3)]
    assert publisher.publish([TO_WEB, *small]) == small[1:]
    assert bus.depth(OUTCOMES) == 1


def test_a_live_message_that_a_full_queue_refuses_is_gone(publisher: Publisher, bus: Bus) -> None:
    """It is not told as untaken, so that it is not dead-lettered."""
    full_queue(bus, "helpcenter.full")
    bus.channel.queue_bind("helpcenter.full", LIVE, "ticket.changed.#")
    live = [replace(TO_WEB, exchange=LIVE, routing_key=f"ticket.changed.0000000{n}", mandatory=False) for n in range(3)]
    assert publisher.publish([*live, TO_WEB]) == []
    assert bus.depth("helpcenter.full") == 1
    assert bus.depth(OUTCOMES) == 1


def test_a_full_queue_of_the_desk_is_waited_for(publisher: Publisher, bus: Bus) -> None:
    full_queue(bus, "tests.full")
    bus.channel.queue_bind("tests.full", EVENTS, EVENT.routing_key)
    publisher.publish([EVENT])
    with pytest.raises(BrokerAway, match="refused 1"):
        publisher.publish([EVENT, TO_WEB])
    bus.channel.queue_purge("tests.full")
    assert publisher.publish([EVENT, TO_WEB]) == []


def test_a_broken_connection_is_told_and_made_again(publisher: Publisher, bus: Bus) -> None:
    publisher.publish([TO_WEB])
    publisher._connection.sock.shutdown(socket.SHUT_RDWR)
    with pytest.raises(BrokerAway):
        publisher.publish([TO_WEB])
    assert publisher.publish([TO_WEB]) == []
    assert bus.depth(OUTCOMES) == 2


def test_a_connection_that_broke_while_idle_is_noticed(publisher: Publisher, bus: Bus) -> None:
    publisher.publish([TO_WEB])
    publisher._connection.sock.shutdown(socket.SHUT_RDWR)
    publisher.heartbeat()
    assert publisher.publish([TO_WEB]) == []


def test_a_broker_out_of_reach_is_away() -> None:
    with pytest.raises(BrokerAway):
        Publisher("amqp://intake:x@127.0.0.1:1/nowhere", "intake").publish([TO_WEB])
