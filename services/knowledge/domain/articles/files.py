"""Files of articles: this desk keeps none yet, and says so."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from contracts.articles import AttachFile, DetachFile, OfArticle
from services.chassis.decision import Decision, Message
from services.knowledge.domain import answers
from services.knowledge.domain.doors import Editor
from services.knowledge.domain.needs import ArticleOf, Need
from services.knowledge.domain.state import View
from services.knowledge.domain.values.article import Article


def attach(_: View, __: Message[AttachFile], ___: Editor, ____: Article, _____: datetime) -> Decision:
    """`article.attach`: nothing is kept."""
    return answers.refused("unsupported", "This desk keeps no files of articles yet.")


def detach(_: View, message: Message[DetachFile], ___: Editor, ____: Article, _____: datetime) -> Decision:
    """`article.detach`: the article has no such file."""
    return answers.invalid({"name": [f"The article has no file {message.data.name}."]})


def of_article_needed(_: View, message: Message[OfArticle]) -> Iterable[Need]:
    """The article."""
    yield ArticleOf(message.data.article_id)
