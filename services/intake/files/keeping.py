"""Stores the files that people send: each is judged by its content, encrypted, and stored once for each sender.

That happens before the turn and outside its transaction: it changes no ticket, and files that no ticket names are
removed a day later (sweeping.py). The domain decides whether a command may have a file. The page is
docs/attachments.md.
"""

from __future__ import annotations

import hashlib
import hmac
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pymongo import ASCENDING, IndexModel
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from contracts.file_forms import MAX_ATTACHMENTS, AttachmentContent, AttachmentNamed, Sent, Unusable
from contracts.values import dataclass
from services.chassis.database import Conflict, Document, fields_of
from services.intake.documents import document_by
from services.intake.domain.attachments.attaching import TOO_MANY
from services.intake.domain.values.file import Brought, File, FileState, FileTaken, TooMany, Unfit
from services.intake.files.keys import MasterKeys
from services.intake.files.media import HEAD, TAKEN, NotTaken, judged
from services.intake.files.sealing import SEGMENT, new_key, seal
from services.intake.files.store import Files

T = TypeVar("T")

RECORDS = "attachments"
UNNAMED: Document = {"used": False}
UNNAMED_FROM: Document = {**UNNAMED, "origin": {"$gt": ""}}

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    RECORDS: [
        IndexModel([("at", ASCENDING)], name="unused", partialFilterExpression=UNNAMED),
        IndexModel([("owner", ASCENDING), ("at", ASCENDING)], name="unnamed_of", partialFilterExpression=UNNAMED),
        IndexModel([("channel", ASCENDING), ("at", ASCENDING)], name="unnamed_by", partialFilterExpression=UNNAMED),
        IndexModel(
            [("origin", ASCENDING), ("at", ASCENDING)], name="unnamed_from", partialFilterExpression=UNNAMED_FROM
        ),
        IndexModel([("owner", ASCENDING)]),
        IndexModel([("key_by", ASCENDING)]),
        IndexModel([("blob", ASCENDING)]),
        IndexModel([("state", ASCENDING), ("blob", ASCENDING)], partialFilterExpression={"state": "infected"}),
        IndexModel([("damaged", ASCENDING)], partialFilterExpression={"damaged": True}),
    ],
}

KEPT_UNUSED = timedelta(hours=24)
"""How long a file is kept that no entry names."""

MOST_UNNAMED_OF_AN_ACCOUNT = 20
MOST_UNNAMED_FROM_AN_ORIGIN = 40
MOST_UNNAMED_OF_A_CHANNEL = 2_000
"""Files at a time that no entry names: each takes space for a day. The files of one command, and what comes to several
instances in the same moment, may exceed this."""

BEYOND = Unfit("content", TOO_MANY, too_large=True)
"""The refusal of a file beyond those that one command may have."""

TRIES = 20
PAUSE = 0.05
"""Seconds at most between two tries, while another instance writes the same content."""

WRITES_FOR = timedelta(seconds=2)
"""How long another instance may take to write a file; after that it has died."""

TOUCHED_AFTER = timedelta(hours=1)
"""A file that no entry names counts as new when it is sent again, at most once in this time."""


def while_others_write(work: Callable[[], T]) -> T:
    """What `work` returns, after more tries if other instances do the same work. Raises `Conflict` if they take
    long."""
    for _ in range(TRIES):
        try:
            return work()
        except Conflict:
            time.sleep(random.uniform(0, PAUSE))
    return work()


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose a file is, which channel or agent brings it, and a digest of the origin that the channel gave."""

    owner: str
    channel: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class FileTerms:
    """Which files intake accepts: up to `largest` bytes, of these `media_types`. `scanned`: a scanner has to check
    them."""

    largest: int = 20 * 1024 * 1024
    media_types: Collection[str] = TAKEN
    scanned: bool = False

    @property
    def too_large(self) -> Unfit:
        """The refusal of a larger file."""
        return Unfit("content", f"A file may have at most {self.largest / 1024**2:.3g} MiB.", too_large=True)

    def judged(self, media_type: str, head: bytes) -> str | Unfit:
        """The media type of a file that is declared as `media_type` and begins with `head`; or why it is refused."""
        found = judged(media_type, head, self.media_types)
        return Unfit("media_type", found.reason) if isinstance(found, NotTaken) else found


class Keeping:
    """The files of intake's database. `key`: makes references that nobody can guess."""

    def __init__(self, database: Database[Document], keys: MasterKeys, key: str, terms: FileTerms) -> None:
        self.records = database[RECORDS]
        self.files = Files(database)
        self.terms = terms
        self.keys = keys
        self._key = key.encode()

    def crowded(self, sender: Sender, now: datetime) -> TooMany | None:
        """Whether account, origin or channel have too many files that no entry names, and until when."""
        return Room(self, now).crowded(sender)

    def bring(
        self,
        sender: Sender,
        attachments: Iterable[Sent],
        now: datetime,
        crowded: TooMany | None = None,
    ) -> list[FileTaken]:
        """What became of each attachment of a command. Those with content are stored; if it is `crowded`, only those
        that are stored already.

        It stores no more than a command may have, because the others would count as files that no entry names.
        """
        taken: list[FileTaken] = []
        kept = 0
        for sent in attachments:
            of_content = isinstance(sent, AttachmentContent)
            fits = kept < MAX_ATTACHMENTS or not of_content
            taken.append(self._bring(sender, sent, now, crowded) if fits else BEYOND)
            kept += of_content and isinstance(taken[-1], Brought)
        return taken

    def _bring(self, sender: Sender, sent: Sent, now: datetime, crowded: TooMany | None) -> FileTaken:
        if isinstance(sent, Unusable):
            return Unfit("content", sent.fault, sent.too_large)
        if isinstance(sent, AttachmentNamed):
            return Brought(sent.name, sent.media_type, sent.ref)
        content = sent.content
        if len(content) > self.terms.largest:
            return self.terms.too_large
        media_type = self.terms.judged(sent.media_type, content[:HEAD])
        if isinstance(media_type, Unfit):
            return media_type
        if crowded is not None:
            ref = self.ref(sender.owner, hashlib.sha256(content).hexdigest())
            if self.records.find_one({"_id": ref}, {"_id": 1}) is None:
                return crowded
        ref = while_others_write(lambda: self._keep(sender, media_type, content, now))
        return Brought(sent.name, sent.media_type, ref)

    def _keep(self, sender: Sender, media_type: str, content: bytes, now: datetime) -> str:
        """The reference of the content, which is kept from now on."""
        digest, blob, key = hashlib.sha256(content).hexdigest(), uuid.uuid4().hex, new_key()
        wrapped = self.keys.wrap(key)
        file = File(
            self.ref(sender.owner, digest),
            sender.owner,
            media_type,
            len(content),
            digest,
            SEGMENT,
            blob,
            wrapped.by,
            wrapped.key,
            now,
            "writing",
            channel=sender.channel,
            origin=sender.origin,
        )
        if self.begin(file):
            self.files.write(blob, seal(key, blob, [content]))
            if not self.end(file):
                self.files.remove(blob)
                raise Conflict("another instance has taken over")
        return file.ref

    def ref(self, owner: str, sha256: str) -> str:
        """The reference of a content of `owner`: the same each time, and nobody can guess it without the key."""
        return hmac.new(self._key, "\x1f".join(("file", owner, sha256)).encode(), hashlib.sha256).hexdigest()[:32]

    def begin(self, file: File) -> bool:
        """Record that the content is being written as `file.blob`; False if it is there already.

        What another instance began long ago is taken over: that instance died, or notices at its end. Raises `Conflict`
        while another instance is writing it, or if it was faster.
        """
        try:
            self.records.insert_one(file_document(file))
        except DuplicateKeyError:
            found = self.records.find_one({"_id": file.ref})
        else:
            return True
        there = None if found is None else file_of(found)
        if there is None:
            raise Conflict("it was removed just now")
        if self._is_there(there, file.at):
            return False
        if there.state == "writing":
            if there.blob == file.blob:
                return True
            if file.at - there.at < WRITES_FOR:
                raise Conflict("another instance is writing it")
        if not self.replace(there, replace(file, version=there.version + 1)):
            raise Conflict("another instance was faster")
        self.files.remove(there.blob)
        return True

    def has(self, ref: str, at: datetime) -> bool:
        """Whether a file is still there; it counts as new from now on. Raises `Conflict` while that changes."""
        found = self.records.find_one({"_id": ref})
        there = None if found is None else file_of(found)
        if there is None or there.state == "removing":
            return False
        if not self._is_there(there, at):
            raise Conflict("it has just been changed")
        return True

    def _is_there(self, there: File, at: datetime) -> bool:
        """Whether the stored file can be used; it counts as new from now on. Not if it is incomplete or has just
        changed."""
        if there.state in ("writing", "removing"):
            return False
        if there.used or at - there.at < TOUCHED_AFTER:
            return True
        return self.replace(there, replace(there, at=at, version=there.version + 1))

    def end(self, file: File) -> bool:
        """Its content is written; False if another instance took it over and writes its own."""
        state: FileState = "quarantined" if self.terms.scanned else "stored"
        mine = {"_id": file.ref, "blob": file.blob, "state": "writing"}
        if self.records.update_one(mine, {"$set": {"state": state}, "$inc": {"version": 1}}).matched_count:
            return True
        return self.records.find_one({"_id": file.ref, "blob": file.blob}, {"_id": 1}) is not None

    def replace(self, there: File, by: File) -> bool:
        """Replace the record by `by`, if it is still as it was read."""
        as_read = {"_id": there.ref, "version": there.version}
        return bool(self.records.replace_one(as_read, file_document(by)).matched_count)


class Room:
    """How many more files without an entry one turn may store, for each account, origin and channel. What the turn
    itself brings counts too, although entries will name most of it."""

    def __init__(self, keeping: Keeping, now: datetime) -> None:
        self._records = keeping.records
        self._since = now - KEPT_UNUSED
        self._there: dict[tuple[str, str], int] = {}
        self._coming: Counter[tuple[str, str]] = Counter()

    def crowded(self, sender: Sender) -> TooMany | None:
        """Whether there were too many before the turn to store another, and until when."""
        for whose, most in _limits(sender):
            if self._count(whose, most) >= most:
                oldest = self._records.find_one(self._theirs(whose), {"at": 1}, sort=[("at", ASCENDING)])
                if oldest is not None:
                    return TooMany(oldest["at"] + KEPT_UNUSED, unnamed=True)
        return None

    def takes(self, sender: Sender, files: int) -> bool:
        """Whether this many more files may come in this turn; the first always may."""
        limits = _limits(sender)
        if any(self._count(whose, most) >= most for whose, most in limits):
            return True  # nothing new of them is kept
        if any(
            self._coming[whose] and self._there[whose] + self._coming[whose] + files > most for whose, most in limits
        ):
            return False
        self._coming.update({whose: files for whose, _ in limits})
        return True

    def _count(self, whose: tuple[str, str], most: int) -> int:
        if whose not in self._there:
            self._there[whose] = self._records.count_documents(self._theirs(whose), limit=most)
        return self._there[whose]

    def _theirs(self, whose: tuple[str, str]) -> Document:
        return {whose[0]: whose[1], "at": {"$gt": self._since}, **UNNAMED}


def _limits(sender: Sender) -> list[tuple[tuple[str, str], int]]:
    limits = (
        (("owner", sender.owner), MOST_UNNAMED_OF_AN_ACCOUNT),
        (("origin", sender.origin), MOST_UNNAMED_FROM_AN_ORIGIN),
        (("channel", sender.channel), MOST_UNNAMED_OF_A_CHANNEL),
    )
    return [(whose, most) for whose, most in limits if whose[1]]


def file_document(file: File) -> Document:
    """The record of a file, as it is stored."""
    return document_by(file, "ref")


def file_of(document: Mapping[str, Any]) -> File:
    """The inverse of `file_document`."""
    return File(**fields_of(File, document, "ref"))
