"""Whether, where and as whom a dead letter can be replayed, and what an operator should do with it. Pure.

The broker user `operator` publishes commands: it may claim any sender, but publish nothing else. The administrator
publishes what services said (events, outcomes, notifications). The page is docs/operating.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from contracts.envelope import CONTENT_TYPE, NotAnEvent, parse
from contracts.names import AGENTS, CHANNELS, DESK, EVENTS, INTAKE, SERVICES, role_of
from contracts.registry import command

from .letter import Letter

DEFAULT_EXCHANGE = ""
DIRECT_REPLY = "amq.rabbitmq.reply-to."
SHOWN_ONCE = "account.temporary_opened"


@dataclass(frozen=True, slots=True)
class Replay:
    """A letter to publish again. `properties` are AMQP's, with the sender as `user_id`."""

    by: Literal["operator", "administrator"]
    exchange: str
    routing_key: str
    properties: Mapping[str, Any]

    @property
    def where(self) -> str:
        """Its destination, for a person."""
        return self.exchange or f"the queue {self.routing_key}"


@dataclass(frozen=True, slots=True)
class Unfit:
    """A letter that cannot be replayed: the reason, worded to follow "it stays: "."""

    reason: str


def replay_of(letter: Letter) -> Replay | Unfit:
    """How to send the letter to its destination in its sender's name, or why that is impossible."""
    if letter.exchange is None:
        return Unfit("its destination is not known")
    role = role_of(letter.sender) if letter.sender is not None else None
    if role is None:
        return Unfit("its sender is not known, so it cannot be sent in their name")
    properties = _properties(letter)
    if letter.exchange in (INTAKE, DESK):
        kind = command(letter.routing_key)
        if kind is None or letter.exchange not in kind.exchanges:
            return Unfit(f"{letter.routing_key} is not a command of {letter.exchange}")
        return Replay("operator", letter.exchange, letter.routing_key, properties)
    if letter.sender not in SERVICES or letter.exchange not in (EVENTS, CHANNELS, AGENTS, DEFAULT_EXCHANGE):
        return Unfit(f"{letter.sender} may not write to {letter.exchange or 'a queue'}")
    if letter.type == SHOWN_ONCE and letter.exchange != EVENTS:
        return Unfit("its secret is not stored; the channel gets it by sending its command again with the same id")
    return Replay("administrator", letter.exchange, letter.routing_key, properties)


def _properties(letter: Letter) -> dict[str, Any]:
    """The properties with which it was sent: id, type, correlation id, reply address, sender.

    A message without an AMQP message id is valid, but its copy here needed one. So an id that is not the event's own is
    left out, or the desk would refuse the message. A direct reply-to ended with its connection.
    """
    held = letter.properties
    kept = {name: held[name] for name in ("correlation_id", "reply_to", "type", "message_id") if held.get(name)}
    if str(kept.get("reply_to", "")).startswith(DIRECT_REPLY):
        del kept["reply_to"]
    if _event_id(letter) not in (None, kept.get("message_id")):
        kept.pop("message_id", None)
    return {"content_type": CONTENT_TYPE, **kept, "user_id": letter.sender}


def _event_id(letter: Letter) -> str | None:
    try:
        return parse(letter.body).id
    except NotAnEvent:
        return None


def advice(letter: Letter) -> str:
    """What to do with the letter, in one or two sentences."""
    replay = replay_of(letter)
    again = f"`casebus dead replay {letter.id}`"
    if isinstance(replay, Unfit):
        return f"It cannot be replayed: {replay.reason}. Tell its sender, then drop it."
    reason = letter.kind_of_reason
    if reason == "no queue took it":
        return (
            f"Create the queue that should take it (the topology declares those of channels and agents), then {again}."
        )
    if reason == "no queue is bound for it":
        return f"No queue is bound for it: apply the topology, then {again}."
    if reason == "by the broker":
        return f"It may be harmless: {letter.died_in} lost its consumers while they held it. When they run, {again}."
    if _event_id(letter) is None:
        return "No service can read it, so a replay would come back here. Have its sender correct it, and drop it."
    return f"{letter.died_in.partition('.')[0]} failed on it. When the cause is repaired, {again}."


REPLAYERS: Mapping[str, str] = {"operator": "AMQP_OPERATOR", "administrator": "AMQP_ADMIN"}
"""The setting with the publisher's address."""
