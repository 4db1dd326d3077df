"""Readers view an article by its id; editors also its drafts, old texts and history.

An internal article, a draft and an id that does not exist are the same to a channel: the same answer, out of the same
queries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from msgspec.structs import replace as altered

from contracts import articles as wire
from contracts.articles import ArticleVersions, ArticleViewed, ListVersions, ViewArticle
from services.chassis.decision import Answer, Decision, Message
from services.knowledge.domain import answers
from services.knowledge.domain.articles.telling import as_it_stands, shown
from services.knowledge.domain.doors import Reader, who
from services.knowledge.domain.needs import ArticleOf, Heads, Need, TextOf, VersionOf, VersionsOf
from services.knowledge.domain.reading.languages import head_in, viewed
from services.knowledge.domain.reading.listing import beyond, first_of, hit, pages
from services.knowledge.domain.state import View
from services.knowledge.domain.values.article import Article, Head, Published, Version
from services.knowledge.domain.values.found import A_PAGE


def view_article(view: View, message: Message[ViewArticle], reader: Reader, _: datetime) -> Decision:
    """`article.view`: an article as it is published; for editors also an old version, or the newest text."""
    data = message.data
    for field in ("version", "draft"):
        if getattr(data, field) and not reader.editor:
            return answers.only_editors(field)
    if data.version is not None and data.draft:
        return answers.invalid({"version": ["Ask for a version or for the draft, not for both."]})
    if reader.editor and (data.version is not None or data.draft):
        return _written(view, data)
    text = _text(view, data, reader)
    article = view.article(data.article_id)
    if text is None or article is None:
        return answers.unknown_article(data.article_id)
    heads: Sequence[Head] = view.read[Heads(data.article_id, reader.staff)]
    related = [head for id_ in article.related if (head := _related(view, id_, text.head.language, reader)) is not None]
    # Only staff see that the article has changed without its readers seeing it: somebody writes a draft.
    stands = as_it_stands(article, text, None if reader.staff else text.head.version)
    stands = altered(
        stands,
        languages=[language for language in article.languages if head_in(heads, language) is not None],
        related=[head.article for head in related],
    )
    return Decision(
        answer=Answer("article.viewed", ArticleViewed(article=stands, related=[hit(each) for each in related]))
    )


def view_needed(known: View, message: Message[ViewArticle]) -> Iterable[Need]:
    """What the reader may see of the article: its languages, then the text in one of them and what it names."""
    data, reader = message.data, who(known.desk, message)
    if data.version is not None or data.draft:
        if reader.editor:
            yield from _written_needed(known, data)
        return
    yield Heads(data.article_id, reader.staff)
    for need in _texts(known, data, reader):
        yield need
        if need not in known.read or known.read[need] is not None:
            break
    else:
        return
    yield ArticleOf(data.article_id)
    article = known.article(data.article_id)
    for related in article.related if article is not None else ():
        yield Heads(related, reader.staff)


def versions(view: View, message: Message[ListVersions], reader: Reader, _: datetime) -> Decision:
    """`article.versions`, for editors: what was done with the article, the newest first."""
    data = message.data
    if not reader.editor:
        return answers.only_editors("article_id")
    article = view.article(data.article_id)
    if article is None:
        return answers.unknown_article(data.article_id)
    page = data.page or 1
    if refused := beyond(page, article.version):
        return refused
    found: Sequence[Version] = view.read[VersionsOf(data.article_id, first_of(page), A_PAGE)]
    listed = [_version(each) for each in found]
    outcome = ArticleVersions(article_id=article.id, versions=listed, page=page, pages=pages(article.version))
    return Decision(answer=Answer("article.versioned", outcome))


def versions_needed(known: View, message: Message[ListVersions]) -> Iterable[Need]:
    """The article, and that page of its versions."""
    if who(known.desk, message).editor:
        yield ArticleOf(message.data.article_id)
        yield VersionsOf(message.data.article_id, first_of(message.data.page or 1), A_PAGE)


def _text(view: View, data: ViewArticle, reader: Reader) -> Published | None:
    texts: Iterator[Published | None] = (view.read[need] for need in _texts(view, data, reader))
    return next((text for text in texts if text is not None), None)


def _texts(view: View, data: ViewArticle, reader: Reader) -> Iterator[TextOf]:
    """Those that the reader may get, the best first: a language may be withdrawn between the look at all and the look
    at its text."""
    left = [head.language for head in view.read.get(Heads(data.article_id, reader.staff), ())]
    while (language := viewed(left, data.language, view.desk.language)) is not None:
        yield TextOf(data.article_id, language, reader.staff)
        left.remove(language)


def _related(view: View, id_: str, language: str, reader: Reader) -> Head | None:
    heads: Sequence[Head] = view.read[Heads(id_, reader.staff)]
    return head_in(heads, viewed([head.language for head in heads], language, view.desk.language))


def _written(view: View, data: ViewArticle) -> Decision:
    """An old version or the newest text, as its editor wrote it. It has no HTML: nobody has published it."""
    article = view.article(data.article_id)
    if article is None:
        return answers.unknown_article(data.article_id)
    number = _number(article, data)
    version = view.version(article.id, number)
    if version is None or version.text is None or version.language is None:
        if data.version is None:
            return answers.wrong_status(article, f"The article has no text in {data.language}.")
        return answers.invalid({"version": [f"Version {data.version} has no text."]})
    text = version.text
    stands = wire.Article(
        id=article.id,
        version=article.version,
        category=article.category,
        audience=article.audience,
        language=version.language,
        languages=article.languages,
        title=text.title,
        summary=text.summary or text.title,
        body=text.body,
        html="",
        keywords=text.keywords,
        related=text.related or article.related,
        files=shown(article.files),
    )
    return Decision(answer=Answer("article.viewed", ArticleViewed(article=stands)))


def _written_needed(known: View, data: ViewArticle) -> Iterable[Need]:
    yield ArticleOf(data.article_id)
    article = known.article(data.article_id)
    number = None if article is None else _number(article, data)
    if number is not None:
        yield VersionOf(data.article_id, number)


def _number(article: Article, data: ViewArticle) -> int | None:
    if data.version is not None:
        return data.version
    language = viewed({**article.live, **article.drafts}, data.language, article.language)
    return article.newest(data.language or language or article.language)


def _version(version: Version) -> wire.ArticleVersion:
    return wire.ArticleVersion(
        version=version.version,
        what=version.what,
        by=version.by,
        display_name=version.display_name,
        at=version.at,
        language=version.language,
        title=version.title,
        restores=version.restores,
        reason=version.reason,
    )
