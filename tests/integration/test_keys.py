"""`casebus keys`: intake has another master key wrap the keys of all files, and no file is written again."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database
from typer.testing import CliRunner

from contracts.file_forms import AttachmentContent
from deploy.cli.doctor.files import check
from deploy.cli.main import app
from deploy.local.desk import Desk
from deploy.settings import Settings
from deploy.trouble import Trouble
from services.intake.domain.attachments.rotating import go_on
from services.intake.domain.values.file import Awaited, Brought
from services.intake.domain.values.rotation import Rotation
from services.intake.files.contents import read_part
from services.intake.files.keeping import FileTerms, Keeping, Sender
from services.intake.files.keys import MasterKeys, Wrapped
from services.intake.files.parts import Uploads
from services.intake.files.rewrapping import ROTATIONS, held_by, rewrap, rotation_document
from tests.integration.test_files import database
from tests.integration.test_intake import PATIENCE
from tests.integration.test_uploads import HEAD, NOW, content_of, parts_of, send
from tests.waiting import wait

__all__ = ["database"]

OLD, NEW, OTHER = (f"{name} {base64.b64encode(os.urandom(32)).decode()}" for name in ("old", "new", "old"))


def keeping(database: Database[dict[str, Any]], *lines: str) -> Keeping:
    return Keeping(database, MasterKeys.parse("\n".join(lines)), "k" * 32, FileTerms())


def brought(kept: Keeping, content: bytes = HEAD) -> str:
    (found,) = kept.bring(
        Sender("account:ann"), [AttachmentContent(name="a", media_type="application/pdf", content=content)], NOW
    )
    assert isinstance(found, Brought)
    return found.ref


def start(desk: Desk, tmp_path: Path, *lines: str) -> None:
    """Intake, with these lines in its key file."""
    file = tmp_path / "attachment-keys"
    file.write_text("\n".join(lines), encoding="utf-8")
    desk.settings_of["intake"] = {"CASEBUS_ATTACHMENT_KEYS_FILE": str(file)}
    desk.start("intake")


@pytest.fixture
def keys(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Calls `casebus keys` with these lines in the key file: exit code and what it says."""
    for name, value in {
        "CASEBUS_AMQP_OPERATOR": desk.amqp_url("operator"),
        "CASEBUS_MONGO": desk.operator_mongo_url,
        "CASEBUS_DB_PREFIX": desk.db_prefix,
    }.items():
        monkeypatch.setenv(name, value)

    def call(command: str, *lines: str) -> tuple[int, str]:
        monkeypatch.setenv("CASEBUS_ATTACHMENT_KEYS", "\n".join(lines))
        found = CliRunner().invoke(app, ["keys", command])
        said = f"{found.output}{found.exception or ''}"
        return found.exit_code, " ".join(said.split())

    return call


def finished(keys: Any) -> tuple[int, str]:
    """What `casebus keys status` says when intake has done it."""
    said: tuple[int, str] = wait(
        lambda: keys("status"),
        "the end of the rotation",
        lambda said: said[1].startswith("Finished"),
        patience=PATIENCE,
    )
    return said


def test_a_rotation_wraps_all_keys_by_another_and_every_file_opens(
    desk: Desk, database: Database[dict[str, Any]], keys: Any, tmp_path: Path
) -> None:
    old = keeping(database, OLD)
    refs = [brought(old, HEAD + bytes([n])) for n in range(5)]
    first, second = parts_of(HEAD + b"two", len(HEAD))
    assert send(Uploads(old), first) == Awaited()
    chunks = list(database["files.chunks"].find())
    assert "casebus keys rotate" in keys("list", NEW, OLD)[1]
    assert keys("status") == (0, "No keys have been rotated yet.")
    start(desk, tmp_path, NEW, OLD)
    assert keys("rotate", NEW, OLD) == (
        0,
        "Intake is wrapping 6 keys with new. `casebus keys status` shows its progress.",
    )
    code, said = finished(keys)
    assert (code, "6 keys wrapped with new" in said) == (0, True), said
    assert "no longer needed" in keys("list", NEW, OLD)[1]
    assert "Intake is wrapping 0 keys" in keys("rotate", NEW, OLD)[1]
    assert "0 keys wrapped with new" in finished(keys)[1]
    new = keeping(database, NEW)
    assert [content_of(new, ref)[-1] for ref in refs] == [*range(5)]
    assert isinstance(send(Uploads(new), second), Brought), "what was begun goes on"
    assert list(database["files.chunks"].find())[:6] == chunks, "no content was written again"


def test_a_key_that_is_not_there_is_said_so_and_loses_nothing(
    desk: Desk, database: Database[dict[str, Any]], keys: Any, tmp_path: Path
) -> None:
    ref = brought(keeping(database, OLD))
    assert brought(keeping(database, NEW), HEAD + b"new")
    for lines in ((NEW,), (NEW, OTHER)):
        start(desk, tmp_path, *lines)
        assert keys("rotate", *lines)[0] == 0
        code, said = finished(keys)
        assert (code, "old (1)" in said) == (1, True), said
        assert read_part(keeping(database, *lines), ref, 1) is None
        desk.terminate("intake")
    assert keys("list", NEW)[0] == 1
    with_keys = Settings({"ATTACHMENT_KEYS": NEW}, None)
    found = [finding.what for finding in check(database.client, desk.db_prefix, with_keys)]
    assert [what.partition(",")[0].partition(":")[0] for what in found] == [
        "Files could not be decrypted when somebody asked for them",
        "The key file does not have old",
    ]
    assert read_part(keeping(database, NEW, OLD), ref, 1) == HEAD, "with the key it opens again"
    start(desk, tmp_path, NEW, OLD)
    assert keys("rotate", NEW, OLD)[0] == 0
    assert finished(keys)[0] == 0
    assert not list(check(database.client, desk.db_prefix, with_keys))


def test_a_key_by_which_intake_does_not_wrap_is_refused_and_an_instance_without_it_wraps_nothing(
    desk: Desk, database: Database[dict[str, Any]], keys: Any, tmp_path: Path
) -> None:
    ref = brought(keeping(database, OLD))
    start(desk, tmp_path, OLD)
    code, said = keys("rotate", NEW, OLD)
    assert (code, "wraps the keys of new files by 'old'" in said) == (1, True), said
    assert keys("status")[1] == "No keys have been rotated yet."
    database[ROTATIONS].insert_one(rotation_document(Rotation("new", NOW)))
    assert rewrap(database, MasterKeys.parse(OLD)) is None
    assert database["attachments"].find_one({"_id": ref}, {"_id": 0, "key_by": 1}) == {"key_by": "old"}


def test_a_portion_begins_where_the_one_before_ended_also_among_keys_that_do_not_open(
    database: Database[dict[str, Any]],
) -> None:
    open_, lost = keeping(database, OLD), keeping(database, OTHER)
    refs = sorted(brought(kept, HEAD + bytes([n])) for n, kept in enumerate([open_, lost, lost, lost, open_]))
    rotation = Rotation("new", NOW)
    database[ROTATIONS].insert_one(rotation_document(rotation))
    read_to: list[tuple[str, str]] = []
    for _ in range(4):
        (rotation,) = go_on(rotation, rewrap(database, MasterKeys.parse(f"{NEW}\n{OLD}"), 2), NOW).changes
        read_to.append(rotation.read_to)
        database[ROTATIONS].replace_one({}, rotation_document(rotation))
    assert read_to == [("attachments", refs[1]), ("attachments", refs[3]), ("uploads", ""), ("uploads", "")]
    assert (rotation.wrapped, rotation.left, rotation.finished_at) == (2, {"old": 3}, NOW)
    assert held_by(database) == {"new": 2, "old": 3}
    assert rewrap(database, MasterKeys.parse(NEW)) is None, "nothing is under way"


def test_a_file_that_is_written_meanwhile_keeps_the_key_that_it_was_given(database: Database[dict[str, Any]]) -> None:
    kept = keeping(database, OLD)
    ref = brought(kept)
    other = kept.keys.wrap(bytes(32))

    class Late(MasterKeys):
        def rewrap(self, wrapped: Wrapped, by: str) -> Wrapped:
            database["attachments"].update_one({"_id": ref}, {"$set": {"key": other.key}})
            return MasterKeys.rewrap(self, wrapped, by)

    database[ROTATIONS].insert_one(rotation_document(Rotation("new", NOW)))
    portion = rewrap(database, Late.parse(f"{NEW}\n{OLD}"))
    assert portion is not None
    assert portion.wrapped == 0
    found = database["attachments"].find_one({"_id": ref})
    assert found is not None
    assert (found["key_by"], found["key"]) == ("old", other.key)


def test_a_key_file_that_does_not_do_is_said_so(keys: Any) -> None:
    code, said = keys("list", "old nonsense")
    assert (code, "Line 1" in said, Trouble.__name__ in said) == (1, True, False)
