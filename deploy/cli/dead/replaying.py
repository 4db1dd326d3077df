"""Where a dead letter may be sent again, as whom, or why it may not; and what an operator should do with it.

Pure. Commands go out through the broker user `operator`, who may claim any sender but publish only commands; what
services say (events, outcomes, notifications) through the administrator. The page is docs/operating.md.
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
    """A letter ready to be published again. `properties` are AMQP's, the sender as `user_id` among them."""

    by: Literal["operator", "administrator"]
    exchange: str
    routing_key: str
    properties: Mapping[str, Any]

    @property
    def where(self) -> str:
        """Where it goes, for a person."""
        return self.exchange or f"the queue {self.routing_key}"


@dataclass(frozen=True, slots=True)
class Unfit:
    """A letter that cannot be sent again: the reason, worded to follow "it stays: "."""

    reason: str


def replay_of(letter: Letter) -> Replay | Unfit:
    """How the letter goes where it was to go, in its sender's name."""
    if letter.exchange is None:
        return Unfit("its destination is not known")
    role = role_of(letter.sender) if letter.sender is not None else None
    if role is None:
        return Unfit("its sender is not known, so it cannot be sent in their name")
    properties = _properties(letter)
    if letter.exchange in (INTAKE, DESK):
        kind = command(letter.routing_key)
        if kind is None or letter.exchange not in kind.exchanges:
            return Unfit(f"{letter.routing_key} is no command of {letter.exchange}")
        return Replay("operator", letter.exchange, letter.routing_key, properties)
    if letter.sender not in SERVICES or letter.exchange not in (EVENTS, CHANNELS, AGENTS, DEFAULT_EXCHANGE):
        return Unfit(f"{letter.sender} may not write to {letter.exchange or 'a queue'}")
    if letter.type == SHOWN_ONCE and letter.exchange != EVENTS:
        return Unfit("its secret is not stored; the channel gets it by sending its command again with the same id")
    return Replay("administrator", letter.exchange, letter.routing_key, properties)


def _properties(letter: Letter) -> dict[str, Any]:
    """As it was sent: its id, its type, what it answers or wants answered where, and its sender.

    A message without an id of AMQP's is a good one, but its copy had to have one: what is not the event's own is left
    out, lest the desk refuse the message for it. A direct reply-to ended with the connection that waited there.
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
        return f"It may be harmless: {letter.died_in} lost its consumers while they held it. Once they run, {again}."
    if _event_id(letter) is None:
        return "No service can read it. Replayed, it would come back here. Have its sender correct it, and drop it."
    return f"{letter.died_in.partition('.')[0]} failed on it. When the cause is repaired, {again}."


REPLAYERS: Mapping[str, str] = {"operator": "AMQP_OPERATOR", "administrator": "AMQP_ADMIN"}
"""The setting with the address of who publishes."""
