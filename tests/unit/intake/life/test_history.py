"""History is append-only: whatever is done to a ticket, what was written stays as it was."""

from __future__ import annotations

import pytest

from services.intake.domain.decide import decide
from tests.unit.intake.pairs import COMMANDS, NOW, meeting, message


@pytest.mark.parametrize("status", ["assigned", "solution_suggested", "closed"])
@pytest.mark.parametrize("name", COMMANDS)
def test_history_is_append_only(name: str, status: str) -> None:
    at = meeting(status)
    state = at.state()
    before = {ticket.id: state.history(ticket) for ticket in (at.ticket, at.other)}
    decision = decide(state, message(name, at, "m1"), NOW)
    for change in decision.changes:
        state.apply(change)
    for id_, entries in before.items():
        ticket = state.tickets[id_]
        assert state.history(ticket)[: len(entries)] == entries
        assert [entry.version for entry in state.history(ticket)] == list(range(1, ticket.version + 1))
    assert not state.erased_entries
