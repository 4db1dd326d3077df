"""What no ticket ever names is removed a day later, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pymongo.database import Database

from contracts.file_forms import AttachmentContent
from services.intake.domain.values.file import Awaited, Brought
from services.intake.files.keeping import KEPT_UNUSED, WRITES_FOR, Keeping, Sender, file_of
from services.intake.files.parts import UNFINISHED, Uploads
from services.intake.files.sealing import SEGMENT
from services.intake.files.sweeping import sweep
from tests.integration.test_uploads import FILES, HEAD, NOW, clients, content_of, database, keeping, parts_of, send

__all__ = ["clients", "database"]

MOMENT = timedelta(seconds=1)


def brought(kept: Keeping, content: bytes = HEAD, at: datetime = NOW) -> str:
    (found,) = kept.bring(
        Sender("account:ann"), [AttachmentContent(name="a", media_type="application/pdf", content=content)], at
    )
    assert isinstance(found, Brought)
    return found.ref


def use(kept: Keeping, ref: str) -> None:
    file = file_of(kept.records.find_one({"_id": ref}) or {})
    assert kept.replace(file, replace(file, used=True, version=file.version + 1))


def left(database: Database[dict[str, Any]]) -> list[int]:
    return [database[name].count_documents({}) for name in FILES]


def test_a_file_that_no_entry_names_goes_after_a_day(database: Database[dict[str, Any]]) -> None:
    kept = keeping(database)
    used = brought(kept, HEAD + b"used")
    use(kept, used)
    brought(kept)
    assert sweep(kept, NOW + KEPT_UNUSED - MOMENT) == 0
    assert sweep(kept, NOW + KEPT_UNUSED) == 1
    assert left(database) == [1, 0, 1, 1]
    assert content_of(kept, used) == HEAD + b"used"


def test_a_file_that_is_brought_again_counts_as_new(database: Database[dict[str, Any]]) -> None:
    kept = keeping(database)
    brought(kept)
    later = NOW + timedelta(hours=20)
    kept.bring(Sender("account:ann"), [AttachmentContent(name="a", media_type="application/pdf", content=HEAD)], later)
    assert sweep(kept, NOW + KEPT_UNUSED) == 0
    assert sweep(kept, later + KEPT_UNUSED) == 1


def test_what_a_crash_left_half_written_or_half_removed_is_swept_and_may_come_again(
    database: Database[dict[str, Any]],
) -> None:
    kept = keeping(database)
    for state in ("writing", "removing"):
        ref = brought(kept)
        kept.records.update_one({"_id": ref}, {"$set": {"state": state}, "$inc": {"version": 1}})
        assert brought(kept, at=NOW + WRITES_FOR) == ref, "whoever brings it again writes it again"
        assert content_of(kept, ref) == HEAD
        kept.records.update_one({"_id": ref}, {"$set": {"state": state}, "$inc": {"version": 1}})
        assert sweep(kept, NOW + WRITES_FOR + KEPT_UNUSED) == 1
        assert left(database) == [0, 0, 0, 0]


def test_an_upload_that_is_not_finished_goes_a_day_after_its_last_part(database: Database[dict[str, Any]]) -> None:
    kept = keeping(database)
    first, second, _ = parts_of(HEAD + bytes(2 * len(HEAD)), len(HEAD))
    send(Uploads(kept), first)
    later = NOW + timedelta(hours=20)
    send(Uploads(kept), second, at=later)
    assert sweep(kept, NOW + UNFINISHED) == 0
    assert sweep(kept, later + UNFINISHED) == 1
    assert left(database) == [0, 0, 0, 0]


def test_a_finished_upload_is_forgotten_and_its_file_stays(database: Database[dict[str, Any]]) -> None:
    kept = keeping(database)
    content = HEAD + bytes(SEGMENT)
    last = [send(Uploads(kept), part) for part in parts_of(content, SEGMENT)][-1]
    assert isinstance(last, Brought)
    again = [send(Uploads(kept), part) for part in parts_of(content, 200_000, upload="u2")][-1]
    assert again == last
    use(kept, last.ref)
    assert sweep(kept, NOW + UNFINISHED) == 2
    assert left(database) == [1, 0, 1, 2], "the parts of the second upload were of no use"
    assert content_of(kept, last.ref) == content


def test_a_part_of_a_file_that_is_there_comes_again_and_the_file_counts_as_new(
    database: Database[dict[str, Any]],
) -> None:
    kept = keeping(database)
    parts = parts_of(HEAD + bytes(100), 60)
    stored = [send(Uploads(kept), part) for part in parts][-1]
    later = NOW + timedelta(hours=20)
    assert send(Uploads(kept), parts[-1], at=later) == stored
    assert sweep(kept, NOW + KEPT_UNUSED) == 0
    assert sweep(kept, later + KEPT_UNUSED) == 2


def test_a_part_of_a_file_that_was_removed_comes_again_and_the_upload_begins_again(
    database: Database[dict[str, Any]],
) -> None:
    kept = keeping(database)
    parts = parts_of(HEAD + bytes(100), 60)
    for part in parts:
        stored = send(Uploads(kept), part)
    before = database["uploads"].find_one() or {}
    database["attachments"].delete_one({"_id": before["ref"]})
    kept.files.remove(before["blob"])
    assert send(Uploads(kept), parts[-1], at=NOW + timedelta(hours=20)) == Awaited()
    assert [send(Uploads(kept), part, at=NOW + timedelta(hours=20)) for part in parts[:-1]][-1] == stored
    after = database["uploads"].find_one() or {}
    assert before["key"] != after["key"], "nothing is sealed twice under one key"
    assert content_of(kept, after["ref"]) == HEAD + bytes(100)
    assert left(database) == [1, 1, 1, len(parts)]


def test_the_content_of_a_harmful_file_goes_and_what_is_known_of_it_stays(database: Database[dict[str, Any]]) -> None:
    kept = keeping(database)
    ref = brought(kept)
    file = file_of(kept.records.find_one({"_id": ref}) or {})
    kept.replace(file, replace(file, state="infected", used=True, version=file.version + 1))
    assert [sweep(kept, NOW), sweep(kept, NOW)] == [1, 0]
    assert left(database) == [1, 0, 0, 0]
    assert brought(kept) == ref
    assert left(database) == [1, 0, 0, 0], "and it is not stored again"
