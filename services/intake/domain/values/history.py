"""A ticket's history: append-only, one entry for each version, with who, when and what was written.

The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from contracts import snapshot as wire
from contracts.file_forms import AttachmentRef
from contracts.payload import encode
from contracts.snapshot import Author, Change, EntryDetails, TicketAgent, TicketRequester, Visibility
from contracts.values import dataclass

PLAIN = EntryDetails()
"""The details of an entry that has only its text."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one version of a ticket brought. `offset`: the size in bytes of the history before it."""

    id: str
    ticket_id: str
    version: int
    kind: str
    author: Author
    visibility: Visibility
    text: str
    at: datetime
    offset: int
    attachments: Sequence[AttachmentRef] = ()
    details: EntryDetails = PLAIN


def requester_as_author(requester: TicketRequester) -> Author:
    """The requester of a ticket, by the name that the ticket keeps."""
    return Author(kind="requester", id=requester.id, display_name=requester.display_name)


def agent_as_author(agent: TicketAgent) -> Author:
    """An agent, by the name that they have now."""
    return Author(kind="agent", id=agent.id, display_name=agent.display_name)


def service_as_author(name: str = "intake") -> Author:
    """A service of the desk."""
    return Author(kind="service", id=name, display_name=None)


def entry_data(entry: Entry) -> wire.Entry:
    """The entry as the wire carries it. Internal ones never go to channels."""
    return wire.Entry(
        id=entry.id,
        kind=entry.kind,
        author=entry.author,
        visibility=entry.visibility,
        text=entry.text,
        attachments=entry.attachments,
        at=entry.at,
        **{name: getattr(entry.details, name) for name in EntryDetails.__struct_fields__},
    )


def change(old: object, new: object) -> Change:
    """What a field of the ticket was and is, in words."""
    return Change(old=None if old is None else str(old), new=None if new is None else str(new))


def size(entry: Entry) -> int:
    """Bytes that the entry takes in a message, the comma after it included."""
    return len(encode(entry_data(entry))) + 1


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
    """A part of a history, in order and without gaps; only the opening may stand before it.

    `before`: to get older entries, ask for those before this version; None: there are no older ones. `after`: the same
    for newer entries, after this version.
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

    `entries`: those that were read of a ticket at version `newest`, in order; where they have a gap, the part ends. The
    part has those for which `shows` is true; the others take no room, and count as passed.
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
