"""What people searched for in vain: held in memory, and written every few seconds, because questions write nothing.

An instance that ends loses what it held, as does one that is cut off from the database while it writes. The words are
kept 180 days.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from pymongo import UpdateOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError, ServerSelectionTimeoutError

from services.chassis.database import Document
from services.chassis.decision import derived_id
from services.knowledge.domain.values.counts import WORDS_KEPT, day_of

WRITTEN_EVERY = 10.0
MOST_HELD = 1_000
"""Different words that are held at once; whoever types more only tries to fill the database."""

LONGEST = 200
"""Characters that are kept of what was typed."""


class Vain:
    """Searches of channels that found nothing."""

    def __init__(self, database: Database[Document], now: Callable[[], datetime]) -> None:
        self._stored = database["vain"]
        self._now = now
        self._held: Counter[tuple[str, str]] = Counter()

    def note(self, words: str, language: str | None) -> None:
        """Somebody found nothing for these words."""
        key = " ".join(words.casefold().split())[:LONGEST], language or ""
        if key in self._held or len(self._held) < MOST_HELD:
            self._held[key] += 1

    def write(self) -> None:
        """Store what is held. What is surely not stored is held for the next time.

        Raises `PyMongoError` for what was not written, and what the clock raises.
        """
        if not self._held:
            return
        now = self._now()
        held, self._held = self._held, Counter()
        day = day_of(now)
        keys = list(held)
        try:
            self._stored.bulk_write(
                [
                    UpdateOne(
                        {"_id": derived_id(day, language, words)},
                        {
                            "$inc": {"count": held[words, language]},
                            "$setOnInsert": {
                                "day": day,
                                "language": language,
                                "words": words,
                                "forget_at": now + WORDS_KEPT,
                            },
                        },
                        upsert=True,
                    )
                    for words, language in keys
                ],
                ordered=False,
            )
        except ServerSelectionTimeoutError:  # nothing was sent
            self._held.update(held)
            raise
        except BulkWriteError as error:
            self._held.update(
                {keys[failed["index"]]: held[keys[failed["index"]]] for failed in error.details["writeErrors"]}
            )
            raise
        # Any other error leaves open what is stored: better a count that is lost than one that counts twice.
