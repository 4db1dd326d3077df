"""In which language a reader gets an article: the one that they ask for, otherwise the desk's own."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from services.knowledge.domain.values.article import Head


def best(languages: Collection[str], wanted: str | None, own: str) -> str | None:
    """The language in which a reader who wants this one gets an article: this one, the same language elsewhere, or the
    desk's own; if they want none, also any other. None: they do not find the article."""
    for language in (wanted or own, own):
        if language in languages:
            return language
        if alike := [each for each in languages if _primary(each) == _primary(language)]:
            return min(alike)
    return min(languages, default=None) if wanted is None else None


def viewed(languages: Collection[str], wanted: str | None, own: str) -> str | None:
    """The same for an article that is asked for by its id: it is shown in any language rather than not at all."""
    return best(languages, wanted, own) or min(languages, default=None)


def head_in(heads: Sequence[Head], language: str | None) -> Head | None:
    """The text in this language."""
    return next((head for head in heads if head.language == language), None)


def _primary(language: str) -> str:
    """`pt-BR` → `pt`."""
    return language.partition("-")[0]
