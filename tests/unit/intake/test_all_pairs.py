"""Every two commands that meet at one ticket, in either order, from every status: each has one proper end."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from contracts.outcomes import Rejected
from contracts.registry import TYPES
from contracts.statuses import DESKS_TURN, STATUSES
from services.chassis.decision import Decision, Message
from services.intake.domain.decide import decide
from services.intake.domain.life.moves import TABLE
from services.intake.domain.state import View
from tests.unit.intake.pairs import (
    BY_ACCOUNTS,
    COMMANDS,
    NOW,
    OF_NO_TICKET,
    PAIRS,
    Meeting,
    check,
    meeting,
    message,
    refusal,
)


def take(view: View, sent: Message[Any]) -> Decision:
    """Decide, hold to what is always true, apply."""
    before = dict(view.tickets)
    decision = decide(view, sent, NOW)
    check(decision, sent, before)
    for change in decision.changes:
        view.apply(change)
    return decision


def code(decision: Decision) -> str | None:
    """Of a refusal."""
    assert decision.answer is not None
    return decision.answer.data.code if isinstance(decision.answer.data, Rejected) else None


def right(name: str, view: View, at: Meeting, sent: Message[Any]) -> str | None:
    """What the command should be refused with, as things stand."""
    ticket = view.tickets[at.ticket.id]
    due = refusal(name, ticket, view.tickets[at.other.id], sent)
    if due is None and name == "reopen" and view.holder(ticket.person, ticket.key) is not None:
        return "conflict"  # the issue is open again
    if due is None and sent.type == "ticket.escalate" and at.ticket.status not in DESKS_TURN:
        return "too_early"  # sla has not said yet when it is due, as it awaits the desk again
    return due


def test_no_command_of_intake_is_missing() -> None:
    at = meeting("assigned")
    here = {make(at)[1] for make in COMMANDS.values()}
    every = {kind.type for kind in TYPES.values() if kind.kind == "command" and kind.answered_by == "intake"}
    assert here | BY_ACCOUNTS | OF_NO_TICKET == every
    assert {command for move in TABLE for command in move.commands} == here | BY_ACCOUNTS


@pytest.mark.parametrize("status", [*STATUSES, "held"])
def test_of_two_commands_the_second_gets_the_answer_for_what_the_first_left(status: str) -> None:
    at = meeting(status)
    for first, second in PAIRS:
        view, sent = at.view(), [message(first, at, "m1"), message(second, at, "m2")]
        for name, command in zip((first, second), sent, strict=True):
            due = right(name, view, at, command)
            assert code(take(view, command)) == due, (status, first, second, name)
        held = Counter((ticket.person, ticket.key) for ticket in view.tickets.values() if ticket.is_open)
        assert set(held.values()) <= {1}, (status, first, second)


@pytest.mark.parametrize("status", [*STATUSES, "held"])
def test_a_command_that_expects_the_version_before_is_a_conflict_once_another_took_effect(status: str) -> None:
    at = meeting(status)
    agents = [name for name, make in COMMANDS.items() if make(at)[0].startswith("agent.") and name != "take_in"]
    for first in COMMANDS:
        for second in agents:
            view = at.view()
            take(view, message(first, at, "m1"))
            moved = view.tickets[at.ticket.id].version != at.ticket.version
            sent = message(second, at, "m2", expected_version=at.ticket.version)
            due = right(second, view, at, sent)
            got = code(take(view, sent))
            assert got == (due if not moved or due == "forbidden" else "conflict"), (status, first, second)
