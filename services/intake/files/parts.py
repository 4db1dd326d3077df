"""Large files, which come in parts: each part is encrypted and stored as it comes, as a segment of the file.

Once all parts are there, they are a file like any other; the segments stay where they are. Until then it is an upload,
which is removed a day after its last part if it is not finished (sweeping.py). The page is docs/attachments.md.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace
from pymongo import ASCENDING, IndexModel
from pymongo.collection import ReturnDocument
from pymongo.errors import DuplicateKeyError

from contracts import attachments
from contracts.values import dataclass
from services.chassis.database import Conflict, Document, fields_of
from services.chassis.decision import derived_id
from services.intake.documents import document_by
from services.intake.domain.values.file import Awaited, Brought, Contradicted, File, PartTaken, TooMany, Unfit
from services.intake.domain.values.file_name import safe_name
from services.intake.files.keeping import Keeping, Sender, while_others_write
from services.intake.files.keys import Wrapped
from services.intake.files.media import HEAD
from services.intake.files.sealing import SEGMENT, TAG, Tampered, new_key, open_segment, seal_segment

UPLOADS = "uploads"

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    UPLOADS: [
        IndexModel([("owner", ASCENDING), ("ref", ASCENDING), ("at", ASCENDING)]),
        IndexModel([("channel", ASCENDING), ("ref", ASCENDING), ("at", ASCENDING)]),
        IndexModel(
            [("origin", ASCENDING), ("ref", ASCENDING), ("at", ASCENDING)],
            partialFilterExpression={"origin": {"$gt": ""}},
        ),
        IndexModel([("at", ASCENDING)]),
        IndexModel([("key_by", ASCENDING)]),
    ],
}

OF_ONE_SIZE = "All parts of a file but the last must have the same size, and the last may not be larger."

UNFINISHED = timedelta(hours=24)
"""How long after its last part an unfinished upload is kept."""

MOST_OF_AN_ACCOUNT = 5
MOST_FROM_AN_ORIGIN = 10
MOST_OF_A_CHANNEL = 500
"""Unfinished uploads at a time: each takes space for a day."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file whose parts are coming. `part_size`: of all parts but the last; None until one of them has come."""

    id: str
    owner: str
    channel: str
    name: str
    media_type: str
    parts: int
    part_size: int | None
    blob: str
    """Empty: the same content was stored before, and these parts are gone."""
    key_by: str
    key: bytes
    at: datetime
    ref: str | None = None
    """The file that it has become; empty: it was refused."""
    refused: str = ""
    """Why its file was refused. Its other parts are refused too, so that they begin no upload that cannot be
    finished."""
    removing: bool = False
    """It takes no more parts."""
    origin: str = ""
    """A digest of the origin; empty: the channel gave none."""


class Uploads:
    """Takes parts, in any order; each may come to another instance."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping
        self._files = keeping.files
        self._uploads = keeping.records.database[UPLOADS]

    def take(self, sender: Sender, part: attachments.Upload, now: datetime) -> PartTaken:
        """What became of a part: the file, if it was the last one missing.

        Raises `Conflict` if other instances work on the same upload for long.
        """
        named = replace(part, name=safe_name(part.name))
        return while_others_write(lambda: self._take(sender, named, now))

    def _take(self, sender: Sender, part: attachments.Upload, now: datetime) -> PartTaken:
        unfit = self._unfit(part)
        if unfit is not None:
            if unfit.field == "media_type" and part.parts > 1:
                self._refuse(self._new(sender, part, now), unfit)
            return unfit
        upload = self._begun(sender, part, now)
        if isinstance(upload, TooMany):
            return upload
        if upload.refused and part.part > 1:
            return Unfit("media_type", upload.refused)
        if upload.refused:  # another file, under the name of the one before
            self._files.remove(upload.blob)
            self._uploads.delete_one({"_id": upload.id, "ref": ""})
            raise Conflict("it starts over")
        if (upload.name, upload.media_type, upload.parts) != (part.name, part.media_type, part.parts):
            return Contradicted(
                "The first part of this file came with a different name, media type or number of parts."
            )
        if upload.ref is not None and not upload.blob:
            return Brought(upload.name, upload.media_type, upload.ref)
        if not self._fits(upload, part):
            return Contradicted(OF_ONE_SIZE)
        if not self._write(upload, part):
            return Contradicted("This part came before, with different content.")
        if upload.ref is not None:
            return Brought(upload.name, upload.media_type, upload.ref)
        if self._files.segments(upload.blob) < upload.parts:
            return Awaited()
        return self._whole(upload.id, now)

    def _unfit(self, part: attachments.Upload) -> Unfit | None:
        """What any single part already shows to be wrong with a file."""
        terms, number, parts = self._keeping.terms, part.part, part.parts
        if number > parts:
            return Unfit("part", f"This upload says that the file has {parts} parts.")
        if not part.content and parts > 1:
            return Unfit("content", "A part may not be empty, unless it is the only one.")
        # The last one may be smaller than the others, never larger.
        if (parts - 1) * len(part.content) + 1 > terms.largest or len(part.content) > terms.largest:
            return terms.too_large
        # A first part that is smaller than the beginning by which a file is known shows nothing yet.
        is_known = number == 1 and (parts == 1 or len(part.content) >= HEAD)
        judged = terms.judged(part.media_type, part.content[:HEAD]) if is_known else None
        return judged if isinstance(judged, Unfit) else None

    def _new(self, sender: Sender, part: attachments.Upload, now: datetime) -> Upload:
        wrapped = self._keeping.keys.wrap(new_key())
        return Upload(
            derived_id("upload", sender.channel, sender.owner, part.upload),
            sender.owner,
            sender.channel,
            part.name,
            part.media_type,
            part.parts,
            None,
            uuid.uuid4().hex,
            wrapped.by,
            wrapped.key,
            now,
            origin=sender.origin,
        )

    def _refuse(self, upload: Upload, unfit: Unfit) -> None:
        """Remember that the file is refused, so that the upload no longer counts as unfinished."""
        refused = {"ref": "", "refused": unfit.problem}
        as_new = {name: value for name, value in upload_document(upload).items() if name not in {"_id", "at", *refused}}
        change = {"$set": refused, "$max": {"at": upload.at}, "$setOnInsert": as_new}
        unfinished = {"_id": upload.id, "ref": None}
        before: Document | None = self._uploads.find_one_and_update(unfinished, change)
        if before is not None:
            self._files.remove(before["blob"])
            return
        with suppress(DuplicateKeyError):  # it became a file before, or others do the same
            self._uploads.update_one({**unfinished, "ref": ""}, change, upsert=True)

    def _begun(self, sender: Sender, part: attachments.Upload, now: datetime) -> Upload | TooMany:
        new = self._new(sender, part, now)
        id_ = new.id
        # With its time, so that it is not swept meanwhile.
        heard = {"$max": {"at": now}}
        found: Document | None = self._uploads.find_one_and_update(
            {"_id": id_, "removing": False}, heard, return_document=ReturnDocument.AFTER
        )
        if found is not None:
            upload = upload_of(found)
            if not upload.ref or self._keeping.has(upload.ref, now):
                return upload
            # No ticket named it, so it is gone. The upload starts over with a new key: nothing is sealed twice by one.
            self._files.remove(upload.blob)
            self._uploads.delete_one({"_id": id_, "blob": upload.blob})
            raise Conflict("the file that it had become was removed")
        for of, whose, most in (
            ("owner", sender.owner, MOST_OF_AN_ACCOUNT),
            ("origin", sender.origin, MOST_FROM_AN_ORIGIN),
            ("channel", sender.channel, MOST_OF_A_CHANNEL),
        ):
            if not whose:
                continue
            theirs = self._uploads.find({of: whose, "ref": None}, {"at": 1})
            unfinished = list(theirs.sort("at", ASCENDING).limit(most))
            if len(unfinished) >= most:
                return TooMany(unfinished[0]["at"] + UNFINISHED)
        crowded = self._keeping.crowded(sender, now)
        if crowded is not None:
            return crowded
        try:
            self._uploads.insert_one(upload_document(new))
        except DuplicateKeyError as error:
            raise Conflict("another instance takes the first part of this upload") from error
        return new

    def _fits(self, upload: Upload, part: attachments.Upload) -> bool:
        """Whether the part is as large as the others; the first part sets the size."""
        size = len(part.content)
        if part.part == upload.parts:
            return upload.part_size is None or size <= upload.part_size
        if upload.part_size is None:
            first = self._uploads.update_one({"_id": upload.id, "part_size": None}, {"$set": {"part_size": size}})
            if not first.matched_count:
                raise Conflict("another instance takes a part of this upload")
            return True
        return size == upload.part_size

    def _write(self, upload: Upload, part: attachments.Upload) -> bool:
        """Store the part, sealed; False if it is there with different content."""
        number, last = part.part - 1, part.part == upload.parts
        key = self._keeping.keys.unwrap(Wrapped(upload.key_by, upload.key))
        sealed = seal_segment(key, upload.blob, number, part.content, last=last)
        if self._files.write_segment(upload.blob, number, sealed):
            return True
        return self._files.segment(upload.blob, number) == sealed

    def _whole(self, id_: str, now: datetime) -> PartTaken:
        """All parts are there: record the file, once. If the same content was stored before, that is the file."""
        found = self._uploads.find_one({"_id": id_})
        if found is None:
            raise Conflict("it was given up just now")
        upload = upload_of(found)  # with the size of its parts, which another instance may have recorded
        if upload.ref is not None:
            return Brought(upload.name, upload.media_type, upload.ref)
        part_size = upload.part_size or SEGMENT
        try:
            digest, size, head = self._read(upload)
        except Tampered as error:
            if self._uploads.find_one({"_id": id_, "blob": ""}, {"_id": 1}) is not None:
                raise Conflict("another instance has found the same content") from error
            raise
        if size > self._keeping.terms.largest:
            return self._keeping.terms.too_large
        media_type = self._keeping.terms.judged(upload.media_type, head)
        if isinstance(media_type, Unfit):
            self._refuse(upload, media_type)
            return media_type
        if size > upload.parts * part_size:  # the last one came before anybody knew how large the others are
            return Contradicted(OF_ONE_SIZE)
        file = File(
            self._keeping.ref(upload.owner, digest),
            upload.owner,
            media_type,
            size,
            digest,
            part_size,
            upload.blob,
            upload.key_by,
            upload.key,
            now,
            "writing",
            channel=upload.channel,
            origin=upload.origin,
        )
        if self._keeping.begin(file):
            self._files.close(upload.blob, size + upload.parts * TAG, part_size + TAG, now)
            if not self._keeping.end(file):
                raise Conflict("the same content is being written")
        self._become(upload, file.ref)
        return Brought(upload.name, upload.media_type, file.ref)

    def _become(self, upload: Upload, ref: str) -> None:
        """The upload is that file now. If the same content was stored before, its parts are removed."""
        there = self._keeping.records.find_one({"_id": ref}, {"blob": 1})
        is_spare = there is not None and there["blob"] != upload.blob
        became = {"ref": ref, "blob": ""} if is_spare else {"ref": ref}
        self._uploads.update_one({"_id": upload.id, "blob": upload.blob}, {"$set": became})
        if is_spare:
            self._files.remove(upload.blob)

    def _read(self, upload: Upload) -> tuple[str, int, bytes]:
        """The SHA-256 of the whole, its size, and the beginning by which it is known."""
        key = self._keeping.keys.unwrap(Wrapped(upload.key_by, upload.key))
        digest, size, head = hashlib.sha256(), 0, b""
        for number in range(upload.parts):
            sealed = self._files.segment(upload.blob, number)
            if sealed is None:
                raise Tampered(f"segment {number} of file {upload.blob} is missing")
            content = open_segment(key, upload.blob, number, sealed, last=number == upload.parts - 1)
            digest.update(content)
            size += len(content)
            head += content[: HEAD - len(head)]
        return digest.hexdigest(), size, head


def upload_document(upload: Upload) -> Document:
    """An upload as it is stored."""
    return document_by(upload, "id")


def upload_of(document: Mapping[str, Any]) -> Upload:
    """The inverse of `upload_document`; an older version stored names as they came."""
    return Upload(**fields_of(Upload, document, "id") | {"name": safe_name(document["name"])})
