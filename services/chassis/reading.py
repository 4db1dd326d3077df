"""From what the broker delivered to what a domain can decide: every check that needs no state.

A delivery becomes an `Arrival` (perhaps with the refusal that its sender gets), or `Unreadable` with the reason, which
operators find beside the message in `helpdesk.dead`. docs/contracts.md says which fault gets which answer.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Any

import msgspec
import orjson
from marshmallow import ValidationError

from contracts import registry, topology
from contracts.decoding import NotJson, decoded, has_half_character, is_shallow
from contracts.envelope import HALF, Event, NotAnEvent, WrongAttributes, escaped, from_dict
from contracts.names import role_of, source_agrees
from contracts.payload import errors_by_field, stored
from contracts.payload import read as read_payload
from contracts.registry import Kind, MessageType
from contracts.values import dataclass
from services.chassis.decision import Answer, Message, Timer, rejected
from services.chassis.unit_of_work import DueTimer

is_trace = re.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}").fullmatch
"""W3C trace context: a traceparent of any other form is ignored, as the specification says."""

LARGEST = 1024 * 1024
"""The largest message that a service parses, in bytes; a larger one is answered `too_large`."""


ASKED: Mapping[str, Kind] = {topology.INTAKE: "command", topology.DESK: "command", topology.QUESTIONS: "question"}
"""The exchanges whose messages are answered, and their kind."""

REPLIES = ""
"""The exchange through which an outcome reaches the queue that a service named in `reply_to`."""


@dataclass(slots=True, eq=False)
class Delivery:
    """A message as the broker delivered it.

    `attempts` counts failed tries here, and `succeeded_before` how many others had succeeded when it first failed;
    `has_failed`: it failed here before, whatever became of its attempts; `is_probe`: it is tried although its consumer
    pauses (failing.py). `came_at` and `waiting_since` (seconds of `time.monotonic`) are when it came and when it was
    first put off for an event that it needs.
    """

    queue: str
    exchange: str
    routing_key: str
    body: bytes
    properties: Mapping[str, Any]
    redelivered: bool = False
    tag: int = 0
    attempts: int = 0
    succeeded_before: int | None = None
    has_failed: bool = False
    is_probe: bool = False
    waiting_since: float | None = None
    headers: Mapping[str, Any] = field(default_factory=dict)
    came_at: float = field(default_factory=time.monotonic)

    @property
    def returns(self) -> int:
        """How often it went back to its queue because a consumer died or cut the connection."""
        # On the first delivery the header, if there is one, is whatever the sender wrote.
        count = self.headers.get("x-delivery-count") if self.redelivered else 0
        return count if isinstance(count, int) else 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that was read. If `refusal` is set, that is its answer, and nobody decides it."""

    message: Message[Any]
    refusal: Answer | None = None
    reply_to: str | None = None
    correlation_id: str | None = None
    delivery: Delivery | None = None
    fired: DueTimer | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A delivery that nobody can answer, and why. `by_us`: a service of the desk wrote what another cannot read, so one
    of the two may run the wrong release."""

    delivery: Delivery
    reason: str
    by_us: bool = False


class Misread(Exception):
    """What a service of the desk wrote cannot be read here."""


def read(delivery: Delivery, service: str) -> Arrival | Unreadable:
    """Check everything that can be checked without state, for the reading `service`. Never raises."""
    sender = delivery.properties.get("user_id")
    if not sender:
        return Unreadable(delivery, "no user_id: the sender is not known")
    if role_of(sender) is None:
        return Unreadable(delivery, f"user_id {sender!r} is no name of a service, channel or agent")
    asked = ASKED.get(delivery.exchange)
    if len(delivery.body) > LARGEST:
        return _too_large(delivery, sender) if asked else Unreadable(delivery, "larger than 1 MiB")
    try:
        value, is_whole = _value(delivery.body)
        event = from_dict(value)
    except WrongAttributes as error:
        return _faulty(delivery, sender, error) if asked else Unreadable(delivery, f"not a CloudEvent: {error}")
    except NotAnEvent as error:
        return Unreadable(delivery, f"not a CloudEvent: {error}")
    except NotJson as error:
        return Unreadable(delivery, f"not JSON: {error}")
    if asked:
        return _asked(delivery, sender, event, asked, service, is_whole)
    read_one = _from_a_service(delivery, sender, event, is_whole)
    if isinstance(read_one, Unreadable):  # only services may write there
        return replace(read_one, by_us=delivery.exchange == topology.EVENTS and role_of(sender) == "service")
    return read_one


def fired(timer: DueTimer, service: str, kinds: Mapping[str, type[Timer]]) -> Arrival:
    """A timer that is due, as the message `timer.<kind>`. `kinds`: those of the service.

    Raises `Misread` for a kind that is not among them, and for data that are not of that kind: another release of the
    service armed it.
    """
    type_, id_ = f"timer.{timer.kind}", f"{timer.id}:{timer.armed.by}"
    if timer.kind not in kinds:
        raise Misread(f"{type_} is no timer of {service}")
    try:
        data = stored(kinds[timer.kind], {**timer.data, "due": timer.due})
    except msgspec.ValidationError as error:
        raise Misread(f"the data of {type_} are not as this release has them: {error}") from error
    message = Message(
        id_,
        type_,
        service,
        data,
        timer.about,
        key=f"{service}\x1f{id_}",
        correlationid=timer.armed.chain,
        traceparent=timer.armed.trace,
    )
    return Arrival(message, fired=timer)


def _value(body: bytes) -> tuple[Any, bool]:
    """The JSON value of a body. The faster reader gives it where it can: then it is what the contract's reader gives,
    and no text in it has half a character (True). Raises NotJson."""
    if is_shallow(body):
        try:
            return orjson.loads(body), True
        except orjson.JSONDecodeError:
            pass  # the contract's reader decides
    return decoded(body), False


def _asked(delivery: Delivery, sender: str, event: Event, what: Kind, service: str, is_whole: bool) -> Arrival:
    kind = registry.TYPES.get((what, event.type))
    if kind is None:
        refusal = _not_theirs(delivery, sender, event)
        unknown = _invalid({"type": [f"{event.type!r} is no {what} of the contract"]})
        return _arrival(delivery, sender, event, {}, refusal or unknown)
    refusal = _not_theirs(delivery, sender, event) or _out_of_place(delivery, sender, kind, service)
    if refusal is not None:
        return _arrival(delivery, sender, event, {}, refusal)
    try:
        found = read_payload(kind.data, event.data, is_whole=is_whole)
    except ValidationError as error:
        return _arrival(delivery, sender, event, {}, _invalid(errors_by_field(error)))
    return _arrival(delivery, sender, event, found.data, hints=found.hints)


def _not_theirs(delivery: Delivery, sender: str, event: Event) -> Answer | None:
    """What is wrong with the sender that the message claims, if anything."""
    if not source_agrees(event.source, sender):
        errors = {"source": [f"{event.source!r} does not belong to the user {sender!r}"]}
        return rejected("forbidden", "The message claims to come from another sender.", errors)
    halves = {
        name: [f"It {HALF}."]
        for name in ("reply_to", "correlation_id")
        if has_half_character(delivery.properties.get(name) or "")
    }
    if halves:
        return _invalid(halves)
    message_id = delivery.properties.get("message_id")
    if message_id is not None and message_id != event.id:
        return _invalid({"id": [f"must equal the AMQP message_id {message_id!r}"]})
    return None


def _out_of_place(delivery: Delivery, sender: str, kind: MessageType, service: str) -> Answer | None:
    """What is wrong with this sender sending this type here, if anything."""
    if delivery.routing_key != kind.key_of(sender):
        return _invalid({"type": [f"{kind.type} is sent with the routing key {kind.key_of(sender)!r}"]})
    if delivery.exchange not in kind.exchanges:
        return _invalid({"type": [f"{kind.type} is sent to {' or '.join(kind.exchanges)}"]})
    if not kind.may_be_sent_by(sender):
        return rejected("forbidden", f"{sender} may not send {kind.type}.")
    if kind.answered_by != service:
        return rejected("unsupported", f"{kind.type} is not offered by this desk.")
    return None


def _from_a_service(delivery: Delivery, sender: str, event: Event, is_whole: bool) -> Arrival | Unreadable:
    if role_of(sender) != "service":
        return Unreadable(delivery, f"{sender!r} is no service, but sent an event")
    if delivery.exchange not in (topology.EVENTS, REPLIES):  # a channel may bind where it writes
        return Unreadable(delivery, f"no service is told anything by the exchange {delivery.exchange!r}")
    kind = registry.event(event.type) if delivery.exchange == topology.EVENTS else registry.outcome(event.type)
    if kind is None:
        return Unreadable(delivery, f"{event.type!r} is no event of the contract")
    try:
        found = read_payload(kind.data, event.data, is_whole=is_whole)
    except ValidationError as error:
        return Unreadable(delivery, f"data of {event.type} is not as agreed: {errors_by_field(error)}")
    return _arrival(delivery, sender, event, found.data)


def _arrival(
    delivery: Delivery,
    sender: str,
    event: Event,
    data: Any,
    refusal: Answer | None = None,
    hints: Mapping[str, Sequence[str]] | None = None,
) -> Arrival:
    message = Message(
        event.id,
        event.type,
        sender,
        data,
        event.subject,
        key=f"{sender}\x1f{event.id}",
        causationid=event.causationid,
        correlationid=event.correlationid,
        traceparent=event.traceparent if event.traceparent is not None and is_trace(event.traceparent) else None,
        hints=hints or None,
    )
    return _arrived(delivery, message, refusal)


def _arrived(delivery: Delivery, message: Message[Any], refusal: Answer | None) -> Arrival:
    reply_to, correlation_id = delivery.properties.get("reply_to"), delivery.properties.get("correlation_id")
    # py-amqp takes half characters for text: no queue has a name with one, and neither can be sent back.
    if reply_to is not None and has_half_character(reply_to):
        reply_to = None
    if correlation_id is not None and has_half_character(correlation_id):
        correlation_id = None
    return Arrival(message, refusal, reply_to, correlation_id, delivery)


def _faulty(delivery: Delivery, sender: str, fault: WrongAttributes) -> Arrival:
    """Refuse a command with a wrong envelope if its sender can be told."""
    refusal = _invalid({name: [f"It {what}."] for name, what in fault.faults.items()})
    return _refused_unread(delivery, sender, fault.id, fault.type, refusal)


def _too_large(delivery: Delivery, sender: str) -> Arrival | Unreadable:
    """Answer it without parsing it: its id is the AMQP message_id, which equals the event's."""
    message_id = delivery.properties.get("message_id")
    if not message_id:
        return Unreadable(delivery, "larger than 1 MiB, without a message_id to answer to")
    text = f"The message has {len(delivery.body)} bytes; at most {LARGEST} are taken."
    id_, type_ = escaped(message_id), escaped(delivery.routing_key)
    return _refused_unread(delivery, sender, id_, type_, rejected("too_large", text))


def _refused_unread(delivery: Delivery, sender: str, id_: str, type_: str, refusal: Answer) -> Arrival:
    return _arrived(delivery, Message(id_, type_, sender, {}, None, f"{sender}\x1f{id_}"), refusal)


def _invalid(errors: Mapping[str, list[str]]) -> Answer:
    return rejected("invalid", "Please correct: " + ", ".join(sorted(errors)) + ".", errors)
