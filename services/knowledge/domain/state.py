"""The knowledge base as one turn, or the answers to some questions, sees it: what was read, and what has changed since.

It decides nothing. needs.py says what is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from services.knowledge.domain.values.article import Article, Published, Version, published_key, version_key
from services.knowledge.domain.values.counts import Draft, Fact, Tally, Vote, Words
from services.knowledge.domain.values.desk import Desk
from services.knowledge.domain.values.file import Part, Upload

Value = Article | Version | Published | Fact | Vote | Words | Tally | Draft | Part | Upload
"""What the database stores, each under its `key`."""

V = TypeVar("V", Article, Version, Published, Fact, Vote, Words, Tally, Draft, Part, Upload)


class View:
    """What is known at the moment `now` (aware UTC).

    `coming`: by file, the parts that the messages of the turn bring. `asked`: needs that were read; `read`: by need,
    what was found that is no value of the database.
    """

    def __init__(
        self,
        desk: Desk,
        now: datetime,
        values: Iterable[Value] = (),
        coming: Mapping[str, set[int]] | None = None,
    ) -> None:
        self.desk = desk
        self.now = now
        self.coming: Mapping[str, set[int]] = coming or {}
        self.asked: set[Any] = set()
        self.read: dict[Any, Any] = {}
        self.loaded: dict[type[Any], dict[str, Any]] = {}
        self.current: dict[type[Any], dict[str, Any]] = {}
        self.know(values)

    def know(self, values: Iterable[Value]) -> None:
        """Take in what was read, before anything is decided. What is known already stays as it was read."""
        for value in values:
            read = self.loaded.setdefault(type(value), {}).setdefault(value.key, value)
            self.current.setdefault(type(value), {})[value.key] = read

    def apply(self, change: Value) -> None:
        """Take a change in, so that later messages of the turn see it."""
        self.current.setdefault(type(change), {})[change.key] = change

    def of(self, kind: type[V], key: str) -> V | None:
        """The value with this key, as it is now."""
        found: V | None = self.current.get(kind, {}).get(key)
        return found

    def all_of(self, kind: type[V]) -> Mapping[str, V]:
        """All values of this class that are known, by key, as they are now."""
        found: Mapping[str, V] = self.current.get(kind, {})
        return found

    def article(self, id_: str) -> Article | None:
        """The article of this id."""
        return self.of(Article, id_)

    def version(self, article: str, version: int | None) -> Version | None:
        """A version of the article."""
        return None if version is None else self.of(Version, version_key(article, version))

    def published(self, article: str, language: str) -> Published | None:
        """What is or was published of the article in this language."""
        return self.of(Published, published_key(article, language))

    def live(self, article: str) -> Iterator[Published]:
        """What is published of the article now."""
        return (each for each in self.all_of(Published).values() if each.head.article == article and each.live)
