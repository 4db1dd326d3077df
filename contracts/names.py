"""Names: the exchanges, and who may have which name on the broker.

A channel `web` is the broker user `web`, an agent `a7` is `agent.a7`, a service `sla` is `sla`. The page is
docs/contracts.md.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from contracts.services import DECLARED

INTAKE = "helpdesk.intake"
DESK = "helpdesk.desk"
QUESTIONS = "helpdesk.questions"
EVENTS = "helpdesk.events"
AGENTS = "helpdesk.agents"
CHANNELS = "helpdesk.channels"
LIVE = "helpdesk.live"
DEAD = "helpdesk.dead"
EVENT_LOG = "helpdesk.events.log"
ROUTING_OUTCOMES = "routing.outcomes"

Role = Literal["service", "channel", "agent", "operator"]

SERVICES = tuple(service.name for service in DECLARED)
"""The names of all services."""

NAME_PATTERN = "[a-z0-9][a-z0-9-]{0,31}"
"""Channel names and agent ids (the wire contract's own pattern)."""

CONSOLE = "console"
"""Broker user of a service that has authenticated agents itself, and acts for them."""
OPERATOR = "operator"
"""Broker user of whoever runs the desk: sends commands of its own, and replays dead ones in their senders' names."""

HELPCENTER = "helpcenter"
"""The channel of the help center's pages: the one channel that hears of changes on `helpdesk.live`."""

RESERVED = frozenset({*SERVICES, "agent", "amq", "helpdesk", CONSOLE, OPERATOR})
"""No channel may have these names. We add the last three: queues of such a channel would look like the desk's own."""

AGENT_PREFIX = "agent."

_is_name = re.compile(NAME_PATTERN).fullmatch
_FOLDER: dict[Role, str] = {
    "service": "/services/",
    "channel": "/channels/",
    "agent": "/agents/",
    "operator": "/operators/",
}


def is_name(name: str) -> bool:
    """Whether a channel or an agent could have this name (reserved names are well-formed too)."""
    return _is_name(name) is not None


@lru_cache(maxsize=4096)  # asked several times for each message
def role_of(user: str) -> Role | None:
    """The role that a broker user name stands for; None for a name that no sender can have.

    Also None: a reserved name that is no service, a malformed name, and users without a role on the bus. RabbitMQ's
    impersonator tag lets a user claim any name, so services check a claimed name with this.
    """
    if user in SERVICES:
        return "service"
    if user == OPERATOR:
        return "operator"
    if user.startswith(AGENT_PREFIX):
        return "agent" if is_name(user.removeprefix(AGENT_PREFIX)) else None
    return "channel" if is_name(user) and user not in RESERVED else None


def source_of(user: str) -> str | None:
    """The CloudEvents `source` that a broker user must write (`web` → `/channels/web`); None without a role."""
    role = role_of(user)
    return None if role is None else _FOLDER[role] + user.removeprefix(AGENT_PREFIX)


def source_agrees(source: str, user: str) -> bool:
    """Whether a message's `source` is that of the broker user who sent it."""
    return source == source_of(user)
