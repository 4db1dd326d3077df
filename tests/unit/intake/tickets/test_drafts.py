"""What a channel files from a form (`draft`): the ticket's event names the form, and `draft.filed` tells of it
(docs/rules.md, "Knowledge base")."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contracts.names import AGENTS, EVENTS
from services.intake.domain.values.file import Unfit
from tests.unit.intake.desk import MORNING, Desk, Heard, account

DRAFT = "form-7f3a"
ALIKE: dict[str, Any] = {
    "subject": "My card does not arrive",
    "body": "I ordered my card two weeks ago and it is not here.",
}


def submitting(**more: Any) -> Callable[[Desk], Heard]:
    return lambda desk: desk.submit(draft=DRAFT, **more)


def on_the_same_issue(desk: Desk) -> Heard:
    desk.opened()
    return desk.submit(draft=DRAFT)


def naming_a_ticket(status: str) -> Callable[[Desk], Heard]:
    return lambda desk: desk.submit(draft=DRAFT, refers_to=desk.opened(status=status))


def replying(status: str, **more: Any) -> Callable[[Desk], Heard]:
    return lambda desk: desk.reply(desk.opened(status=status), draft=DRAFT, **more)


def replying_where_another_holds_the_issue(desk: Desk) -> Heard:
    number = desk.opened(status="closed")
    desk.opened()
    return desk.reply(number, draft=DRAFT)


def with_a_file_left_out(desk: Desk) -> Heard:
    desk.unfit = {"a.txt": Unfit("name", "Such a file is not taken.", False)}
    return desk.submit(draft=DRAFT, attachments=[{"name": "a.txt", "media_type": "text/plain", "content": "aGk="}])


CAME_TO_A_TICKET = [
    ("a new ticket", submitting(), ["ticket.opened"]),
    ("a first address", submitting(requester=account(email="a@example.org")), ["ticket.opened"]),
    ("the issue is open", on_the_same_issue, ["ticket.note_added"]),
    ("it names an open ticket", naming_a_ticket("assigned"), ["ticket.note_added"]),
    ("it names a closed ticket", naming_a_ticket("closed"), ["ticket.reopened"]),
    ("a reply", replying("need_more_info"), ["ticket.customer_replied"]),
    ("a reply reopens", replying("closed"), ["ticket.reopened"]),
    ("the issue of a closed ticket is open", replying_where_another_holds_the_issue, ["ticket.note_added"]),
    ("a machine wrote it", replying("assigned", automatic=True), ["ticket.note_added"]),
    ("a file is left out", with_a_file_left_out, ["ticket.opened", "ticket.note_added"]),
]


@pytest.mark.parametrize(
    ("send", "events"), [case[1:] for case in CAME_TO_A_TICKET], ids=[case[0] for case in CAME_TO_A_TICKET]
)
def test_what_comes_to_a_ticket_from_a_draft_names_it_and_is_told(
    send: Callable[[Desk], Heard], events: list[str]
) -> None:
    heard = send(Desk())
    said = [say for say in heard.decision.said if say.exchange == EVENTS]
    of_tickets = [say for say in said if say.type.startswith("ticket.")]
    assert [say.type for say in of_tickets] == events
    named = [say.data.get("draft") for say in of_tickets]
    assert named == [DRAFT, *[None] * (len(events) - 1)], "the desk's own note comes from no form"
    filed = [say for say in said if say.type == "draft.filed"]
    assert [(say.data, say.subject) for say in filed] == [({"channel": "web", "draft": DRAFT, "at": MORNING}, None)]


def a_similar_one(desk: Desk) -> Heard:
    desk.opened()
    return desk.submit(draft=DRAFT, **ALIKE)


def too_late(desk: Desk) -> Heard:
    number = desk.opened(status="closed")
    desk.later(days=8)
    return desk.reply(number, draft=DRAFT)


CAME_TO_NONE = [
    ("a prompt", a_similar_one, "ticket.similar"),
    ("an unknown category", submitting(category="gardening"), "command.rejected"),
    ("another's ticket", lambda desk: desk.reply(desk.opened(), account("bob"), draft=DRAFT), "command.rejected"),
    ("too late", too_late, "command.rejected"),
]


@pytest.mark.parametrize(
    ("send", "answer"), [case[1:] for case in CAME_TO_NONE], ids=[case[0] for case in CAME_TO_NONE]
)
def test_a_draft_from_which_nothing_came_to_a_ticket_is_not_filed(send: Callable[[Desk], Heard], answer: str) -> None:
    heard = send(Desk())
    assert heard.type == answer
    assert not heard.decision.said


def test_without_a_draft_nothing_tells_of_one() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    for heard in (desk.submit(**ALIKE, distinct_from=[number]), desk.reply(number)):
        assert "draft" not in heard.event().data
        assert "draft.filed" not in heard.events()


def test_a_draft_is_kept_nowhere_and_no_agent_hears_of_it() -> None:
    """It leaves with the events alone, so an erasure has nothing to find."""
    desk = Desk()
    number = desk.opened(status="assigned")
    for heard in (desk.reply(number, draft=DRAFT), desk.submit(draft=DRAFT)):
        assert heard.to_agents(), "the case reaches an agent"
        assert DRAFT not in repr(heard.decision.changes)
        assert DRAFT not in repr(heard.decision.answer)
        assert DRAFT not in repr(heard.decision.timers)
        assert DRAFT not in repr([say for say in heard.decision.said if say.exchange == AGENTS])
    assert DRAFT not in repr(desk.state)


def test_what_is_no_draft_refuses_no_case() -> None:
    heard = Desk().send("ticket.submit", {**_submission(), "draft": "x" * 201})
    assert heard.type == "ticket.opened"
    assert "draft.filed" not in heard.events()


def _submission() -> dict[str, Any]:
    return {"requester": account(), "category": "billing", "subject": "Card", "body": "It does not arrive."}
