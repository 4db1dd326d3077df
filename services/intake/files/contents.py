"""Reads and decrypts parts of stored files. The domain decides who may have them.

A file that no longer opens is marked, for the operator (`casebus doctor`). The page is docs/attachments.md.
"""

from __future__ import annotations

import logging

from services.intake.domain.values.file import File
from services.intake.files.keeping import Keeping, file_of
from services.intake.files.keys import KeyUnknown, Wrapped
from services.intake.files.sealing import Tampered, open_segment

log = logging.getLogger(__name__)


class Missing(Exception):
    """Content of a file is missing."""


def read_part(keeping: Keeping, ref: str, part: int) -> bytes | None:
    """Part `part` (from 1) of a file; None if it cannot be read (yet)."""
    found = keeping.records.find_one({"_id": ref})
    file = None if found is None else file_of(found)
    if file is None or file.state != "stored" or not 1 <= part <= file.parts:
        return None
    try:
        content = opened(keeping, file, part)
    except (KeyUnknown, Tampered, Missing) as error:
        log.error("a file cannot be read", extra={"file": file.blob, "why": str(error)})
        content = None
    if file.damaged != (content is None):
        as_read = {"_id": file.ref, "version": file.version}
        keeping.records.update_one(as_read, {"$set": {"damaged": content is None}, "$inc": {"version": 1}})
    return content


def opened(keeping: Keeping, file: File, part: int) -> bytes:
    """Part `part` (from 1) of a file. Raises `KeyUnknown`, `Missing` or `Tampered`."""
    key = keeping.keys.unwrap(Wrapped(file.key_by, file.key))
    sealed = keeping.files.segment(file.blob, part - 1)
    if sealed is None:
        raise Missing(f"segment {part - 1} of file {file.blob} is missing")
    return open_segment(key, file.blob, part - 1, sealed, last=part == file.parts)
