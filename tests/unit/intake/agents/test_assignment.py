"""Who has a ticket (docs/rules.md, "The life of a ticket" and "Routing")."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest

from contracts.envelope import rfc3339
from services.intake.domain.agents.assignment import HANDED_OVER
from services.intake.domain.values.agent import KnownAgent
from tests.unit.intake.desk import Desk


@pytest.mark.parametrize(
    ("status", "becomes"),
    [
        ("new", "assigned"),
        ("reopened", "assigned"),
        ("work_in_progress", "work_in_progress"),
        ("needs_reply", "needs_reply"),
        ("need_more_info", "need_more_info"),
        ("solution_suggested", "solution_suggested"),
    ],
)
def test_any_open_ticket_without_agent_can_be_assigned(status: str, becomes: str) -> None:
    desk = Desk()
    number = desk.opened(status=status)
    if desk.ticket(number).agent is not None:
        desk.unassign(number)
    before = desk.ticket(number)
    heard = desk.assign(number, "a2")
    assert heard.type == "command.accepted"
    assert heard.events() == ["ticket.assigned"]
    assert heard.ticket["status"] == becomes
    assert heard.ticket["agent"] == {"id": "a2", "display_name": "A2"}
    assert heard.ticket["assignment_seq"] == before.assignment_seq + 1
    if becomes == status:
        assert heard.ticket["status_version"] == before.status_version
    assert heard.to_agents() == ["agent.a2.ticket.assigned"]
    assert heard.event().data["entry"]["visibility"] == "internal"


@pytest.mark.parametrize(
    ("status", "becomes"),
    [
        ("assigned", "new"),
        ("work_in_progress", "work_in_progress"),
        ("needs_reply", "needs_reply"),
        ("need_more_info", "need_more_info"),
        ("solution_suggested", "solution_suggested"),
        ("reopened", "reopened"),
    ],
)
def test_unassigned_it_waits_as_it_did_before(status: str, becomes: str) -> None:
    desk = Desk()
    number = desk.opened(status=status)
    before = desk.ticket(number)
    heard = desk.unassign(number)
    assert heard.events() == ["ticket.unassigned"]
    assert (heard.ticket["status"], heard.ticket["agent"]) == (becomes, None)
    assert heard.ticket["assignment_seq"] == before.assignment_seq + 1
    assert heard.event().data["previous_agent"] == {"id": "a1", "display_name": "A1"}
    assert heard.to_agents() == ["agent.a1.ticket.unassigned"]


def test_unassigned_after_it_was_ever_closed_it_is_reopened() -> None:
    desk = Desk()
    number = desk.opened(status="reopened")
    desk.unassign(number)
    desk.assign(number)
    assert desk.unassign(number).ticket["status"] == "reopened"


@pytest.mark.parametrize("seq", [0, 2, 7])
def test_any_other_seq_is_refused_with_the_present_ticket(seq: int) -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    heard = desk.unassign(number, seq)
    assert (heard.code, heard.ticket["assignment_seq"]) == ("conflict", 1)
    desk.unassign(number)
    if seq != 2:
        heard = desk.assign(number, "a2", seq)
        assert (heard.code, heard.ticket["assignment_seq"]) == ("conflict", 2)


def test_never_one_ticket_to_two_agents() -> None:
    desk = Desk()
    number = desk.opened()
    desk.assign(number, "a1")
    heard = desk.assign(number, "a2")
    assert heard.code == "conflict"
    assert heard.ticket["agent"]["id"] == "a1"


def test_a_place_is_taken_only_as_long_as_it_is_kept() -> None:
    desk = Desk()
    number = desk.opened()
    heard = desk.assign(number, "a2", valid_until=rfc3339(desk.now - timedelta(milliseconds=1)))
    assert (heard.code, heard.ticket["agent"]) == ("conflict", None)
    heard = desk.assign(number, "a2", valid_until=rfc3339(desk.now))
    assert (heard.type, heard.decision.valid_until) == ("command.accepted", desk.now)


def test_a_closed_ticket_is_not_assigned_and_keeps_its_agent() -> None:
    desk = Desk()
    number = desk.opened(status="closed")
    assert desk.unassign(number).code == "conflict"
    assert desk.assign(number, "a2").code == "conflict"
    assert desk.ticket(number).agent is not None


def test_a_missing_ticket_is_unknown() -> None:
    assert Desk().send(
        "ticket.unassign", {"number": "99999999", "assignment_seq": 0, "reason": "-"}, "routing"
    ).code == ("unknown_ticket")


def test_the_agent_gets_the_conversation_so_far() -> None:
    desk = Desk()
    number = desk.opened()
    desk.reply(number, body="Still waiting")
    handed = _handed_over(desk, number)
    assert [entry["kind"] for entry in handed["history"]] == ["opened", "customer_replied"]
    assert "truncated" not in handed
    assert handed["entry"]["kind"] == "assigned"


def test_of_a_long_conversation_the_agent_gets_64_kib_the_opening_and_the_newest() -> None:
    desk = Desk()
    number = desk.opened(body="short")
    for place in range(9):
        desk.reply(number, body=f"{place} " + "\u00e9\n" * 4_000)
    handed = _handed_over(desk, number)
    assert handed["truncated"] is True
    assert len(orjson.dumps(handed["history"], option=orjson.OPT_UTC_Z)) <= HANDED_OVER
    first, *others = handed["history"]
    assert first["text"] == "short"
    assert [entry["text"][0] for entry in others] == ["5", "6", "7", "8"]


def _handed_over(desk: Desk, number: str) -> dict[str, Any]:
    heard = desk.assign(number)
    return dict(heard.decision.said[1].data)


def test_nobody_hands_a_ticket_to_the_agent_whom_its_requester_has_left() -> None:
    desk = Desk()
    number = desk.opened(status="work_in_progress")
    desk.requester("ticket.change_agent", number, reason="Another, please")
    desk.assign(number, "a2")
    before = desk.ticket(number)
    heard = desk.agent("ticket.transfer", number, "a2", to_agent="a1")
    assert (heard.type, heard.code, heard.ticket["version"]) == ("command.rejected", "conflict", before.version)
    assert "asked for an agent other than a1" in heard.data["message"]
    assert desk.ticket(number) == before
    # Nor does the next one, to whom a2 hands it over.
    assert desk.agent("ticket.transfer", number, "a2", to_agent="a3").type == "command.accepted"
    assert desk.agent("ticket.transfer", number, "a3", to_agent="a1").code == "conflict"
    # Once the requester has left another agent, that one counts.
    desk.requester("ticket.change_agent", number, reason="Not this one either")
    desk.assign(number, "a2")
    assert desk.agent("ticket.transfer", number, "a2", to_agent="a3").code == "conflict"
    assert desk.agent("ticket.transfer", number, "a2", to_agent="a1").type == "command.accepted"


def test_a_colleague_hands_a_ticket_back_to_whoever_handed_it_over() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    assert desk.agent("ticket.transfer", number, "a1", to_agent="a2").type == "command.accepted"
    assert desk.agent("ticket.transfer", number, "a2", to_agent="a1").type == "command.accepted"


def test_the_history_says_who_had_a_ticket_and_who_has_it() -> None:
    desk = Desk()
    number = desk.opened()
    desk.state.apply(KnownAgent("a2", "A2", ("*",)))
    done = [
        desk.assign(number, "a1"),
        desk.agent("ticket.transfer", number, to_agent="a2"),
        desk.requester("ticket.change_agent", number, reason="Somebody else, please."),
        desk.assign(number, "a3"),
        desk.unassign(number),
    ]
    changed = [heard.event().data["entry"]["changed"]["agent"] for heard in done]
    pairs = [(None, "a1"), ("a1", "a2"), ("a2", None), (None, "a3"), ("a3", None)]
    assert changed == [{"old": old, "new": new} for old, new in pairs]
