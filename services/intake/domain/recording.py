"""How a change of a ticket is told: its version, its history entry, its one event, and what its agent hears.

Every version has exactly one event, which carries the ticket and the entry. The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from contracts import topology
from services.chassis.decision import Decision, Message, Say, derived_id
from services.intake.domain import answers
from services.intake.domain.history import Author, Entry, Visibility, entry_data, size
from services.intake.domain.requesters import Contact
from services.intake.domain.state import TicketWritten
from services.intake.domain.tickets import Agent, Ticket, snapshot


def entry_id(message: Message[Any]) -> str:
    """The id of the history entry that a message makes, in the history of the ticket that it is about."""
    return derived_id("entry", message.key)


def recorded(
    message: Message[Any],
    ticket: Ticket,
    event: str,
    author: Author,
    text: str,
    now: datetime,
    *,
    visibility: Visibility = "public",
    details: Mapping[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
    id_: str | None = None,
) -> Decision:
    """The decision that `ticket`, changed at `now` to its next version, stands and is announced as `event`.

    The entry's kind is the event's name without `ticket.`; `details` go into the entry, `more` stands beside it. `id_`
    is the entry's, where a message makes a second one. The answer is the caller's.
    """
    entry = Entry(
        id=id_ or entry_id(message),
        ticket_id=ticket.id,
        version=ticket.version,
        kind=event.removeprefix("ticket."),
        author=author,
        visibility=visibility,
        text=text,
        at=now,
        offset=ticket.history_size,
        details=details or {},
    )
    return announced(replace(ticket, history_size=entry.offset + size(entry)), entry, event, more)


def announced(ticket: Ticket, entry: Entry, event: str, more: Mapping[str, Any] | None = None) -> Decision:
    """The decision that `ticket` stands, its `history_size` with the `entry` of its version, and is announced."""
    data = {"ticket": snapshot(ticket), "entry": entry_data(entry), **(more or {})}
    return Decision([TicketWritten(ticket, entry)], [Say(topology.EVENTS, event, event, data, ticket.number)])


def as_it_stands(decision: Decision) -> dict[str, Any]:
    """The snapshot that the decision's event carries."""
    stands: dict[str, Any] = decision.said[0].data["ticket"]
    return stands


def accepting(decision: Decision) -> Decision:
    """The same decision, answered `command.accepted` with the ticket as it stands."""
    return replace(decision, answer=answers.accepted(as_it_stands(decision)))


def telling_agent(decision: Decision, agent: Agent | None, type_: str, **more: Any) -> Decision:
    """The same decision, told to `agent` too (if there is one): the ticket, the entry and `more`."""
    if agent is None:
        return decision
    event = decision.said[0]
    say = Say(topology.AGENTS, f"agent.{agent.id}.{type_}", type_, {**event.data, **more}, event.subject)
    return replace(decision, said=[*decision.said, say])


def and_then(decision: Decision, other: Decision) -> Decision:
    """Both decisions, the first one's answer."""
    return replace(
        decision,
        changes=[*decision.changes, *other.changes],
        said=[*decision.said, *other.said],
        timers=[*decision.timers, *other.timers],
    )


def with_contact(decision: Decision, contact: Contact) -> Decision:
    """The same decision, with what the requester's address changes."""
    if not contact.changes and not contact.said:
        return decision
    return and_then(decision, Decision(contact.changes, contact.said))
