"""From what was decided to messages to publish: envelope, ids, addresses. The counterpart of `reading.py`.

Pure: it stores nothing and sends nothing. The page is docs/turn.md.
"""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from contracts.envelope import Event, serialise
from contracts.names import AGENT_PREFIX, CONSOLE, LIVE
from contracts.outcomes import Outcome
from contracts.payload import Payload
from contracts.topology import DEAD, own_door
from services.chassis.decision import Answer, Cause, Message, Say, derived_id
from services.chassis.outgoing import DIRECT_REPLY, Outgoing
from services.chassis.reading import Arrival, Delivery
from services.chassis.unit_of_work import Handled


def said(service: str, say: Say, key: str, place: int, now: datetime, cause: Cause | None) -> Outgoing:
    """The id of what `service` says as the `place`-th thing about the message `key`: the same on every retry."""
    id_ = say.id or derived_id(service, key, str(place))
    body = _event(service, id_, say.type, say.subject, say.data, now, say.cause or cause)
    heard = say.exchange != LIVE  # nobody may be looking
    return Outgoing(say.exchange, say.routing_key, id_, say.type, body, reply_to=say.reply_to, mandatory=heard)


def answered(service: str, answer: Answer, message: Message[Any], turn: str, now: datetime) -> Handled:
    """The record that `message` was handled in `turn`, with its outcome as it will be sent each time."""
    id_ = derived_id(service, message.key, "answer")
    data = answer.data
    if message.hints and isinstance(data, Outcome):
        data = replace(data, hints={**message.hints, **(data.hints or {})})
    body = _event(service, id_, answer.type, answer.subject or message.subject, data, now, message.cause)
    return Handled(message.key, turn, answer.type, id_, body, tuple(answer.about))


def addressed(record: Handled, arrival: Arrival) -> list[Outgoing]:
    """The outcome, to the sender's own address and to the `reply_to` of this delivery; nothing if it has no address."""
    door, queue = own_door(arrival.message.sender), reply_queue(arrival)
    ways = [] if door is None else [_outcome(record, arrival, door[0], f"{door[1]}.{record.answer_type}")]
    if queue is not None:
        # A direct reply comes back with `mandatory`.
        ways.append(_outcome(record, arrival, "", queue, mandatory=not queue.startswith(DIRECT_REPLY)))
    return [way for way in ways if way is not None]


def replied(record: Handled, arrival: Arrival) -> Outgoing | None:
    """The answer to a question: only to its `reply_to`. If that is gone, nobody needs to know."""
    queue = reply_queue(arrival)
    return None if queue is None else _outcome(record, arrival, "", queue, mandatory=False)


def reply_queue(arrival: Arrival) -> str | None:
    """The queue that `reply_to` names, if the sender may name it: a queue of theirs, for agents one of the console's,
    or RabbitMQ's direct reply-to, which the broker has replaced by a name of its own."""
    reply_to, sender = arrival.reply_to or "", arrival.message.sender
    theirs = [DIRECT_REPLY, f"{sender}."]
    if sender.startswith(AGENT_PREFIX):
        theirs.append(f"{CONSOLE}.")
    return reply_to if reply_to.startswith(tuple(theirs)) else None


def _outcome(
    record: Handled, arrival: Arrival, exchange: str, routing_key: str, *, mandatory: bool = True
) -> Outgoing | None:
    """The outcome as it goes to one address; None for a message that has no outcome."""
    if record.answer_body is None or record.answer_id is None or record.answer_type is None:
        return None
    return Outgoing(
        exchange,
        routing_key,
        record.answer_id,
        record.answer_type,
        record.answer_body,
        correlation_id=arrival.correlation_id,
        mandatory=mandatory,
        to_sender=arrival.message.sender,
        cause=arrival.message.id,
    )


def dead_copy(delivery: Delivery, reason: str, at: datetime) -> Outgoing:
    """The copy for `helpdesk.dead`: the whole message, who sent it and where, and since when and why it is there."""
    properties = delivery.properties
    headers = {
        "x-reason": reason[:1000],
        "x-user-id": properties.get("user_id") or "",
        "x-exchange": delivery.exchange,
        "x-routing-key": delivery.routing_key,
        "x-time": at,
    }
    return Outgoing(
        DEAD,
        delivery.queue,
        str(properties.get("message_id") or derived_id(delivery.queue, delivery.body.hex())),
        str(properties.get("type") or delivery.routing_key),
        delivery.body,
        correlation_id=properties.get("correlation_id"),
        reply_to=properties.get("reply_to"),
        headers=headers,
    )


def unroutable_copy(message: Outgoing, at: datetime) -> Outgoing:
    """The copy for `helpdesk.dead` of what no queue took: same id and body, and where it was to go."""
    headers = {
        "x-reason": "no queue took it",
        "x-exchange": message.exchange,
        "x-routing-key": message.routing_key,
        "x-time": at,
    }
    return changed(message, exchange=DEAD, reply_to=None, mandatory=True, headers=headers)


def _event(
    service: str,
    id_: str,
    type_: str,
    subject: str | None,
    data: Payload,
    now: datetime,
    cause: Cause | None,
) -> bytes:
    return serialise(
        Event(
            id_,
            type_,
            f"/services/{service}",
            now,
            data,
            subject,
            causationid=cause.id if cause is not None else None,
            correlationid=cause.chain if cause is not None else id_,
            traceparent=cause.trace if cause is not None else None,
        )
    )
