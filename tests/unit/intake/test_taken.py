"""The table of all that intake takes has what the contract and its queues send to it, with the same data and rights."""

from __future__ import annotations

from contracts import registry
from contracts.names import EVENTS
from contracts.topology import QUEUES
from services.chassis.decision import timers_of
from services.intake.domain.life.moves import TABLE
from services.intake.domain.taken import TAKEN

OF_AGENTS = {"its agent", "a supervisor", "an agent who may have it"}


def test_it_has_what_the_contract_says_that_intake_answers_with_its_data() -> None:
    answered = {kind.type: kind.data for kind in registry.TYPES.values() if kind.answered_by == "intake"}
    assert answered
    assert {name: TAKEN[name].data for name in answered} == answered


def test_it_has_the_news_that_its_queue_gets_and_nothing_else_but_its_timers() -> None:
    (queue,) = (queue for queue in QUEUES if queue.name == "intake.events")
    news = {key: registry.TYPES["event", key].data for exchange, key in queue.bindings if exchange == EVENTS}
    assert {name: TAKEN[name].data for name in news} == news
    commands = {kind.type for kind in registry.TYPES.values() if kind.answered_by == "intake"}
    others = TAKEN.keys() - news - commands
    assert others == {timer.type_() for timer in timers_of("intake")}


def test_the_doors_of_agents_let_in_whom_the_table_of_a_tickets_life_says() -> None:
    rights = {
        "its agent": {"its agent"},
        "its agent or a supervisor": {"its agent", "a supervisor"},
        "a supervisor": {"a supervisor"},
        "an agent who may have it": {"an agent who may have it", "a supervisor"},
    }
    seen = 0
    for move in TABLE:
        by = set(move.by) & OF_AGENTS
        for name in move.commands if by else ():
            door = TAKEN[name].door
            if door.rights is not None:
                assert rights[door.rights] == by or move.event == "ticket.linked", (name, move.event)
                seen += 1
    assert seen > 15
