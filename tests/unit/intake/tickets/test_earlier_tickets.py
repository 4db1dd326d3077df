"""Replying to and referring to tickets that are there, open or closed (docs/rules.md, "The life of a ticket")."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts.statuses import OPEN
from services.intake.domain.answers import CLOSED_TOO_LONG
from tests.unit.intake.desk import Desk, account

WEEK = timedelta(days=7)
INSTANT = timedelta(milliseconds=1)


@pytest.mark.parametrize("status", OPEN)
def test_a_reply_leaves_new_and_turns_any_other_open_status_to_needs_reply(status: str) -> None:
    desk = Desk()
    number = desk.opened(status=status)
    desk.later(minutes=1)
    heard = desk.reply(number, body="Any news?")
    assert heard.type == "command.accepted"
    assert heard.events() == ["ticket.customer_replied"]
    assert heard.ticket["status"] == ("new" if status == "new" else "needs_reply")
    assert heard.ticket["last_customer_message_at"] == desk.now
    assert heard.event().data["entry"]["author"] == {"kind": "requester", "id": "ann", "display_name": "Ann"}
    assert heard.to_agents() == ([] if status == "new" else ["agent.a1.ticket.customer_replied"])


@pytest.mark.parametrize("after", [timedelta(0), WEEK - INSTANT, WEEK])
def test_a_reply_reopens_up_to_exactly_seven_days(after: timedelta) -> None:
    desk = Desk()
    number = desk.opened(status="closed")
    desk.now += after
    heard = desk.reply(number)
    assert heard.type == "ticket.reopened"
    assert heard.events() == ["ticket.reopened"]
    ticket = heard.ticket
    assert (ticket["status"], ticket["reopen_count"]) == ("reopened", 1)
    assert (ticket["closed_at"], ticket["close_reason"]) == (None, None)
    # It goes back to its agent.
    assert ticket["agent"] == {"id": "a1", "display_name": "A1"}
    assert heard.to_agents() == ["agent.a1.ticket.reopened"]


@pytest.mark.parametrize("after", [WEEK + INSTANT, timedelta(days=400)])
def test_a_reply_after_more_than_seven_days_is_told_so(after: timedelta) -> None:
    desk = Desk()
    number = desk.opened(status="closed")
    desk.now += after
    heard = desk.reply(number)
    assert (heard.type, heard.code) == ("command.rejected", "closed_too_long")
    assert heard.data["message"] == CLOSED_TOO_LONG
    assert CLOSED_TOO_LONG == (
        "This case has been closed for more than 7 days. Please create a new case by clicking on Submit a Case."
    )
    assert not heard.decision.changes


@pytest.mark.parametrize("after", [timedelta(days=1), timedelta(days=8)])
def test_a_reply_to_a_closed_ticket_whose_issue_is_open_again_becomes_a_note_there(after: timedelta) -> None:
    desk = Desk()
    closed = desk.opened(status="closed")
    open_again = desk.opened()
    desk.now += after
    heard = desk.reply(closed, body="Is it coming?")
    assert (heard.type, heard.ticket["number"]) == ("ticket.duplicate", open_again)
    assert desk.ticket(closed).status == "closed"


@pytest.mark.parametrize("after", [timedelta(0), WEEK])
def test_a_submission_that_names_a_ticket_closed_within_seven_days_reopens_it(after: timedelta) -> None:
    desk = Desk()
    number = desk.opened(status="closed")
    desk.now += after
    heard = desk.submit(refers_to=number, subject="It broke again", body="Same as before")
    assert (heard.type, heard.ticket["number"]) == ("ticket.reopened", number)
    entry = heard.event().data["entry"]
    assert entry["text"] == "It broke again\n\nSame as before"
    assert entry["refers_to"] == number
    assert len(desk.state.tickets) == 1


def test_a_submission_that_names_a_ticket_closed_longer_becomes_a_new_linked_one() -> None:
    desk = Desk()
    number = desk.opened(status="closed")
    desk.now += WEEK + INSTANT
    heard = desk.submit(refers_to=number)
    assert heard.type == "ticket.opened"
    assert desk.ticket(heard.ticket["number"]).links == (number,)
    assert heard.event().data["entry"]["refers_to"] == number


@pytest.mark.parametrize("after", [timedelta(days=1), timedelta(days=8)])
def test_a_submission_that_names_a_closed_ticket_whose_issue_is_open_again_becomes_a_note(after: timedelta) -> None:
    desk = Desk()
    closed = desk.opened(status="closed")
    open_again = desk.opened()
    desk.now += after
    heard = desk.submit(refers_to=closed, subject="Where is it", body="Nothing came")
    assert (heard.type, heard.ticket["number"]) == ("ticket.duplicate", open_again)


def test_a_submission_that_names_an_open_ticket_is_noted_on_it() -> None:
    desk = Desk()
    number = desk.opened()
    heard = desk.submit(refers_to=number, subject="One more thing", body="The envelope was blue")
    assert (heard.type, heard.ticket["number"]) == ("ticket.duplicate", number)


def test_a_submission_may_refer_to_an_open_ticket_and_be_distinct_from_it() -> None:
    desk = Desk()
    number = desk.opened()
    heard = desk.submit(refers_to=number, distinct_from=[number])
    assert heard.type == "ticket.opened"
    assert desk.ticket(heard.ticket["number"]).links == (number,)


@pytest.mark.parametrize("type_", ["ticket.reply", "ticket.accept_solution", "ticket.view", "ticket.submit"])
def test_somebody_elses_ticket_is_forbidden_and_a_missing_one_unknown(type_: str) -> None:
    desk = Desk()
    number = desk.opened()
    for asked, code in ((number, "forbidden"), ("99999999", "unknown_ticket")):
        if type_ == "ticket.submit":
            heard = desk.submit(account("mallory"), refers_to=asked)
        else:
            data = {"requester": account("mallory"), "number": asked, "body": "Mine!"}
            heard = desk.send(type_, data)
        assert (heard.type, heard.code) == ("command.rejected", code)
        assert "ticket" not in heard.data
        assert not heard.decision.changes


def test_a_ticket_keeps_the_display_name_as_it_was_when_filed() -> None:
    desk = Desk()
    number = desk.opened()
    heard = desk.reply(number, account(display_name="Annabel", tier="vip"))
    assert heard.ticket["requester"]["display_name"] == "Ann"
    assert heard.ticket["requester"]["tier"] == "standard"
    renamed = account(display_name="Annabel")
    later = desk.submit(renamed, subject="Slow", body="Everything takes so long today")
    assert later.ticket["requester"]["display_name"] == "Annabel"
