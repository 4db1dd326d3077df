"""Whatever arrives is read without an exception, and the result can be stored and published."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import bson
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import payload, registry, topology
from contracts.outcomes import Rejected
from contracts.payload import document
from services.chassis.amqp_frames import publish_frames
from services.chassis.decision import Answer, Decision
from services.chassis.reading import Arrival, Delivery, Unreadable, read
from services.chassis.rules import Rules
from services.chassis.turn import Turn
from services.chassis.unit_of_work import Work, _handled_row, _outbox_rows
from services.chassis.writing import addressed, answered, dead_copy, reply_queue
from tests import odd_input
from tests.fakes import toy
from tests.unit.chassis.test_turn import NOW, Bench

USERS = ("web", "agent.a1", "intake", "routing", "nobody at all", "console", "agent.", "", None)
EXCHANGES = (topology.INTAKE, topology.DESK, topology.QUESTIONS, topology.EVENTS, topology.CHANNELS, "", "web.own")
FRAME = 131_072
REFUSED_UNDECIDED = ("invalid", "forbidden", "unsupported", "too_large")


def a_delivery(dice: Random) -> Delivery:
    """By a sender that RabbitMQ has verified; the sender chooses everything else, and it is mostly in its place."""
    event: dict[str, Any] = dict(dice.choice(odd_input.GOLDEN))
    kind = next(each for each in registry.TYPES.values() if each.type == event["type"])
    user = dice.choice(USERS) if dice.random() < 0.3 else user_of(event["source"])
    exchange = dice.choice(EXCHANGES) if dice.random() < 0.3 else dice.choice(kind.exchanges)
    key = odd_input.text(dice)[:60] if dice.random() < 0.1 else event["type"]
    good = json.dumps(event).encode()
    body = good
    if dice.random() < 0.7:
        odd = odd_input.encoded(dice, odd_input.mutated(dice, event))
        body = odd if dice.random() < 0.7 else odd_input.noise(dice, good)
    names = ("message_id", "reply_to", "correlation_id", "type", "content_type", "expiration", "app_id")
    properties: dict[str, Any] = {name: odd_input.text(dice)[:60] for name in names if dice.random() < 0.1}
    if dice.random() < 0.2:
        properties["reply_to"] = dice.choice((f"{user}.x\ud800", f"{user}.outcomes", "amq.rabbitmq.reply-to.g1"))
    if user is not None:
        properties["user_id"] = user
    headers = {"x-delivery-count": odd_input.value(dice)} if dice.random() < 0.3 else {}
    return Delivery("intake.commands", exchange, key, body, properties, dice.random() < 0.5, headers=headers)


def user_of(source: str) -> str:
    """The broker user whose `source` this is."""
    _, role, name = source.split("/")
    return f"agent.{name}" if role == "agents" else name


@settings(max_examples=600, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_whatever_arrives_is_read_and_can_be_answered_or_dead_lettered(seed: int) -> None:
    delivery = a_delivery(Random(seed))
    assert delivery.returns == 0 or (delivery.redelivered and delivery.returns == delivery.headers["x-delivery-count"])
    arrived = read(delivery, "intake")
    if isinstance(arrived, Unreadable):
        publish_frames(1, FRAME, dead_copy(delivery, arrived.reason, NOW), "intake")
        return
    assert isinstance(arrived, Arrival)
    if arrived.refusal is not None:
        record = answered("intake", arrived.refusal, arrived.message, "turn", NOW)
        outcome = json.loads(record.answer_body or b"")
        assert outcome["causationid"] == arrived.message.id
        said = payload.read(Rejected, outcome["data"]).data
        assert said.code in REFUSED_UNDECIDED
        assert said.errors or said.code != "invalid", "what is invalid names its fields"
        bson.encode(_handled_row(record.key, record, NOW))
        for message in addressed(record, arrived):
            publish_frames(1, FRAME, message, "intake")
            for row in _outbox_rows(Work("turn", NOW, outgoing=[message])):
                bson.encode(row)
    bson.encode(document(arrived.message.data))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_turn_answers_each_once_or_dead_letters_it_whole(seed: int) -> None:
    """Of 20 deliveries of any kind, with good ones among them."""
    dice = Random(seed)
    bench = Bench()
    rules = Rules(bench.repository, lambda *_: Decision(answer=Answer("command.accepted", toy())))
    bench.turn = Turn("routing", rules, bench.store, bench.publisher)
    deliveries = [a_delivery(dice) for _ in range(20)]
    for again in bench.run(*deliveries):  # an event that nobody can read is tried again: a service wrote it
        assert again.exchange == topology.EVENTS
        deliveries.remove(again)
    published = bench.publisher.published
    found = [(delivery, read(delivery, "routing")) for delivery in deliveries]
    unreadable = [delivery.body for delivery, outcome in found if isinstance(outcome, Unreadable)]
    assert Counter(message.body for message in published if message.exchange == topology.DEAD) == Counter(unreadable)
    arrivals = [outcome for _, outcome in found if isinstance(outcome, Arrival)]
    answers = [message for message in published if message.exchange != topology.DEAD]
    assert Counter((message.exchange, message.routing_key, message.cause) for message in answers) == Counter(
        due(arrivals)
    )


def due(arrivals: Sequence[Arrival]) -> Iterator[tuple[str, str, str]]:
    """Each answer's exchange, key and cause: to the sender's own door, and to the queue that they may name. A message
    with an id that was there before gets the earlier answer."""
    types: dict[str, str] = {}
    for arrival in arrivals:
        sender, id_ = arrival.message.sender, arrival.message.id
        type_ = types.setdefault(arrival.message.key, arrival.refusal.type if arrival.refusal else "command.accepted")
        door, reply_to = topology.own_door(sender), reply_queue(arrival)
        if door is not None:
            yield door[0], f"{door[1]}.{type_}", id_
        if reply_to is not None:
            yield "", reply_to, id_


def test_the_odd_are_mixed_with_good_ones() -> None:
    """Otherwise the tests above would try only refusals."""
    dice = Random(1)
    arrivals = [
        outcome for outcome in (read(a_delivery(dice), "intake") for _ in range(1_000)) if isinstance(outcome, Arrival)
    ]
    accepted = [arrival for arrival in arrivals if arrival.refusal is None]
    assert len(accepted) > 30
    assert len(arrivals) - len(accepted) > 50
