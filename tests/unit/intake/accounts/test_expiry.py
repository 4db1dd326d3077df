"""A temporary account ends 30 days after its last ticket closed; what identifies the person is erased."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.chassis.decision import Arm, Decision
from services.intake.domain.values.account import AccountEndTimer
from services.intake.domain.values.whose import ERASED
from tests.unit.intake.desk import Desk, submission, temporary

DAY = timedelta(days=1)
ISSUES = ("Card does not arrive", "The app is slow", "My invoice is wrong")


def opened(desk: Desk, **more: Any) -> tuple[str, dict[str, Any]]:
    """A temporary account: its id, and how a command names it."""
    id_ = desk.send("account.open_temporary", {"display_name": "Zoe", **more}).data["account_id"]
    desk.secrets.add((id_, "right"))
    return id_, temporary(id_, "right")


def due(decision: Decision) -> Any:
    """When intake looks at the account again."""
    (arm,) = decision.timers
    assert isinstance(arm, Arm)
    return arm.timer.due


def said(decision: Decision) -> list[str]:
    return [say.type for say in decision.said]


def test_a_temporary_account_without_tickets_ends_30_days_after_opening() -> None:
    desk = Desk()
    heard = desk.send("account.open_temporary", {"display_name": "Zoe"})
    assert due(heard.decision) == desk.now + 30 * DAY
    desk.now = due(heard.decision)
    assert said(desk.end_due(heard.data["account_id"])) == ["account.temporary_expired"]


def test_a_temporary_account_ends_30_days_after_its_last_ticket_closed() -> None:
    desk = Desk()
    id_, zoe = opened(desk)
    number = desk.opened(status="assigned", requester=zoe)
    desk.later(days=40)
    assert desk.end_due(id_) == Decision(), "a ticket is open: its closing sets the timer"
    closed = desk.agent("ticket.close", number)
    in_30_days, key = AccountEndTimer(due=desk.now + 30 * DAY), f"temporary:{id_}"
    assert closed.decision.timers == [Arm(f"account_end:{key}", in_30_days, key)]
    desk.later(days=29)
    early = desk.end_due(id_)
    assert (said(early), due(early)) == ([], desk.now + DAY)
    desk.later(days=1)
    assert "account.temporary_expired" in said(desk.end_due(id_))
    again = desk.end_due(id_)
    assert (said(again), again.changes, again.timers) == ([], [], ())


def test_a_reopened_ticket_keeps_its_account() -> None:
    desk = Desk()
    id_, zoe = opened(desk)
    number = desk.opened(status="closed", requester=zoe)
    desk.later(days=7)
    assert desk.reply(number, zoe).type == "ticket.reopened"
    desk.later(days=30)
    assert desk.end_due(id_) == Decision()


def test_the_closing_of_an_accounts_ticket_sets_no_timer() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    assert desk.agent("ticket.close", number).decision.timers == ()


def test_what_identifies_the_person_is_erased_and_the_tickets_history_stays() -> None:
    desk = Desk()
    id_, zoe = opened(desk, contact_email="zoe@example.org")
    desk.send("account.set_preferences", {"requester": zoe, "language": "fr"})
    number = desk.opened(status="assigned", requester=zoe)
    desk.reply(number, zoe, body="It still is not here.")
    desk.agent("ticket.close", number)
    version = desk.ticket(number).version
    desk.later(days=30)
    ended = desk.end_due(id_)
    assert said(ended) == [
        "account.temporary_expired",
        "account.contact_changed",
        "account.preferences_changed",
        "ticket.edited",
    ]
    assert [say.data.get("email") for say in ended.said[1:2]] == [None]
    assert "Zoe" not in str(ended.said)
    assert "zoe@example.org" not in str(desk.state.accounts)
    assert "Zoe" not in str(desk.state.accounts)
    ticket = desk.ticket(number)
    assert (ticket.version, ticket.requester.display_name) == (version + 1, ERASED)
    history = desk.state.history(ticket)
    assert "Zoe" not in str(history)
    assert [entry.text for entry in history if entry.author.kind == "requester"] == [
        submission()["body"],
        "It still is not here.",
    ]
    assert [entry.version for entry in history] == list(range(1, ticket.version + 1))
    assert history[-1].visibility == "internal"


def test_an_ended_account_lets_nobody_in() -> None:
    desk = Desk()
    id_, zoe = opened(desk)
    desk.later(days=30)
    desk.end_due(id_)
    assert desk.state.accounts[f"temporary:{id_}"].secret_hash is None
    assert desk.submit(zoe).code == "unauthenticated", "although its secret is still right"


def test_a_ticket_that_is_filed_as_its_account_ends_changes_the_account_too() -> None:
    desk = Desk()
    id_, zoe = opened(desk)
    before = desk.state.accounts[f"temporary:{id_}"].version
    desk.submit(zoe)
    assert desk.state.accounts[f"temporary:{id_}"].version == before + 1


def test_much_is_erased_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.intake.domain.accounts.expiry.TICKETS_AT_ONCE", 2)
    monkeypatch.setattr("tests.unit.intake.desk.TICKETS_AT_ONCE", 2)
    monkeypatch.setattr("services.intake.domain.accounts.expiry.ENTRIES_AT_ONCE", 3)
    monkeypatch.setattr("tests.unit.intake.desk.ENTRIES_AT_ONCE", 3)
    desk = Desk()
    id_, zoe = opened(desk)
    numbers = [desk.opened(requester=zoe, subject=subject, body=subject, issue_key=subject) for subject in ISSUES]
    for number in numbers:
        desk.reply(number, zoe)
        desk.reply(number, zoe)
        desk.assign(number)
        desk.agent("ticket.close", number)
    desk.later(days=30)
    turns = 0
    decision = desk.end_due(id_)
    while decision.timers:
        assert due(decision) == desk.now
        turns += 1
        decision = desk.end_due(id_)
    assert turns == 4
    assert "Zoe" not in str([desk.state.history(desk.ticket(number)) for number in numbers])
    assert {desk.ticket(number).requester.display_name for number in numbers} == {ERASED}


def test_the_timer_of_an_account_that_is_not_there_does_nothing() -> None:
    assert Desk().end_due("nobody") == Decision()
