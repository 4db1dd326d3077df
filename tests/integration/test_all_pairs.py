"""Every two commands that two instances of intake decide from the same ticket at once, on the real database.

What is written of both is what one after the other would have left: one commits, the other meets `Conflict`, reads
again and is decided anew. That each such end is the proper one is held, without a database, by
tests/unit/intake/test_all_pairs.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as altered

from deploy.local.stack import Stack
from services.chassis.decision import Decision, Message
from services.chassis.operators_files import OperatorsFiles
from services.chassis.unit_of_work import Conflict, Store, Work
from services.intake.documents import (
    agent_document,
    entry_document,
    entry_of,
    escalatable_document,
    ticket_document,
    ticket_of,
)
from services.intake.domain.decide import decide
from services.intake.domain.state import State
from services.intake.domain.values.ticket import Ticket
from services.intake.repository import INDEXES, Repository
from tests.integration.turn_stores import stores
from tests.unit.intake.desk import CATALOGUE
from tests.unit.intake.pairs import AGENTS, NOW, PAIRS, STAFF, Meeting, check, meeting, message

WHERE: Mapping[str, Sequence[tuple[str, str]]] = {
    "assigned": PAIRS,
    "solution_suggested": [pair for pair in PAIRS if {"accept", "auto_close"} & {*pair}],
    "closed": [pair for pair in PAIRS if {*pair} <= {"submit", "refer", "reply", "take_in", "reopen"}],
}
"""All pairs; and from two statuses more those that are about it alone."""


def in_turn(function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """`function` of each item, one after another."""
    return [function(item) for item in items]


class Instance:
    """One intake process, without its queues."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.name = name
        self.repository = Repository(store.database, lambda: OperatorsFiles(CATALOGUE, STAFF), 0.27)
        self.turns = 0

    def begin(self, sent: Message) -> tuple[State, Decision]:
        """Read and decide."""
        state = self.repository.load([sent], NOW)
        before = dict(state.tickets)
        decision = decide(state, sent, NOW)
        check(decision, sent, before)
        for change in decision.changes:
            state.apply(change)
        return state, decision

    def commit(self, state: State) -> None:
        """Store. Raises `Conflict`."""
        self.turns += 1
        self.store.commit(Work(f"{self.name}{self.turns}", NOW, writes=self.repository.writes(state)))


def put_down(store: Store, meetings: list[Meeting]) -> None:
    """Store where they meet, and what is known besides."""
    database = store.database
    database["tickets"].insert_many([ticket_document(row) for at in meetings for row in (at.ticket, at.other)])
    database["entries"].insert_many([entry_document(entry) for at in meetings for entry in at.entries])
    due = [row for at in meetings for row in at.state().escalatable.values()]
    database["escalatable"].insert_many([escalatable_document(row) for row in due])


def of_its_own(at: Meeting, place: int) -> Meeting:
    """The same tickets under other ids and numbers, of another person."""

    def renamed(id_: str) -> str:
        return f"{id_}-{place}"

    tickets = {
        ticket.id: replace(
            ticket,
            id=renamed(ticket.id),
            number=f"{20_000_000 + 2 * place + second}",
            requester=altered(ticket.requester, id=renamed(ticket.requester.id)),
            person=renamed(ticket.person),
        )
        for second, ticket in enumerate((at.ticket, at.other))
    }
    entries = (replace(entry, id=renamed(entry.id), ticket_id=renamed(entry.ticket_id)) for entry in at.entries)
    return Meeting(tickets[at.ticket.id], tickets[at.other.id], tuple(entries))


@pytest.mark.parametrize("status", WHERE)
def test_two_commands_decided_at_once_end_as_one_after_the_other(stack: Stack, status: str) -> None:
    alike, pairs = meeting(status), WHERE[status]
    meetings = [of_its_own(alike, place) for place in range(len(pairs))]
    with stores(stack, "intake", 2, INDEXES) as (store, second_store):
        store.database["agents"].insert_many([agent_document(agent) for agent in AGENTS])
        put_down(store, meetings)
        first, second = Instance(store, "first"), Instance(second_store, "second")
        raced = set()
        as_in_turn: dict[str, Ticket] = {}
        for (name, other_name), at in zip(pairs, meetings, strict=True):
            sent, met = message(name, at, f"{at.ticket.number}-1"), message(other_name, at, f"{at.ticket.number}-2")
            stands, decided = first.begin(sent)
            believed, at_once = second.begin(met)
            first.commit(stands)
            try:
                second.commit(believed)
            except Conflict:
                raced.add((name, other_name))
                believed, _ = second.begin(met)
                second.commit(believed)
            else:
                assert not (decided.changes and at_once.changes), (name, other_name)
            # What was refused wrote nothing, and so met nobody: it came first.
            in_turn = (sent, met) if at_once.changes else (met, sent)
            as_in_turn |= one_after_the_other(at, *in_turn)
        assert raced
        held_together(second_store, as_in_turn)


def one_after_the_other(at: Meeting, *messages: Message) -> dict[str, Ticket]:
    """The two tickets as these commands leave them, by id, without a database."""
    state = at.state()
    for sent in messages:
        for change in decide(state, sent, NOW).changes:
            state.apply(change)
    return {id_: state.tickets[id_] for id_ in (at.ticket.id, at.other.id)}


def held_together(store: Store, as_in_turn: Mapping[str, Ticket]) -> None:
    """All is as one after the other leaves it; versions without gaps, an entry each; nobody has an issue open twice."""
    entries: dict[str, list[int]] = {}
    for row in store.database["entries"].find():
        entry = entry_of(row)
        entries.setdefault(entry.ticket_id, []).append(entry.version)
    tickets = [ticket_of(row) for row in store.database["tickets"].find()]
    assert {ticket.id: ticket for ticket in tickets if ticket.id in as_in_turn} == as_in_turn
    for ticket in tickets:
        assert sorted(entries[ticket.id]) == list(range(1, ticket.version + 1)), ticket
    held = [(ticket.person, ticket.key) for ticket in tickets if ticket.is_open]
    assert len(held) == len(set(held))
