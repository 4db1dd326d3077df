"""Articles of the knowledge base, as far as people are told of them: the titles of those that everybody may read.

Knowledge announces each language of an article for itself, in any order; the newest version counts. Pure. See
docs/notifications.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from contracts.articles import ArticleEvent
from contracts.languages import narrow_to_wide
from services.chassis.decision import Decision, Message
from services.notifications.domain.needs import ArticleOf, Need
from services.notifications.domain.state import Article, View, one_line

MAX_ARTICLE_URL = 150
"""Characters of the operator's address of an article, with `{id}` and `{language}`."""

LONGEST_ADDRESS = MAX_ARTICLE_URL + 85
"""Characters of an address, with the longest id and language in it."""


def learning_needed(_view: View, message: Message[ArticleEvent]) -> list[Need]:
    """The article."""
    return [ArticleOf(message.data.article.id)]


def learn_article(
    view: View,
    message: Message[ArticleEvent],
    now: datetime,  # noqa: ARG001 - as others have it
) -> Decision:
    """`article.published` and `article.withdrawn`: keep the title of this language, and what the newest version says of
    the article: for whom it is, and in which languages."""
    said = message.data.article
    known = view.articles.get(said.id, Article(said.id, version=0))
    learned = known
    if said.version >= known.article_version:
        is_public = said.audience == "public"
        learned = replace(learned, article_version=said.version, is_public=is_public, languages=tuple(said.languages))
    heard, _ = known.titles.get(said.language, (0, ""))
    if said.version >= heard:
        title = said.title if message.type == "article.published" else ""
        learned = replace(learned, titles={**known.titles, said.language: (said.version, title)})
    if learned == known:
        return Decision(remember=False)
    return Decision([replace(learned, version=known.version + 1)])


def named(view: View, ids: Sequence[str], languages: Sequence[str]) -> str:
    """These articles for a requester, each with its title and, if the operator says where articles are, its address.
    Left out are those that are unknown, withdrawn, or for staff.

    The title is in the first of these languages that the article has, each with its wider forms; otherwise in the
    article's own.
    """
    return "\n".join(line for id_ in dict.fromkeys(ids) for line in _lines(view, id_, languages))


def _lines(view: View, id_: str, languages: Sequence[str]) -> Iterator[str]:
    article = view.articles.get(id_)
    titles = {} if article is None or not article.is_public else article.shown
    if not titles:
        return
    tags = {language.lower(): language for language in titles}
    wanted = (tag for language in languages for tag in narrow_to_wide(language.lower()))
    language = next((tags[tag] for tag in wanted if tag in tags), next(iter(titles)))
    yield f"- {one_line(titles[language])}"
    if view.policy.article_url:
        yield f"  {view.policy.article_url.replace('{id}', id_).replace('{language}', language)}"
