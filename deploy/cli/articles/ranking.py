"""Which articles an editor should look at first: those that many people read and few find helpful. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from .reading import Figures, Listed


def unhelped(figures: Figures) -> float:
    """About how many readers an article did not help: its views, by the share of votes that say no.

    Two votes, a yes and a no, are added, so that one vote alone decides nothing (Laplace's rule of succession).
    """
    return figures.viewed * (figures.not_helped + 1) / (figures.helped + figures.not_helped + 2)


def stale(rows: Iterable[Listed], before: datetime) -> list[Listed]:
    """Those that are published and that nobody has changed since then; first those that fail most readers."""
    old = [each for each in rows if each.article.live and each.article.changed_at <= before]
    return sorted(old, key=lambda each: (-unhelped(each.figures), each.article.changed_at, each.article.id))


def unhelpful(rows: Iterable[Listed]) -> list[Listed]:
    """Those that somebody says did not help; first those that fail most readers."""
    found = [each for each in rows if each.figures.not_helped]
    return sorted(found, key=lambda each: (-unhelped(each.figures), each.article.id))
