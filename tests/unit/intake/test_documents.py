"""What is stored is what is read back, and holds what the indexes need."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import decode, encode
from bson.codec_options import CodecOptions

from contracts.statuses import STATUSES
from services.intake.documents import (
    LATER,
    account_document,
    account_of,
    agent_document,
    agent_of,
    article_document,
    article_of,
    entry_document,
    entry_of,
    escalatable_document,
    escalatable_of,
    ticket_document,
    ticket_of,
)
from services.intake.domain.values.account import Account
from services.intake.domain.values.agent import KnownAgent
from services.intake.domain.values.article import KnownArticle
from services.intake.domain.values.file import File
from services.intake.files.keeping import file_document, file_of
from services.intake.files.parts import Upload, upload_document, upload_of
from services.intake.repository import INDEXES
from tests.unit.intake.desk import Desk, account

AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)


def through_bson(document: dict[str, Any]) -> dict[str, Any]:
    """As the database gives it back."""
    return decode(encode(document), AWARE)


def test_a_ticket_of_an_older_version_loads() -> None:
    desk = Desk()
    ticket = desk.ticket(desk.opened())
    older = {name: value for name, value in ticket_document(ticket).items() if name not in LATER}
    before: dict[str, Any] = dict(LATER)
    assert ticket_of(through_bson(older)) == replace(ticket, **before)


def test_a_ticket_of_the_release_that_stored_what_says_nothing_loads() -> None:
    desk = Desk()
    ticket = desk.ticket(desk.opened())
    assert ticket_of(through_bson({**LATER, **ticket_document(ticket)})) == ticket


@pytest.mark.parametrize("name", sorted(LATER))
def test_of_later_fields_what_says_something_is_stored_and_nothing_else(name: str) -> None:
    desk = Desk()
    before: dict[str, Any] = dict(LATER)
    values: dict[type, Any] = {str: "word", bool: True, int: 7}
    said: dict[str, Any] = {name: values.get(type(before[name]), "word")}
    ticket = replace(desk.ticket(desk.opened()), **{**before, **said})
    document = ticket_document(ticket)
    assert document.keys() & LATER.keys() == {name}
    assert ticket_of(through_bson(document)) == ticket


def test_news_come_back_as_they_were() -> None:
    desk = Desk()
    desk.armed(desk.opened(), desk.now)
    for agent in (
        *desk.state.agents.values(),
        KnownAgent("a4", "A4", ("billing",), ("en",), ("vip",), False, desk.now),
    ):
        assert agent_of(through_bson(agent_document(agent))) == agent
    for escalatable in desk.state.escalatable.values():
        assert escalatable_of(through_bson(escalatable_document(escalatable))) == escalatable
    for article in (KnownArticle("vault", 3, is_internal=True), KnownArticle("zebra", 1, is_internal=False)):
        assert article_of(through_bson(article_document(article))) == article
    assert desk.state.escalatable


NOW = datetime(2026, 1, 2, tzinfo=UTC)
FILE = File("r", "account:a", "text/plain", 1, "0" * 64, 1, "b", "k1", b"key", NOW, "stored")
UPLOAD = Upload("u", "account:a", "web", "a.txt", "text/plain", 2, None, "b", "k1", b"key", NOW)
NEW_OF_ACCOUNT = "wrote wrote_since blocked_at blocked_until blocked_by blocked_reason merged_into"
FLAT: list[tuple[Any, Any, Any, str]] = [
    (Account("account:a", 1, None, 0), account_document, account_of, NEW_OF_ACCOUNT),
    (KnownAgent("a1", "A1", ("*",)), agent_document, agent_of, "paused"),
    (FILE, file_document, file_of, "origin"),
    (UPLOAD, upload_document, upload_of, "origin refused"),
]


@pytest.mark.parametrize(("value", "stored", "read", "newer"), FLAT, ids=[type(case[0]).__name__ for case in FLAT])
def test_an_older_release_reads_what_is_stored_and_this_one_what_a_later_one_stores(
    value: Any, stored: Any, read: Any, newer: str
) -> None:
    document = stored(value)
    assert document.keys() & set(newer.split()) == set()
    assert read({**through_bson(document), "of_a_later_release": 1, "mailbox": None}) == value
    said = {name: NOW if name.endswith(("since", "at", "until")) else 1 for name in newer.split()}
    for after in (replace(value, **said), replace(value, **dict.fromkeys(said, ""))):
        assert read(through_bson(stored(after))) == after


@pytest.mark.parametrize("status", ["new", "assigned", "needs_reply", "solution_suggested", "closed", "reopened"])
def test_tickets_entries_and_accounts_come_back_as_they_were(status: str) -> None:
    desk = Desk()
    desk.opened(
        status=status, requester=account(email="ann@example.org"), issue_key="o7", fields={"a": 1}, language="en"
    )
    for ticket in desk.state.tickets.values():
        assert ticket_of(through_bson(ticket_document(ticket))) == ticket
    for entry in desk.state.written_entries.values():
        assert entry_of(through_bson(entry_document(entry))) == entry
    for kept in desk.state.accounts.values():
        assert account_of(through_bson(account_document(kept))) == kept
    assert desk.state.accounts


@pytest.mark.parametrize("status", STATUSES)
def test_a_key_is_held_only_while_the_ticket_is_open(status: str) -> None:
    desk = Desk()
    ticket = desk.ticket(desk.opened(status=status))
    assert ticket.status == status
    assert ticket_document(ticket).get("open_key") == (None if status == "closed" else ticket.key)


def test_the_index_of_the_first_promise_is_unique_for_open_tickets_of_a_person() -> None:
    index = INDEXES["tickets"][0].document
    assert list(index["key"].items()) == [("person", 1), ("open_key", 1)]
    assert index["unique"] is True
    assert index["partialFilterExpression"] == {"open_key": {"$type": "string"}}
