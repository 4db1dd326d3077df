"""News of articles from knowledge, which owns them.

Intake keeps the newest of each article: knowledge tells of each language for itself, in any order. The page is
docs/knowledge.md, "Who sees what".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from contracts.articles import ArticleEvent
from services.chassis.decision import Decision, Message
from services.intake.domain.needs import ArticleOf, Need
from services.intake.domain.state import View
from services.intake.domain.values.article import KnownArticle


def learn_article(view: View, message: Message[ArticleEvent], _: datetime) -> Decision:
    """`article.published` and `article.withdrawn`: keep whether the article is internal, unless as new news is
    known."""
    told = message.data.article
    known = view.articles.get(told.id)
    if known is not None and known.version >= told.version:
        return Decision(remember=False)
    return Decision([KnownArticle(told.id, told.version, told.audience == "internal")], remember=False)


def learning_needed(_known: View, message: Message[ArticleEvent]) -> Iterable[Need]:
    """What is known so far."""
    yield ArticleOf(message.data.article.id)
