"""What becomes of a delivery before any rule sees it: the whole message, or what its sender reads."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts import topology
from contracts.agents import SignOn
from contracts.outcomes import Rejected
from services.chassis.database import DatabaseAway
from services.chassis.decision import Cause, Message
from services.chassis.patience import Patience, Stopping
from services.chassis.reading import LARGEST, Arrival, Delivery, Misread, Unreadable, fired, read
from services.chassis.unit_of_work import ArmedBy, DueTimer
from services.notifications.domain.attempts import SendTimer
from tests.unit.said import as_a

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "m1",
    "type": "agent.sign_on",
    "source": "/agents/a1",
    "time": "2026-01-05T12:00:00Z",
    "subject": "s",
    "causationid": "before",
    "correlationid": "first",
    "traceparent": TRACE,
    "data": {"agent_id": "a1", "display_name": "Ann", "capacity": 5, "skills": ["*"]},
}
PROPERTIES = {"user_id": "agent.a1", "message_id": "m1", "reply_to": "agent.a1.x", "correlation_id": "c1"}


def delivery(exchange: str = topology.DESK, key: str = "agent.sign_on", **changes: Any) -> Delivery:
    """A sign-on; `changes` are of its properties, or of its event if that has such an attribute."""
    event = {**EVENT, **{name: value for name, value in changes.items() if name in EVENT}}
    properties = {**PROPERTIES, **{name: value for name, value in changes.items() if name not in EVENT}}
    return Delivery("routing.commands", exchange, key, json.dumps(event).encode(), properties)


def test_a_command_is_read_whole() -> None:
    came = delivery()
    data = SignOn(agent_id="a1", display_name="Ann", capacity=5, skills=["*"])
    message = Message("m1", "agent.sign_on", "agent.a1", data, "s", "agent.a1\x1fm1", "before", "first", TRACE, None)
    assert read(came, "routing") == Arrival(message, None, "agent.a1.x", "c1", came)
    assert message.cause == Cause("m1", "first", TRACE)
    assert replace(message, correlationid=None).cause == Cause("m1", "m1", TRACE), "it begins a chain"


def test_a_trace_of_another_form_is_ignored() -> None:
    found = read(delivery(traceparent="00-xyz"), "routing")
    assert isinstance(found, Arrival)
    assert found.message.traceparent is None


@pytest.mark.parametrize(
    ("came", "code", "sentence", "errors"),
    [
        (
            delivery(source="/agents/a2"),
            "forbidden",
            "The message claims to come from another sender.",
            {"source": ["'/agents/a2' does not belong to the user 'agent.a1'"]},
        ),
        (
            delivery(message_id="m2"),
            "invalid",
            "Please correct: id.",
            {"id": ["must equal the AMQP message_id 'm2'"]},
        ),
        (
            delivery(type="agent.promote"),
            "invalid",
            "Please correct: type.",
            {"type": ["'agent.promote' is no command of the contract"]},
        ),
        (
            delivery(key="agent.sign_off"),
            "invalid",
            "Please correct: type.",
            {"type": ["agent.sign_on is sent with the routing key 'agent.sign_on'"]},
        ),
        (
            delivery(topology.INTAKE),
            "invalid",
            "Please correct: type.",
            {"type": ["agent.sign_on is sent to helpdesk.desk"]},
        ),
        (
            delivery(type="ticket.assign", key="ticket.assign"),
            "forbidden",
            "agent.a1 may not send ticket.assign.",
            {},
        ),
        (
            delivery(reply_to="agent.a1.\ud800", correlation_id="\ud800"),
            "invalid",
            "Please correct: correlation_id, reply_to.",
            {
                "reply_to": ["It has half a character (a surrogate without its other half)."],
                "correlation_id": ["It has half a character (a surrogate without its other half)."],
            },
        ),
    ],
)
def test_what_is_refused_unread_says_why(
    came: Delivery, code: str, sentence: str, errors: dict[str, list[str]]
) -> None:
    found = read(came, "routing")
    assert isinstance(found, Arrival)
    assert found.refusal is not None
    refusal = as_a(Rejected, found.refusal.data)
    assert (refusal.code, refusal.message, refusal.errors) == (code, sentence, errors)
    assert (found.message.id, found.message.key, found.message.data) == ("m1", "agent.a1\x1fm1", {})


def test_what_another_service_answers_is_not_offered_here() -> None:
    found = read(delivery(), "sla")
    assert isinstance(found, Arrival)
    assert found.refusal is not None
    assert as_a(Rejected, found.refusal.data).code == "unsupported"


def test_a_message_that_is_just_too_large_is_answered_by_its_message_id() -> None:
    came = delivery()
    came.body = came.body.ljust(LARGEST)
    assert read(came, "routing") == replace(read(delivery(), "routing"), delivery=came)
    came.body += b" "
    found = read(came, "routing")
    assert isinstance(found, Arrival)
    assert found.refusal is not None
    assert (as_a(Rejected, found.refusal.data).code, as_a(Rejected, found.refusal.data).message) == (
        "too_large",
        "The message has 1048577 bytes; at most 1048576 are taken.",
    )
    assert (found.message.id, found.message.type, found.message.key) == ("m1", "agent.sign_on", "agent.a1\x1fm1")
    assert (found.reply_to, found.correlation_id, found.delivery) == ("agent.a1.x", "c1", came)


HUGE = replace(delivery(message_id=None), body=b" " * (LARGEST + 1))
TOLD = delivery(
    topology.EVENTS, "agent.signed_on", type="agent.signed_on", user_id="routing", source="/services/routing"
)


@pytest.mark.parametrize(
    ("came", "reason", "by_us"),
    [
        (delivery(user_id=None), "no user_id: the sender is not known", False),
        (delivery(user_id="no.body"), "user_id 'no.body' is no name of a service, channel or agent", False),
        (HUGE, "larger than 1 MiB, without a message_id to answer to", False),
        (replace(HUGE, exchange=topology.EVENTS), "larger than 1 MiB", False),
        (delivery(topology.EVENTS), "'agent.a1' is no service, but sent an event", False),
        (
            replace(TOLD, body=TOLD.body.replace(b"2026-", b"26-")),
            "not a CloudEvent: time is not an RFC 3339 time with a zone",
            False,
        ),
        (replace(TOLD, exchange="web.own"), "no service is told anything by the exchange 'web.own'", False),
        (
            delivery(topology.EVENTS, type="agent.danced", user_id="routing"),
            "'agent.danced' is no event of the contract",
            True,
        ),
    ],
)
def test_what_nobody_can_be_answered_for_says_why(came: Delivery, reason: str, by_us: bool) -> None:
    assert read(came, "routing") == Unreadable(came, reason, by_us)


def test_a_timer_is_a_message_of_its_own_service() -> None:
    timer = DueTimer("mail:d1", NOW, "send", "d1", {"attempt": 1, "later": "x"}, ArmedBy("by", "first", TRACE), 3)
    data = SendTimer(due=NOW, attempt=1)
    message = Message(
        "mail:d1:by", "timer.send", "notifications", data, "d1", "notifications\x1fmail:d1:by", None, "first", TRACE
    )
    assert fired(timer, "notifications", {"send": SendTimer}) == Arrival(message, fired=timer)


NOT_AS_HERE = "the data of timer.send are not as this release has them"


@pytest.mark.parametrize(
    ("kind", "data", "why"),
    [
        ("away", {}, "timer.away is no timer of notifications"),
        ("send", {}, f"{NOT_AS_HERE}: Object missing required field `attempt`"),
        ("send", {"attempt": "1"}, f"{NOT_AS_HERE}: Expected `int`, got `str` - at `$.attempt`"),
    ],
)
def test_a_timer_of_another_release_says_why_it_cannot_be_read(kind: str, data: dict[str, Any], why: str) -> None:
    timer = DueTimer("mail:d1", NOW, kind, "d1", data, ArmedBy("by", "first"), 3)
    with pytest.raises(Misread) as told:
        fired(timer, "notifications", {"send": SendTimer})
    assert str(told.value) == why


@pytest.mark.parametrize(
    ("redelivered", "header", "returns"), [(True, 3, 3), (True, "3", 0), (True, None, 0), (False, 3, 0)]
)
def test_how_often_it_came_back_is_the_brokers_word(redelivered: bool, header: Any, returns: int) -> None:
    """On the first delivery the header is whatever the sender wrote."""
    came = delivery()
    came.redelivered, came.headers = redelivered, {"x-delivery-count": header}
    assert came.returns == returns


def test_who_waits_for_what_is_away_when_the_service_is_to_stop_says_for_what() -> None:
    naps: list[float] = []
    stopping = iter((False, True))
    patience = Patience(lambda: next(stopping), naps.append)

    def away() -> None:
        raise DatabaseAway("gone")

    with pytest.raises(Stopping, match=r"^database$"):
        patience.reach_database(away)
    assert len(naps) == 1
    assert 0.2 <= naps[0] <= 1
