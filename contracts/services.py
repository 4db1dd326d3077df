"""The services of the desk, each declared once: its name, the queues that it reads, and what comes into them.

The rest follows from this, or is checked against it: broker users and what they may do, queues and bindings, databases
and their users, processes and health endpoints, the linter's walls between services. Which types of message a service
answers and sends is in registry.py, where each type has one line. How to add a service is on docs/adding-a-service.md.
"""

from __future__ import annotations

from typing import Literal

from contracts.values import dataclass

Door = Literal["channels", "desk"]
"""Where commands come in: `helpdesk.intake` for channels, `helpdesk.desk` for agents, services and the operator."""


@dataclass(frozen=True, slots=True)
class OwnQueue:
    """A queue that a service alone reads, and what comes into it; its name begins with the service's and a dot."""

    name: str
    commands: tuple[Door, ...] = ()
    """Commands that come in at these doors and that the service answers, but for those that another queue names."""
    named: tuple[str, ...] = ()
    """Commands by type, that come here and into no other queue of the service."""
    questions: bool = False
    """What the service is asked on `helpdesk.questions`."""
    events: tuple[str, ...] = ()
    """Events by type, or by pattern (`ticket.#`)."""
    replies: bool = False
    """What the service names as `reply_to` in commands of its own: nothing is bound to it."""
    unknown: bool = False
    """Commands that no service answers."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service: also the name of its user at the broker, its folder in `services/`, and the end of its database's
    name (`<prefix>_<name>`)."""

    name: str
    queues: tuple[OwnQueue, ...]


DECLARED = (
    Service(
        "intake",
        (
            # What closes a ticket for want of a reply goes behind the replies that were sent before.
            OwnQueue("intake.commands", commands=("channels",), named=("ticket.auto_close",)),
            # Of its own, so that agents do not wait behind whatever people have sent.
            OwnQueue("intake.desk", commands=("desk",)),
            # What routing decided holds for seconds only, so it waits behind nobody else's commands.
            OwnQueue("intake.assignments", named=("ticket.assign", "ticket.unassign")),
            OwnQueue("intake.unknown", unknown=True),
            OwnQueue("intake.questions", questions=True),
            OwnQueue(
                "intake.events",
                events=("sla.armed", "agent.signed_on", "agent.signed_off", "agent.paused", "agent.resumed"),
            ),
        ),
    ),
    Service(
        "routing",
        (
            OwnQueue("routing.commands", commands=("desk",)),
            OwnQueue("routing.events", events=("ticket.#",)),
            OwnQueue("routing.outcomes", replies=True),
        ),
    ),
    Service("sla", (OwnQueue("sla.events", events=("ticket.#",)),)),
    Service(
        "notifications",
        (
            OwnQueue("notifications.commands", commands=("desk",)),
            OwnQueue(
                "notifications.events",
                events=(
                    "ticket.#",
                    "account.contact_changed",
                    "account.preferences_changed",
                    "account.erased",
                    "sla.warning",
                    "sla.breached",
                    "sla.closing_soon",
                ),
            ),
        ),
    ),
)
"""All services, in the order in which they are listed and started."""
