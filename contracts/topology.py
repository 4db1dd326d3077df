"""Exchanges, queues, routing keys and broker users, as plain data: the one source for declarations and permissions."""

from __future__ import annotations

from contracts.names import (
    AGENTS,
    CHANNELS,
    DEAD,
    DESK,
    EVENT_LOG,
    EVENTS,
    INTAKE,
    ROUTING_OUTCOMES,
    SERVICES,
)
from contracts.registry import BUILT

__all__ = [
    "AGENTS",
    "BUILT",
    "CHANNELS",
    "DEAD",
    "DESK",
    "EVENTS",
    "EVENT_LOG",
    "INTAKE",
    "ROUTING_OUTCOMES",
    "SERVICES",
    "own_door",
]


def own_door(user: str) -> tuple[str, str] | None:
    """Where a sender hears back: (exchange, routing key prefix), or None for a service, which only has `reply_to`."""
    if user in SERVICES:
        return None
    return (AGENTS if user.startswith("agent.") else CHANNELS), user
