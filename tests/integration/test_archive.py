"""An archive beside what happens while it is made, and the names in it. (Through the bus: test_erasure.py.)"""

from __future__ import annotations

import io
import re
import zipfile
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import unquote

import pytest
from pymongo.database import Database

from contracts.file_forms import AttachmentRef
from contracts.snapshot import Author
from services.chassis.database import Document
from services.intake.documents import entry_document, erasure_document, ticket_document
from services.intake.domain.privacy.erasing import ANSWERS_AT_ONCE, removed
from services.intake.domain.state import View
from services.intake.domain.values.erasure import Erasure
from services.intake.domain.values.file import archives_of
from services.intake.domain.values.history import Entry
from services.intake.domain.values.ticket import Ticket
from services.intake.files.archive import build
from services.intake.files.contents import opened
from services.intake.files.keeping import Keeping, file_of
from services.intake.queries.personal import ERASURES, Portions
from tests.integration.test_sweeping import brought, use
from tests.integration.test_uploads import HEAD, NOW, clients, database, keeping
from tests.unit.intake.desk import CATALOGUE
from tests.unit.intake.pairs import meeting

__all__ = ["clients", "database"]

ANN = "account:ann"
NAMES = [
    "a#b.txt",
    "100%25.txt",
    "what?.txt",
    '"quoted" <b>.txt',
    "ü" * 127,
    "x" * 251 + ".txt",
    "a|b*.txt",
    "plain.txt",
]
ALL = Erasure("e1", 1, (ANN,), content=True, at=NOW)


@pytest.fixture
def ticket(database: Database[Document]) -> Iterator[Ticket]:
    """Ann's one ticket, in an empty database."""
    kept = ("tickets", "entries", "handled", ERASURES)
    filed = replace(meeting("closed").ticket, person=ANN, opened_at=NOW)
    database["tickets"].insert_one(ticket_document(filed))
    yield filed
    for name in kept:
        database[name].delete_many({})


def an_entry(ticket: Ticket, *refs: str, names: list[str] | None = None) -> Entry:
    named = [
        AttachmentRef(name=name, media_type="application/pdf", ref=ref, sha256="0" * 64, size=1)
        for ref, name in zip(refs, names or refs, strict=True)
    ]
    author = Author(kind="requester", id="ann", display_name="Ann")
    return Entry("n1", ticket.id, 1, "opened", author, "public", "words", NOW, 0, named)


def contents(kept: Keeping, ref: str) -> zipfile.ZipFile:
    file = file_of(kept.records.find_one({"_id": ref}) or {})
    return zipfile.ZipFile(io.BytesIO(b"".join(opened(kept, file, part) for part in range(1, file.parts + 1))))


def test_an_archive_that_was_removed_while_it_was_made_is_never_there(
    database: Database[Document], ticket: Ticket, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = keeping(database)
    write = kept.files.write

    def erased_meanwhile(blob: str, content: Iterator[bytes]) -> Any:
        written = write(blob, content)
        file = file_of(kept.records.find_one({"owner": archives_of(ANN)}) or {})
        assert kept.replace(file, removed(file))
        return written

    monkeypatch.setattr(kept.files, "write", erased_meanwhile)
    assert build(kept, database, ANN, "r1", NOW) is None
    assert database["attachments"].find_one({"state": "stored"}) is None
    assert database["files.files"].find_one({}) is None


def test_every_file_has_a_name_that_file_systems_take_and_the_page_leads_to_it(
    database: Database[Document], ticket: Ticket
) -> None:
    kept = keeping(database)
    refs = [brought(kept, HEAD + bytes([n])) for n in range(len(NAMES))]
    database["entries"].insert_one(entry_document(an_entry(ticket, *refs, names=NAMES)))
    assert build(kept, database, ANN, "r1", NOW) is not None
    with contents(kept, "r1") as archive:
        folder = f"tickets/{ticket.number}/"
        files = {name for name in archive.namelist() if "/files/" in name}
        page = archive.read(f"{folder}ticket.html").decode()
    assert len(files) == len(NAMES)
    for file in files:
        last = file.rpartition("/")[2]
        assert len(last.encode()) <= 255
        assert not re.search(r'[\\<>:"|?*]', last)
    assert {folder + unquote(unescape(path)) for path in re.findall('href="([^"]+)"', page)} == files


def next_portion(database: Database[Document]) -> View:
    view = View(CATALOGUE, numbers=deque())
    Portions(database).next_of([ALL.id], view)
    return view


def test_files_of_who_came_back_while_they_are_erased_stay(database: Database[Document], ticket: Ticket) -> None:
    kept = keeping(database)
    named, unnamed = brought(kept, HEAD + b"1"), brought(kept, HEAD + b"2")
    use(kept, named)
    database["tickets"].update_one({"_id": ticket.id}, {"$set": {"person": ALL.person}})
    database[ERASURES].insert_one(erasure_document(replace(ALL, read_to=(ticket.number, 1))))
    assert next_portion(database).erasing[ALL.id].files == (unnamed,)


def test_no_answer_is_passed_over_however_many_tell_of_a_ticket(database: Database[Document], ticket: Ticket) -> None:
    database["tickets"].update_one({"_id": ticket.id}, {"$set": {"person": ALL.person}})
    database["entries"].insert_one(entry_document(an_entry(ticket)))
    database[ERASURES].insert_one(erasure_document(ALL))
    many = ANSWERS_AT_ONCE + 5
    database["handled"].insert_many(
        {"_id": f"agent.a1\x1fm{n}", "at": NOW, "turn": "t", "body": b"{}", "about": [ticket.number]}
        for n in range(many)
    )
    rewritten = 0
    for version in range(2, 5):
        view = next_portion(database)
        erasure, portion = view.erasures[ALL.id], view.erasing[ALL.id]
        for answer in portion.answers:
            database["handled"].update_one({"_id": answer["_id"]}, {"$unset": {"about": ""}})
        rewritten += len(portion.answers)
        if portion.finished:
            break
        after = replace(erasure, version=version, read_to=portion.read_to)
        database[ERASURES].replace_one({"_id": ALL.id}, erasure_document(after))
    assert rewritten == many
