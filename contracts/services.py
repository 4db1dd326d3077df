"""The services of the desk, each declared once: its name, the queues that it reads, and what comes into them.

The rest derives from this, or is checked against it: broker users and their permissions, queues and bindings, databases
and their users, processes and health endpoints, the linter's boundaries between services. registry.py says which types
a service answers and sends, one line per type. docs/adding-a-service.md says how to add a service.
"""

from __future__ import annotations

from typing import Literal

from contracts.values import dataclass

Inlet = Literal["channels", "desk"]
"""Where commands come in: `helpdesk.intake` for channels, `helpdesk.desk` for agents, services and the operator."""


@dataclass(frozen=True, slots=True)
class OwnQueue:
    """A queue that only one service reads, and what comes into it. Its name begins with the service's name and a
    dot."""

    name: str
    commands: tuple[Inlet, ...] = ()
    """Commands that come in at these inlets and that the service answers, except those that another queue names."""
    named: tuple[str, ...] = ()
    """Commands by type, which come here and into no other queue of the service."""
    questions: bool = False
    """Questions to the service on `helpdesk.questions`."""
    events: tuple[str, ...] = ()
    """Events by type, or by pattern (`ticket.#`)."""
    replies: bool = False
    """The queue that the service names as `reply_to` in its own commands; it has no bindings."""
    unknown: bool = False
    """Commands that no service answers."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service. Its name is also that of its broker user and its folder in `services/`, and the end of its database's
    name (`<prefix>_<name>`)."""

    name: str
    queues: tuple[OwnQueue, ...]


DECLARED = (
    Service(
        "intake",
        (
            # A closing without a reply queues behind the replies that were sent earlier.
            OwnQueue("intake.commands", commands=("channels",), named=("ticket.auto_close",)),
            # A queue of its own, so that agents do not wait behind people's commands.
            OwnQueue("intake.desk", commands=("desk",)),
            # Routing's decisions hold only for seconds, so they wait behind nobody else's commands.
            OwnQueue("intake.assignments", named=("ticket.assign", "ticket.unassign")),
            OwnQueue("intake.unknown", unknown=True),
            OwnQueue("intake.questions", questions=True),
            OwnQueue(
                "intake.events",
                events=(
                    "sla.armed",
                    "agent.signed_on",
                    "agent.signed_off",
                    "agent.paused",
                    "agent.resumed",
                    "article.published",
                    "article.withdrawn",
                ),
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
                    "article.published",
                    "article.withdrawn",
                ),
            ),
        ),
    ),
    Service(
        "knowledge",
        (
            OwnQueue("knowledge.desk", commands=("desk",)),
            OwnQueue("knowledge.commands", commands=("channels",)),
            OwnQueue("knowledge.questions", questions=True),
            OwnQueue("knowledge.events", events=("draft.filed",)),
        ),
    ),
)
"""All services, in the order in which lists show them and processes start."""
