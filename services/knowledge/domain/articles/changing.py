"""One change of an article: the version that records it, and the article as it stands after it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from services.knowledge.domain.doors import Editor
from services.knowledge.domain.values.article import Article, Text, Version


def changed(article: Article, by: Editor, now: datetime, **fields: Any) -> Article:
    """The article at its next version, changed by this editor. `fields`: what else is different."""
    return replace(
        article,
        version=article.version + 1,
        changed_at=now,
        changed_by=by.id,
        changed_name=by.name,
        **fields,
    )


def recorded(
    article: Article,
    what: str,
    *,
    language: str | None = None,
    text: Text | None = None,
    title: str | None = None,
    restores: int | None = None,
    reason: str | None = None,
) -> Version:
    """The version that the article is at now: `what` was done to come to it. `text`: what was written, and `title` the
    title of the text that it is about."""
    return Version(
        article=article.id,
        version=article.version,
        what=what,
        at=article.changed_at,
        by=article.changed_by,
        display_name=article.changed_name,
        language=language,
        text=text,
        restores=restores,
        reason=reason,
        title=text.title if text is not None else title,
    )
