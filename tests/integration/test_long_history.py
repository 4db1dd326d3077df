"""A history of thousands of entries in the database: any part of it is read alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pymongo.database import Database

from contracts.payload import document
from contracts.snapshot import Author, Visibility
from contracts.tickets import Viewed
from services.chassis.unit_of_work import Store
from services.intake.documents import entry_document, ticket_document
from services.intake.domain.decide import decide
from services.intake.domain.tickets.viewing import MOST_ENTRIES, SHOWN
from services.intake.domain.values.history import Entry, size
from tests.integration.racing import Instance, message_of
from tests.integration.test_files import database
from tests.unit.intake.desk import Desk, account
from tests.unit.intake.pairs import NOW

__all__ = ["database"]

LENGTHS = {0: 0, 1: 5_000, 2: 300}
"""Characters of an entry by the rest of its version: 10,000 entries are more than two answers hold, by number and by
bytes."""
ENTRIES = 3 * MOST_ENTRIES


def stored(database: Database[dict[str, Any]]) -> str:
    """A ticket with a long history; its number."""
    desk = Desk()
    ticket = desk.ticket(desk.opened())
    offset, entries = 0, []
    for version in range(1, ENTRIES + 1):
        length = LENGTHS[version % 3] if version < 5_000 else 0
        author = Author(kind="service", id="x", display_name=None)
        visibility: Visibility = "public" if version == 1 or version % 2 else "internal"
        kind = "opened" if version == 1 else "note_added"
        entry = Entry(str(version), ticket.id, version, kind, author, visibility, "x" * length, NOW, offset)
        offset += size(entry)
        entries.append(entry_document(entry))
    database["entries"].insert_many(entries)
    ticket = replace(ticket, version=ENTRIES, history_size=offset)
    database["tickets"].insert_one(ticket_document(ticket))
    return ticket.number


def test_every_part_of_a_long_history_is_reached_and_read_alone(database: Database[dict[str, Any]]) -> None:
    number = stored(database)
    repository = Instance(Store(database, "intake"), "one").repository

    def viewed(**asked: int) -> dict[str, Any]:
        message = message_of("ticket.view", 1, requester=account(), number=number, **asked)
        state = repository.load([message], NOW)
        (ticket,) = state.tickets.values()
        read = state.history(ticket)
        assert len(read) <= MOST_ENTRIES + 1
        assert sum(map(size, read)) <= SHOWN + 25_000, "the opening and one that does not fit"
        answer = decide(state, message, NOW).answer
        assert answer is not None
        return document(answer.data)

    public = [str(version) for version in range(1, ENTRIES + 1, 2)]
    data = viewed()
    backwards = [entry["id"] for entry in data["history"][1:]]
    while "before" in data:
        data = viewed(before=data["before"])
        backwards = [entry["id"] for entry in data["history"]] + backwards
    assert backwards == public
    data, forwards, parts = viewed(after=0), [], 1
    while "after" in data:
        forwards += [entry["id"] for entry in data["history"]]
        data, parts = viewed(after=data["after"]), parts + 1
    assert forwards + [entry["id"] for entry in data["history"]] == public
    assert parts > 8


def test_views_of_several_parts_share_a_turn(database: Database[dict[str, Any]]) -> None:
    number = stored(database)
    repository = Instance(Store(database, "intake"), "one").repository
    asked: list[dict[str, int]] = [{}, {"before": 900}, {"after": 900}, {"before": 2}, {"after": ENTRIES}]
    messages = [
        message_of("ticket.view", n, requester=account(), number=number, **part) for n, part in enumerate(asked)
    ]
    state = repository.load(messages, NOW)
    shown = []
    for message in messages:
        answer = decide(state, message, NOW).answer
        assert answer is not None
        assert isinstance(answer.data, Viewed)
        shown.append([int(entry.id) for entry in answer.data.history])
    newest, before, after, opening, nothing = shown
    assert (newest[0], newest[-1]) == (1, ENTRIES - 1)
    assert (before[-1], after[0], opening, nothing) == (899, 901, [1], [])
    for part in (newest[1:], before, after):
        assert part == list(range(part[0], part[-1] + 1, 2)), "without gaps"
