"""All that knowledge takes, in one table: each type with its data, who may send it, what decides it, what must be read.

doors.py says whom a door lets in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from contracts import articles
from contracts.tickets import DraftFiled
from contracts.values import dataclass
from services.chassis import decision
from services.chassis.decision import Decision, Message, line_of
from services.knowledge.domain.articles import files, publishing, writing
from services.knowledge.domain.counting import deflecting, opening
from services.knowledge.domain.counting.deflecting import DeflectedTimer
from services.knowledge.domain.doors import editor, of_article, reader
from services.knowledge.domain.needs import Need, Needs, nothing
from services.knowledge.domain.reading import listing, viewing
from services.knowledge.domain.state import View

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Taken(decision.Taken[View, P]):
    """How knowledge decides one type of message, and what must be read for it."""

    needs: Needs[P] = nothing


TAKEN: Mapping[str, Taken[Any]] = {
    # Editors
    "article.save": Taken(articles.SaveArticle, editor(writing.save), writing.save_needed),
    "article.translate": Taken(articles.TranslateArticle, of_article(writing.translate), writing.translate_needed),
    "article.restore": Taken(articles.RestoreArticle, of_article(writing.restore), writing.restore_needed),
    "article.publish": Taken(articles.PublishArticle, of_article(publishing.publish), publishing.publish_needed),
    "article.withdraw": Taken(articles.WithdrawArticle, of_article(publishing.withdraw), publishing.withdraw_needed),
    "article.move": Taken(articles.MoveArticle, of_article(publishing.move), publishing.move_needed),
    "article.attach": Taken(articles.AttachFile, of_article(files.attach), files.attach_needed),
    "article.detach": Taken(articles.DetachFile, of_article(files.detach), files.detach_needed),
    # Readers
    "article.search": Taken(articles.SearchArticles, reader(listing.search), listing.search_needed),
    "article.suggest": Taken(articles.SuggestArticles, reader(listing.suggest), listing.search_needed),
    "article.view": Taken(articles.ViewArticle, reader(viewing.view_article), viewing.view_needed),
    "article.list": Taken(articles.ListArticles, reader(listing.list_articles), listing.list_needed),
    "article.categories": Taken(articles.ListCategories, reader(listing.categories), listing.categories_needed),
    "article.versions": Taken(articles.ListVersions, reader(viewing.versions), viewing.versions_needed),
    "article.download": Taken(articles.DownloadFile, reader(files.download), files.download_needed),
    # What counts
    "article.opened": Taken(articles.ArticleOpened, opening.opened, opening.opened_needed),
    "article.helped": Taken(articles.ArticleHelped, opening.helped, opening.helped_needed),
    "draft.filed": Taken(DraftFiled, deflecting.filed, deflecting.filed_needed),
    DeflectedTimer.type_(): Taken(DeflectedTimer, deflecting.deflected_due, deflecting.deflected_needed),
}
"""All that knowledge takes, by type."""


def decide(view: View, message: Message[Any], now: datetime) -> Decision:
    """What one message changes and how it is answered. Raises ValueError for a type that is not knowledge's."""
    return line_of(TAKEN, message).decide(view, message, now)


def still_needed(known: View, messages: Iterable[Message[Any]]) -> set[Need]:
    """What has to be read for these messages and has not been asked for, given what is known so far."""
    needs: set[Need] = set()
    for message in messages:
        needs.update(line_of(TAKEN, message).needs(known, message))
    return needs - known.asked
