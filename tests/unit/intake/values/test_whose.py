"""Every field that intake keeps of people is classified, and what nobody classified goes with an erasure."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from msgspec.structs import asdict

from contracts.file_forms import AttachmentRef, LeftOut
from contracts.payload import plain
from contracts.registry import OUTCOMES_OF_ALL, TYPES
from contracts.snapshot import Author, EntryDetails, Snapshot, TicketRequester
from contracts.tickets import Candidate
from contracts.values import dataclass
from services.intake.domain.values import whose
from services.intake.domain.values.history import Entry
from services.intake.domain.values.ticket import Ticket, snapshot
from services.intake.domain.values.whose import (
    ANSWER,
    AUTHOR,
    DETAILS,
    ENDED,
    ENTRY,
    FILE,
    REQUESTER,
    TICKET,
    WITH_CONTENT,
    WITHOUT_CONTENT,
    Table,
    quoting,
    requester_without,
    sifted,
    ticket_without,
)
from tests.unit.intake.desk import Desk, account

OUTCOMES = [each.data for each in TYPES.values() if each.kind == "outcome" and "intake" in each.senders]


def names_of(*forms: Any) -> set[str]:
    """The fields of payloads and dataclasses."""
    return {name for form in forms for name in getattr(form, "__struct_fields__", None) or form.__dataclass_fields__}


@pytest.mark.parametrize(
    ("table", "forms"),
    [
        (REQUESTER, [TicketRequester]),
        (AUTHOR, [Author]),
        (TICKET, [Ticket, Snapshot, Candidate]),
        (ENTRY, [Entry]),
        (DETAILS, [EntryDetails]),
        (FILE, [AttachmentRef, LeftOut]),
        (ANSWER, [*OUTCOMES, *OUTCOMES_OF_ALL.values()]),
    ],
)
def test_every_field_is_classified(table: Table, forms: list[Any]) -> None:
    names = names_of(*forms)
    assert names - table.keys() == set(), "say in values/whose.py whose these are: the desk's, or a person's"
    assert table.keys() - names == set(), "no type has these"


def a_ticket() -> Ticket:
    desk = Desk()
    return desk.ticket(desk.opened(requester=account("zoe"), issue_key="words"))


@pytest.mark.parametrize("goes", [ENDED, WITHOUT_CONTENT, WITH_CONTENT])
def test_what_nobody_classified_goes_with_every_erasure(goes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True)
    class Later(Ticket):
        unclassified: str = ""

    monkeypatch.setattr(whose, "Ticket", Later)
    ticket = a_ticket()
    later = Later(**{each.name: getattr(ticket, each.name) for each in fields(ticket)}, unclassified="Zo")
    left = ticket_without(later, goes, "e1", "erased:e1")
    assert isinstance(left, Later)
    assert (left.unclassified, left.number) == ("", ticket.number)
    told = {**plain(snapshot(ticket)), "unclassified": "Zo"}
    assert sifted(TICKET, told, goes).keys() == told.keys() - {"unclassified"}


def test_a_requester_keeps_what_the_desk_needs() -> None:
    zoe = TicketRequester(id="zoe", kind="account", display_name="Zoe", tier="vip")
    named = {"kind": "account", "display_name": whose.ERASED, "tier": "vip"}
    assert asdict(requester_without(zoe, ENDED, "e1")) == {"id": "zoe", **named}
    assert asdict(requester_without(zoe, WITHOUT_CONTENT, "e1")) == {"id": "e1", **named}


def test_what_was_written_goes_only_with_the_content() -> None:
    ticket = replace(a_ticket(), close_reason="words", said="d", said_at=a_ticket().opened_at, filed="d")
    names = ticket_without(ticket, WITHOUT_CONTENT, "e1", "erased:e1")
    assert (names.subject, names.issue_key, names.close_reason) == (ticket.subject, "words", "words")
    assert (names.person, names.contact_version, names.erased) == ("erased:e1", 0, True)
    words = ticket_without(ticket, WITH_CONTENT, "e1", "erased:e1")
    assert {words.subject, words.key, words.close_reason} == {whose.ERASED}
    assert (words.issue_key, words.opening, words.said, words.said_at, words.filed) == (None, "", "", None, None)


@pytest.mark.parametrize("reason", [None, "accepted", "no_reply", "merged"])
def test_the_desks_own_reasons_to_close_stay(reason: str | None) -> None:
    ticket = replace(a_ticket(), close_reason=reason)
    assert ticket_without(ticket, WITH_CONTENT, "e1", "erased:e1").close_reason == reason


def test_a_redaction_finds_what_repeats_an_entry() -> None:
    told = {"subject": "words", "close_reason": "words", "issue_key": "words", "unclassified": "words", "version": 1}
    assert quoting(told, {"words"}) == {"subject", "close_reason", "unclassified"}, "issue_key is the channel's"
    assert quoting(told, {"others"}) == set()
