"""One ticket as an operator sees it: everything that the desk knows, in words, and nobody paints on the terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.catalogue import Catalogue
from deploy.cli.ticket import HIDDEN, Part, ticket_page
from services.chassis.catalogue import load_catalogue
from services.intake.documents import entry_document, ticket_document
from tests.unit.cli.test_show import shown
from tests.unit.intake.desk import Desk, account

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
TICKET: dict[str, Any] = {
    "number": "10000001",
    "subject": "No [bold]sound\x1b[31m",
    "status": "assigned",
    "status_since": AT,
    "opened_at": AT,
    "category": "billing",
    "subcategory": "refund",
    "priority": 3,
    "requester": {"id": "ana-1", "kind": "temporary", "display_name": "Ana", "tier": "vip"},
    "channel": "web",
    "agent": {"id": "a1", "display_name": "Ada"},
    "version": 2,
    "issue_key": None,
    "closed_at": None,
}
ENTRY = {
    "kind": "note_added",
    "version": 1,
    "author": {"kind": "agent", "id": "a1", "display_name": "Ada"},
    "at": AT,
    "visibility": "internal",
    "text": "first line\nsecond [link=x]line\x07",
}
REF = {"name": "bill.png", "media_type": "image/png", "ref": "r1", "sha256": "0" * 64, "size": 2048}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(Path(__file__).parents[3] / "deploy" / "catalogue.yaml")


def page(entries: list[dict[str, Any]], catalogue: Catalogue | None = None, files: Any = None, **ticket: Any) -> str:
    return shown(ticket_page({**TICKET, **ticket}, Part(entries, 0, 1, len(entries)), files or {}, catalogue))


def test_a_ticket_with_its_history_as_it_was_written(catalogue: Catalogue) -> None:
    said = page([ENTRY], catalogue)
    assert "10000001  No [bold]sound [31m" in said
    assert "Billing and credits (billing) / refund, priority 3" in said
    assert "note added by Ada (a1) (internal)" in said
    assert [line.strip() for line in said.splitlines()[-2:]] == ["first line", "second [link=x]line"]
    assert "\x1b" not in said
    assert "\x07" not in said


@pytest.mark.parametrize(
    ("kind", "details", "expected"),
    [
        ("opened", {"fields": {"order": "A-1", "amount": 12.5}}, ["Number of the order: A-1", "Amount: 12.5"]),
        ("opened", {"fields": {"device": "phone"}}, ["On what device? phone"]),
        ("opened", {"fields": {"gone": True}}, ["gone: yes"]),
        ("opened", {"refers_to": "10000009"}, ["refers to: ticket 10000009"]),
        ("edited", {"changed": {"subject": {"old": "Old", "new": "New"}}}, ["subject: Old → New"]),
        ("edited", {"changed": {"body": {"old": "a\nb", "new": "c"}}}, ["body was: a", "b", "body is: c"]),
        (
            "reclassified",
            {"changed": {"category": {"old": "safety", "new": "billing"}, "subcategory": {"old": None, "new": "x"}}},
            ["category: safety → billing", "subcategory: – → x"],
        ),
        ("assigned", {"changed": {"agent": {"old": None, "new": "a1"}}}, ["agent: – → a1"]),
        ("consent_answered", {"granted": False}, ["permission: refused"]),
        ("merged", {"to_number": "10000002"}, ["into: ticket 10000002"]),
        ("linked", {"to_number": "10000002"}, ["with: ticket 10000002"]),
        ("solution_suggested", {"articles": ["kb-7"]}, ["article: kb-7"]),
        ("opened", {"left_out": [{"name": "x.exe", "reason": "Not a type.", "code": "invalid"}]}, ["left out: x.exe"]),
        ("note_added", {"attachments": [REF]}, ["file: bill.png (image/png, 2.0 KiB)"]),
    ],
)  # fmt: skip
def test_every_particular_of_an_entry_is_shown(
    catalogue: Catalogue, kind: str, details: dict[str, Any], expected: list[str]
) -> None:
    files = {"r1": {"_id": "r1", "state": "stored"}}
    lines = [
        line.strip() for line in page([{**ENTRY, "kind": kind, "details": details}], catalogue, files).splitlines()
    ]
    for part in expected:
        assert any(line.startswith(part) for line in lines), lines


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ({"state": "quarantined"}, "waiting for the virus scanner"),
        ({"state": "infected"}, "harmful"),
        ({"state": "removing"}, "removed"),
        ({"state": "stored", "damaged": True}, "damaged"),
        ({"state": "of a later version"}, "of a later version"),
        (None, "deleted"),
    ],
)
def test_a_file_that_nobody_gets_says_why(kept: dict[str, Any] | None, expected: str) -> None:
    said = page([{**ENTRY, "details": {"attachments": [REF]}}], files={} if kept is None else {"r1": kept})
    assert f"2.0 KiB, {expected}" in said


def test_a_particular_that_nobody_has_words_for_is_shown_all_the_same() -> None:
    details = {"redacted_by": {"id": "s1", "at": AT}, "marks": ["a", "b\x1b[2J"]}
    said = page([{**ENTRY, "details": details}], held_back={"why": "a burst"}, automatic=True)
    assert "redacted by: id s1, at 2026-03-04" in said
    assert "marks: a, b [2J" in said
    assert "held back" in said
    assert "automatic" in said


def test_what_a_ticket_says_of_itself(catalogue: Catalogue) -> None:
    said = page(
        [], catalogue, escalated=True, consent="asked", links=["10000002"], merged_into="10000003", reopen_count=2,
        attached=5 * 1024 * 1024, language="de", changed_from="a7", requester_left="a7", closed_at=AT,
        close_reason="merged", issue_key="A-1",
    )  # fmt: skip
    for part in (
        "asked for, no answer yet", "10000002", "10000003", "2 times", "5.0 MiB", "de", "a7 by the requester",
        "(merged)", "A-1", "Ana (vip) by web with a temporary account: ana-1", "Ada (a1)",
    ):  # fmt: skip
        assert part in said


def test_nothing_that_is_stored_of_a_ticket_is_overlooked() -> None:
    """A field that a ticket gets is shown under its own name at once, or is an internal counter."""
    desk = Desk()
    number = desk.opened(status="solution_suggested")
    desk.requester("ticket.edit", number, subject="Another", body="Other words.")
    desk.agent("ticket.ask_consent", number)
    ticket = ticket_document(desk.ticket(number))
    entries = [entry_document(entry) for entry in desk.state.history(desk.ticket(number))]
    said = shown(ticket_page(ticket, Part(entries, 0, 1, len(entries)), {}))
    assert "subject: " in said
    assert "→ Another" in said
    counted_by = {name.replace("_", " ") for name in HIDDEN}
    assert counted_by >= {
        "said",
        "said at",
        "wrote",
        "wrote since",
        "waits since",
        "person",
        "opening",
        "assignment seq",
    }
    assert not counted_by & {line.split("  ")[0] for line in said.splitlines()}
    assert account()["display_name"] in said


def test_what_lies_between_the_opening_and_the_newest_is_counted() -> None:
    entries = [{**ENTRY, "version": version} for version in (1, 98, 99)]
    said = shown(ticket_page(TICKET, Part(entries, 0, 50, 99), {}))
    assert "… 96 entries between: --page 1 to 50 show them" in said
    said = shown(ticket_page(TICKET, Part(entries[1:], 50, 50, 99), {}))
    assert "99 entries, page 50 of 50" in said
    assert "between" not in said
