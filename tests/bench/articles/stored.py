"""Made articles, straight into knowledge's database: a hundred thousand through the desk would take an hour.

The service's own rules decide what is stored: each article is saved and published by the operator, as by two commands.
Only the Markdown is not rendered, because it is of one form, and the documents are inserted in bulk, without turns and
events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from contracts.articles import PublishArticle, SaveArticle
from contracts.by_language import Worded
from contracts.names import OPERATOR
from services.chassis.database import Document
from services.chassis.decision import Message
from services.knowledge.documents import COLLECTIONS, document_of
from services.knowledge.domain.markdown import Check, Rendering
from services.knowledge.domain.needs import Checked, Rendered
from services.knowledge.domain.state import Value, View
from services.knowledge.domain.taken import decide
from services.knowledge.domain.values.desk import Desk
from services.knowledge.search.values import IndexedText

WRITTEN_AT_ONCE = 1_000


def write(database: Database[Document], texts: Iterable[IndexedText], now: datetime) -> None:
    """Articles of these English texts, published at `now`, into knowledge's database."""
    left = iter(texts)
    while together := list(islice(left, WRITTEN_AT_ONCE)):
        documents: dict[str, list[Document]] = {}
        for text in together:
            for value in published(text, now):
                documents.setdefault(COLLECTIONS[type(value)], []).append(document_of(value))
        for collection, rows in documents.items():
            into = database[collection].with_options(write_concern=WriteConcern(w=1))
            into.insert_many(rows, ordered=False)


def published(text: IndexedText, now: datetime) -> Iterator[Value]:
    """What the service stores when the operator saves and publishes this text."""
    body = f"## {text.headings}\n\n{text.body}\n"
    view = View(Desk("en", {text.category: Worded(text.category)}, None), now)
    view.read[Checked(body)] = Check((), (), ())
    view.read[Rendered(body)] = Rendering(
        f"<h2>{text.headings}</h2>\n<p>{text.body}</p>\n", f"{text.headings}\n{text.body}", text.headings, text.body
    )
    save = SaveArticle(
        article_id=text.article, category=text.category, title=text.title, summary=text.summary, body=body
    )
    for type_, data in (("article.save", save), ("article.publish", PublishArticle(article_id=text.article))):
        for change in decide(view, Message(type_, type_, OPERATOR, data), now).changes:
            view.apply(change)
    for values in view.current.values():
        yield from values.values()
