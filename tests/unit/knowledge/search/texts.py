"""Small indexes for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.knowledge.search.index import Index, search
from services.knowledge.search.synonyms import NO_SYNONYMS, Synonyms
from services.knowledge.search.values import IndexedText, Wanted


def text(article: str, title: str, language: str = "en", **more: Any) -> IndexedText:
    """A text with a title, and whatever else a test needs."""
    fields = {"category": "desk", "summary": "", "headings": "", "body": "", "keywords": (), **more}
    return IndexedText(article=article, language=language, title=title, **fields)


def index(*texts: IndexedText) -> Index:
    """An index of these texts."""
    made = Index()
    made.replace(texts)
    return made


def titled(*titles: str, language: str = "en") -> Index:
    """An index of texts with these titles, whose ids are their titles."""
    return index(*(text(title, title, language) for title in titles))


def found(indexes: Index | Sequence[Index], words: str, *languages: str, **more: Any) -> list[str]:
    """The ids of the articles that are found, the best first."""
    synonyms: Synonyms = more.pop("synonyms", NO_SYNONYMS)
    searched = [indexes] if isinstance(indexes, Index) else indexes
    return [hit.article for hit in search(Wanted(words, languages, **more), searched, synonyms).hits]
