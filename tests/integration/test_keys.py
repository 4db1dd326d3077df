"""`casebus keys`: another master key wraps the keys of all files anew, and no file is written anew."""

from __future__ import annotations

import base64
import os
from typing import Any

import pytest
from pymongo.database import Database
from typer.testing import CliRunner

from deploy.cli.doctor.files import check
from deploy.cli.main import app
from deploy.local.desk import Desk
from deploy.settings import Settings
from deploy.trouble import Trouble
from services.intake.domain.files import Awaited, Brought
from services.intake.files.keeping import Keeping, Sender, Terms
from services.intake.files.keys import MasterKeys
from services.intake.files.reading import read_part
from services.intake.files.uploads import Uploads
from tests.integration.test_files import database
from tests.integration.test_uploads import HEAD, NOW, content_of, parts_of, send

__all__ = ["database"]

OLD, NEW, OTHER = (f"{name} {base64.b64encode(os.urandom(32)).decode()}" for name in ("old", "new", "old"))


def keeping(database: Database[dict[str, Any]], *lines: str) -> Keeping:
    return Keeping(database, MasterKeys.parse("\n".join(lines)), "k" * 32, Terms())


def brought(kept: Keeping, content: bytes = HEAD) -> str:
    (found,) = kept.bring(
        Sender("account:ann"), [{"name": "a", "media_type": "application/pdf", "content": content}], NOW
    )
    assert isinstance(found, Brought)
    return found.ref


@pytest.fixture
def keys(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Calls `casebus keys` with these lines in the key file: exit code and what it says."""
    monkeypatch.setenv("CASEBUS_MONGO", desk.admin_mongo_url)
    monkeypatch.setenv("CASEBUS_DB_PREFIX", desk.db_prefix)

    def call(command: str, *lines: str) -> tuple[int, str]:
        monkeypatch.setenv("CASEBUS_ATTACHMENT_KEYS", "\n".join(lines))
        found = CliRunner().invoke(app, ["keys", command])
        said = f"{found.output}{found.exception or ''}"
        return found.exit_code, said

    return call


def test_rotating_wraps_all_keys_anew_and_every_file_opens(database: Database[dict[str, Any]], keys: Any) -> None:
    old = keeping(database, OLD)
    refs = [brought(old, HEAD + bytes([n])) for n in range(5)]
    first, second = parts_of(HEAD + b"two", len(HEAD))
    assert send(Uploads(old), first) == Awaited()
    chunks = list(database["files.chunks"].find())
    assert "casebus keys rotate" in keys("list", NEW, OLD)[1]
    assert keys("rotate", NEW, OLD) == (0, "6 keys wrapped anew by new.\n")
    assert keys("rotate", NEW, OLD) == (0, "0 keys wrapped anew by new.\n")
    assert "of no use any more" in keys("list", NEW, OLD)[1]
    new = keeping(database, NEW)
    assert [content_of(new, ref)[-1] for ref in refs] == [*range(5)]
    assert isinstance(send(Uploads(new), second), Brought), "what was begun goes on"
    assert list(database["files.chunks"].find())[:6] == chunks, "no content was written anew"


def test_a_key_that_is_not_there_is_said_so_and_loses_nothing(
    desk: Desk, database: Database[dict[str, Any]], keys: Any
) -> None:
    ref = brought(keeping(database, OLD))
    assert brought(keeping(database, NEW), HEAD + b"new")
    for lines in ((NEW,), (NEW, OTHER)):
        code, said = keys("rotate", *lines)
        assert code == 1
        assert "old (1)" in said
        assert read_part(keeping(database, *lines), ref, 1) is None
    assert keys("list", NEW)[0] == 1
    with_root = Settings({"ATTACHMENT_KEYS": NEW}, None)
    found = [finding.what for finding in check(database.client, desk.db_prefix, with_root)]
    assert [what.partition(",")[0].partition(":")[0] for what in found] == [
        "Files did not open when they were asked for",
        "The key file lacks old",
    ]
    assert read_part(keeping(database, NEW, OLD), ref, 1) == HEAD, "with the key it opens again"
    assert keys("rotate", NEW, OLD)[0] == 0
    assert not list(check(database.client, desk.db_prefix, with_root))


def test_a_key_file_that_does_not_do_is_said_so(keys: Any) -> None:
    code, said = keys("list", "old nonsense")
    assert (code, "Line 1" in said, Trouble.__name__ in said) == (1, True, False)
