"""Records a change of a ticket: its version, its history entry, its one event, and what its agent hears.

Every version has exactly one event, which carries the ticket and the entry. The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from msgspec.structs import replace as altered

from contracts import snapshot as wire
from contracts.names import AGENTS, EVENTS
from contracts.snapshot import Author, EntryDetails, Snapshot, TicketAgent, Visibility
from contracts.tickets import AssignedToAgent, DraftFiled, LostAgent, Reply, Submit, TicketEvent
from services.chassis.decision import Decision, Message, Say, derived_id
from services.intake.domain import answers
from services.intake.domain.values.history import PLAIN, Entry, entry_data, size
from services.intake.domain.values.ticket import Ticket, TicketWritten, snapshot


class Announcing(Protocol):
    """Makes the data of a ticket's event: a payload's class, or a `partial` of one that has more."""

    def __call__(self, *, ticket: Snapshot, entry: wire.Entry) -> TicketEvent:
        """The event's data."""


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
    details: EntryDetails = PLAIN,
    announcing: Announcing = TicketEvent,
    id_: str | None = None,
) -> Decision:
    """The decision that `ticket`, changed at `now` to its next version, stands and is announced as `event`.

    The entry's kind is the event's name without `ticket.`. `details` go into the entry; `announcing` makes the event's
    data. `id_`: the entry's id, where a message makes a second entry. The caller adds the answer.
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
        details=details,
    )
    return announced(replace(ticket, history_size=entry.offset + size(entry)), entry, event, announcing)


def announced(ticket: Ticket, entry: Entry, event: str, announcing: Announcing = TicketEvent) -> Decision:
    """The decision that `ticket` stands, its `history_size` with the `entry` of its version, and is announced."""
    data = announcing(ticket=snapshot(ticket), entry=entry_data(entry))
    return Decision([TicketWritten(ticket, entry)], [Say(EVENTS, event, event, data, ticket.number)])


def told(decision: Decision) -> TicketEvent:
    """The data of the decision's event about a ticket."""
    data = decision.said[0].data
    assert isinstance(data, TicketEvent), "the first thing said of a change is its event"
    return data


def as_it_stands(decision: Decision) -> Snapshot:
    """The snapshot that the decision's event carries."""
    return told(decision).ticket


def accepting(decision: Decision) -> Decision:
    """The same decision, answered `command.accepted` with the ticket as it stands."""
    return replace(decision, answer=answers.accepted(as_it_stands(decision)))


def telling_agent(decision: Decision, agent: TicketAgent | None, type_: str) -> Decision:
    """The same decision, with the event's data to `agent` too, if there is one."""
    return decision if agent is None else replace(decision, said=[*decision.said, _to(agent, type_, told(decision))])


def handing_over(decision: Decision, agent: TicketAgent, history: Sequence[wire.Entry], *, truncated: bool) -> Decision:
    """The same decision, with `ticket.assigned` and the conversation so far to the agent who gets the ticket."""
    event = told(decision)
    assigned = AssignedToAgent(
        ticket=event.ticket,
        entry=event.entry,
        previous_agent=event.previous_agent if isinstance(event, LostAgent) else None,
        history=history,
        truncated=truncated,
    )
    return replace(decision, said=[*decision.said, _to(agent, "ticket.assigned", assigned)])


def _to(agent: TicketAgent, type_: str, data: TicketEvent) -> Say:
    return Say(AGENTS, f"agent.{agent.id}.{type_}", type_, data, data.ticket.number)


def naming_draft(decision: Decision, message: Message[Submit] | Message[Reply], now: datetime) -> Decision:
    """The same decision. If the message came from a draft and to a ticket, the ticket's event names the draft, and
    `draft.filed` tells of it. Nothing keeps it: it leaves with what is said."""
    draft = message.data.draft
    if draft is None or not any(isinstance(change, TicketWritten) for change in decision.changes):
        return decision
    event, *others = decision.said
    named = replace(event, data=altered(told(decision), draft=draft))
    filed = Say(EVENTS, "draft.filed", "draft.filed", DraftFiled(channel=message.sender, draft=draft, at=now))
    return replace(decision, said=[named, *others, filed])


def and_then(decision: Decision, other: Decision) -> Decision:
    """Both decisions, with the answer of the first."""
    return replace(
        decision,
        changes=[*decision.changes, *other.changes],
        said=[*decision.said, *other.said],
        timers=[*decision.timers, *other.timers],
    )
