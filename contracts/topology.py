"""Exchanges, queues, routing keys and broker users, as plain data: the one source for declarations and permissions."""

from __future__ import annotations

from contracts.names import SERVICES

INTAKE = "helpdesk.intake"
DESK = "helpdesk.desk"
EVENTS = "helpdesk.events"
AGENTS = "helpdesk.agents"
CHANNELS = "helpdesk.channels"
DEAD = "helpdesk.dead"
EVENT_LOG = "helpdesk.events.log"
ROUTING_OUTCOMES = "routing.outcomes"


def own_door(user: str) -> tuple[str, str] | None:
    """Where a sender hears back: (exchange, routing key prefix), or None for a service, which only has `reply_to`."""
    if user in SERVICES:
        return None
    return (AGENTS if user.startswith("agent.") else CHANNELS), user
