"""What is published, in memory: whatever comes together or apart, shelves end equal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.common import Audience
from services.knowledge.domain.needs import Counted, Listing, Search
from services.knowledge.domain.values.article import Head, Published
from services.knowledge.search.synonyms import NO_SYNONYMS
from services.knowledge.shelf import MOST_ORDERS, Shelf
from tests.unit.knowledge.base import MORNING


def a_text(
    article: str = "a",
    language: str = "en",
    version: int = 1,
    audience: Audience = "public",
    category: str = "desk",
    live: bool = True,
) -> Published:
    at = MORNING + timedelta(minutes=version)
    words = f"parcel number {version}"
    head = Head(article, language, version, category, audience, words, words, at, at)
    return Published(head, version, live, plain=words)


def all_that_is_found(shelf: Shelf) -> list[Any]:
    """By every way."""
    found: list[Any] = [len(shelf), shelf.digest]
    for staff in (False, True):
        for language in (None, "en", "de"):
            listing = Listing("most_recent", language, None, 0, 100, staff)
            search = Search("parcel", language, None, False, 0, 100, staff)
            hits = shelf.search(search, "en", NO_SYNONYMS).hits
            found += [
                shelf.listed(listing, "en", {}),
                dict(shelf.counted(Counted(language, staff), "en")),
                {category: shelf.is_in_use(category, staff) for category in ("desk", "billing")},
                # Without a language that is asked for, scores choose; and removed texts count for them for a while.
                sorted((hit.article, hit.language if language else None) for hit in hits),
            ]
    return found


TEXTS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(["en", "de"]),
        st.sampled_from(["public", "internal"]),
        st.sampled_from(["desk", "billing"]),
        st.booleans(),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(drawn=TEXTS, cuts=st.lists(st.integers(1, 4), min_size=12, max_size=12))
def test_shelves_end_equal_however_the_texts_come(drawn: list[Any], cuts: list[int]) -> None:
    texts = [
        a_text(article, language, number, audience, category, live)
        for number, (article, language, audience, category, live) in enumerate(drawn, 1)
    ]
    one_by_one, together, in_parts, last = Shelf(), Shelf(), Shelf(), Shelf()
    for text in texts:
        one_by_one.put([text])
    together.put(texts)
    rest = texts
    for cut in cuts:
        in_parts.put(rest[:cut])
        rest = rest[cut:]
    latest = {text.key: text for text in texts}.values()
    last.put([text for text in latest if text.live])
    assert all_that_is_found(one_by_one) == all_that_is_found(together) == all_that_is_found(in_parts)
    assert all_that_is_found(last) == all_that_is_found(together), "a new index is as one that has followed"


def test_a_digest_tells_versions_and_audiences_apart() -> None:
    digests = {0}
    for text in (a_text(), a_text(version=2), a_text(audience="internal"), a_text("b"), a_text(language="de")):
        shelf = Shelf()
        shelf.put([text])
        digests.add(shelf.digest)
        shelf.put([a_text(text.head.article, text.head.language, live=False)])
        assert shelf.digest == 0
    assert len(digests) == 6


def test_a_list_of_the_most_viewed_goes_by_the_newest_counts() -> None:
    shelf = Shelf()
    shelf.put([a_text("a"), a_text("b")])
    most = Listing("most_viewed", None, None, 0, 20, False)
    for viewed, order in (({"a": 2, "b": 1}, ["a", "b"]), ({"b": 3}, ["b", "a"])):
        for _ in range(2):
            assert [place.article for place in shelf.listed(most, "en", viewed).places] == order


def test_lists_that_anybody_asks_for_do_not_fill_the_memory() -> None:
    shelf = Shelf()
    shelf.put([a_text()])
    viewed: dict[str, int] = {}
    for number in range(3 * MOST_ORDERS):
        shelf.listed(Listing("most_recent", None, f"c{number}", 0, 20, False), "en", viewed)
    assert len(shelf._orders.kept) <= MOST_ORDERS


def test_a_digest_tells_what_is_missing_whatever_it_is_called() -> None:
    """Texts whose ids differ in a figure: their CRCs would cancel each other, four at a time."""
    shelf, without = Shelf(), Shelf()
    texts = [a_text(f"guide-{number}") for number in range(1, 8)]
    shelf.put(texts)
    without.put([text for text in texts if text.head.article not in ("guide-1", "guide-2", "guide-5", "guide-6")])
    assert shelf.digest != without.digest


def test_a_category_is_in_use_as_long_as_the_reader_finds_an_article_there() -> None:
    shelf = Shelf()
    for coming, expected in (
        (a_text(), [True, True]),
        (a_text(language="de"), [True, True]),
        (a_text(live=False), [True, True]),
        (a_text(language="de", audience="internal"), [False, True]),
        (a_text(language="de", audience="internal", category="billing"), [False, False]),
    ):
        shelf.put([coming])
        assert [shelf.is_in_use("desk", staff) for staff in (False, True)] == expected
