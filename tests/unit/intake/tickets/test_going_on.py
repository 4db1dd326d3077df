"""One ticket that goes on for another, merged into it by an agent or because two accounts are one person: what it takes
over from the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from contracts.names import AGENTS, EVENTS
from contracts.snapshot import TicketAgent
from contracts.statuses import OPEN
from tests.unit.intake.accounts.test_persons import confirm, in_order, opened
from tests.unit.intake.desk import Desk, Heard, account
from tests.unit.intake.tickets.test_ticket_life import two

AWAITED = ("new", "assigned", "work_in_progress", "needs_reply", "reopened")
Merge = Callable[[Desk], Heard]


def by_an_agent(desk: Desk, first: str, second: str, reverse: bool) -> tuple[str, str, Merge]:
    """Two tickets of one account, opened with these statuses; the merged one, the one that goes on, and how."""
    older = desk.opened(status=first, issue_key="1")
    desk.later(minutes=1)
    newer = desk.opened(status=second, issue_key="2")
    merged, goes_on = (older, newer) if reverse else (newer, older)
    if desk.ticket(merged).agent is None:
        desk.put(merged, agent=TicketAgent(id="a1", display_name="A1"))
    return merged, goes_on, lambda desk: desk.agent("ticket.merge_into", merged, to_number=goes_on)


def by_confirming(desk: Desk, first: str, second: str, reverse: bool) -> tuple[str, str, Merge]:
    """Of two accounts that confirm one address, the account of the newer or of the older ticket as the second."""
    guest, friend = opened(desk), opened(desk)
    older = desk.opened(status=first, requester=guest)
    desk.later(minutes=1)
    newer = desk.opened(status=second, requester=friend)
    joined, joins = (friend, guest) if reverse else (guest, friend)
    confirm(desk, joined)
    return newer, older, lambda desk: confirm(desk, joins)


def by_merging_accounts(desk: Desk, first: str, second: str, reverse: bool) -> tuple[str, str, Merge]:
    """A temporary account that has the newer or the older ticket is merged into a real one that has the other."""
    zoe, ann = opened(desk), account("ann")
    older = desk.opened(status=first, requester=zoe if reverse else ann)
    desk.later(minutes=1)
    newer = desk.opened(status=second, requester=ann if reverse else zoe)
    return newer, older, lambda desk: desk.send("account.merge", {"requester": ann, **zoe})


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("way", [by_an_agent, by_confirming, by_merging_accounts])
@pytest.mark.parametrize("second", OPEN)
@pytest.mark.parametrize("first", OPEN)
def test_what_awaits_the_desk_in_a_merged_ticket_awaits_it_in_the_one_that_goes_on(
    first: str, second: str, way: Callable[[Desk, str, str, bool], tuple[str, str, Merge]], reverse: bool
) -> None:
    desk = Desk()
    merged, goes_on, merge = way(desk, first, second, reverse)
    desk.later(minutes=1)
    desk.put(merged, links=("00000007", goes_on), escalated=True, consent="asked")
    desk.put(goes_on, links=("00000008",), consent="granted")
    gone, before = desk.ticket(merged), desk.ticket(goes_on)
    heard = merge(desk)
    after = desk.ticket(goes_on)

    awaited, waited = gone.status in AWAITED, before.status in AWAITED
    expected = before.status if before.status == "new" or not awaited else "needs_reply"
    assert after.status == expected
    entered = after.status != before.status
    assert (after.status_since, after.status_version) == (
        (desk.now, after.version) if entered else (before.status_since, before.status_version)
    )
    since = [
        ticket.waits_since for ticket, waits in ((gone, awaited), (before, waited)) if waits and ticket.waits_since
    ]
    assert after.unanswered_since == (min(since) if since else None)
    assert (after.awaiting_version == after.version) == (awaited and not waited), "from when on sla's news hold"
    assert after.last_customer_message_at == max(gone.last_customer_message_at, before.last_customer_message_at)
    assert (after.escalated, after.consent, after.agent) == (True, "granted", before.agent)
    assert after.links == ("00000008", merged, "00000007")
    closed = desk.ticket(merged)
    assert (closed.status, closed.merged_into, closed.consent) == ("closed", goes_on, None)
    (linked,) = [say for say in heard.decision.said if (say.exchange, say.type) == (EVENTS, "ticket.linked")]
    assert linked.data["ticket"]["status"] == after.status
    assert linked.data.get("waits_since") == gone.unanswered_since
    told = [say for say in heard.decision.said if say.exchange == AGENTS and say.type == "ticket.linked"]
    assert len(told) == (after.agent is not None)
    assert in_order(desk)


@pytest.mark.parametrize("way", [by_an_agent, by_confirming, by_merging_accounts])
def test_no_moment_is_told_for_an_escalation_before_sla_has_heard_whose_message_waits_for_longer(
    way: Callable[[Desk, str, str, bool], tuple[str, str, Merge]],
) -> None:
    desk = Desk()
    merged, goes_on, merge = way(desk, "new", "new", True)
    if desk.ticket(merged).opened_at > desk.ticket(goes_on).opened_at:  # the older one always goes on for a person
        desk.put(merged, waits_since=desk.ticket(goes_on).opened_at - timedelta(hours=1))
    due = desk.now + timedelta(days=7)
    desk.armed(goes_on, due)
    merge(desk)

    def escalate() -> Heard:
        return desk.send("ticket.escalate", {"moderator": {"id": "m1"}, "number": goes_on})

    heard = escalate()
    assert (heard.code, heard.data.get("eligible_at")) == ("too_early", None)
    assert heard.decision.waits == timedelta(seconds=5)
    desk.armed(goes_on, due - timedelta(hours=1), revision=2)
    heard = escalate()
    assert (heard.data["eligible_at"], heard.decision.waits) == (due - timedelta(hours=1), None)
    desk.now = due - timedelta(hours=1)
    assert escalate().type == "command.accepted"


def test_what_sla_said_before_holds_where_it_is_over_already() -> None:
    desk = Desk()
    _, goes_on, merge = by_an_agent(desk, "new", "new", True)
    desk.armed(goes_on, desk.now)
    merge(desk)
    heard = desk.send("ticket.escalate", {"moderator": {"id": "m1"}, "number": goes_on})
    assert heard.type == "command.accepted"


def test_a_message_that_went_through_two_merges_waits_since_it_was_written() -> None:
    desk = Desk()
    first, second, third = (desk.opened(status="assigned", issue_key=key) for key in "123")
    wrote = desk.now
    desk.later(hours=1)
    for number in (second, third):
        desk.agent("ticket.suggest_solution", number)
    desk.later(hours=1)
    desk.agent("ticket.merge_into", first, to_number=second)
    desk.later(hours=1)
    desk.agent("ticket.merge_into", second, to_number=third)
    assert (desk.ticket(third).status, desk.ticket(third).unanswered_since) == ("needs_reply", wrote)
    desk.agent("ticket.suggest_solution", third)
    assert desk.ticket(third).unanswered_since is None
    desk.later(hours=1)
    desk.reply(first)
    assert (desk.ticket(third).status, desk.ticket(third).unanswered_since) == ("needs_reply", desk.now)


def test_the_closing_of_a_suggestion_finds_the_ticket_waiting_after_a_merge() -> None:
    desk = Desk()
    merged, goes_on = two(desk, status="solution_suggested")
    entered = desk.ticket(goes_on).status_version
    desk.agent("ticket.merge_into", merged, to_number=goes_on)
    desk.later(days=7)
    assert desk.auto_close(goes_on, entered).code == "conflict"
    assert desk.ticket(goes_on).status == "needs_reply"


def test_of_a_ticket_that_an_older_version_stored_the_last_message_waits() -> None:
    desk = Desk()
    merged, goes_on = two(desk, status="solution_suggested")
    desk.later(hours=1)
    desk.put(merged, waits_since=None)
    desk.put(goes_on, waits_since=None)
    desk.agent("ticket.merge_into", merged, to_number=goes_on)
    assert desk.ticket(goes_on).unanswered_since == desk.ticket(merged).last_customer_message_at


def test_who_has_the_ticket_that_goes_on_reads_what_was_merged_into_it() -> None:
    """Whatever their skills: it is for them to answer."""
    desk = Desk()
    merged, goes_on = desk.opened(status="assigned", issue_key="1"), desk.opened(issue_key="2")
    desk.assign(goes_on, "a2")
    desk.state.agents["a2"] = replace(desk.state.agents["a2"], skills=("another",))
    assert desk.agent("ticket.view", merged, "a2").code == "forbidden"
    desk.agent("ticket.merge_into", merged, to_number=goes_on)
    seen = desk.agent("ticket.view", merged, "a2")
    assert (seen.type, seen.ticket["number"]) == ("ticket.viewed", merged)
    assert desk.agent("ticket.add_note", merged, "a2").code == "forbidden", "looking is all"
    desk.unassign(goes_on)
    assert desk.agent("ticket.view", merged, "a2").code == "forbidden"


@pytest.mark.parametrize("joins", ["the newer", "the older"])
@pytest.mark.parametrize("escalated", ["the newer", "the older"])
def test_the_ticket_that_goes_on_for_both_accounts_is_escalated_if_either_was(escalated: str, joins: str) -> None:
    desk = Desk()
    guest, friend = opened(desk), opened(desk)
    older = desk.opened(requester=guest)
    desk.later(minutes=1)
    newer = desk.opened(requester=friend)
    which, whose = (newer, friend) if escalated == "the newer" else (older, guest)
    desk.armed(which, desk.now)
    assert desk.requester("ticket.escalate", which, whose).type == "command.accepted"
    for each in (guest, friend) if joins == "the newer" else (friend, guest):
        confirm(desk, each)
    assert desk.ticket(newer).merged_into == older
    assert desk.ticket(older).escalated


def test_the_last_message_of_the_requester_is_the_later_of_both_after_a_merge() -> None:
    desk = Desk()
    guest, friend = opened(desk), opened(desk)
    goes_on = desk.opened(requester=guest)
    desk.opened(requester=friend)
    desk.later(minutes=1)
    desk.reply(goes_on, guest)
    wrote = desk.now
    desk.later(minutes=1)
    confirm(desk, guest)
    confirm(desk, friend)
    assert desk.ticket(goes_on).last_customer_message_at == wrote


@pytest.mark.parametrize("joins", ["the newer", "the older"])
def test_the_agent_of_the_ticket_that_goes_on_hears_of_what_it_took_in(joins: str) -> None:
    desk = Desk()
    guest, friend = opened(desk), opened(desk)
    older = desk.opened(status="solution_suggested", requester=guest)
    desk.later(minutes=1)
    desk.opened(requester=friend)
    first, second = (guest, friend) if joins == "the newer" else (friend, guest)
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
