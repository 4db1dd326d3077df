"""Messages as they go out, whole: envelope, ids, addresses, copies for the dead letters."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts import topology
from contracts.agents import SignedOff
from services.chassis.decision import Answer, Cause, Message, Say, derived_id
from services.chassis.outgoing import Outgoing
from services.chassis.reading import Arrival, Delivery
from services.chassis.unit_of_work import Handled
from services.chassis.writing import addressed, answered, dead_copy, replied, reply_queue, said, unroutable_copy
from tests.fakes import toy

NOW = datetime(2026, 1, 5, 12, 30, 0, 250_000, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CAUSE = Cause("m1", "first", TRACE)


def test_what_is_said_is_an_event_of_its_service_under_an_id_that_follows_from_its_cause_and_place() -> None:
    event = SignedOff(agent_id="a1", reason="done", at=NOW)
    say = Say(topology.EVENTS, "agent.signed_off", "agent.signed_off", event, "a1", reply_to="r")
    out = said("routing", say, "agent.a1\x1fm1", 2, NOW, CAUSE)
    id_ = derived_id("routing", "agent.a1\x1fm1", "2")
    assert (out.exchange, out.routing_key, out.message_id, out.type) == (
        topology.EVENTS, "agent.signed_off", id_, "agent.signed_off",
    )  # fmt: skip
    assert (out.reply_to, out.mandatory, out.headers, out.correlation_id) == ("r", True, {}, None)
    assert json.loads(out.body) == {
        "specversion": "1.0",
        "id": id_,
        "type": "agent.signed_off",
        "source": "/services/routing",
        "time": "2026-01-05T12:30:00.250000Z",
        "subject": "a1",
        "causationid": "m1",
        "correlationid": "first",
        "traceparent": TRACE,
        "data": {"agent_id": "a1", "release": False, "reason": "done", "at": "2026-01-05T12:30:00.250000Z"},
    }


def test_a_live_message_is_not_mandatory() -> None:
    """Nobody may be looking; then it is gone."""
    live = said("intake", Say(topology.LIVE, "ticket.changed.00004217", "ticket.changed", toy()), "key", 0, NOW, CAUSE)
    assert not live.mandatory
    assert said("intake", Say(topology.EVENTS, "x", "x", toy()), "key", 0, NOW, CAUSE).mandatory


def test_two_things_that_are_said_about_one_message_have_two_ids_the_same_on_every_try() -> None:
    say = Say(topology.EVENTS, "x", "x", toy())
    ids = [said("sla", say, "key", place, NOW, None).message_id for place in (0, 1, 0)]
    assert ids[0] == ids[2] != ids[1]
    assert said("routing", say, "key", 0, NOW, None).message_id not in ids
    assert said("sla", say, "another", 0, NOW, None).message_id not in ids


def test_what_is_said_may_have_an_id_and_a_cause_of_its_own_and_without_any_it_begins_a_chain() -> None:
    own = said(
        "sla", Say(topology.EVENTS, "x", "x", toy(), id="own", cause=CAUSE), "key", 0, NOW, Cause("other", "other")
    )
    event = json.loads(own.body)
    assert (own.message_id, event["id"], event["causationid"], event["correlationid"]) == ("own", "own", "m1", "first")
    first = json.loads(said("sla", Say(topology.EVENTS, "x", "x", toy(), id="own"), "key", 0, NOW, None).body)
    assert first["correlationid"] == "own"
    assert first.keys().isdisjoint({"causationid", "traceparent", "subject"})


def message(sender: str = "web", **more: Any) -> Message[Any]:
    return Message("m1", "ticket.submit", sender, {}, "s", f"{sender}\x1fm1", correlationid="first", **more)


def test_an_answer_is_kept_as_it_is_sent_each_time() -> None:
    answer = Answer("command.accepted", toy(a=1), None, about=("t1", "t2"))
    record = answered("intake", answer, message(traceparent=TRACE), "turn", NOW)
    id_ = derived_id("intake", "web\x1fm1", "answer")
    assert (record.key, record.turn, record.answer_type, record.answer_id, record.about) == (
        "web\x1fm1", "turn", "command.accepted", id_, ("t1", "t2"),
    )  # fmt: skip
    event = json.loads(record.answer_body or b"")
    assert event == {
        "specversion": "1.0",
        "id": id_,
        "type": "command.accepted",
        "source": "/services/intake",
        "time": "2026-01-05T12:30:00.250000Z",
        "subject": "s",
        "causationid": "m1",
        "correlationid": "first",
        "traceparent": TRACE,
        "data": {"a": 1},
    }
    other = answered("intake", Answer("command.accepted", toy(), "own"), message(), "turn", NOW)
    assert json.loads(other.answer_body or b"")["subject"] == "own"


RECORD = Handled("web\x1fm1", "turn", "command.accepted", "id", b"{}")


def outcome(exchange: str, key: str, sender: str, *, mandatory: bool = True) -> Outgoing:
    return Outgoing(
        exchange, key, "id", "command.accepted", b"{}", "c1", mandatory=mandatory, to_sender=sender, cause="m1"
    )


DIRECT = "amq.rabbitmq.reply-to.g1"


@pytest.mark.parametrize(
    ("sender", "reply_to", "ways"),
    [
        ("web", None, [outcome(topology.CHANNELS, "web.command.accepted", "web")]),
        ("agent.a1", None, [outcome(topology.AGENTS, "agent.a1.command.accepted", "agent.a1")]),
        ("routing", "routing.outcomes", [outcome("", "routing.outcomes", "routing")]),
        ("routing", None, []),
        ("operator", DIRECT, [outcome("", DIRECT, "operator", mandatory=False)]),
        ("web", "web.own", [outcome(topology.CHANNELS, "web.command.accepted", "web"), outcome("", "web.own", "web")]),
        ("web", "game.own", [outcome(topology.CHANNELS, "web.command.accepted", "web")]),
    ],
)
def test_an_outcome_goes_to_the_door_of_its_sender_and_where_they_may_have_it(
    sender: str, reply_to: str | None, ways: list[Outgoing]
) -> None:
    assert addressed(RECORD, Arrival(message(sender), None, reply_to, "c1")) == ways


def test_an_answer_to_a_question_goes_to_its_reply_queue_alone_and_is_lost_without() -> None:
    assert replied(RECORD, Arrival(message(), None, "web.own", "c1")) == outcome("", "web.own", "web", mandatory=False)
    assert replied(RECORD, Arrival(message(), None, None, "c1")) is None


def test_what_has_no_outcome_is_sent_nowhere() -> None:
    arrival = Arrival(message(), None, "web.own", "c1")
    assert addressed(Handled("web\x1fm1", "turn"), arrival) == []
    assert replied(Handled("web\x1fm1", "turn"), arrival) is None


@pytest.mark.parametrize(
    ("sender", "reply_to", "may"),
    [
        ("web", "web.x", True),
        ("web", "web", False),
        ("web", "console.x", False),
        ("web", "", False),
        ("web", DIRECT, True),
        ("agent.a1", "agent.a1.x", True),
        ("agent.a1", "agent.a11.x", False),
        ("agent.a1", "console.x", True),
    ],
)
def test_a_reply_queue_is_the_senders_own(sender: str, reply_to: str, may: bool) -> None:
    assert reply_queue(Arrival(message(sender), None, reply_to)) == (reply_to if may else None)


def test_a_dead_copy_is_the_message_whole_with_who_sent_it_where_and_why() -> None:
    properties = {"message_id": "m1", "type": "t", "correlation_id": "c1", "reply_to": "r", "user_id": "web"}
    copy = dead_copy(Delivery("intake.commands", "ex", "key", b"body", properties), "why" * 1000, NOW)
    assert copy == Outgoing(
        topology.DEAD,
        "intake.commands",
        "m1",
        "t",
        b"body",
        "c1",
        "r",
        headers={
            "x-reason": ("why" * 1000)[:1000],
            "x-user-id": "web",
            "x-exchange": "ex",
            "x-routing-key": "key",
            "x-time": NOW,
        },
    )


def test_a_dead_copy_of_what_has_no_properties_has_an_id_of_its_body() -> None:
    copy = dead_copy(Delivery("q", "ex", "key", b"body", {}), "why", NOW)
    assert (copy.message_id, copy.type, copy.headers["x-user-id"]) == (derived_id("q", b"body".hex()), "key", "")
    assert (copy.correlation_id, copy.reply_to) == (None, None)


def test_a_copy_of_what_no_queue_took_says_where_it_was_to_go() -> None:
    sent = Outgoing("ex", "key", "id", "t", b"body", "c1", "r", mandatory=False, to_sender="web", cause="m1")
    headers = {"x-reason": "no queue took it", "x-exchange": "ex", "x-routing-key": "key", "x-time": NOW}
    assert unroutable_copy(sent, NOW) == Outgoing(
        topology.DEAD, "key", "id", "t", b"body", "c1", None, to_sender="web", cause="m1", headers=headers
    )
