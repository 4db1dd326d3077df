"""Exchanges, queues, bindings and broker users, as plain data: the one source for declarations and permissions.

It declares nothing itself: `definitions` returns what RabbitMQ imports. permissions.py says what each user may do. The
page is docs/contracts.md.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from contracts.checking import faults
from contracts.names import (
    AGENT_PREFIX,
    AGENTS,
    CHANNELS,
    CONSOLE,
    DEAD,
    DESK,
    EVENT_LOG,
    EVENTS,
    INTAKE,
    LIVE,
    OPERATOR,
    QUESTIONS,
    RESERVED,
    SERVICES,
    role_of,
)
from contracts.permissions import access
from contracts.registry import INLETS, TYPES, MessageType
from contracts.services import DECLARED, OwnQueue, Service
from contracts.values import dataclass

__all__ = [
    "AGENTS",
    "CHANNELS",
    "CONSOLE",
    "DEAD",
    "DESK",
    "EVENTS",
    "EVENT_LOG",
    "EXCHANGES",
    "INTAKE",
    "LARGEST_TAKEN",
    "LIVE",
    "OPERATOR",
    "QUESTIONS",
    "QUEUES",
    "SERVICES",
    "Queue",
    "agent_queue",
    "channel_queue",
    "channels_with_our_names",
    "definitions",
    "own_door",
    "queues_of",
]

BY_TYPE: Mapping[str, str] = {INTAKE: f"{INTAKE}.types", DESK: f"{DESK}.types"}
"""The inner exchange of each exchange of commands, which passes everything on to it. Inner exchanges have the bindings
by type, and `UNKNOWN` as alternate exchange. That of the outer ones is `helpdesk.dead`, where nobody would answer."""

UNKNOWN = "helpdesk.unknown"
"""Commands of a type that no service here reads: intake answers them."""

ALTERNATES: Mapping[str, str] = {
    **dict.fromkeys((INTAKE, DESK, EVENTS, UNKNOWN), DEAD),
    **dict.fromkeys(BY_TYPE.values(), UNKNOWN),
}
"""Alternate exchanges. The other exchanges return an unroutable message, or drop it."""

EXCHANGES = (INTAKE, DESK, QUESTIONS, EVENTS, AGENTS, CHANNELS, LIVE, DEAD, *BY_TYPE.values(), UNKNOWN)
"""All topic and durable."""

LARGEST_TAKEN = 16 * 1024 * 1024
"""The largest message that the broker accepts, in bytes (its setting `max_message_size`). It is far above what services
accept, so that a service can tell the sender of a too large message, and low enough to keep in memory."""

DELIVERY_LIMIT = 100
"""A last resort, far above the five attempts that a service counts: when a consumer is killed, the broker counts an
attempt for every message that it held. With a limit of 5, the sixth kill would dead-letter 200 innocent messages."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue, its arguments, and its bindings: pairs of exchange and key."""

    name: str
    arguments: Mapping[str, Any]
    bindings: Sequence[tuple[str, str]] = ()


NOT_LOGGED = ("account.contact_changed", "account.preferences_changed")
"""Events with data that is erased with an account."""

ASKED_WITHIN = 5000
"""Milliseconds after which the broker drops a question that nobody has begun to answer: the asker has given up."""

MOST_QUESTIONS = 1000
"""How many questions may wait; then the oldest is dropped for the newest. A service answers about this many a second,
so answers stay fast in a flood."""


def _own_queue(service: Service, queue: OwnQueue) -> Queue:
    """The queue to declare. Whoever loses a question asks again, so a queue of questions dead-letters nothing."""
    arguments: Mapping[str, Any] = {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD,
        "x-dead-letter-routing-key": queue.name,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    if queue.questions:
        limits = {"x-message-ttl": ASKED_WITHIN, "x-max-length": MOST_QUESTIONS, "x-overflow": "drop-head"}
        arguments = {"x-queue-type": "quorum", **limits}
    return Queue(queue.name, arguments, tuple(_bindings(service, queue)))


def _bindings(service: Service, queue: OwnQueue) -> Iterator[tuple[str, str]]:
    elsewhere = {type_ for other in service.queues for type_ in other.named if other is not queue}
    inlets = {INLETS[inlet] for inlet in queue.commands}
    for each in _answered_by(service.name):
        if each.kind == "question" and queue.questions:
            yield from ((QUESTIONS, key) for key in sorted(each.keys))
        if each.kind == "command" and each.type not in elsewhere:
            for exchange in each.exchanges:
                if exchange in inlets or each.type in queue.named:
                    yield BY_TYPE[exchange], each.type
    yield from ((EVENTS, key) for key in queue.events)
    if queue.unknown:
        yield UNKNOWN, "#"


def _answered_by(service: str) -> list[MessageType]:
    return [each for each in TYPES.values() if each.answered_by == service]


QUEUES = (
    *(_own_queue(service, queue) for service in DECLARED for queue in service.queues),
    # Whoever looks at a dead letter returns it, and RabbitMQ 4 drops what came back 20 times from a queue without a
    # limit of its own.
    Queue(DEAD, {"x-queue-type": "quorum", "x-delivery-limit": 2**31 - 1}, ((DEAD, "#"),)),
    Queue(
        EVENT_LOG,
        # A stream deletes whole segments, when it begins the next one: small ones keep a quiet desk to the 30 days.
        {"x-queue-type": "stream", "x-max-age": "30D", "x-stream-max-segment-size-bytes": 4_000_000},
        # By name: data that is erased with an account must not stay in a log.
        tuple((EVENTS, each.type) for each in TYPES.values() if each.kind == "event" and each.type not in NOT_LOGGED),
    ),
)
"""The desk's own queues; `channel_queue` and `agent_queue` make those of channels and agents."""


def channel_queue(channel: str) -> Queue:
    """`<channel>.outcomes`, where a channel reads outcomes and messages."""
    return _mailbox(f"{channel}.outcomes", (CHANNELS, f"{channel}.#"), 100_000, 1024**3)


def channels_with_our_names(bindings: Iterable[Mapping[str, Any]]) -> list[str]:
    """Channels whose names a later release gave to services or users of its own.

    `bindings`: those of one vhost, as RabbitMQ's management API lists them. A channel is known by its mailbox.
    """
    mailboxes = {row["destination"] for row in bindings if row["source"] == CHANNELS}
    return sorted(name for name in RESERVED if f"{name}.outcomes" in mailboxes)


def agent_queue(agent_id: str) -> Queue:
    """`agent.<id>.inbox`, where an agent's tool reads."""
    user = AGENT_PREFIX + agent_id
    return _mailbox(f"{user}.inbox", (AGENTS, f"{user}.#"), 10_000, 128 * 1024**2)


def _mailbox(name: str, binding: tuple[str, str], messages: int, size: int) -> Queue:
    """A queue whose reader is an outside program, which may be away for good.

    A quorum queue, so that an outcome survives the loss of the node that took it. When full, it drops its oldest
    message: if it refused instead, one absent reader would hold up the services that write to all.
    """
    limits = {"x-max-length": messages, "x-max-length-bytes": size, "x-overflow": "drop-head"}
    return Queue(name, {"x-queue-type": "quorum", **limits}, (binding,))


def queues_of(service: str) -> tuple[str, ...]:
    """The names of the queues that a service reads."""
    return tuple(queue.name for declared in DECLARED if declared.name == service for queue in declared.queues)


def own_door(user: str) -> tuple[str, str] | None:
    """Where a sender gets outcomes: (exchange, routing key prefix). None for a service and the operator, who only have
    `reply_to`."""
    if user in SERVICES or user == OPERATOR:
        return None
    return (AGENTS if user.startswith(AGENT_PREFIX) else CHANNELS), user


def definitions(
    vhost: str, users: Mapping[str, str], channels: Iterable[str] = (), agents: Iterable[str] = ()
) -> dict[str, Any]:
    """The desk's topology in the format of RabbitMQ's definitions import.

    `users`: passwords by broker user; the import creates them with the permissions of their roles. `channels` and
    `agents` (names and ids): whose queues to declare, with or without a user. Raises ValueError for a name that no
    user, channel or agent can have, and for wrongly declared services. Password hashes get a new salt at each call.
    """
    if wrong := faults(DECLARED, TYPES.values()):
        raise ValueError(wrong[0])
    queues = [*QUEUES]
    for channel in channels:
        if role_of(channel) != "channel":
            raise ValueError(f"{channel!r} is no name for a channel")
        queues.append(channel_queue(channel))
    for agent in agents:
        if role_of(AGENT_PREFIX + agent) != "agent":
            raise ValueError(f"{agent!r} is no id for an agent")
        queues.append(agent_queue(agent))
    allowed = {user: access(user) for user in users}
    return {
        "vhosts": [{"name": vhost}],
        "users": [
            {
                "name": user,
                "password_hash": _password_hash(users[user]),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": list(may.tags),
            }
            for user, may in allowed.items()
        ],
        "permissions": [
            {"user": user, "vhost": vhost, "configure": may.configure, "write": may.write, "read": may.read}
            for user, may in allowed.items()
        ],
        "topic_permissions": [
            {"user": user, "vhost": vhost, "exchange": exchange, "write": topic.write, "read": topic.read}
            for user, may in allowed.items()
            for exchange, topic in may.topics.items()
        ],
        "exchanges": [
            {
                "name": name,
                "vhost": vhost,
                "type": "topic",
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": {"alternate-exchange": ALTERNATES[name]} if name in ALTERNATES else {},
            }
            for name in EXCHANGES
        ],
        "queues": [
            {
                "name": queue.name,
                "vhost": vhost,
                "durable": True,
                "auto_delete": False,
                "arguments": dict(queue.arguments),
            }
            for queue in queues
        ],
        "bindings": [
            *(_binding(vhost, source, key, "queue", queue.name) for queue in queues for source, key in queue.bindings),
            *(_binding(vhost, outer, "#", "exchange", inner) for outer, inner in BY_TYPE.items()),
        ],
    }


def _binding(vhost: str, source: str, key: str, kind: str, destination: str) -> dict[str, Any]:
    return {
        "source": source,
        "vhost": vhost,
        "destination": destination,
        "destination_type": kind,
        "routing_key": key,
        "arguments": {},
    }


def _password_hash(password: str) -> str:
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
