"""Exchanges, queues, bindings and broker users, as plain data: the one source for declarations and permissions.

Declares nothing itself: `definitions` gives what RabbitMQ imports. What each user may do is in permissions.py. The
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
    OPERATOR,
    QUESTIONS,
    RESERVED,
    SERVICES,
    role_of,
)
from contracts.permissions import access
from contracts.registry import DOORS, TYPES, MessageType
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
"""Where all goes on to that comes to an exchange of commands. These inner exchanges have the bindings by type, and what
none of them takes goes on to `UNKNOWN`: the outer ones have `helpdesk.dead` for that, where nobody would answer it."""

UNKNOWN = "helpdesk.unknown"
"""Commands of a type that no service here reads: intake answers them."""

ALTERNATES: Mapping[str, str] = {
    **dict.fromkeys((INTAKE, DESK, EVENTS, UNKNOWN), DEAD),
    **dict.fromkeys(BY_TYPE.values(), UNKNOWN),
}
"""Where an exchange sends what none of its bindings takes; the others send it back, or drop it."""

EXCHANGES = (INTAKE, DESK, QUESTIONS, EVENTS, AGENTS, CHANNELS, DEAD, *BY_TYPE.values(), UNKNOWN)
"""All topic and durable."""

LARGEST_TAKEN = 16 * 1024 * 1024
"""Bytes of a message that the broker takes (its setting `max_message_size`); far above what services take, so that
the sender of one that is too large for them hears so, and below what would be too large to hold."""

DELIVERY_LIMIT = 100
"""A last resort: each kill of a consumer counts for all that it held (hard-cases, "Messages")."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue, what it is declared with, and its bindings: pairs of exchange and key."""

    name: str
    arguments: Mapping[str, Any]
    bindings: Sequence[tuple[str, str]] = ()


NOT_LOGGED = ("account.contact_changed", "account.preferences_changed")
"""Events of what is erased with an account."""

ASKED_WITHIN = 5000
"""Milliseconds after which a question is dropped that nobody has begun to answer: who asked has given up."""

MOST_QUESTIONS = 1000
"""Questions that wait at most; the oldest is dropped for the newest. In a flood those that are answered are answered
soon: a service answers about this many a second."""


def _own_queue(service: Service, queue: OwnQueue) -> Queue:
    """As it is made. A question that is lost is asked again, so the queue for them takes no dead letters."""
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
    doors = {DOORS[door] for door in queue.commands}
    for each in _answered_by(service.name):
        if each.kind == "question" and queue.questions:
            yield from ((QUESTIONS, key) for key in sorted(each.keys))
        if each.kind == "command" and each.type not in elsewhere:
            for exchange in each.exchanges:
                if exchange in doors or each.type in queue.named:
                    yield BY_TYPE[exchange], each.type
    yield from ((EVENTS, key) for key in queue.events)
    if queue.unknown:
        yield UNKNOWN, "#"


def _answered_by(service: str) -> list[MessageType]:
    return [each for each in TYPES.values() if each.answered_by == service]


QUEUES = (
    *(_own_queue(service, queue) for service in DECLARED for queue in service.queues),
    # Whoever looks at a dead letter gives it back: from RabbitMQ 4 on a queue without a limit of its own forgets what
    # came back 20 times.
    Queue(DEAD, {"x-queue-type": "quorum", "x-delivery-limit": 2**31 - 1}, ((DEAD, "#"),)),
    Queue(
        EVENT_LOG,
        # A stream forgets by whole segments, when it begins the next one: small ones keep a quiet desk to its term.
        {"x-queue-type": "stream", "x-max-age": "30D", "x-stream-max-segment-size-bytes": 4_000_000},
        # By name: what is erased with an account must not stay in a log.
        tuple((EVENTS, each.type) for each in TYPES.values() if each.kind == "event" and each.type not in NOT_LOGGED),
    ),
)
"""The desk's own queues; those of channels and agents come from `channel_queue` and `agent_queue`."""


def channel_queue(channel: str) -> Queue:
    """`<channel>.outcomes`, where a channel reads what it hears back."""
    return _mailbox(f"{channel}.outcomes", (CHANNELS, f"{channel}.#"), 100_000, 1024**3)


def channels_with_our_names(bindings: Iterable[Mapping[str, Any]]) -> list[str]:
    """Channels that were named before a release took their name for a service or a user of its own.

    `bindings`: those of one vhost, as RabbitMQ's management API lists them. A channel is known by its mailbox.
    """
    mailboxes = {row["destination"] for row in bindings if row["source"] == CHANNELS}
    return sorted(name for name in RESERVED if f"{name}.outcomes" in mailboxes)


def agent_queue(agent_id: str) -> Queue:
    """`agent.<id>.inbox`, where an agent's tool reads."""
    user = AGENT_PREFIX + agent_id
    return _mailbox(f"{user}.inbox", (AGENTS, f"{user}.#"), 10_000, 128 * 1024**2)


def _mailbox(name: str, binding: tuple[str, str], messages: int, size: int) -> Queue:
    """A queue whose reader is somebody else's program, that may be away for good.

    Quorum, so that an outcome outlives the node that took it. Full, it drops its oldest: refusing instead would make
    one absent reader hold up the services that write to all.
    """
    limits = {"x-max-length": messages, "x-max-length-bytes": size, "x-overflow": "drop-head"}
    return Queue(name, {"x-queue-type": "quorum", **limits}, (binding,))


def queues_of(service: str) -> tuple[str, ...]:
    """Names of the queues that a service reads."""
    return tuple(queue.name for declared in DECLARED if declared.name == service for queue in declared.queues)


def own_door(user: str) -> tuple[str, str] | None:
    """Where a sender hears back: (exchange, routing key prefix), or None for a service and the operator, who only have
    `reply_to`."""
    if user in SERVICES or user == OPERATOR:
        return None
    return (AGENTS if user.startswith(AGENT_PREFIX) else CHANNELS), user


def definitions(
    vhost: str, users: Mapping[str, str], channels: Iterable[str] = (), agents: Iterable[str] = ()
) -> dict[str, Any]:
    """Everything that the broker holds, in the format of RabbitMQ's definitions import.

    `users`: passwords by broker user; whoever is in it is made with the permissions of their role. `channels` and
    `agents` (names and ids): whose queues are declared, with a user or without one yet. Raises ValueError for a name
    that no user, channel or agent can have, and for services that are declared wrongly. Password hashes get a new salt
    at each call.
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
