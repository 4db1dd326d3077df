"""Editors publish, withdraw and move: what readers see from now on, and the events that tell of it.

What is published is always a text that was a draft. Each language has its own event.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from contracts.articles import MoveArticle, PublishArticle, WithdrawArticle
from contracts.payload import encode
from services.chassis.decision import Decision, Message
from services.knowledge.domain import answers
from services.knowledge.domain.articles.changing import changed, recorded
from services.knowledge.domain.articles.telling import as_it_stands, at_its_version, event, told
from services.knowledge.domain.articles.writing import link_hints, version_to_publish
from services.knowledge.domain.doors import Editor
from services.knowledge.domain.markdown import Check, Rendering
from services.knowledge.domain.needs import ArticleOf, Checked, Need, PublishedOf, Rendered
from services.knowledge.domain.state import View
from services.knowledge.domain.values.article import Article, Head, Published, Text

LARGEST = 900_000
"""Bytes of an article in a message: no service reads one of more than 1 MiB."""

TOO_LARGE = f"With its HTML it has more than {LARGEST:,} bytes. Shorten it, or make two articles of it."


def publish(view: View, message: Message[PublishArticle], by: Editor, article: Article, now: datetime) -> Decision:
    """`article.publish`: readers see the draft from now on; without `language`, all drafts."""
    languages = [language for language in sorted(article.drafts) if message.data.language in (None, language)]
    if not languages:
        return answers.wrong_status(article, _nothing_to_publish(article, message.data.language))
    texts = {language: _draft(view, article, language) for language in languages}
    faults = {f"body.{language}": found for language, text in texts.items() if (found := _faults(view, article, text))}
    if faults:
        return answers.invalid(faults)
    own = texts.get(article.language)
    after = changed(
        article,
        by,
        now,
        drafts={language: version for language, version in article.drafts.items() if language not in texts},
        live={**article.live, **{language: article.drafts[language] for language in languages}},
        first={**dict.fromkeys(languages, now), **article.first},
        related=article.related if own is None else _others(article.id, own.related),
        **told(article, now),
    )
    published = [_shown(view, after, language, text, now) for language, text in texts.items()]
    large = [each for each in published if len(encode(as_it_stands(after, each))) > LARGEST]
    if large:
        return answers.invalid({f"body.{each.head.language}": [TOO_LARGE] for each in large})
    hints: dict[str, list[str]] = {}
    for text in texts.values():
        check: Check = view.read[Checked(text.body)]
        for field, sentences in link_hints(view, article, check.articles).items():
            hints.setdefault(field, []).extend(each for each in sentences if each not in hints.get(field, ()))
    only = languages[0] if len(languages) == 1 else None
    version = recorded(after, "published", language=only, title=texts[only].title if only else None)
    said = [event("article.published", after, each, by) for each in published]
    return Decision([after, version, *published], said, answers.accepted(after, hints))


def publish_needed(known: View, message: Message[PublishArticle]) -> Iterable[Need]:
    """The article, its drafts, what they link to and how they are shown."""
    id_, language = message.data.article_id, message.data.language
    yield ArticleOf(id_)
    yield PublishedOf(id_)
    article = known.article(id_)
    for draft, number in article.drafts.items() if article is not None else ():
        if language in (None, draft):
            yield from version_to_publish(known, id_, number)


def withdraw(view: View, message: Message[WithdrawArticle], by: Editor, article: Article, now: datetime) -> Decision:
    """`article.withdraw`: readers no longer see the text. It becomes the draft again, unless there is a newer one.
    Without `language`, all texts."""
    languages = [language for language in article.languages if message.data.language in (None, language)]
    if not languages:
        where = "" if message.data.language is None else f" in {message.data.language}"
        return answers.wrong_status(article, f"The article is not published{where}.")
    gone = {language: article.live[language] for language in languages}
    after = changed(
        article,
        by,
        now,
        drafts={**gone, **article.drafts},
        live={language: version for language, version in article.live.items() if language not in gone},
        **told(article, now),
    )
    stood = [view.published(article.id, language) for language in languages]
    seen = [each for each in stood if each is not None]
    only = languages[0] if len(languages) == 1 else None
    reason = message.data.reason
    title = seen[0].head.title if only and seen else None
    version = recorded(after, "withdrawn", language=only, title=title, reason=reason)
    said = [event("article.withdrawn", after, each, by, reason) for each in seen]
    emptied = [_withdrawn(each, after) for each in seen]
    return Decision([after, version, *emptied], said, answers.accepted(after))


def withdraw_needed(known: View, message: Message[WithdrawArticle]) -> Iterable[Need]:
    """The article, what is published of it, and the versions of these texts: they become drafts."""
    id_ = message.data.article_id
    yield ArticleOf(id_)
    yield PublishedOf(id_)
    article = known.article(id_)
    for number in article.live.values() if article is not None else ():
        yield from version_to_publish(known, id_, number)


def move(view: View, message: Message[MoveArticle], by: Editor, article: Article, now: datetime) -> Decision:
    """`article.move`: another category, another audience, or both, also for what is published."""
    data = message.data
    category, audience = data.category or article.category, data.audience or article.audience
    if data.category is not None and data.category not in view.desk.categories:
        return answers.unknown_category(data.category)
    if (category, audience) == (article.category, article.audience):
        return Decision(answer=answers.accepted(article, {"article_id": ["It is there already: nothing changed."]}))
    after = changed(article, by, now, category=category, audience=audience)
    live = list(view.live(article.id))
    if live:
        was = article.audience == "public"
        after = replace(after, told=now, told_public=now if was or audience == "public" else article.told_public)
    moved = at_its_version(after, live)
    version = recorded(after, "moved", reason=_moved(article, after))
    said = [event("article.published", after, each, by) for each in moved]
    return Decision([after, version, *moved], said, answers.accepted(after))


def move_needed(_: View, message: Message[MoveArticle]) -> Iterable[Need]:
    """The article and what is published of it."""
    yield ArticleOf(message.data.article_id)
    yield PublishedOf(message.data.article_id)


def _draft(view: View, article: Article, language: str) -> Text:
    version = view.version(article.id, article.drafts[language])
    assert version is not None, "its need has been read"
    assert version.text is not None, "a draft is a version with a text"
    return version.text


def _faults(view: View, article: Article, text: Text) -> list[str]:
    """What keeps a draft from being published: it may show files that the article does not have."""
    check: Check = view.read[Checked(text.body)]
    missing = [name for name in check.files if name not in {file.name for file in article.files}]
    return [*check.faults, *(f"It shows {name}, and the article has no such file." for name in missing)]


def _shown(view: View, article: Article, language: str, text: Text, now: datetime) -> Published:
    rendering: Rendering = view.read[Rendered(text.body)]
    head = Head(
        article=article.id,
        language=language,
        version=article.version,
        category=article.category,
        audience=article.audience,
        title=text.title,
        summary=text.summary or rendering.opening or text.title,
        published_at=now,
        first_published_at=article.first[language],
    )
    return Published(
        head=head,
        written=article.live[language],
        body=text.body,
        html=rendering.html,
        plain=rendering.plain,
        headings=rendering.headings,
        keywords=tuple(text.keywords),
    )


def _withdrawn(published: Published, article: Article) -> Published:
    head = replace(published.head, version=article.version, title="", summary="")
    return Published(head=head, written=published.written, live=False)


def _others(id_: str, related: Iterable[str]) -> tuple[str, ...]:
    """Each once, without the article itself."""
    return tuple(each for each in dict.fromkeys(related) if each != id_)


def _nothing_to_publish(article: Article, language: str | None) -> str:
    if language is None:
        return (
            "Nobody has saved a text since the article was published." if article.live else "The article has no draft."
        )
    if language in article.live:
        return f"Nobody has saved a text in {language} since it was published."
    return f"The article has no draft in {language}."


def _moved(before: Article, after: Article) -> str:
    steps: Sequence[tuple[str, str, str]] = (
        ("category", before.category, after.category),
        ("audience", before.audience, after.audience),
    )
    return "; ".join(f"{what}: {old} → {new}" for what, old, new in steps if old != new)
