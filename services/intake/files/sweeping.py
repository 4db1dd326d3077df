"""Removes what nobody uses: files that no entry names, and unfinished uploads, a day after they last came.

Any number of instances may sweep at once. Each file is marked before its content goes: so an interrupted sweep goes on
later, and whoever wants the file meanwhile is either first or finds it gone. The page is docs/attachments.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.intake.files.keeping import KEPT_UNUSED, Keeping, file_of
from services.intake.files.parts import UNFINISHED, UPLOADS, upload_of

AT_ONCE = 200


def sweep(keeping: Keeping, now: datetime) -> int:
    """Remove what is due at `now`. Returns how many files and uploads."""
    return _unused(keeping, now - KEPT_UNUSED) + _unfinished(keeping, now - UNFINISHED) + _infected(keeping)


def _infected(keeping: Keeping) -> int:
    """Remove the content of harmful files; their records stay."""
    found = keeping.records.find({"state": "infected", "blob": {"$gt": ""}}).limit(AT_ONCE)
    removed = 0
    for file in map(file_of, list(found)):
        keeping.files.remove(file.blob)
        removed += keeping.replace(file, replace(file, blob="", version=file.version + 1))
    return removed


def _unused(keeping: Keeping, before: datetime) -> int:
    found = keeping.records.find({"used": False, "at": {"$lte": before}}).limit(AT_ONCE)
    removed = 0
    for file in map(file_of, list(found)):
        going = replace(file, state="removing", version=file.version + 1)
        if keeping.replace(file, going):
            keeping.files.remove(file.blob)
            removed += keeping.records.delete_one({"_id": file.ref, "version": going.version}).deleted_count
    return removed


def _unfinished(keeping: Keeping, before: datetime) -> int:
    """Uploads that became a file are forgotten too; the file keeps their parts, unless it was there before."""
    uploads = keeping.records.database[UPLOADS]
    removed = 0
    for upload in map(upload_of, list(uploads.find({"at": {"$lte": before}}).limit(AT_ONCE))):
        as_read = {"_id": upload.id, "at": upload.at}
        if not uploads.update_one(as_read, {"$set": {"removing": True}}).matched_count:
            continue
        if keeping.records.find_one({"blob": upload.blob}, {"_id": 1}) is None:
            keeping.files.remove(upload.blob)
        removed += uploads.delete_one({"_id": upload.id}).deleted_count
    return removed
