"""What messages say of a published text, and the events that tell readers of a change: one for each language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from contracts import articles as wire
from contracts.articles import ArticleEvent, ArticleFile
from contracts.names import EVENTS
from services.chassis.decision import Say
from services.knowledge.domain.doors import Editor
from services.knowledge.domain.values.article import Article, Published
from services.knowledge.domain.values.file import File


def as_it_stands(article: Article, published: Published, version: int | None = None) -> wire.Article:
    """A published text as messages carry it. `version`: the one that is shown, by default the article's."""
    head = published.head
    return wire.Article(
        id=article.id,
        version=version or article.version,
        category=head.category,
        audience=head.audience,
        language=head.language,
        languages=article.languages,
        title=head.title,
        summary=head.summary,
        body=published.body,
        html=published.html,
        keywords=published.keywords,
        related=article.related,
        files=shown(article.files),
        published_at=head.published_at,
        first_published_at=head.first_published_at,
    )


def shown(files: Iterable[File]) -> list[ArticleFile]:
    """Files as messages carry them."""
    return [
        ArticleFile(name=file.name, media_type=file.media_type, size=file.size, sha256=file.sha256) for file in files
    ]


def told(article: Article, now: datetime) -> dict[str, datetime | None]:
    """When readers saw a change of what is published: now, and everybody only if the article is public."""
    return {"told": now, "told_public": now if article.audience == "public" else article.told_public}


def at_its_version(article: Article, published: Iterable[Published]) -> list[Published]:
    """These texts as readers see them after a change of the article that is not of their words."""
    return [
        replace(
            each,
            head=replace(each.head, version=article.version, category=article.category, audience=article.audience),
        )
        for each in published
    ]


def event(type_: str, article: Article, published: Published, by: Editor, reason: str | None = None) -> Say:
    """`article.published` or `article.withdrawn`."""
    data = ArticleEvent(article=as_it_stands(article, published), by=by.id, reason=reason)
    return Say(EVENTS, type_, type_, data, article.id)
