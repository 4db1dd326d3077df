"""A waiting ticket counts as one priority more urgent for each span that it has waited, beyond the first one too."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.tickets import Assign
from services.chassis.settings import WrongSettings, read
from services.routing.domain.state import Terms, Ticket, View
from services.routing.settings import RoutingSettings
from tests.unit.routing.builders import (
    NOW,
    SKILLS,
    a_snapshot,
    a_ticket,
    a_view,
    an_agent,
    assignments,
    at,
    event,
    refused,
    sign_on,
    turn,
)
from tests.unit.said import as_a

DAY = timedelta(days=1)
MOMENT = timedelta(milliseconds=1)
VIP = {"id": "p2", "kind": "account", "display_name": "P", "tier": "vip"}
URLS = {"CASEBUS_AMQP": "amqp://routing:p@broker/v", "CASEBUS_MONGO": "mongodb://db"}


def waiting(number: int = 1, priority: int = 4, **more: Any) -> View:
    """A view that has heard of one ticket, filed at NOW."""
    view = a_view()
    turn(view, event(a_snapshot(number, **{"priority": priority, "opened_at": NOW, **more}), "ticket.opened"))
    return view


@pytest.mark.parametrize(
    ("waited", "counts_as"),
    [
        (timedelta(0), 4),
        (DAY - MOMENT, 4),
        (DAY, 3),
        (2 * DAY, 2),
        (3 * DAY - MOMENT, 2),
        (3 * DAY, 1),
        (4 * DAY, 0),
        (99 * DAY, -95),
    ],
)
def test_a_waiting_ticket_counts_as_one_priority_more_urgent_for_each_day(waited: timedelta, counts_as: int) -> None:
    view = waiting()
    turn(view, now=NOW + waited)
    ticket = view.tickets["t1"]
    assert (ticket.priority, ticket.own_priority) == (counts_as, 4)
    assert ticket.ages_at == NOW + (5 - counts_as) * DAY


def test_none_starves_an_old_ticket_is_served_before_ever_new_ones() -> None:
    view = waiting(1, priority=3)
    *_, concluded = turn(
        view,
        *(event(a_snapshot(n, priority=1, opened_at=NOW + 2 * DAY)) for n in (2, 3)),
        sign_on(capacity=1),
        now=NOW + 2 * DAY,
    )
    assert assignments(concluded) == {1: "a1"}


@pytest.mark.parametrize("priority", [1, 4])
@pytest.mark.parametrize("rival", [{"requester": VIP}, {"escalated": True}, {"requester": VIP, "escalated": True}])
def test_none_starves_behind_ever_new_ones_that_come_first_within_the_first_priority(
    priority: int, rival: dict[str, Any]
) -> None:
    view = waiting(1, priority=priority)
    for day in range(1, 99):
        now = NOW + day * DAY
        view = a_view(an_agent(capacity=1), view.tickets["t1"])
        *_, concluded = turn(view, event(a_snapshot(day + 1, priority=1, opened_at=now, **rival)), now=now)
        if 1 in assignments(concluded):
            break
    assert day == priority


@pytest.mark.parametrize("priority", [1, 4])
def test_an_escalated_ticket_whose_agent_left_comes_before_those_that_were_filed_after_it(priority: int) -> None:
    view = waiting(1, priority=priority)
    of_it: dict[str, Any] = {"priority": priority, "opened_at": NOW, "escalated": True}
    left = NOW + 8 * DAY
    turn(view, event(a_snapshot(1, 2, "a2", status="needs_reply", assignment_seq=1, **of_it)), now=left)
    turn(view, event(a_snapshot(2, priority=priority, opened_at=NOW + DAY)), now=left)
    turn(view, event(a_snapshot(1, 3, status="needs_reply", assignment_seq=2, **of_it)), now=left)
    *_, concluded = turn(view, sign_on(capacity=1), now=left)
    assert assignments(concluded) == {1: "a1"}


def test_what_is_given_ages_no_more_and_counts_as_its_own_priority_when_it_waits_again() -> None:
    view = waiting()
    given = NOW + 2 * DAY
    turn(view, event(a_snapshot(1, 2, "a1", priority=4, status="assigned", assignment_seq=1)), now=given)
    assert (view.tickets["t1"].priority, view.tickets["t1"].ages_at) == (4, None)
    turn(view, event(a_snapshot(1, 3, priority=4, assignment_seq=2)), now=given)
    assert (view.tickets["t1"].priority, view.tickets["t1"].ages_at) == (4, given + DAY)


def test_a_reopened_ticket_begins_to_wait_when_it_is_reopened() -> None:
    view = waiting(status="closed", closed_at=NOW)
    turn(view, event(a_snapshot(1, 2, priority=4, status="reopened", reopen_count=1)), now=NOW + 5 * DAY)
    assert view.tickets["t1"].priority == 4


@pytest.mark.parametrize("how", ["a note", "a place that was refused"])
def test_it_goes_on_ageing_through(how: str) -> None:
    view = a_view()
    turn(view, event(a_snapshot(1, priority=4, opened_at=NOW, assignment_seq=2)))
    if how == "a note":
        turn(view, event(a_snapshot(1, 2, priority=4, opened_at=NOW, assignment_seq=2)), now=NOW + DAY - MOMENT)
    else:
        *_, concluded = turn(view, sign_on(), now=NOW + DAY - MOMENT)
        turn(view, refused(concluded.said[0].id or ""), now=NOW + DAY - MOMENT)
    turn(view, now=NOW + DAY + timedelta(seconds=2))
    assert view.tickets["t1"].priority == 3


def test_a_reclassified_ticket_counts_by_its_new_priority_and_what_it_has_waited() -> None:
    view = waiting(priority=6)
    turn(view, event(a_snapshot(1, 2, priority=3, opened_at=NOW)), now=NOW + DAY)
    assert view.tickets["t1"].priority == 2


def test_a_ticket_stored_before_tickets_aged_is_taken_up() -> None:
    old = Ticket("t1", "00000001", 1, "new", 0, 0, "billing", 4, False, "standard", None, NOW, None, None)
    view = View(SKILLS, [], [old])
    turn(view, now=NOW + DAY)
    assert (view.tickets["t1"].priority, view.tickets["t1"].ages_at) == (3, NOW + 2 * DAY)


def test_ageing_may_be_switched_off() -> None:
    view = a_view()
    view.terms = Terms(ageing=None)
    turn(view, event(a_snapshot(1, priority=4, opened_at=NOW)), now=NOW + 9 * DAY)
    turn(view, now=NOW + 10 * DAY)
    assert (view.tickets["t1"].priority, view.tickets["t1"].ages_at) == (4, None)
    assert read(RoutingSettings, {**URLS, "CASEBUS_AGEING_HOURS": "0"}).terms.ageing is None
    assert read(RoutingSettings, {**URLS, "CASEBUS_AGEING_HOURS": "1.5"}).terms.ageing == timedelta(minutes=90)
    assert read(RoutingSettings, URLS).terms.ageing == DAY
    with pytest.raises(WrongSettings, match="CASEBUS_AGEING_HOURS must be a number of hours, 0 or more"):
        read(RoutingSettings, {**URLS, "CASEBUS_AGEING_HOURS": "-1"})
    for endless in ("inf", "nan", "1e300"):
        with pytest.raises(WrongSettings, match=r"CASEBUS_AGEING_HOURS must be .* at most 8784, a year"):
            read(RoutingSettings, {**URLS, "CASEBUS_AGEING_HOURS": endless})


def counts_as(ticket: Ticket, now: datetime) -> int:
    """The rule, counted up hour by hour."""
    counted, waited = ticket.own_priority or ticket.priority, timedelta(0)
    while waited + DAY <= now - ticket.opened_at:
        waited += DAY
        counted -= 1
    return counted


@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(-130, 0), st.booleans()), min_size=1, max_size=12),
    st.integers(1, 12),
)
def test_never_is_a_less_urgent_ticket_given_while_a_more_urgent_one_waits_as_both_count_now(
    drawn: list[tuple[int, int, bool]], room: int
) -> None:
    tickets = [
        a_ticket(n, priority=priority, opened_at=at(3600 * hours), tier="vip" if vip else "standard")
        for n, (priority, hours, vip) in enumerate(drawn, 1)
    ]
    *_, concluded = turn(a_view(an_agent(capacity=room), *tickets))
    order = sorted(tickets, key=lambda t: (counts_as(t, NOW), t.tier != "vip", t.opened_at, t.number))
    assert [int(as_a(Assign, say.data).number) for say in concluded.said] == [
        int(ticket.number) for ticket in order[:room]
    ]
