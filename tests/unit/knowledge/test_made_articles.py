"""The bench's made articles: what it writes straight into the database is what the service would write."""

from __future__ import annotations

from itertools import islice

from contracts.by_language import Worded
from services.knowledge.domain.values.desk import Desk
from tests.bench.articles.made import made_texts
from tests.bench.articles.stored import published
from tests.unit.knowledge.base import MORNING, OPERATOR, Base, accepted


def test_a_made_article_is_stored_as_the_service_stores_one() -> None:
    text = next(islice(made_texts(2), 1, None))
    base = Base()
    base.desk = Desk("en", {text.category: Worded("Any")}, None)
    body = f"## {text.headings}\n\n{text.body}\n"
    saved = base.save(text.article, OPERATOR, category=text.category, title=text.title, summary=text.summary, body=body)
    accepted(saved)
    accepted(base.publish(text.article, OPERATOR))
    theirs = [value for values in base.state.current.values() for value in values.values()]
    assert list(published(text, MORNING)) == theirs
    assert len(theirs) == 4, "the article, two versions and the published text"
