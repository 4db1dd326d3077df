"""Puts the topology into the broker: vhost, exchanges, queues, bindings, users and their permissions.

What there is to put comes from `contracts/topology.py` alone; this module adds passwords. The page is
docs/local-stack.md.
"""

from __future__ import annotations

from contracts import topology
from contracts.names import AGENT_PREFIX, OPERATOR, SERVICES
from deploy.local.rabbitmq import ADMIN, Broker

CHANNELS = ("web", "game", "mail", "partner")
AGENTS = tuple(f"a{number}" for number in range(1, 13))
"""The channels and agents of the demo, and of the tests."""

USERS = (*SERVICES, OPERATOR, *CHANNELS, *(AGENT_PREFIX + agent for agent in AGENTS))


def provision(broker: Broker, vhost: str) -> None:
    """Import the topology into `vhost`, made if need be. Again is harmless, and brings in what is new."""
    management = broker.management
    management.put(f"/vhosts/{vhost}", {})
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    management.put(f"/permissions/{vhost}/{ADMIN}", everything)
    passwords = {user: broker.password(user) for user in USERS}
    management.post("/definitions", topology.definitions(vhost, passwords, CHANNELS, AGENTS))
