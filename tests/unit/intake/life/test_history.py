"""History is append-only: whatever is done to a ticket, save its redaction, what was written stays as it was."""

from __future__ import annotations

import pytest

from services.intake.domain.decide import decide
from services.intake.domain.values.history import size, within
from services.intake.queries.personal import _entry_id
from tests.unit.intake.desk import Desk
from tests.unit.intake.pairs import COMMANDS, NOW, meeting, message


@pytest.mark.parametrize("status", ["assigned", "solution_suggested", "closed"])
@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "redact"])
def test_history_is_append_only(name: str, status: str) -> None:
    at = meeting(status)
    view = at.view()
    before = {ticket.id: view.history(ticket) for ticket in (at.ticket, at.other)}
    decision = decide(view, message(name, at, "m1"), NOW)
    for change in decision.changes:
        view.apply(change)
    for id_, entries in before.items():
        ticket = view.tickets[id_]
        assert view.history(ticket)[: len(entries)] == entries
        assert [entry.version for entry in view.history(ticket)] == list(range(1, ticket.version + 1))
    assert not view.erased_entries


def test_of_a_long_history_fit_the_opening_and_then_the_newest() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    for place in range(5):
        desk.reply(number, body=f"{place} {'-' * 100}")
    entries = desk.state.history(desk.ticket(number))
    whole = sum(map(size, entries))
    assert within(entries, whole) == entries
    assert within(entries, whole - 1) == [entries[0], *entries[2:]]
    assert within(entries, size(entries[0]) + size(entries[-1])) == [entries[0], entries[-1]]
    assert within(entries, size(entries[0])) == entries[:1]
    assert within(entries, size(entries[0]) - 1) == []


def test_an_erasure_finds_the_answer_by_the_entry_that_its_message_made() -> None:
    desk = Desk()
    number = desk.opened()
    (entry,) = desk.state.history(desk.ticket(number))
    assert _entry_id("intake\x1fweb\x1fm1") == entry.id
