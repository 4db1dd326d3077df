"""What holds for whatever a domain says and answers, whichever test makes it: it belongs to the wire contract.

The builders of each service's tests look at every decision with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import orjson

from contracts import registry
from contracts.names import AGENT_PREFIX, AGENTS, CHANNELS, DESK, EVENTS, LIVE
from contracts.payload import encode, read
from services.chassis.decision import Answer, Decision, Say

P = TypeVar("P")

KINDS: Mapping[str, registry.Kind] = {
    DESK: "command",
    EVENTS: "event",
    AGENTS: "agent_message",
    CHANNELS: "channel_message",
    LIVE: "live_message",
}


def assert_of_the_contract(service: str, decision: Decision) -> None:
    """Everything that the service says and answers with this decision."""
    for say in decision.said:
        assert_may_be_said(service, say)
    if decision.answer is not None:
        assert_is_an_outcome(decision.answer)


def assert_may_be_said(service: str, say: Say) -> None:
    """The service may say it there, under that key, and its data pass the schema."""
    kind = registry.TYPES[KINDS[say.exchange], say.type]
    assert kind.may_be_sent_by(service), say
    if say.exchange in (AGENTS, CHANNELS):
        address = say.routing_key.removesuffix(f".{say.type}")
        assert address not in ("", say.routing_key), say
        assert address.startswith(AGENT_PREFIX) == (say.exchange == AGENTS), say
    elif say.exchange == LIVE:
        assert say.routing_key == f"{say.type}.{say.subject}", say
    else:
        assert say.routing_key == say.type, say
    assert len(say.routing_key.encode()) < 256, say
    about = ticket_of(say.data)
    assert about in (None, say.subject), say
    read(kind.data, on_the_wire(say.data))


def ticket_of(data: Any) -> Any:
    """The number of the ticket that the data are about, if they say it."""
    return getattr(data, "number", None) or getattr(getattr(data, "ticket", None), "number", None)


def assert_is_an_outcome(answer: Answer) -> None:
    """Its data pass the schema; a refusal has a sentence for a person."""
    kind = registry.outcome(answer.type)
    assert kind is not None, answer
    data = on_the_wire(answer.data)
    if answer.type == "account.temporary_opened":
        return  # its secret is added when it is published
    read(kind.data, data)
    if answer.type == "command.rejected":
        assert data["message"].endswith((".", "?", "!", "…")), answer


def on_the_wire(data: Any) -> Any:
    """As its receiver reads it."""
    return orjson.loads(encode(data))


def as_a(form: type[P], data: object) -> P:
    """What was said or answered, which must be of this class."""
    assert isinstance(data, form), data
    return data
