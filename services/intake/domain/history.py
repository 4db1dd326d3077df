"""A ticket's history: append-only, one entry for each version, with who, when and what was written.

Where entries are kept is the repository's business. The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import orjson

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
    `changed`, `granted`, `to_number`; and its `attachments`, where there are any."""


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
