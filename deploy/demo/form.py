"""A channel's form that offers articles while somebody types, and a person who types into it.

The page is docs/cli.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from contracts.articles import ArticleHit, ArticlesFound, SuggestArticles
from services.client.blocking import Client

NOTICED = 3
"""A person types on until an article has stood first for this many letters, and then reads it."""

Suggest = Callable[[str], Sequence[ArticleHit]]
"""The articles that the form shows to somebody who has typed this."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What came of typing: the letters `typed`, the `title` of the article that answers (empty: the form did not offer
    it), and how many seconds each letter's suggestions took."""

    typed: str
    title: str
    waits: Sequence[float]


def typing(words: str, answer: str, suggest: Suggest) -> Offer:
    """Type these words, until the article with the id `answer` has stood first for a moment, or to the end."""
    waits: list[float] = []
    typed, first = "", 0
    hits: Sequence[ArticleHit] = ()
    for letter in words:
        typed += letter
        before = time.monotonic()
        hits = suggest(typed)
        waits.append(time.monotonic() - before)
        first = first + 1 if hits and hits[0].id == answer else 0
        if first == NOTICED:
            break
    return Offer(typed, next((hit.title for hit in hits if hit.id == answer), ""), waits)


def suggested(client: Client, words: str, language: str) -> Sequence[ArticleHit]:
    """What the channel gets for its form."""
    asking = SuggestArticles(words=words, language=language)
    return client.ask("article.suggest", asking).expect(ArticlesFound).articles
