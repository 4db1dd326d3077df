"""Encrypted files in GridFS: written once, read by the segment, removed.

A chunk is a sealed segment, so any part of a file is one look-up. It knows no keys and no tickets, and takes no part in
a transaction (MongoDB has none for GridFS). Shard key of the chunks: `files_id`. The page is docs/attachments.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from gridfs import GridFSBucket, NoFile
from pymongo import ASCENDING, IndexModel
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from services.intake.files.sealing import SEGMENT, TAG

BUCKET = "files"
CHUNKS = f"{BUCKET}.chunks"

INDEXES = {
    f"{BUCKET}.files": [IndexModel([("filename", ASCENDING), ("uploadDate", ASCENDING)])],
    CHUNKS: [IndexModel([("files_id", ASCENDING), ("n", ASCENDING)], unique=True)],
}
"""Those that GridFS asks for (its specification); made before the first file, with the others of intake."""


class Files:
    """Intake's bucket."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._bucket = GridFSBucket(database, BUCKET, chunk_size_bytes=SEGMENT + TAG)
        self._files = database[f"{BUCKET}.files"]
        self._chunks = database[CHUNKS]

    def write(self, blob: str, sealed: Iterable[bytes]) -> None:
        """Keep these sealed segments as the file `blob`; none of them if one cannot be read."""
        with self._bucket.open_upload_stream_with_id(blob, blob) as stream:
            for segment in sealed:
                stream.write(segment)

    def write_segment(self, blob: str, number: int, sealed: bytes) -> bool:
        """Keep one segment of a file that comes in parts; False if there is one already, which stays."""
        try:
            self._chunks.insert_one({"files_id": blob, "n": number, "data": sealed})
        except DuplicateKeyError:
            return False
        return True

    def segments(self, blob: str) -> int:
        """How many segments of a file are there."""
        return self._chunks.count_documents({"files_id": blob})

    def close(self, blob: str, length: int, segment_size: int, at: datetime) -> None:
        """All segments of a file are there, `length` bytes in all: GridFS wants to know."""
        told = {"length": length, "chunkSize": segment_size, "uploadDate": at, "filename": blob}
        self._files.replace_one({"_id": blob}, told, upsert=True)

    def segment(self, blob: str, number: int) -> bytes | None:
        """Segment `number` (from 0) as it was sealed; None if it does not exist."""
        chunk = self._chunks.find_one({"files_id": blob, "n": number}, {"data": 1})
        return None if chunk is None else bytes(chunk["data"])

    def remove(self, blob: str) -> None:
        """Remove a file; harmless if it does not exist or was not wholly written."""
        try:
            self._bucket.delete(blob)
        except NoFile:
            self._chunks.delete_many({"files_id": blob})
