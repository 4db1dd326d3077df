"""A ticket's history: append-only, one entry for each version, with who, when and what was written.

Where entries are kept is the repository's business. The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any, Literal

import orjson

from contracts.values import dataclass
from services.intake.domain.tickets import Agent, Requester, fields_of

Visibility = Literal["public", "internal"]


@dataclass(frozen=True, slots=True)
class Author:
    """Who did it. `id` is the account's, the agent's, the moderator's, or the service's name."""

    kind: Literal["requester", "agent", "moderator", "service"]
    id: str
    display_name: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What one version of a ticket brought. `offset` is the size in bytes of the history before it."""

    id: str
    ticket_id: str
    version: int
    kind: str
    author: Author
    visibility: Visibility
    text: str
    at: datetime
    offset: int
    details: Mapping[str, Any] = field(default_factory=dict)
    """Optional fields of the wire's entry: `fields` (answers to a category's questions), `refers_to`, `articles`,
    `changed`, `granted`, `to_number`, `automatic`; and its `attachments`, where there are any."""


def requester_as_author(requester: Requester) -> Author:
    """The requester of a ticket, by the name that the ticket keeps."""
    return Author("requester", requester.id, requester.display_name)


def agent_as_author(agent: Agent) -> Author:
    """An agent, by the name that they have now."""
    return Author("agent", agent.id, agent.display_name)


def entry_data(entry: Entry) -> dict[str, Any]:
    """The entry as the wire carries it. Internal ones never go to channels."""
    return {
        "id": entry.id,
        "kind": entry.kind,
        "author": fields_of(entry.author),
        "visibility": entry.visibility,
        "text": entry.text,
        "attachments": [],
        "at": entry.at,
        **entry.details,
    }


def change(old: Any, new: Any) -> dict[str, str | None]:
    """What a field of the ticket was and is, as the wire's `changed` has it: in words."""
    return {"old": None if old is None else str(old), "new": None if new is None else str(new)}


def size(entry: Entry) -> int:
    """Bytes that the entry takes in a message, the comma after it included."""
    return len(orjson.dumps(entry_data(entry), option=orjson.OPT_UTC_Z)) + 1


def within(entries: Sequence[Entry], limit: int) -> list[Entry]:
    """Those of a ticket's entries (in order) that fit into `limit` bytes: the opening, then the newest before older."""
    room = limit
    kept: list[Entry] = []
    for entry in [*entries[:1], *reversed(entries[1:])]:
        room -= size(entry)
        if room < 0:
            break
        kept.append(entry)
    return sorted(kept, key=lambda entry: entry.version)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a history without gaps, in order, but that the opening may stand before it.

    `before`: older entries than these are had by asking for those before this version; None: there are none. `after`:
    newer ones by asking for those after this version.
    """

    entries: Sequence[Entry]
    before: int | None = None
    after: int | None = None


def part(
    entries: Sequence[Entry],
    limit: int,
    newest: int,
    shows: Callable[[Entry], bool],
    *,
    before: int | None = None,
    after: int | None = None,
) -> Part:
    """The part of a history that fits into `limit` bytes: the newest entries before the version `before`, or the oldest
    after the version `after`; without either the opening and the newest.

    `entries` are those read of a ticket whose version is `newest`, in order; where they have a gap the part ends. Of
    them it has those that `shows` says may be seen; what it hides takes no room, and counts as passed.
    """
    by_version = {entry.version: entry for entry in entries}
    opening = by_version.get(1) if before is None and after is None else None
    kept = [] if opening is None or not shows(opening) else [opening]
    room = limit - sum(map(size, kept))
    step = 1 if after is not None else -1
    first = newest if before is None else min(before - 1, newest)
    place = first if after is None else after + 1
    while (entry := by_version.get(place)) is not None and entry is not opening:
        if shows(entry):
            room -= size(entry)
            if room < 0 and kept:
                break
            kept.append(entry)
        place += step
    kept.sort(key=lambda entry: entry.version)
    if after is not None:
        return Part(kept, min(after, newest) + 1 if after else None, place - 1 if place <= newest else None)
    lowest = 1 if opening is not None else 0
    return Part(kept, place + 1 if place > lowest else None, first if first < newest else None)
