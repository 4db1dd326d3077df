"""What the index holds, what somebody looks for, and what was found."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.values import dataclass
from services.knowledge.search.marking import Marking

MOST_FOUND = 1_000
"""Texts of each language that a search ranks: nobody reads on, and a common word is in every text."""


@dataclass(frozen=True, slots=True)
class IndexedText:
    """A published text, as the index needs it: without Markdown, in one language (a BCP 47 tag)."""

    article: str
    language: str
    category: str
    title: str
    summary: str
    headings: str
    body: str
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody looks for, as typed. Nothing in `words` is an operator.

    `languages`: an article is found by its text in the first of these that it has, and not without one; none: in any
    language. `typing`: the words are still being typed; fewer texts are ranked then, and common words count less, so
    the answer is faster. `first` counts from 0.
    """

    words: str
    languages: tuple[str, ...] = ()
    category: str | None = None
    typing: bool = False
    first: int = 0
    most: int = 20


@dataclass(frozen=True, slots=True)
class Hit:
    """An article that was found, by its text in this language. `score`: how well it fits, 0 to 1."""

    article: str
    language: str
    score: float


@dataclass(frozen=True, slots=True)
class Ranked:
    """What was found, the best first: each article once, from `Wanted.first`, `Wanted.most` at most.

    `total`: how many articles were found; of those found by words the best `MOST_FOUND` of each language count.
    `did_you_mean`: the words with those corrected that no text holds. `markings`: by the language of a hit, where its
    texts say what was looked for.
    """

    hits: tuple[Hit, ...]
    total: int
    did_you_mean: str | None
    markings: Mapping[str, Marking]
