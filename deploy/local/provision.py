"""The channels, agents and other users of a local stack; applies the topology for them.

`deploy/provision/topology.py` does the work. The page is docs/local-stack.md.
"""

from __future__ import annotations

from contracts.names import AGENT_PREFIX, HELPCENTER, OPERATOR, SERVICES
from deploy.local.rabbitmq import Broker
from deploy.provision.topology import apply
from deploy.trouble import Trouble

CHANNELS = ("web", "game", "mail", "partner", HELPCENTER)
AGENTS = tuple(f"a{number}" for number in range(1, 13))
"""The channels and agents of the demo, and of the tests."""

USERS = (*SERVICES, OPERATOR, *CHANNELS, *(AGENT_PREFIX + agent for agent in AGENTS))


def provision(broker: Broker, vhost: str) -> None:
    """Apply the topology to `vhost`, created if necessary. Running it again is harmless, and adds what is new. Raises:
    Trouble."""
    passwords = {user: broker.password(user) for user in USERS}
    try:
        apply(broker.management, vhost, passwords)
    except ValueError as error:  # a service is declared wrongly
        raise Trouble(str(error)) from error
