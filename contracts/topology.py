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

BUILT = frozenset(
    {
        "account.open_temporary",
        "ticket.submit",
        "ticket.reply",
        "ticket.accept_solution",
        "ticket.list",
        "ticket.view",
        "ticket.ask_info",
        "ticket.suggest_solution",
        "ticket.close",
        "ticket.assign",
        "ticket.unassign",
        "ticket.auto_close",
        "agent.sign_on",
        "agent.heartbeat",
        "agent.sign_off",
    }
)
"""Commands that are answered; every other one of the contract is answered `command.rejected`, code `unsupported`."""


def own_door(user: str) -> tuple[str, str] | None:
    """Where a sender hears back: (exchange, routing key prefix), or None for a service, which only has `reply_to`."""
    if user in SERVICES:
        return None
    return (AGENTS if user.startswith("agent.") else CHANNELS), user
