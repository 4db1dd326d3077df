"""Whose pages are told of a change: those who see it, and those who lose the ticket. (That this holds for every
decision, the desk of these tests looks at itself: `Desk.take`.)"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contracts.staff import staff_from
from tests.unit.intake.accounts.test_persons import confirm, opened
from tests.unit.intake.desk import Desk, Heard, account

STAFF = staff_from(
    {
        "members": [
            {"agent_id": id_, "roles": ["agent", "supervisor"], "teams": ["all"], "skills": ["*"]}
            for id_ in ("a1", "a2")
        ]
    }
)

SEEN: dict[str, Callable[[Desk, str], Heard]] = {
    "a note of the requester": lambda desk, number: desk.submit(),
    "a reply": lambda desk, number: desk.reply(number),
    "an edit": lambda desk, number: desk.requester("ticket.edit", number, body="Two cards."),
    "a question of the agent": lambda desk, number: desk.agent("ticket.ask_info", number),
    "a solution": lambda desk, number: desk.agent("ticket.suggest_solution", number),
    "a closing": lambda desk, number: desk.agent("ticket.close", number),
    "no agent any more": lambda desk, number: desk.unassign(number),
    "another agent": lambda desk, number: desk.agent("ticket.transfer", number, to_agent="a2"),
    "another category": lambda desk, number: desk.agent(
        "ticket.reclassify", number, category="technical", reason="It is not about money."
    ),
    "a request to log in": lambda desk, number: desk.agent("ticket.ask_consent", number),
}


@pytest.mark.parametrize("change", SEEN.values(), ids=SEEN)
def test_what_a_requester_sees_is_told_to_their_pages(change: Callable[[Desk, str], Heard]) -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    assert change(desk, number).live() == [(number, 3, ["ann"])]


def test_a_new_ticket_is_told_too() -> None:
    heard = Desk().submit()
    assert heard.live() == [(heard.ticket["number"], 1, ["ann"])]


def test_a_note_of_an_agent_is_told_to_nobody() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    noted = desk.agent("ticket.add_note", number)
    assert (noted.events(), noted.live()) == (["ticket.note_added"], [])


def test_a_command_without_effect_is_told_to_nobody() -> None:
    desk = Desk()
    number = desk.opened(status="closed")
    desk.later(days=8)
    assert desk.reply(number).live() == []
    assert desk.view(number).live() == []


@pytest.mark.parametrize(("kind", "told"), [("opened", True), ("note_added", False)])
def test_the_pages_hear_that_what_they_show_is_redacted(kind: str, told: bool) -> None:
    desk = Desk()
    desk.state.staff = STAFF
    number = desk.opened(status="assigned")
    desk.agent("ticket.add_note", number)
    (entry,) = [entry for entry in desk.state.history(desk.ticket(number)) if entry.kind == kind]
    heard = desk.agent("ticket.redact", number, "a1", entry_id=entry.id, reason="A card number")
    assert heard.live() == ([(number, 4, ["ann"])] if told else [])


def test_whoever_becomes_one_person_with_another_sees_the_ticket_and_whoever_filed_it_still_does() -> None:
    desk = Desk()
    guest, friend = opened(desk), opened(desk)
    number = desk.opened(requester=friend)
    confirm(desk, guest)
    heard = confirm(desk, friend)
    ids = [each["temporary"]["account_id"] for each in (guest, friend)]
    assert heard.live() == [(number, 2, sorted(ids))]


def test_the_account_that_loses_a_ticket_and_the_one_that_gets_it_are_told() -> None:
    desk = Desk()
    guest = opened(desk)
    number = desk.opened(requester=guest)
    heard = desk.send("account.merge", {"requester": account("ann"), **guest})
    assert heard.live() == [(number, 2, ["ann", guest["temporary"]["account_id"]])]


def test_an_erasure_is_told_to_the_person_who_loses_the_ticket_and_names_nobody_else() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    desk.state.persons = {"account:ann": ["account:ann"]}
    heard = desk.send("account.erase", {"requester": account()})
    assert heard.live() == [(number, 3, ["ann"])]
    assert desk.reply(number).live() == []


def test_what_a_person_has_goes_on_being_told_after_the_account_that_filed_it_has_ended() -> None:
    desk = Desk()
    guest, friend = opened(desk), opened(desk)
    confirm(desk, guest)
    number = desk.opened(status="assigned", requester=friend)
    confirm(desk, friend)
    desk.agent("ticket.close", number)
    desk.put(number, erased=True)
    assert "reopens_until" in desk.view(number, guest).data
    assert desk.reply(number, guest).live() == [(number, 5, [guest["temporary"]["account_id"]])]


def test_of_two_versions_in_one_turn_each_is_told_in_order() -> None:
    desk = Desk()
    heard = desk.submit(attachments=[{"name": "a.txt", "content": "****"}])
    number = heard.ticket["number"]
    assert [(number_, version) for number_, version, _ in heard.live()] == [(number, 1), (number, 2)]
