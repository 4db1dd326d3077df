"""What was looked for in the index, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.values import dataclass

A_PAGE = 20
SUGGESTED = 5


@dataclass(frozen=True, slots=True)
class Place:
    """A published text in a list; `score` from 0 to 1, if it was searched for."""

    article: str
    language: str
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """One page of texts, each article once; `total` of all pages."""

    places: Sequence[Place] = ()
    total: int = 0
    did_you_mean: str | None = None


@dataclass(frozen=True, slots=True)
class Marks:
    """Pieces of a title and of the place in the text that fits best; True: the words of the search are in it."""

    title: Sequence[tuple[str, bool]]
    excerpt: Sequence[tuple[str, bool]]
