"""Wraps the keys of all files and uploads with another master key, a portion at a time.

It rewrites no content. A portion may be interrupted and begun again at any time, while files come in.
domain/attachments/rotating.py decides when a rotation begins and ends. The page is docs/attachments.md.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, IndexModel, UpdateOne
from pymongo.database import Database

from services.chassis.database import Document, fields_of
from services.intake.documents import document_by
from services.intake.domain.values.rotation import THE_ONE, Rewrapped, Rotation
from services.intake.files.keeping import RECORDS
from services.intake.files.keys import KeyUnknown, MasterKeys, Wrapped
from services.intake.files.parts import UPLOADS

log = logging.getLogger(__name__)

ROTATIONS = "rotations"
INDEXES: Mapping[str, Sequence[IndexModel]] = {ROTATIONS: []}

AT_ONCE = 1_000
"""Keys in one portion."""


def held_by(database: Database[Document]) -> Counter[str]:
    """For each master key, by its id: how many files and unfinished uploads have keys that it wraps."""
    count = [{"$group": {"_id": "$key_by", "count": {"$sum": 1}}}]
    held: Counter[str] = Counter()
    for name in (RECORDS, UPLOADS):
        held.update({row["_id"]: row["count"] for row in database[name].aggregate(count)})
    return held


def last_rotation(database: Database[Document]) -> Rotation | None:
    """The rotation that is under way, or the last one."""
    found = database[ROTATIONS].find_one({"_id": THE_ONE})
    return None if found is None else rotation_of(found)


def rewrap(database: Database[Document], keys: MasterKeys, at_once: int = AT_ONCE) -> Rewrapped | None:
    """Wrap the next portion of the current rotation. None if there is no rotation, or if this instance's key file does
    not have its key."""
    rotation = last_rotation(database)
    if rotation is None or rotation.finished_at is not None:
        return None
    if rotation.key not in keys.keys:
        log.warning("the key file does not hold the key of a rotation", extra={"key": rotation.key})
        return None
    collection, after = rotation.read_to
    collection = collection or RECORDS
    wanted = {"key_by": {"$ne": rotation.key}, "_id": {"$gt": after}}
    found = database[collection].find(wanted, {"key_by": 1, "key": 1}).sort("_id", ASCENDING).limit(at_once)
    rows = list(found)
    changes: list[UpdateOne] = []
    left: Counter[str] = Counter()
    for row in rows:
        try:
            wrapped = keys.rewrap(Wrapped(row["key_by"], row["key"]), rotation.key)
        except KeyUnknown:
            left[row["key_by"]] += 1
        else:
            changes.append(_change(collection, row, wrapped))
    done = database[collection].bulk_write(changes, ordered=False).modified_count if changes else 0
    is_last = len(rows) < at_once
    read_to = (UPLOADS, "") if is_last else (collection, rows[-1]["_id"])
    return Rewrapped(rotation.version, done, left, read_to, finished=is_last and collection == UPLOADS)


def _change(collection: str, row: Mapping[str, Any], wrapped: Wrapped) -> UpdateOne:
    change: Document = {"$set": {"key_by": wrapped.by, "key": wrapped.key}}
    if collection == RECORDS:  # a turn that has just read it reads it again
        change["$inc"] = {"version": 1}
    return UpdateOne({"_id": row["_id"], "key": row["key"]}, change)


def rotation_document(rotation: Rotation) -> Document:
    """A rotation as it is stored. How many are `left` is a list: ids of master keys may have dots."""
    return document_by(rotation, "id") | {"left": [list(pair) for pair in sorted(rotation.left.items())]}


def rotation_of(document: Mapping[str, Any]) -> Rotation:
    """The inverse of `rotation_document`."""
    values = fields_of(Rotation, document, "id")
    return Rotation(**values | {"left": dict(document["left"]), "read_to": tuple(document["read_to"])})
