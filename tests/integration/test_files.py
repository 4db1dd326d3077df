"""Files in GridFS on the real database, by the strict Stable API and with the rights of intake's own user."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from pymongo.database import Database

from deploy.local.desk import Desk
from services.chassis.database import open_database
from services.chassis.unit_of_work import Store
from services.intake.files.sealing import SEGMENT, new_key, open_segment, seal
from services.intake.files.store import CHUNKS, Files
from services.intake.repository import INDEXES

CONTENT = b"0123456789abcdef" * (SEGMENT // 8)
KEY = new_key()


@pytest.fixture
def database(desk: Desk) -> Iterator[Database[dict[str, Any]]]:
    opened = open_database(desk.mongo_url("intake"), f"{desk.name}_intake", "tests")
    Store(opened, "intake").prepare(INDEXES)
    yield opened
    opened.client.close()


def test_a_file_is_read_by_the_segment(database: Database[dict[str, Any]]) -> None:
    files, blob = Files(database), uuid.uuid4().hex
    files.write(blob, seal(KEY, blob, [CONTENT, b"and a little more"]))
    sealed = [files.segment(blob, number) for number in range(4)]
    assert sealed.pop() is None
    assert (
        b"".join(open_segment(KEY, blob, number, each or b"", last=number == 2) for number, each in enumerate(sealed))
        == CONTENT + b"and a little more"
    )


def test_a_removed_file_leaves_nothing(database: Database[dict[str, Any]]) -> None:
    files, blob_id, other = Files(database), uuid.uuid4().hex, uuid.uuid4().hex
    for blob in (blob_id, other):
        files.write(blob, seal(KEY, blob, [CONTENT]))
    files.remove(blob_id)
    files.remove(blob_id)
    assert files.segment(blob_id, 0) is None
    assert files.segment(other, 1) is not None
    assert database[CHUNKS].count_documents({"files_id": blob_id}) == 0


def test_a_file_that_breaks_off_is_not_there(database: Database[dict[str, Any]]) -> None:
    def broken() -> Iterator[bytes]:
        yield from list(seal(KEY, "b", [CONTENT]))[:1]
        raise ConnectionResetError

    files, blob = Files(database), uuid.uuid4().hex
    with pytest.raises(ConnectionResetError):
        files.write(blob, broken())
    files.remove(blob)
    assert database[CHUNKS].count_documents({"files_id": blob}) == 0
    assert database["files.files"].count_documents({"_id": blob}) == 0
