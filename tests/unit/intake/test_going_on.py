"""One ticket that goes on for another, merged into it by an agent or because two accounts are one person: what of the
other holds for it."""

from __future__ import annotations

import pytest

from contracts.names import EVENTS
from services.intake.domain.moves import OPEN
from tests.unit.intake.desk import Desk
from tests.unit.intake.test_persons import confirm, in_order, opened
from tests.unit.intake.test_ticket_life import two


@pytest.mark.parametrize("joins", ["the newer", "the older"])
@pytest.mark.parametrize("newer", OPEN)
@pytest.mark.parametrize("older", OPEN)
def test_what_awaits_the_desk_in_the_newer_ticket_awaits_it_in_the_older_after_a_merge(
    older: str, newer: str, joins: str
) -> None:
    desk = Desk()
    one, two = opened(desk), opened(desk)
    goes_on = desk.opened(status=older, requester=one)
    desk.later(minutes=1)
    merged = desk.opened(status=newer, requester=two)
    before, wrote = desk.ticket(goes_on), desk.ticket(merged).last_customer_message_at
    desk.later(minutes=1)
    for each in (one, two) if joins == "the newer" else (two, one):
        confirm(desk, each)
    after = desk.ticket(goes_on)
    awaited = newer not in ("need_more_info", "solution_suggested")
    expected = before.status if before.status == "new" or not awaited else "needs_reply"
    assert after.status == expected
    entered = after.status != before.status
    assert (after.status_since, after.status_version) == (
        (desk.now, after.version) if entered else (before.status_since, before.status_version)
    )
    assert after.last_customer_message_at == wrote > before.last_customer_message_at
    assert (after.agent, desk.ticket(merged).merged_into) == (before.agent, goes_on)
    assert in_order(desk)


@pytest.mark.parametrize("joins", ["the newer", "the older"])
@pytest.mark.parametrize("escalated", ["the newer", "the older"])
def test_the_ticket_that_goes_on_for_both_accounts_is_escalated_if_either_was(escalated: str, joins: str) -> None:
    desk = Desk()
    one, two = opened(desk), opened(desk)
    older = desk.opened(requester=one)
    desk.later(minutes=1)
    newer = desk.opened(requester=two)
    which, whose = (newer, two) if escalated == "the newer" else (older, one)
    desk.armed(which, desk.now)
    assert desk.requester("ticket.escalate", which, whose).type == "command.accepted"
    for each in (one, two) if joins == "the newer" else (two, one):
        confirm(desk, each)
    assert desk.ticket(newer).merged_into == older
    assert desk.ticket(older).escalated


def test_the_last_message_of_the_requester_is_the_later_of_both_after_a_merge() -> None:
    desk = Desk()
    one, two = opened(desk), opened(desk)
    goes_on = desk.opened(requester=one)
    desk.opened(requester=two)
    desk.later(minutes=1)
    desk.reply(goes_on, one)
    wrote = desk.now
    desk.later(minutes=1)
    confirm(desk, one)
    confirm(desk, two)
    assert desk.ticket(goes_on).last_customer_message_at == wrote


@pytest.mark.parametrize("joins", ["the newer", "the older"])
def test_the_agent_of_the_ticket_that_goes_on_hears_of_what_it_took_in(joins: str) -> None:
    desk = Desk()
    one, two = opened(desk), opened(desk)
    older = desk.opened(status="solution_suggested", requester=one)
    desk.later(minutes=1)
    desk.opened(requester=two)
    first, second = (one, two) if joins == "the newer" else (two, one)
    confirm(desk, first)
    heard = confirm(desk, second)
    (told,) = [say for say in heard.decision.said if say.routing_key == "agent.a1.ticket.linked"]
    assert (told.data["ticket"]["number"], told.data["ticket"]["status"]) == (older, "needs_reply")


@pytest.mark.parametrize("escalated", ["neither", "the one that is merged", "the one that goes on"])
def test_the_ticket_that_goes_on_is_escalated_if_either_was(escalated: str) -> None:
    desk = Desk()
    number, other = two(desk, status="work_in_progress")
    if escalated != "neither":
        which = number if escalated == "the one that is merged" else other
        desk.armed(which, desk.now)
        assert desk.requester("ticket.escalate", which).type == "command.accepted"
    heard = desk.agent("ticket.merge_into", number, to_number=other)
    assert desk.ticket(other).escalated == (escalated != "neither")
    (linked,) = [say for say in heard.decision.said if say.exchange == EVENTS and say.type == "ticket.linked"]
    assert linked.data["ticket"]["escalated"] == (escalated != "neither")
    assert desk.ticket(number).escalated == (escalated == "the one that is merged"), "it stays as it was"


def test_a_link_alone_makes_no_ticket_escalated() -> None:
    desk = Desk()
    number, other = two(desk, status="work_in_progress")
    desk.put(other, escalated=True)
    desk.agent("ticket.link", number, to_number=other)
    assert not desk.ticket(number).escalated
