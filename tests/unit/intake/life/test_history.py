"""History is append-only: whatever is done to a ticket, what was written stays as it was."""

from __future__ import annotations

import pytest

from services.intake.domain.decide import decide
from tests.unit.intake.pairs import COMMANDS, NOW, meeting, message


@pytest.mark.parametrize("status", ["assigned", "solution_suggested", "closed"])
@pytest.mark.parametrize("name", COMMANDS)
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
