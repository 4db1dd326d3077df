"""A ticket that took in another, whose requester waits for the desk: its clock runs from when they wrote there."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from contracts.sla import Armed
from services.sla.repository import from_document, to_document
from tests.unit.said import as_a
from tests.unit.sla.stories import MONDAY, Desk, Snapshot, story, types
from tests.unit.sla.stories import heard as event

HOUR = timedelta(hours=1)
SUGGESTED = story(("assign", 0.5), ("suggest", 1))


def taken_in(last: Snapshot, at: datetime, wrote: datetime) -> Snapshot:
    """The next version, when another ticket that awaited the desk is merged into it: as intake says it."""
    ticket = {**last, "version": last["version"] + 1}
    ticket["last_customer_message_at"] = max(last["last_customer_message_at"], wrote)
    if last["status"] not in ("new", "needs_reply"):
        ticket |= {"status": "needs_reply", "status_since": at, "status_version": ticket["version"]}
    return ticket


def heard(*versions: Snapshot, took_in: Snapshot, since: datetime, order: Any = None) -> Desk:
    """A desk that heard of all, in this order."""
    desk = Desk()
    events: list[dict[str, Any]] = [{"ticket": version} for version in versions]
    events.insert(took_in["version"] - 1, {"ticket": took_in, "waits_since": since})
    for place in order or range(len(events)):
        desk.take(event(events[place]), MONDAY)
    return desk


@pytest.mark.parametrize(
    ("wrote", "merged"),
    [(2, 3), (0.75, 3), (-5, 3)],
    ids=["after the desk's last message", "before it", "before the ticket was opened"],
)
def test_a_suggested_solution_gets_the_clock_of_what_it_took_in(wrote: float, merged: float) -> None:
    since = MONDAY + wrote * HOUR
    took_in = taken_in(SUGGESTED[-1], MONDAY + merged * HOUR, since)
    desk = heard(*SUGGESTED, took_in=took_in, since=since)
    countdown = desk.ticket.running
    assert countdown is not None
    assert (countdown.clock.started_at, countdown.clock.unanswered_since, countdown.clock.target) == (
        since,
        since,
        "next_reply",
    )
    assert desk.due().keys() == {"warning", "breach"}, "and no closing"
    assert "sla.armed" in types(desk.said)


def test_in_whatever_order_the_events_come() -> None:
    since = MONDAY + 0.75 * HOUR
    took_in = taken_in(SUGGESTED[-1], MONDAY + 3 * HOUR, since)
    desks = [heard(*SUGGESTED, took_in=took_in, since=since, order=order) for order in permutations(range(4))]
    assert len({desk.ticket.countdowns[-1].deadline.due_at for desk in desks}) == 1
    assert len({repr(desk.ticket.spans) for desk in desks}) == 1


def test_a_clock_that_runs_starts_when_the_first_of_both_began_to_wait() -> None:
    versions = story(("assign", 2))
    for since, expected in ((MONDAY - 3 * HOUR, MONDAY - 3 * HOUR), (MONDAY + HOUR, MONDAY)):
        took_in = taken_in(versions[-1], MONDAY + 3 * HOUR, since)
        countdown = heard(*versions, took_in=took_in, since=since).ticket.running
        assert countdown is not None
        assert (countdown.clock.started_at, countdown.clock.target) == (expected, "first_reply")


def test_a_pause_ends_where_the_other_waited_already() -> None:
    versions = story(("assign", 0.5), ("suggest", 1), ("customer", 2), ("ask", 4))
    since = MONDAY + 3 * HOUR
    took_in = taken_in(versions[-1], MONDAY + 6 * HOUR, since)
    countdown = heard(*versions, took_in=took_in, since=since).ticket.running
    assert countdown is not None
    assert countdown.clock.pauses == ((MONDAY + 4 * HOUR, MONDAY + 4 * HOUR),)
    assert (countdown.clock.started_at, countdown.clock.unanswered_since) == (MONDAY + 2 * HOUR, since)


@pytest.mark.parametrize("hours", [-5, -5 / 60])
def test_it_is_said_whose_message_waits_for_longest_also_where_no_moment_moves(hours: float) -> None:
    sunday = MONDAY - timedelta(days=1)
    versions = [
        {**version, "opened_at": sunday, "status_since": sunday, "last_customer_message_at": sunday}
        for version in story(("note", 0.5))
    ]
    since = sunday + hours * HOUR
    desk = heard(*versions, took_in=taken_in(versions[-1], MONDAY, since), since=since)
    first, second = (as_a(Armed, say.data) for say in desk.said if say.type == "sla.armed")
    assert (first.unanswered_since, second.unanswered_since) == (sunday, since)
    assert first.escalatable_at == second.escalatable_at, "both wait since before the week began"


def test_an_answer_ends_it() -> None:
    since = MONDAY + 0.75 * HOUR
    took_in = taken_in(SUGGESTED[-1], MONDAY + 3 * HOUR, since)
    suggested = {**took_in, "version": 5, "status": "solution_suggested", "status_version": 5}
    suggested |= {"status_since": MONDAY + 4 * HOUR, "last_agent_message_at": MONDAY + 4 * HOUR}
    desk = heard(*SUGGESTED, suggested, took_in=took_in, since=since)
    assert desk.ticket.running is None
    assert types(desk.said)[-1] == "sla.met"


def test_it_is_stored() -> None:
    since = MONDAY + 0.75 * HOUR
    desk = heard(*SUGGESTED, took_in=taken_in(SUGGESTED[-1], MONDAY + 3 * HOUR, since), since=since)
    assert from_document(to_document(desk.ticket)).spans == desk.ticket.spans
