"""What requesters and agents do to a ticket between filing and closing (docs/rules.md, "The life of a ticket")."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contracts.catalogue import Catalogue
from contracts.statuses import OPEN
from services.intake.domain.values.agent import KnownAgent
from tests.unit.intake.desk import Desk, account

WITH_AGENT = tuple(status for status in OPEN if status != "new")


# Working, noting, asking for consent


def test_an_agent_starts_to_work_on_what_awaits_the_desk() -> None:
    for status in ("assigned", "needs_reply", "reopened"):
        desk = Desk()
        heard = desk.agent("ticket.start_work", desk.opened(status=status))
        assert (heard.type, heard.ticket["status"]) == ("command.accepted", "work_in_progress")
        assert heard.events() == ["ticket.work_started"]


@pytest.mark.parametrize("status", ["work_in_progress", "need_more_info", "solution_suggested", "closed"])
def test_there_is_no_work_to_start_where_the_desk_works_or_waits(status: str) -> None:
    desk = Desk()
    assert desk.agent("ticket.start_work", desk.opened(status=status)).code == "wrong_status"


@pytest.mark.parametrize("status", OPEN)
def test_an_agents_note_is_internal_and_moves_nothing(status: str) -> None:
    desk = Desk()
    number = desk.opened(status=status)
    before = desk.ticket(number)
    desk.later(hours=1)
    heard = desk.agent("ticket.add_note", number, "a2", body="They have called, too.")
    after = desk.ticket(number)
    assert heard.event().data["entry"]["visibility"] == "internal"
    assert heard.event().data["entry"]["author"]["id"] == "a2"
    assert after.version == before.version + 1
    for name in ("status", "status_since", "status_version", "last_agent_message_at", "last_customer_message_at"):
        assert getattr(after, name) == getattr(before, name)


def test_only_agents_who_may_have_the_ticket_note_on_it_and_link_it() -> None:
    desk = Desk()
    number, other = desk.opened(status="assigned", issue_key="1"), desk.opened(issue_key="2")
    desk.state.apply(KnownAgent("a2", "A2", ("safety",)))
    assert desk.agent("ticket.add_note", number, "a2").code == "forbidden"
    assert desk.agent("ticket.link", number, "a2", to_number=other).code == "forbidden"
    assert desk.agent("ticket.link", number, "a3", to_number=other).type == "command.accepted"


def test_permission_to_log_in_is_asked_for_and_the_answer_is_recorded() -> None:
    for granted, consent in ((True, "granted"), (False, "refused")):
        desk = Desk()
        number = desk.opened(status="assigned")
        asked = desk.agent("ticket.ask_consent", number, reason="To see what you see.")
        assert (asked.ticket["consent"], asked.ticket["status"]) == ("asked", "assigned")
        assert asked.event().data["entry"]["visibility"] == "public"
        heard = desk.requester("ticket.answer_consent", number, granted=granted)
        assert heard.ticket["consent"] == consent
        assert heard.event().data["entry"]["granted"] is granted
        assert heard.to_agents() == ["agent.a1.ticket.consent_answered"]
        again = desk.requester("ticket.answer_consent", number, granted=True)
        assert (again.code, desk.ticket(number).consent) == ("wrong_status", consent)


@pytest.mark.parametrize("granted", [True, None])
@pytest.mark.parametrize("ends", ["transferred", "agent changed", "closed"])
def test_permission_to_log_in_ends_with_its_agent_and_with_the_closing(ends: str, granted: bool | None) -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    desk.agent("ticket.ask_consent", number, reason="To see what you see.")
    if granted is not None:
        desk.requester("ticket.answer_consent", number, granted=granted)
    if ends == "transferred":
        desk.agent("ticket.transfer", number, reason="I am off.")
    elif ends == "agent changed":
        desk.requester("ticket.change_agent", number, reason="I would like another.")
    else:
        desk.agent("ticket.close", number, reason="Done.")
    assert desk.ticket(number).consent is None
    late = desk.requester("ticket.answer_consent", number, granted=True)
    assert (late.code, desk.ticket(number).consent) == ("wrong_status", None)


def test_nothing_is_consented_to_that_was_not_asked() -> None:
    desk = Desk()
    heard = desk.requester("ticket.answer_consent", desk.opened(status="assigned"), granted=True)
    assert heard.code == "wrong_status"


def test_permission_to_log_in_that_nobody_answers_stays_asked_for() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    desk.agent("ticket.ask_consent", number, reason="To see what you see.")
    desk.later(days=6)
    desk.agent("ticket.start_work", number)
    desk.reply(number, body="Are you there?")
    desk.agent("ticket.suggest_solution", number)
    assert desk.ticket(number).consent == "asked"


# Editing and reclassifying


def test_an_edit_keeps_old_and_new_in_the_history() -> None:
    desk = Desk()
    number = desk.opened(status="assigned", body="First")
    key = desk.ticket(number).key
    heard = desk.requester("ticket.edit", number, body="Second")
    assert heard.event().data["entry"]["changed"] == {"body": {"old": "First", "new": "Second"}}
    assert heard.to_agents() == ["agent.a1.ticket.edited"]
    heard = desk.requester("ticket.edit", number, subject="Another", body="Third")
    assert heard.event().data["entry"]["changed"] == {
        "subject": {"old": "Card does not arrive", "new": "Another"},
        "body": {"old": "Second", "new": "Third"},
    }
    heard = desk.requester("ticket.edit", number, subject="Yet another", body="Third")
    assert set(heard.event().data["entry"]["changed"]) == {"subject"}
    ticket = desk.ticket(number)
    assert (ticket.status, ticket.subject, ticket.opening) == ("assigned", "Yet another", "yet another third")
    assert ticket.key == key


def test_an_edit_has_to_change_something() -> None:
    desk = Desk()
    number = desk.opened(body="First")
    assert desk.requester("ticket.edit", number).code == "invalid"
    assert desk.requester("ticket.edit", number, body="First").code == "invalid"
    assert desk.requester("ticket.edit", number, account("bob"), body="Second").code == "forbidden"
    assert desk.ticket(number).version == 1


def test_reclassifying_changes_priority_and_is_in_the_history() -> None:
    desk = Desk()
    number = desk.opened(status="assigned", subcategory="card")
    heard = desk.agent("ticket.reclassify", number, category="safety", subcategory="refund")
    assert heard.events() == ["ticket.reclassified"]
    assert (heard.ticket["category"], heard.ticket["priority"]) == ("safety", 1)
    assert heard.event().data["entry"]["changed"] == {
        "category": {"old": "billing", "new": "safety"},
        "subcategory": {"old": "card", "new": "refund"},
        "priority": {"old": "3", "new": "1"},
    }


def test_reclassifying_is_held_to_the_catalogue_and_has_to_change_something() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    assert desk.agent("ticket.reclassify", number, category="umbrellas").code == "unknown_category"
    wrong = desk.agent("ticket.reclassify", number, category="safety", subcategory="umbrellas")
    assert (wrong.code, list(wrong.data["errors"])) == ("invalid", ["subcategory"])
    assert desk.agent("ticket.reclassify", number, category="billing").code == "invalid"


def test_reclassifying_into_an_issue_that_is_open_names_the_other_ticket() -> None:
    desk = Desk()
    other = desk.opened(category="access", subject="Locked out")
    number = desk.opened(status="assigned", body="Something else", subject="Refund please")
    heard = desk.agent("ticket.reclassify", number, category="access")
    assert (heard.code, heard.ticket["number"]) == ("conflict", other)
    assert other in heard.data["message"]
    desk.assign(other)
    desk.agent("ticket.close", other)
    assert desk.agent("ticket.reclassify", number, category="access").type == "command.accepted"
    assert desk.submit(category="access", subject="Locked").type == "ticket.duplicate"


# Who has it


@pytest.mark.parametrize("status", WITH_AGENT)
def test_the_requester_changes_agent_and_the_old_one_hears_it(status: str) -> None:
    desk = Desk()
    number = desk.opened(status=status)
    seq = desk.ticket(number).assignment_seq
    heard = desk.requester("ticket.change_agent", number, reason="We do not get on.")
    assert heard.events() == ["ticket.unassigned"]
    ticket = heard.ticket
    assert (ticket["agent"], ticket["assignment_seq"], ticket["changed_from"]) == (None, seq + 1, "a1")
    assert ticket["status"] == ("new" if status == "assigned" else status)
    assert heard.event().data["previous_agent"]["id"] == "a1"
    assert heard.event().data["entry"]["text"] == "We do not get on."
    assert heard.to_agents() == ["agent.a1.ticket.unassigned"]
    assert desk.requester("ticket.change_agent", number, reason="Again").code == "wrong_status"


def test_what_was_ever_closed_waits_as_reopened() -> None:
    desk = Desk()
    number = desk.opened(status="reopened")
    desk.unassign(number)
    desk.assign(number)
    assert desk.ticket(number).status == "assigned"
    assert desk.requester("ticket.change_agent", number, reason="Another, please").ticket["status"] == "reopened"


def test_a_transfer_gives_the_ticket_to_another_agent_with_its_history() -> None:
    desk = Desk()
    number = desk.opened(status="work_in_progress")
    heard = desk.agent("ticket.transfer", number, to_agent="a2")
    assert heard.events() == ["ticket.transferred"]
    assert heard.ticket["agent"] == {"id": "a2", "display_name": "A2"}
    assert (heard.ticket["status"], heard.ticket["changed_from"]) == ("work_in_progress", "a1")
    assert heard.event().data["previous_agent"]["id"] == "a1"
    assert heard.to_agents() == ["agent.a1.ticket.unassigned", "agent.a2.ticket.assigned"]
    handed_over = next(say for say in heard.decision.said if say.type == "ticket.assigned")
    assert [entry["kind"] for entry in handed_over.data["history"]] == ["opened", "assigned", "work_started"]
    assert desk.agent("ticket.close", number).code == "forbidden"
    assert desk.agent("ticket.close", number, "a2").type == "command.accepted"


def test_a_transfer_to_nobody_waits_for_routing() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    heard = desk.agent("ticket.transfer", number)
    assert (heard.ticket["agent"], heard.ticket["status"], heard.ticket["changed_from"]) == (None, "new", "a1")
    assert heard.to_agents() == ["agent.a1.ticket.unassigned"]


def test_a_transfer_goes_only_to_an_agent_who_is_there_and_may_have_it() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    desk.state.apply(KnownAgent("gone", "Gone", ("*",), signed_on=False))
    desk.state.apply(KnownAgent("unskilled", "U", ("safety",)))
    for to_agent in ("unheard-of", "gone", "unskilled", "a1"):
        heard = desk.agent("ticket.transfer", number, to_agent=to_agent)
        assert (heard.code, list(heard.data["errors"])) == ("invalid", ["to_agent"])


# Two tickets


def two(desk: Desk, **more: Any) -> tuple[str, str]:
    """Two tickets of one person; a1 has the first."""
    return desk.opened(status="assigned", issue_key="1"), desk.opened(issue_key="2", **more)


def test_a_link_points_to_the_other_ticket_once() -> None:
    desk = Desk()
    number, other = two(desk)
    heard = desk.agent("ticket.link", number, to_number=other)
    assert heard.events() == ["ticket.linked"]
    assert heard.event().data["to_number"] == heard.event().data["entry"]["to_number"] == other
    assert heard.event().data["entry"]["visibility"] == "internal"
    assert desk.ticket(number).links == (other,)
    assert desk.agent("ticket.link", number, to_number=other).code == "conflict"
    assert desk.agent("ticket.link", number, to_number=number).code == "invalid"
    assert desk.agent("ticket.link", number, to_number="99999999").code == "unknown_ticket"


def test_without_to_number_the_subject_is_the_ticket_acted_on() -> None:
    desk = Desk()
    number, other = two(desk)
    assert desk.agent("ticket.link", other).code == "invalid"
    heard = desk.agent("ticket.link", other, subject=number)
    assert (heard.ticket["number"], desk.ticket(number).links) == (number, (other,))


def test_a_merge_leaves_a_pointer_and_the_target_goes_on() -> None:
    desk = Desk()
    number, other = two(desk, status="work_in_progress")
    heard = desk.agent("ticket.merge_into", number, to_number=other)
    assert heard.events() == ["ticket.merged", "ticket.linked"]
    assert heard.ticket["number"] == number
    assert (heard.ticket["status"], heard.ticket["close_reason"]) == ("closed", "merged")
    assert heard.ticket["merged_into"] == other
    assert heard.to_agents() == ["agent.a1.ticket.linked"]
    assert (desk.ticket(other).status, desk.ticket(other).links) == ("needs_reply", (number,))
    assert desk.ticket(number).open_key is None


def test_a_merge_joins_open_tickets_of_one_person() -> None:
    desk = Desk()
    number, other = two(desk, status="closed")
    assert desk.agent("ticket.merge_into", number, to_number=other).code == "wrong_status"
    assert desk.agent("ticket.merge_into", number, to_number=number).code == "invalid"
    bobs = desk.opened(requester=account("bob"))
    assert desk.agent("ticket.merge_into", number, to_number=bobs).code == "forbidden"
    assert desk.agent("ticket.merge_into", bobs, to_number=number).code == "forbidden"
    assert desk.agent("ticket.merge_into", number, to_number="99999999").code == "unknown_ticket"


def test_a_reply_or_reference_to_a_merged_ticket_goes_to_the_end_of_the_chain() -> None:
    desk = Desk()
    first, second = two(desk, status="assigned")
    third = desk.opened(status="assigned", issue_key="3")
    desk.agent("ticket.merge_into", first, to_number=second)
    desk.agent("ticket.merge_into", second, to_number=third)
    assert desk.reply(first).ticket["number"] == third
    assert desk.submit(refers_to=first, issue_key="1").ticket["number"] == third
    desk.agent("ticket.close", third)
    heard = desk.reply(first)
    assert (heard.type, heard.ticket["number"]) == ("ticket.reopened", third)
    assert desk.ticket(first).status == desk.ticket(second).status == "closed"


# Escalating


def test_an_escalation_before_its_time_is_told_when_it_may_come() -> None:
    desk = Desk()
    number = desk.opened()
    desk.armed(number, desk.now + timedelta(days=7))
    heard = desk.requester("ticket.escalate", number)
    assert (heard.code, heard.data["eligible_at"]) == ("too_early", desk.now + timedelta(days=7))
    desk.later(days=7)
    assert desk.requester("ticket.escalate", number).type == "command.accepted"


def test_of_two_moments_for_one_status_the_later_word_of_slas_holds_whichever_comes_last() -> None:
    """What was heard is not remembered, so after a crash an earlier announcement comes again behind the later one."""
    desk = Desk()
    number = desk.opened()
    desk.armed(number, desk.now + timedelta(days=7), revision=1)
    desk.armed(number, desk.now + timedelta(days=9), revision=2)
    desk.armed(number, desk.now + timedelta(days=7), revision=1)
    assert desk.requester("ticket.escalate", number).data["eligible_at"] == desk.now + timedelta(days=9)


def test_the_requester_or_a_moderator_escalates_once_and_the_agent_hears_it() -> None:
    for kind, who in (("moderator", {"moderator": {"id": "mod1"}}), ("requester", {"requester": account()})):
        desk = Desk()
        number = desk.opened(status="needs_reply")
        desk.armed(number, desk.now)
        heard = desk.send("ticket.escalate", {**who, "number": number, "reason": "A week without a word."})
        assert heard.events() == ["ticket.escalated"]
        assert heard.ticket["escalated"] is True
        assert heard.to_agents() == ["agent.a1.ticket.escalated"]
        entry = heard.event().data["entry"]
        assert entry["author"]["kind"] == kind
        assert entry["text"] == "A week without a word."
        assert desk.send("ticket.escalate", {**who, "number": number}).code == "wrong_status"


@pytest.mark.parametrize("status", ["need_more_info", "solution_suggested", "closed"])
def test_there_is_nothing_to_escalate_while_it_is_not_the_desks_turn(status: str) -> None:
    desk = Desk()
    number = desk.opened(status=status)
    desk.armed(number, desk.now)
    assert desk.requester("ticket.escalate", number).code == "wrong_status"


def test_what_was_said_of_a_deadline_holds_while_the_ticket_awaits_the_desk() -> None:
    desk = Desk()
    number = desk.opened()
    desk.armed(number, desk.now)
    desk.assign(number)
    desk.agent("ticket.start_work", number)
    desk.reply(number)
    assert desk.requester("ticket.escalate", number).type == "command.accepted"


def test_an_escalation_waits_for_the_deadline_of_the_wait_as_it_is() -> None:
    desk = Desk()
    number = desk.opened()
    desk.armed(number, desk.now)
    desk.assign(number)
    desk.agent("ticket.ask_info", number)
    desk.reply(number)
    heard = desk.requester("ticket.escalate", number)
    assert (heard.code, heard.decision.waits) == ("too_early", timedelta(seconds=5))
    assert "eligible_at" not in heard.data
    desk.armed(number, desk.now)
    desk.armed(number, desk.now + timedelta(days=1), status_version=1)  # late news of an earlier wait
    assert desk.requester("ticket.escalate", number).type == "command.accepted"


def test_a_reopened_ticket_is_not_escalated_any_more() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    desk.armed(number, desk.now)
    desk.requester("ticket.escalate", number)
    desk.agent("ticket.close", number)
    assert desk.reply(number).ticket["escalated"] is False


# News of agents


def test_of_the_news_about_an_agent_the_newest_hold() -> None:
    desk = Desk()
    on = {"agent_id": "a9", "display_name": "Nine", "capacity": 3, "skills": ["billing"], "at": desk.now}
    desk.hear("agent.signed_on", on, "routing")
    desk.hear("agent.signed_off", {"agent_id": "a9", "at": desk.now + timedelta(seconds=1)}, "routing")
    assert not desk.state.agents["a9"].signed_on
    assert not desk.hear("agent.signed_on", on, "routing").changes
    desk.hear("agent.signed_on", {**on, "at": desk.now + timedelta(seconds=2)}, "routing")
    assert desk.state.agents["a9"].signed_on


def test_who_listed_a_category_may_have_its_tickets_also_when_it_asks_for_another_skill_later() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    on = {"agent_id": "a9", "display_name": "Nine", "capacity": 3, "skills": ["billing"], "at": desk.now}
    desk.hear("agent.signed_on", on, "routing")
    categories = desk.state.catalogue.categories
    desk.state.catalogue = Catalogue({**categories, "billing": replace(categories["billing"], skill="money")})
    assert desk.agent("ticket.add_note", number, "a9").type == "command.accepted"
    assert desk.agent("ticket.transfer", number, to_agent="a9").ticket["agent"]["id"] == "a9"


def test_hearing_the_same_news_again_is_not_remembered() -> None:
    desk = Desk()
    heard = desk.hear("agent.signed_off", {"agent_id": "nobody"}, "routing")
    assert (heard.changes, heard.answer, heard.remember) == ((), None, False)


# The history that people see

INTERNAL = {"assigned", "unassigned", "transferred", "linked"}


def test_nothing_internal_is_shown_to_the_requester() -> None:
    desk = Desk()
    number, other = two(desk, status="assigned")
    for type_, more in (
        ("ticket.start_work", {}),
        ("ticket.add_note", {}),
        ("ticket.ask_consent", {}),
        ("ticket.ask_info", {}),
        ("ticket.suggest_solution", {}),
        ("ticket.reclassify", {"category": "safety"}),
        ("ticket.link", {"to_number": other}),
        ("ticket.transfer", {}),
    ):
        assert desk.agent(type_, number, **more).type == "command.accepted", type_
    desk.assign(number)
    desk.unassign(number)
    desk.assign(number)
    desk.requester("ticket.edit", number, body="Anew")
    desk.agent("ticket.ask_consent", number)
    desk.requester("ticket.answer_consent", number, granted=False)
    desk.armed(number, desk.now)
    desk.agent("ticket.merge_into", other, to_number=number)
    shown = [
        (entry["kind"], entry["author"]["kind"], entry["visibility"]) for entry in desk.view(number).data["history"]
    ]
    assert all(visibility == "public" for _, _, visibility in shown)
    kinds = {kind for kind, _, _ in shown}
    assert not kinds & INTERNAL
    assert ("note_added", "agent", "public") not in shown
    assert kinds == {
        "opened",
        "work_started",
        "consent_requested",
        "info_requested",
        "solution_suggested",
        "reclassified",
        "edited",
        "consent_answered",
    }
    everything = {entry["kind"] for entry in desk.agent("ticket.view", number).data["history"]}
    assert everything >= INTERNAL | kinds | {"note_added"}
