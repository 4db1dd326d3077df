"""Editors write: a draft in the article's own language, in another, or the text of an old version.

No text is lost: each is a version. Without `expected_version`, the last save is the draft.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import count, islice

from contracts.articles import RestoreArticle, SaveArticle, TranslateArticle
from contracts.outcomes import MAX_LANGUAGES
from services.chassis.decision import Decision, Message
from services.knowledge.domain import answers
from services.knowledge.domain.articles.changing import changed, recorded
from services.knowledge.domain.doors import Editor
from services.knowledge.domain.markdown import Check
from services.knowledge.domain.needs import ArticleOf, Checked, Heads, Need, Rendered, VersionOf
from services.knowledge.domain.state import View
from services.knowledge.domain.values.article import Article, Text

LONGEST_ID = 64
"""Characters of an id."""

FREE = 10
"""How many free ids are looked for, for one."""


def save(view: View, message: Message[SaveArticle], by: Editor, now: datetime) -> Decision:
    """`article.save`: a draft in the article's own language. It creates the article if none has this id."""
    data = message.data
    id_ = data.article_id or _free_id(view, data.title)
    article = view.article(id_)
    if article is None:
        return _made(view, message, id_, by, now)
    if data.expected_version not in (None, article.version):
        return answers.conflict(article)
    text = _text(data, related=data.related)
    return _drafted(view, article, article.language, text, by, now, _unmoved(data, article))


def save_needed(known: View, message: Message[SaveArticle]) -> Iterable[Need]:
    """The article of its id; without one, those with ids that its title makes, until some are free."""
    data = message.data
    yield from to_publish(known, data.body)
    if data.article_id is not None:
        yield ArticleOf(data.article_id)
        return
    ids, free = ids_of(data.title), 0
    while free < FREE:  # others of the turn may take some
        block = list(islice(ids, 2 * FREE))
        yield from map(ArticleOf, block)
        free += sum(known.article(id_) is None for id_ in block)


def translate(view: View, message: Message[TranslateArticle], by: Editor, article: Article, now: datetime) -> Decision:
    """`article.translate`: a draft in another language."""
    data = message.data
    if data.language == article.language:
        return answers.invalid({"language": ["It is the article's own language: save the text there."]})
    languages = {article.language, *article.drafts, *article.live, data.language}
    if len(languages) > MAX_LANGUAGES:
        return answers.invalid({"language": [f"An article has at most {MAX_LANGUAGES} languages."]})
    return _drafted(view, article, data.language, _text(data), by, now)


def translate_needed(known: View, message: Message[TranslateArticle]) -> Iterable[Need]:
    """The article, and what its text links to."""
    yield ArticleOf(message.data.article_id)
    yield from to_publish(known, message.data.body)


def restore(view: View, message: Message[RestoreArticle], by: Editor, article: Article, now: datetime) -> Decision:
    """`article.restore`: the text of an old version becomes the draft of its language."""
    number = message.data.version
    old = view.version(article.id, number)
    if old is None or old.text is None or old.language is None:
        if number > article.version:
            why = f"The article is at version {article.version}."
        else:
            why = f"Version {number} has no text."
        return answers.invalid({"version": [why]})
    after = changed(article, by, now, drafts={**article.drafts, old.language: article.version + 1})
    version = recorded(after, "restored", language=old.language, text=old.text, restores=number)
    return Decision([after, version], answer=answers.accepted(after))


def restore_needed(known: View, message: Message[RestoreArticle]) -> Iterable[Need]:
    """The article and that version of it."""
    yield ArticleOf(message.data.article_id)
    yield from version_to_publish(known, message.data.article_id, message.data.version)


def _made(view: View, message: Message[SaveArticle], id_: str, by: Editor, now: datetime) -> Decision:
    data = message.data
    if data.category is None:
        return answers.invalid({"category": ["A new article needs a category."]})
    if data.category not in view.desk.categories:
        return answers.unknown_category(data.category)
    if data.expected_version is not None:
        sentence = f"There is no article {id_}: leave expected_version out to make it."
        return answers.refused("unknown_article", sentence)
    language = data.language or view.desk.language
    article = Article(
        id=id_,
        version=0,
        category=data.category,
        audience=data.audience or "public",
        language=language,
        changed_at=now,
    )
    return _drafted(view, article, language, _text(data, related=data.related), by, now)


def _drafted(
    view: View,
    article: Article,
    language: str,
    text: Text,
    by: Editor,
    now: datetime,
    hints: Mapping[str, Sequence[str]] | None = None,
) -> Decision:
    """The text is the draft of its language from now on."""
    check: Check = view.read[Checked(text.body)]
    if check.faults:
        return answers.invalid({"body": check.faults})
    after = changed(article, by, now, drafts={**article.drafts, language: article.version + 1})
    version = recorded(after, "saved" if language == article.language else "translated", language=language, text=text)
    hints = {**(hints or {}), **link_hints(view, article, check.articles)}
    return Decision([after, version], answer=answers.accepted(after, hints))


def link_hints(view: View, article: Article, linked: Sequence[str]) -> dict[str, list[str]]:
    """Which of the articles that a text links to its readers cannot see."""
    staff = article.audience == "internal"
    missing = [id_ for id_ in linked if id_ != article.id and not view.read[Heads(id_, staff=staff)]]
    if not missing:
        return {}
    return {
        "body": [f"It links to {id_}, which its readers do not find: no such article is published." for id_ in missing]
    }


def to_publish(known: View, body: str) -> Iterable[Need]:
    """What publishing this text needs. Whatever makes it a draft reads that too: somebody may publish it in the same
    turn."""
    yield Checked(body)
    yield Rendered(body)
    check: Check | None = known.read.get(Checked(body))
    for id_ in () if check is None else check.articles:
        yield Heads(id_, staff=False)
        yield Heads(id_, staff=True)


def version_to_publish(known: View, article: str, number: int) -> Iterable[Need]:
    """The same for the text of a version."""
    yield VersionOf(article, number)
    version = known.version(article, number)
    if version is not None and version.text is not None:
        yield from to_publish(known, version.text.body)


def _text(data: SaveArticle | TranslateArticle, related: Sequence[str] = ()) -> Text:
    return Text(data.title, data.body, data.summary or "", tuple(data.keywords), tuple(related))


def _unmoved(data: SaveArticle, article: Article) -> dict[str, list[str]]:
    """What a save does not change in an article that exists."""
    hints = {}
    for field in ("category", "audience"):
        given, stands = getattr(data, field), getattr(article, field)
        if given not in (None, stands):
            hints[field] = [f"It stays {stands}: article.move changes it."]
    if data.language not in (None, article.language):
        hints["language"] = [f"The text is taken as {article.language}, the article's own language."]
    return hints


def _free_id(view: View, title: str) -> str:
    return next(id_ for id_ in ids_of(title) if view.article(id_) is None)


def ids_of(title: str) -> Iterator[str]:
    """Ids for an article of this title, the plainest first."""
    stem = slug(title)
    yield stem
    for number in count(2):
        suffix = f"-{number}"
        yield stem[: LONGEST_ID - len(suffix)].rstrip("-") + suffix


def slug(title: str) -> str:
    """`When is my case closed?` → `when-is-my-case-closed`. A title without Latin letters makes `article`."""
    letters = unicodedata.normalize("NFKD", title.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", "-", letters).strip("-")[:LONGEST_ID].rstrip("-") or "article"
