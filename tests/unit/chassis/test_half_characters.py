"""Half a character (a surrogate without its other half) in any text of a command: its sender hears in which field."""

from __future__ import annotations

import json
from typing import Any

import bson
import pytest

from contracts import topology
from contracts.envelope import HALF
from contracts.file_forms import Unusable
from contracts.outcomes import Rejected
from contracts.payload import document
from services.chassis.amqp_frames import publish_frames
from services.chassis.reading import Arrival, Delivery, read
from services.chassis.writing import addressed, answered
from tests.unit.chassis.test_turn import NOW, Bench
from tests.unit.said import as_a

ACCOUNT = {"account_id": "acc-1", "display_name": "Mira", "tier": "vip"}
SUBMIT = {"requester": ACCOUNT, "category": "billing", "subject": "Charged twice", "body": "Please help."}
FILE = {"name": "a.png", "media_type": "image/png", "content": "iVBORw0KGgo="}
PREFERENCES = {"requester": ACCOUNT, "notify": {"assigned": {"email": False}}}
HALVES = ("\ud83d", "\ude00", "\ude00\ud83d", "é\ud800 words")


def delivery(data: Any, type_: str = "ticket.submit", properties: Any = None, **more: Any) -> Delivery:
    """As a channel whose JSON escapes what is not ASCII sends it."""
    event = {
        "specversion": "1.0", "id": "1", "type": type_, "source": "/channels/web", "time": "2026-03-02T15:30:00Z",
        "data": data, **more,
    }  # fmt: skip
    body = json.dumps(event).encode()
    return Delivery("intake.commands", topology.INTAKE, type_, body, {"user_id": "web", **(properties or {})})


def refused(delivery: Delivery, service: str = "intake") -> dict[str, list[str]]:
    """The errors by field that its sender hears, as they are stored and published."""
    arrived = read(delivery, service)
    assert isinstance(arrived, Arrival)
    assert arrived.refusal is not None
    assert as_a(Rejected, arrived.refusal.data).code == "invalid"
    record = answered("intake", arrived.refusal, arrived.message, "turn", NOW)
    bson.encode({"key": record.key, "body": record.answer_body})
    messages = addressed(record, arrived)
    assert messages
    for message in messages:
        assert publish_frames(1, 131_072, message, "intake")
    errors: dict[str, list[str]] = json.loads(record.answer_body or b"")["data"]["errors"]
    return errors


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize(
    ("field", "data"),
    [
        ("subject", lambda half: {**SUBMIT, "subject": half}),
        ("body", lambda half: {**SUBMIT, "body": f"Help {half}"}),
        ("category", lambda half: {**SUBMIT, "category": half}),
        ("issue_key", lambda half: {**SUBMIT, "issue_key": half}),
        ("fields.order", lambda half: {**SUBMIT, "fields": {"order": half}}),
        ("requester.display_name", lambda half: {**SUBMIT, "requester": {**ACCOUNT, "display_name": half}}),
        ("requester.account_id", lambda half: {**SUBMIT, "requester": {**ACCOUNT, "account_id": half}}),
        (
            "requester.temporary.secret",
            lambda half: {**SUBMIT, "requester": {"temporary": {"account_id": "t", "secret": half}}},
        ),
    ],
)
def test_its_sender_hears_in_which_field(field: str, data: Any, half: str) -> None:
    errors = refused(delivery(data(half)))
    assert errors.keys() == {field}
    assert HALF in errors[field][0]


def test_of_two_fields_both_are_named() -> None:
    errors = refused(delivery({**SUBMIT, "subject": "\ud83d", "body": "\ude00", "language": "en"}))
    assert errors.keys() == {"subject", "body"}


def test_in_the_name_of_a_field_that_is_one_it_is_refused() -> None:
    data = {**PREFERENCES, "notify": {"as\ud83dsigned": {"email": False}}}
    assert refused(delivery(data, "account.set_preferences")).keys() == {"notify"}


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("name", ["name", "media_type", "content"])
def test_in_a_file_it_does_not_refuse_the_message(name: str, half: str) -> None:
    """What cannot be read of a file is left out; of its name, only the half character."""
    arrived = read(delivery({**SUBMIT, "attachments": [FILE, {**FILE, name: half}]}), "intake")
    assert isinstance(arrived, Arrival)
    assert arrived.refusal is None
    assert isinstance(arrived.message.data.attachments[1], Unusable) == (name == "content")
    bson.encode(document(arrived.message.data))


@pytest.mark.parametrize(
    "data",
    [
        {**SUBMIT, "unknown": "\ud83d"},
        {**SUBMIT, "\ud83d": 1},
        {**SUBMIT, "fields": {"\ud83d": "x"}},
        {**SUBMIT, "requester": {**ACCOUNT, "mood": ["\ude00", {"\ude00": "\ud83d"}]}},
    ],
)
def test_where_nothing_is_read_it_is_ignored(data: Any) -> None:
    arrived = read(delivery(data), "intake")
    assert isinstance(arrived, Arrival)
    assert arrived.refusal is None
    bson.encode(document(arrived.message.data))


@pytest.mark.parametrize("attribute", ["id", "type", "source", "subject"])
def test_its_sender_hears_in_which_attribute(attribute: str) -> None:
    assert refused(delivery(SUBMIT, **{attribute: "a\ud83db"})).keys() == {attribute}


def test_an_id_is_named_as_json_escapes_it() -> None:
    arrived = read(delivery(SUBMIT, id="a\ud83db"), "intake")
    assert isinstance(arrived, Arrival)
    assert arrived.message.id == r"a\ud83db"


@pytest.mark.parametrize("attribute", ["traceparent", "causationid", "correlationid", "datacontenttype", "x\ud83d"])
def test_in_an_attribute_that_says_nothing_of_the_matter_it_is_ignored(attribute: str) -> None:
    arrived = read(delivery(SUBMIT, **{attribute: "a\ud83db"}), "intake")
    assert isinstance(arrived, Arrival)
    assert arrived.refusal is None
    assert arrived.message.cause.chain == "1"


@pytest.mark.parametrize(
    ("name", "field"), [("message_id", "id"), ("reply_to", "reply_to"), ("correlation_id", "correlation_id")]
)
def test_its_sender_hears_in_which_property(name: str, field: str) -> None:
    properties = {"reply_to": "web.own", "correlation_id": "c", name: "web.\ud83d"}
    assert refused(delivery(SUBMIT, properties=properties)).keys() == {field}


def test_too_large_it_is_answered_by_its_message_id() -> None:
    large = delivery({**SUBMIT, "body": "x" * 2**20}, properties={"message_id": "a\ud83db", "reply_to": "\ud83d"})
    large.routing_key = "ticket.\ud83d"
    arrived = read(large, "intake")
    assert isinstance(arrived, Arrival)
    assert arrived.refusal is not None
    record = answered("intake", arrived.refusal, arrived.message, "turn", NOW)
    assert json.loads(record.answer_body or b"")["causationid"] == r"a\ud83db"


def test_a_suspect_whose_id_has_one_ends_no_consumer() -> None:
    bench = Bench()
    suspect = delivery({"agent_id": "a1"}, "agent.heartbeat", {"message_id": "\ud83d"}, source="/agents/a1")
    suspect.exchange, suspect.properties = topology.DESK, {**suspect.properties, "user_id": "agent.a1"}
    suspect.redelivered, suspect.headers = True, {"x-delivery-count": 2}
    assert bench.run(suspect) == []
    [answer] = bench.answers()
    assert answer["data"]["errors"].keys() == {"id"}
