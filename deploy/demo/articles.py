"""Publishes the shipped articles, by what `casebus articles import deploy/articles --publish` does: a second demo sends
nothing, and what was changed on the desk becomes as it is shipped. The page is docs/cli.md.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.cli.articles import reading
from deploy.cli.articles.folder import Article, read_folder
from deploy.cli.articles.importing import Import, bring, faults, not_found
from deploy.cli.desk import Desk
from deploy.settings import Settings
from services.client.blocking import Client

SHIPPED = Path(__file__).parents[1] / "articles"


@dataclass(frozen=True, slots=True)
class Published:
    """The articles that readers find now, and what spoke against others, in sentences."""

    articles: Sequence[Article]
    refused: Sequence[str] = ()
    left_out: int = 0
    """How many articles have a category that the desk does not have."""

    @property
    def public(self) -> set[str]:
        """Ids of those for everybody."""
        return {article.id for article in self.articles if article.audience == "public"}

    @property
    def internal(self) -> set[str]:
        """Ids of those for staff."""
        return {article.id for article in self.articles} - self.public

    @property
    def languages(self) -> set[str]:
        """In which there are texts."""
        return {language for article in self.articles for language in article.texts}


def publish(known: Settings, desk: Desk, only: Collection[str] = ()) -> Published:
    """Publish all shipped articles, or `only` these, on the desk that `known` says how to reach. Its categories may be
    others: then some are left out."""
    found = read_folder(SHIPPED, faults, known.article_categories())
    wanted = [article for article in found.articles if not only or article.id in only]
    stands = {held.article.id: held for held in reading.held(desk.knowledge, {article.id for article in wanted})}
    planned = Import.of(wanted, stands, publish=True)
    refused = [mistake.sentence for mistake in planned.mistakes]
    if planned.changes:
        with Client(known.get("AMQP_OPERATOR")) as operator:
            brought = list(bring(operator, planned))
            refused += [done.line for done in brought if done.refusal]
            not_found(operator, brought)
    return Published(wanted, refused, len(found.mistakes))
