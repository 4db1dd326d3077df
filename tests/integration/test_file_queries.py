"""Whatever is done with files, it is found by an index: a desk with a million of them is as fast as a new one."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from contracts.file_forms import AttachmentContent
from deploy.local.desk import Desk
from services.intake.domain.needs import FileOf, UnnamedFiles
from services.intake.domain.state import View
from services.intake.domain.values.file import Brought
from services.intake.files.contents import read_part
from services.intake.files.keeping import KEPT_UNUSED, Sender
from services.intake.files.parts import Uploads
from services.intake.files.sweeping import sweep
from services.intake.queries.reading import Reading
from tests.integration.test_files import database
from tests.integration.test_uploads import HEAD, NOW, keeping, parts_of, send
from tests.unit.intake.desk import CATALOGUE

__all__ = ["database"]


def test_no_file_is_looked_for_in_a_whole_collection(desk: Desk, database: Database[dict[str, Any]]) -> None:
    kept = keeping(database)
    with MongoClient[dict[str, Any]](desk.admin_mongo_url) as client:
        of_intake = client[f"{desk.db_prefix}_intake"]
        of_intake.command("profile", 2)
        (taken,) = kept.bring(
            Sender("account:ann"), [AttachmentContent(name="a", media_type="application/pdf", content=HEAD)], NOW
        )
        assert isinstance(taken, Brought)
        assert kept.crowded(Sender("account:ann", "web", "browser"), NOW) is None
        view = View(CATALOGUE, numbers=deque())
        Reading(database, view, NOW).read([UnnamedFiles("account:ann"), FileOf(taken.ref)])
        assert list(view.files) == [taken.ref]
        assert read_part(kept, taken.ref, 1) == HEAD
        last = [send(Uploads(kept), part) for part in parts_of(HEAD + bytes(30), 16)][-1]
        assert isinstance(last, Brought)
        send(Uploads(kept), parts_of(HEAD + bytes(40), 16, upload="u2")[0], origin="browser")
        database["attachments"].update_one({"_id": last.ref}, {"$set": {"state": "infected"}})
        assert sweep(kept, NOW + KEPT_UNUSED + timedelta(hours=1)) == 4
        of_intake.command("profile", 0)
        rows = list(of_intake["system.profile"].find({"appName": "tests"}))
    assert len(rows) > 30
    # GridFS looks once whether there is any file at all.
    looked = [row for row in rows if (row["command"].get("filter"), row["command"].get("limit")) != ({}, 1)]
    scanned = {str((row["ns"], row["command"])) for row in looked if "COLLSCAN" in row.get("planSummary", "")}
    assert not scanned, "\n".join(sorted(scanned)[:10])
