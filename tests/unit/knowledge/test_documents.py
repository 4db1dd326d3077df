"""What is stored is read back the same, also what an earlier release has stored with less in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions

from services.knowledge.documents import (
    BODIES,
    COLLECTIONS,
    article_of,
    document_of,
    head_of,
    published_of,
    value_of,
    version_of,
)
from services.knowledge.domain.values.article import Article, Published, Version
from services.knowledge.domain.values.counts import Tally
from tests.unit.knowledge.base import CHANNEL, MORNING, OPERATOR, Base

READ: dict[type[Any], Callable[[Any], Any]] = {Article: article_of, Version: version_of, Published: published_of}
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB"


def a_base() -> Base:
    """With some of everything that is stored."""
    base = Base()
    base.write("a", keywords=["k"], related=["b"], summary="S.", body="## H\n\nText.\n")
    base.send("article.translate", article_id="a", language="de-AT", title="t", body="b")
    base.save("b", sender=OPERATOR)
    base.write("c", audience="internal")
    base.send("article.withdraw", article_id="c", reason="Old.")
    base.send("article.restore", article_id="c", version=1)
    base.send("article.attach", article_id="a", upload="u", name="x.png", part=1, parts=1, content=PICTURE)
    base.send("article.attach", article_id="a", upload="u", name="y.png", part=1, parts=2, content=PICTURE)
    base.send("article.opened", CHANNEL, article_id="a", session="s", draft="d")
    base.send("article.helped", CHANNEL, article_id="a", session="s", helped=True, words="Yes.")
    base.send("draft.filed", "intake", channel=CHANNEL, draft="other")
    return base


@pytest.mark.parametrize("kind", COLLECTIONS)
def test_what_is_stored_is_read_the_same(kind: type[Any]) -> None:
    values = list(a_base().state.all_of(kind).values())
    assert values
    read = READ.get(kind, lambda document: value_of(kind, document))
    for value in values:
        document: dict[str, Any] = bson.decode(bson.encode(document_of(value)), CodecOptions(tz_aware=True))
        assert read(document) == value
        assert document["_id"] == value.key
        assert list(document.values()).count(value.key) == 1


def test_a_head_is_read_without_the_body() -> None:
    for value in a_base().state.all_of(Published).values():
        document = {name: each for name, each in document_of(value).items() if name not in BODIES}
        assert head_of(document) == value.head


def test_what_is_counted_ends_after_400_days() -> None:
    document = document_of(Tally("a", "2026-03-02", viewed=1, revision=1))
    assert document["forget_at"] == MORNING.replace(hour=0) + timedelta(days=400)


def test_an_article_of_before_there_were_files_is_read() -> None:
    document = document_of(next(iter(a_base().state.all_of(Article).values())))
    del document["files"], document["related"]
    assert article_of(document).files == ()
