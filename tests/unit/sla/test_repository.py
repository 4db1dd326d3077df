"""What sla stores of a ticket comes back as it was, through BSON; only what changed is written, conditionally."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions
from pymongo import MongoClient

from services.chassis.database import KEPT_AFTER_CLOSING
from services.sla.domain.state import Supervision, Ticket, View
from services.sla.domain.timekeeping import timers
from services.sla.repository import Repository, from_document, to_document
from tests.unit.sla.stories import MONDAY, POLICY, Desk, story

STORIES = {
    "opened": (),
    "answered and asked again": (("assign", 1), ("ask", 2), ("customer", 3)),
    "closed": (("assign", 1), ("suggest", 2), ("close", 3)),
    "asked and answered twice": (("assign", 1), ("ask", 2), ("customer", 3), ("ask", 4), ("customer", 5), ("ask", 6)),
    "reopened": (("close", 3), ("reopen", 4)),
}


def heard(*steps: tuple[str, float]) -> Ticket:
    desk = Desk()
    desk.hear(*story(*steps))
    return desk.ticket


def through_bson(document: dict[str, Any]) -> dict[str, Any]:
    return bson.decode(bson.encode(document), CodecOptions(tz_aware=True))


@pytest.mark.parametrize("steps", STORIES.values(), ids=STORIES)
def test_a_ticket_comes_back_as_it_was(steps: tuple[tuple[str, float], ...]) -> None:
    ticket = heard(*steps)
    assert from_document(through_bson(to_document(ticket))) == ticket


def test_milliseconds_survive() -> None:
    at = MONDAY + timedelta(milliseconds=123)
    desk = Desk()
    desk.hear(*story(at=at))
    assert from_document(through_bson(to_document(desk.ticket))) == desk.ticket


def test_an_older_release_reads_what_is_stored_and_this_one_what_a_later_one_stores() -> None:
    ticket = heard(("assign", 1), ("ask", 2), ("customer", 3))
    document = through_bson(to_document(ticket))
    assert all("waits_since" not in span for span in document["spans"]), "releases fail that do not know it"
    parts = [*document["spans"], *(each[part] for each in document["watches"] for part in ("clock", "deadline"))]
    for part in parts:
        part["of_a_later_release"] = 1
    assert from_document(document) == ticket


def test_a_ticket_from_before_there_were_pauses_is_read() -> None:
    waiting = heard(("assign", 1), ("ask", 2), ("customer", 3))
    document = through_bson(to_document(waiting))
    for span in document["spans"]:
        del span["escalated"]
    for countdown in document["watches"]:
        for name in ("unanswered_since", "escalated", "pauses", "paused_at"):
            del countdown["clock"][name]
    assert from_document(document) == waiting


def test_a_suggestion_from_before_there_were_reminders_arms_none() -> None:
    suggested = heard(("assign", 1), ("suggest", 2))
    document = through_bson(to_document(suggested))
    del document["reminded"]
    assert {*timers(suggested)} == {"auto_close", "closing_soon"}
    assert {*timers(from_document(document))} == {"auto_close"}


def test_only_a_closed_ticket_is_forgotten_some_day() -> None:
    assert "forget_at" not in to_document(heard(("close", 3), ("reopen", 4)))
    assert to_document(heard(("close", 3)))["forget_at"] == MONDAY + timedelta(hours=3) + KEPT_AFTER_CLOSING


def test_what_did_not_change_is_not_written_and_what_did_on_its_condition() -> None:
    known, other = heard(), heard(("assign", 1))
    repository = Repository(
        MongoClient("mongodb://127.0.0.1:1", connect=False)["unused"], lambda: (POLICY, Supervision())
    )
    view = View(POLICY, [known])
    assert repository.writes(view) == []
    view.apply(other)
    (write,) = repository.writes(view)
    assert (write.collection, write.replaces) == ("tickets", ("revision", known.revision))
