"""Keeps the shelf of this instance equal to what is published, by a change stream of its own.

It opens the stream first, then reads all live texts, then applies what the stream brings, so nothing is missed. A
stream that cannot go on where it was is opened again beside a new shelf, and the old one answers meanwhile. The page is
docs/knowledge.md, "How the index stays equal to the database".
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from prometheus_client import Gauge
from pymongo.change_stream import ChangeStream
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure, PyMongoError

from services.chassis.database import Document, translate
from services.chassis.threads import in_native_threads
from services.knowledge.documents import WRITTEN, published_of
from services.knowledge.domain.values.article import Published
from services.knowledge.shelf import Shelf

log = logging.getLogger(__name__)

TEXTS = Gauge("casebus_index_texts", "Published texts in this instance's index.")
DIGEST = Gauge("casebus_index_digest", "A number of what the index holds: equal in instances that hold the same.")

TOGETHER = 0.05
"""Seconds: what the stream brings within this time is put in together."""

AWAITED = 200
"""Milliseconds for which one look at the stream waits for something to come."""

AGAIN = 0.5
"""Seconds before the next attempt after an error."""

READ_AT_ONCE = 1_000
"""Texts that are read together while a shelf is built."""

Stopping = Callable[[], bool]


class CannotResume(Exception):
    """The stream cannot go on where it was: a new shelf is needed."""


class Following:
    """Follows `published` in the thread that calls `follow`."""

    def __init__(self, database: Database[Document]) -> None:
        self._published: Collection[Document] = database["published"]
        self._token: Any = None
        self._read = 0
        self.shelf = Shelf()
        """What was whole last. Empty until `problem` is None."""
        self._whole = False

    def problem(self) -> str | None:
        """Why nothing can be found yet; None once the shelf was whole."""
        return None if self._whole else f"the index is not whole yet ({self._read} texts so far)"

    def follow(self, stopping: Stopping) -> None:
        """Until `stopping`. Raises what the engine raises: nobody can tell what such a shelf holds."""
        while not stopping():
            try:
                self._once(stopping)
            except CannotResume as error:
                log.warning("a new index is built", extra={"why": str(error)})
                self._token = None
                time.sleep(AGAIN)
            except PyMongoError as error:
                log.warning("following is interrupted", extra={"error": f"{type(error).__name__}: {error}"})
                if translate(error) is None:
                    self._token = None  # whatever it is, a new index is right
                time.sleep(AGAIN)

    def _once(self, stopping: Stopping) -> None:
        """One stream, until it breaks."""
        with self._open() as stream:
            shelf = self.shelf
            if self._token is None:
                shelf = self._built(stopping)
                if stopping():
                    return
                self.shelf, self._whole = shelf, True
                _measure(shelf)
                log.info("the index is whole", extra={"texts": len(shelf)})
            for texts in _arriving(stream, stopping):
                if texts:
                    in_native_threads(shelf.put, [texts])
                    _measure(shelf)
                self._token = stream.resume_token

    def _open(self) -> ChangeStream[Document]:
        # A turn removes what it replaces and inserts it again: what was withdrawn stays as a document that is not live.
        inserted: list[Document] = [
            {"$match": {"operationType": {"$ne": "delete"}}},
            {"$project": dict.fromkeys((f"fullDocument.{field}" for field in WRITTEN), 0)},
        ]
        try:
            return self._published.watch(inserted, resume_after=self._token, max_await_time_ms=AWAITED)
        except OperationFailure as error:
            if translate(error) is None:  # it has forgotten where we were, or does not understand it
                raise CannotResume(f"code {error.code}") from error
            raise

    def _built(self, stopping: Stopping) -> Shelf:
        """A shelf of all live texts."""
        shelf, self._read = Shelf(), 0
        found = self._published.find({"live": True}, dict.fromkeys(WRITTEN, 0), batch_size=READ_AT_ONCE)
        texts = map(published_of, found)
        while not stopping() and (together := list(islice(texts, READ_AT_ONCE))):
            in_native_threads(shelf.put, [together])
            self._read += len(together)
        return shelf


def _measure(shelf: Shelf) -> None:
    TEXTS.set(len(shelf))
    DIGEST.set(shelf.digest)


def _arriving(stream: ChangeStream[Document], stopping: Stopping) -> Iterator[Sequence[Published]]:
    """What the stream brings, together what comes together; nothing at times. Raises `CannotResume`."""
    texts: list[Published] = []
    until = 0.0
    while not stopping():
        change = stream.try_next()
        if change is not None:
            if change["operationType"] not in ("insert", "replace"):
                raise CannotResume(f"the collection has seen: {change['operationType']}")
            until = until if texts else time.monotonic() + TOGETHER
            texts.append(published_of(change["fullDocument"]))
        if change is None or time.monotonic() >= until:
            yield texts
            texts = []
        if not stream.alive:
            raise CannotResume("the stream has ended")
