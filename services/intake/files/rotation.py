"""Changes the master key: wraps the keys of all files, and of uploads, anew by the first one of the key file.

No file is written anew. It may be broken off and begun again at any time, while intake runs. The page is
docs/attachments.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from pymongo.database import Database

from contracts.values import dataclass
from services.chassis.unit_of_work import Document
from services.intake.files.keeping import RECORDS
from services.intake.files.keys import KeyUnknown, MasterKeys, Wrapped
from services.intake.files.uploads import UPLOADS


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """How a round went: keys that were wrapped anew; those that cannot be, by the id of their master key."""

    done: int
    unknown: Mapping[str, int]


def held_by(database: Database[Document]) -> Counter[str]:
    """How many files and unfinished uploads each master key holds the keys of, by its id."""
    count = [{"$group": {"_id": "$key_by", "count": {"$sum": 1}}}]
    held: Counter[str] = Counter()
    for name in (RECORDS, UPLOADS):
        held.update({row["_id"]: row["count"] for row in database[name].aggregate(count)})
    return held


def rotate(database: Database[Document], keys: MasterKeys) -> Iterator[Rewrapped]:
    """Wrap anew what another key than the current one wraps; tells how far it is after each that it looked at."""
    done, unknown = 0, Counter[str]()
    for name in (RECORDS, UPLOADS):
        for row in database[name].find({"key_by": {"$ne": keys.current}}, {"key_by": 1, "key": 1}):
            try:
                wrapped = keys.rewrap(Wrapped(row["key_by"], row["key"]))
            except KeyUnknown:
                unknown[row["key_by"]] += 1
            else:
                change: Document = {"$set": {"key_by": wrapped.by, "key": wrapped.key}}
                if name == RECORDS:  # a turn that has just read it reads it again
                    change["$inc"] = {"version": 1}
                done += database[name].update_one({"_id": row["_id"], "key": row["key"]}, change).modified_count
            yield Rewrapped(done, unknown)
