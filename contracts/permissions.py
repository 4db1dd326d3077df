"""What each broker user may do, derived from the registry: which queues they own, which types they may write where.

RabbitMQ checks an operation on a queue or exchange against three patterns (configure, write, read), and the routing key
on a topic exchange against two more (write: publishing; read: binding). Every pattern is a list of what is allowed,
never a lookahead of what is not: a binding key with `#` would pass a lookahead. The page is docs/contracts.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field, replace

from contracts.names import (
    AGENT_PREFIX,
    AGENTS,
    CHANNELS,
    CONSOLE,
    DEAD,
    DESK,
    EVENT_LOG,
    EVENTS,
    HELPCENTER,
    INTAKE,
    LIVE,
    NAME_PATTERN,
    OPERATOR,
    QUESTIONS,
    SERVICES,
    role_of,
)
from contracts.registry import STAFF, TYPES, Kind, Sender
from contracts.values import dataclass

NOTHING = "^$"
DEFAULT_EXCHANGE = "amq.default"
"""RabbitMQ's name, in permissions, of the exchange that routes replies by queue name."""


@dataclass(frozen=True, slots=True)
class Topic:
    """Routing keys that a user may publish with (`write`) and bind with (`read`) on one topic exchange."""

    write: str = NOTHING
    read: str = NOTHING


@dataclass(frozen=True, slots=True)
class Access:
    """All that one broker user may do, as RabbitMQ's regular expressions; `topics` by exchange."""

    configure: str = NOTHING
    write: str = NOTHING
    read: str = NOTHING
    topics: Mapping[str, Topic] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


def access(user: str) -> Access:
    """What a broker user may do: a service, a channel, an agent, the console or the operator.

    Raises ValueError for any other name.
    """
    if user == CONSOLE:
        return _console()
    if user == OPERATOR:
        return _operator()
    if user in SERVICES:
        return _service(user)
    match role_of(user):
        case "channel":
            may = _outsider(user, INTAKE, "channel", CHANNELS)
            return _hearing_changes(may) if user == HELPCENTER else may
        case "agent":
            return _outsider(user, DESK, "agent", AGENTS)
    raise ValueError(f"{user!r} is no name for a broker user")


def _outsider(user: str, door: str, role: Sender, home: str, read: str | None = None) -> Access:
    """An outsider: queues with their name, their role's types at the door, their own keys at `home`."""
    own = f"{re.escape(user)}\\."
    return Access(
        configure=f"^{own}",
        # Binding a queue is writing to it.
        write=f"^(?:(?:{_any([door, QUESTIONS])})$|{own})",
        read=f"^(?:{re.escape(home)}$|{own})",
        topics={
            door: Topic(write=_exactly(_types(["command"], role))),
            QUESTIONS: Topic(write=_exactly(_questions(role))),
            home: Topic(read=read or f"^{own}"),
        },
    )


def _hearing_changes(may: Access) -> Access:
    """The same, and it may bind its queues to what changes on `helpdesk.live`."""
    changed = Topic(read=f"^(?:{_any(_types(['live_message'], 'intake'))})\\.")
    read = f"^{re.escape(LIVE)}$|{may.read}"
    return replace(may, read=read, topics={**may.topics, LIVE: changed})


def _console() -> Access:
    """A web console acts for the agents that it has authenticated: it writes what they may write, and hears what they
    hear."""
    agents = _outsider(CONSOLE, DESK, "agent", AGENTS, read=f"^{re.escape(AGENT_PREFIX)}")
    return Access(agents.configure, agents.write, agents.read, agents.topics, ("impersonator",))


def _operator() -> Access:
    """Sends commands and asks questions of its own, replays dead commands in their senders' names, and may follow the
    events, except those about people."""
    own = f"{re.escape(OPERATOR)}\\."
    commands = {
        door: {each.type for each in TYPES.values() if each.kind == "command" and door in each.exchanges}
        for door in (INTAKE, DESK)
    }
    return Access(
        configure=f"^{own}",
        write=f"^(?:(?:{_any([INTAKE, DESK, QUESTIONS])})$|{own})",
        read=f"^(?:(?:{_any([EVENTS, EVENT_LOG, DEAD])})$|{own})",
        topics={
            INTAKE: Topic(write=_exactly(commands[INTAKE])),
            DESK: Topic(write=_exactly(commands[DESK])),
            QUESTIONS: Topic(write=_exactly(_questions("operator"))),
            EVENTS: Topic(read=f"^(?:{_any(_followed())})\\."),
            DEAD: Topic(read="^"),
        },
        tags=("impersonator",),
    )


def _service(service: str) -> Access:
    """A service reads its own queues and publishes the types that the registry gives it; it declares and binds
    nothing."""
    topics: dict[str, Topic] = {DEAD: Topic(write="^")}
    for exchange, prefix in _PREFIXES.items():
        types = _types(_KINDS[exchange], service)
        if types:
            topics[exchange] = Topic(write=f"^{prefix}(?:{_any(types)}){_SUFFIXES.get(exchange, '')}$")
    if questions := _questions(service):
        topics[QUESTIONS] = Topic(write=_exactly(questions))
    return Access(
        write=_exactly([*topics, DEFAULT_EXCHANGE]),
        read=f"^{re.escape(service)}\\.",
        topics=topics,
    )


ABOUT_PEOPLE = frozenset({"account", "requester"})
"""Prefixes of events about people, not about the desk's work."""


def _followed() -> set[str]:
    """Prefixes of the events that the operator may follow."""
    return {each.type.partition(".")[0] for each in TYPES.values() if each.kind == "event"} - ABOUT_PEOPLE


_KINDS: Mapping[str, list[Kind]] = {
    DESK: ["command"],
    EVENTS: ["event"],
    AGENTS: ["outcome", "agent_message"],
    CHANNELS: ["outcome", "channel_message"],
    LIVE: ["live_message"],
}
_PREFIXES = {
    DESK: "",
    EVENTS: "",
    AGENTS: f"{re.escape(AGENT_PREFIX)}{NAME_PATTERN}\\.",
    CHANNELS: f"{NAME_PATTERN}\\.",
    LIVE: "",
}
_SUFFIXES = {LIVE: "\\.[0-9]{8}"}
"""A live message's routing key ends with the number of the ticket."""


def _questions(sender: Sender) -> set[str]:
    """The routing keys of the questions that the sender may ask."""
    asked = [each for each in TYPES.values() if each.kind == "question" and sender in each.senders]
    return {STAFF + each.type if sender == "agent" else each.type for each in asked}


def _types(kinds: Iterable[Kind], sender: Sender) -> set[str]:
    return {each.type for each in TYPES.values() if each.kind in kinds and sender in each.senders}


def _exactly(names: Iterable[str]) -> str:
    return f"^(?:{_any(names)})$"


def _any(names: Iterable[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names))
