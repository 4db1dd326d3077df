"""One open ticket per issue (docs/rules.md, "One open ticket per issue")."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.statuses import OPEN
from services.intake.domain.issues.similarity import SIMILAR_FROM
from tests.unit.intake.desk import Desk, account

OTHER_WORDS: dict[str, Any] = {
    "subject": "The app is slow",
    "body": "Every page takes a minute since yesterday evening.",
}


def test_a_first_submission_opens_a_ticket() -> None:
    desk = Desk()
    heard = desk.submit(language="en", subcategory="card", issue_key="order-7")
    assert heard.type == "ticket.opened"
    assert heard.events() == ["ticket.opened"]
    ticket = heard.ticket
    assert len(ticket["number"]) == 8
    assert (ticket["version"], ticket["status"], ticket["status_version"]) == (1, "new", 1)
    assert (ticket["priority"], ticket["channel"], ticket["agent"]) == (3, "web", None)
    assert (ticket["assignment_seq"], ticket["contact_version"], ticket["reopen_count"]) == (0, 0, 0)
    assert ticket["requester"] == {"id": "ann", "kind": "account", "display_name": "Ann", "tier": "standard"}
    assert ticket["opened_at"] == ticket["last_customer_message_at"] == desk.now
    assert heard.event().data["ticket"] == ticket
    entry = heard.event().data["entry"]
    assert (entry["kind"], entry["visibility"], entry["at"]) == ("opened", "public", desk.now)
    assert entry["text"].startswith("I ordered")


SAME_ISSUE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("same words", {}, {}),
    ("case, space, punctuation", {"subject": "Card does not arrive"}, {"subject": "  card DOES not - arrive!!"}),
    ("another channel", {}, {"sender": "game"}),
    ("same issue key, other words and category", {"issue_key": "o7"}, {"issue_key": "o7", "category": "technical"}),
    ("one_open_per category", {"category": "access"}, {"category": "access", "issue_key": "x", **OTHER_WORDS}),
    ("one_open_per requester", {"category": "general"}, {"category": "general", **OTHER_WORDS}),
]


@pytest.mark.parametrize(("first", "second"), [case[1:] for case in SAME_ISSUE], ids=[case[0] for case in SAME_ISSUE])
def test_a_second_submission_of_an_open_issue_becomes_a_note(first: dict[str, Any], second: dict[str, Any]) -> None:
    desk = Desk()
    number = desk.submit(**first).ticket["number"]
    heard = desk.submit(**second)
    assert heard.type == "ticket.duplicate"
    assert heard.events() == ["ticket.note_added"]
    assert (heard.ticket["number"], heard.ticket["version"]) == (number, 2)
    assert heard.data["note_id"] == heard.event().data["entry"]["id"]
    assert len(desk.state.tickets) == 1


OTHER_ISSUE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("other words", {}, OTHER_WORDS),
    ("another requester", {}, {"requester": account("bob")}),
    ("other issue keys, same words", {"issue_key": "o7"}, {"issue_key": "o8"}),
    ("punctuation alone", {"subject": "!!!", "body": "a lamp is broken"}, {"subject": "???", "body": "no parcel came"}),
]


@pytest.mark.parametrize(("first", "second"), [case[1:] for case in OTHER_ISSUE], ids=[case[0] for case in OTHER_ISSUE])
def test_another_issue_opens_another_ticket(first: dict[str, Any], second: dict[str, Any]) -> None:
    desk = Desk()
    desk.submit(**first)
    assert desk.submit(**second).type == "ticket.opened"


@pytest.mark.parametrize("status", OPEN)
def test_a_note_leaves_new_and_turns_any_other_open_status_to_needs_reply(status: str) -> None:
    desk = Desk()
    number = desk.opened(status=status)
    before = desk.ticket(number)
    desk.later(minutes=1)
    heard = desk.submit()
    ticket = heard.ticket
    assert ticket["status"] == ("new" if status == "new" else "needs_reply")
    assert ticket["last_customer_message_at"] == desk.now
    if ticket["status"] == status:
        assert (ticket["status_version"], ticket["status_since"]) == (before.status_version, before.status_since)
    else:
        assert (ticket["status_version"], ticket["status_since"]) == (ticket["version"], desk.now)
    assert heard.to_agents() == ([] if status == "new" else ["agent.a1.ticket.customer_replied"])


def test_a_note_never_moves_a_ticket_back_in_its_queue() -> None:
    desk = Desk()
    opened = desk.submit().ticket
    desk.later(hours=1)
    note = desk.submit(body="Still not here").ticket
    assert [note[name] for name in ("opened_at", "priority", "number")] == [
        opened[name] for name in ("opened_at", "priority", "number")
    ]


def test_a_note_keeps_the_subject_where_that_says_something_new() -> None:
    desk = Desk()
    desk.submit(issue_key="o7")
    assert desk.submit(issue_key="o7", body="Again").event().data["entry"]["text"] == "Again"
    longest: dict[str, Any] = {"subject": "s" * 200, "body": "b" * 20_000}
    text = desk.submit(issue_key="o7", **longest).event().data["entry"]["text"]
    assert text == "s" * 200 + "\n\n" + "b" * 20_000


def test_after_closing_the_same_issue_opens_a_new_ticket() -> None:
    desk = Desk()
    first = desk.opened(status="closed")
    heard = desk.submit()
    assert heard.type == "ticket.opened"
    assert heard.ticket["number"] != first


def test_distinct_from_keeps_issues_of_the_same_words_apart() -> None:
    desk = Desk()
    first = desk.opened()
    second = desk.submit(distinct_from=[first])
    assert second.type == "ticket.opened"
    # The same words once more are the second one's issue, unless that is named too.
    again = desk.submit(distinct_from=[first])
    assert (again.type, again.ticket["number"]) == ("ticket.duplicate", second.ticket["number"])
    third = desk.submit(distinct_from=[first, second.ticket["number"]])
    assert third.type == "ticket.opened"
    # If nothing is said, it is the first one's.
    assert desk.submit().ticket["number"] == first


@pytest.mark.parametrize("more", [{"issue_key": "o7"}, {"category": "access"}, {"category": "general"}])
def test_distinct_from_cannot_part_what_channel_or_catalogue_calls_one(more: dict[str, Any]) -> None:
    desk = Desk()
    number = desk.opened(**more)
    assert desk.submit(distinct_from=[number], **more).type == "ticket.duplicate"


def test_a_similar_submission_is_answered_with_a_prompt_and_nothing_is_filed() -> None:
    desk = Desk()
    number = desk.opened()
    heard = desk.submit(subject="My card does not arrive")
    assert heard.type == "ticket.similar"
    assert not heard.decision.said
    assert not heard.decision.said
    (candidate,) = heard.data["candidates"]
    assert candidate["number"] == number
    assert SIMILAR_FROM <= candidate["score"] <= 1
    assert desk.submit(subject="My card does not arrive", distinct_from=[number]).type == "ticket.opened"


def test_what_is_similar_to_nothing_open_opens_a_ticket() -> None:
    desk = Desk()
    desk.opened(status="closed")
    assert desk.submit(subject="My card does not arrive").type == "ticket.opened"
    assert desk.submit(account("bob"), subject="The card does not arrive").type == "ticket.opened"


def test_candidates_are_the_most_alike_and_five_at_most() -> None:
    desk = Desk()
    numbers: list[str] = []
    for place in range(7):
        subject = f"Card does not arrive in town {place}"
        numbers.append(desk.submit(subject=subject, distinct_from=numbers).ticket["number"])
    candidates = desk.submit(subject="Card does not arrive in town 3 now").data["candidates"]
    assert len(candidates) == 5
    assert candidates[0]["number"] == numbers[3]
    scores = [candidate["score"] for candidate in candidates]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    ("more", "code", "field"),
    [
        ({"category": "gardening"}, "unknown_category", "category"),
        ({"subcategory": "flowers"}, "invalid", "subcategory"),
    ],
)
def test_what_the_catalogue_does_not_know_is_refused(more: dict[str, Any], code: str, field: str) -> None:
    heard = Desk().submit(**more)
    assert (heard.type, heard.code) == ("command.rejected", code)
    assert list(heard.data["errors"]) == [field]
    assert not heard.decision.changes


def test_answers_to_questions_stand_in_the_history() -> None:
    heard = Desk().submit(fields={"order": "7", "amount": 3.5})
    assert heard.event().data["entry"]["fields"] == {"order": "7", "amount": 3.5}


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        ({"order": "7"}, []),
        ({"order": "7", "amount": 3.5, "paid-by": "cash", "seen-on": "2026-02-28", "other": True}, []),
        ({}, ["order"]),
        ({"order": ""}, ["order"]),
        ({"order": " \t"}, ["order"]),
        ({"order": "\u200b\u2800"}, ["order"]),
        ({"order": "7", "seen-on": "20260228"}, ["seen-on"]),
        ({"order": "7", "seen-on": "2026-W09-6"}, ["seen-on"]),
        (
            {"order": 7, "amount": "much", "paid-by": "shells", "seen-on": "2026-02-29"},
            ["amount", "order", "paid-by", "seen-on"],
        ),
        ({"order": "7", "amount": True, "seen-on": 20260228}, ["amount", "seen-on"]),
    ],
)
def test_answers_fit_the_categorys_questions(answers: dict[str, Any], wrong: list[str]) -> None:
    heard = Desk().submit(category="safety", fields=answers)
    if wrong:
        assert heard.code == "invalid"
        assert sorted(heard.data["errors"]) == [f"fields.{name}" for name in wrong]
    else:
        assert heard.type == "ticket.opened"
