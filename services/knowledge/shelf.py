"""What is published, in memory: the indexes that are searched, and what lists are made of.

Public texts have an index of their own, so that nothing internal counts for a channel; staff search both. following.py
keeps a shelf equal to the database. All of it is called in native threads: one puts texts in, while others look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b

from contracts.values import dataclass
from services.knowledge.domain.needs import Counted, Listing, Search
from services.knowledge.domain.reading.languages import best, head_in
from services.knowledge.domain.values.article import Head, Published
from services.knowledge.domain.values.found import Chosen, Place
from services.knowledge.search.index import Index, search
from services.knowledge.search.synonyms import Synonyms
from services.knowledge.search.values import IndexedText, Ranked, Wanted
from services.meaning.vectors import shipped

MOST_ORDERS = 50
"""Lists that are kept until something changes: anybody may ask for any language and category."""


@dataclass(frozen=True, slots=True)
class _Orders:
    """Lists in their order; those of the most viewed go `by` these counts."""

    by: Mapping[str, int]
    kept: dict[tuple[object, ...], Sequence[Head]]


class Shelf:
    """All published texts of one moment. `own`, where it is asked for: the desk's own language."""

    def __init__(self) -> None:
        meanings = {"en": shipped().vector}
        self._public, self._internal = Index(meanings), Index(meanings)
        self._heads: Mapping[bool, Mapping[str, Sequence[Head]]] = {False: {}, True: {}}
        self._in_category: Mapping[bool, Counter[str]] = {False: Counter(), True: Counter()}
        self._orders = _Orders({}, {})
        self.digest = 0
        """A number (32 bits) of what it holds: shelves with the same texts in the same versions have the same."""

    def __len__(self) -> int:
        """How many texts it holds."""
        return len(self._public) + len(self._internal)

    def put(self, texts: Sequence[Published]) -> None:
        """These texts come, in place of those of the same article and language; those that are not live go. Only one
        thread may put."""
        latest = {text.key: text for text in texts}.values()
        heads = {staff: dict(of) for staff, of in self._heads.items()}
        changed = {text.head.article for text in latest}
        before = _digest(self._heads[True], changed)
        in_category = {staff: Counter(counts) for staff, counts in self._in_category.items()}
        for staff in (False, True):
            in_category[staff].subtract(_categories(heads[staff], changed))
            seen = {text.key for text in latest if text.live and (staff or text.head.audience == "public")}
            for text in latest:
                article = text.head.article
                others = [head for head in heads[staff].get(article, ()) if head.language != text.head.language]
                heads[staff][article] = [*others, text.head] if text.key in seen else others
                if not heads[staff][article]:
                    del heads[staff][article]
            in_category[staff].update(_categories(heads[staff], changed))
        for audience, index in (("public", self._public), ("internal", self._internal)):
            coming = [text for text in latest if text.live and text.head.audience == audience]
            keys = {text.key for text in coming}
            gone = [(text.head.article, text.head.language) for text in latest if text.key not in keys]
            index.replace([_indexed(text) for text in coming], gone)
        self._heads, self._in_category = heads, in_category
        self.digest ^= before ^ _digest(heads[True], changed)
        self._orders = _Orders({}, {})

    def search(self, asked: Search, own: str, synonyms: Synonyms) -> Ranked:
        """What the reader finds, the best first."""
        languages = () if asked.language is None else tuple(dict.fromkeys((asked.language, own)))
        wanted = Wanted(asked.words, languages, asked.category, asked.typing, asked.first, asked.most)
        return search(wanted, [self._public, self._internal] if asked.staff else [self._public], synonyms)

    def listed(self, listing: Listing, own: str, viewed: Mapping[str, int]) -> Chosen:
        """A page of what the reader may see. `viewed`: how often an article was."""
        orders = self._orders
        if orders.by is not viewed or len(orders.kept) >= MOST_ORDERS:
            orders = self._orders = _Orders(viewed, {})
        key = (listing.sort, listing.language, listing.category, listing.staff, own)
        order = orders.kept.get(key)
        if order is None:
            found = [
                head
                for head in self._found(listing.language, listing.staff, own)
                if listing.category in (None, head.category)
            ]
            found.sort(key=lambda head: (head.published_at, head.article), reverse=True)
            if listing.sort == "most_viewed":
                found.sort(key=lambda head: -viewed.get(head.article, 0))
            order = orders.kept[key] = found
        page = order[listing.first : listing.first + listing.most]
        return Chosen([Place(head.article, head.language) for head in page], len(order))

    def counted(self, counted: Counted, own: str) -> Mapping[str, int]:
        """How many articles the reader finds in each category."""
        return Counter(head.category for head in self._found(counted.language, counted.staff, own))

    def is_in_use(self, category: str, staff: bool) -> bool:
        """Whether the reader finds an article in this category."""
        return self._in_category[staff][category] > 0

    def _found(self, language: str | None, staff: bool, own: str) -> list[Head]:
        """Of each article the text in the language that the reader gets."""
        found = []
        for heads in self._heads[staff].values():
            head = head_in(heads, best([each.language for each in heads], language, own))
            if head is not None:
                found.append(head)
        return found


def _categories(heads: Mapping[str, Sequence[Head]], articles: Iterable[str]) -> Iterator[str]:
    """Those of these articles, once for each text."""
    return (head.category for article in articles for head in heads.get(article, ()))


def _digest(heads: Mapping[str, Sequence[Head]], articles: Iterable[str]) -> int:
    """Of these articles. (CRCs would not do: those of texts with similar names cancel each other.)"""
    digest = 0
    for article in articles:
        for head in heads.get(article, ()):
            name = f"{article}/{head.language}/{head.version}/{head.audience}"
            digest ^= int.from_bytes(blake2b(name.encode(), digest_size=4).digest())
    return digest


def _indexed(text: Published) -> IndexedText:
    return IndexedText(
        article=text.head.article,
        language=text.head.language,
        category=text.head.category,
        title=text.head.title,
        summary=text.head.summary,
        headings=text.headings,
        body=text.plain,
        keywords=tuple(text.keywords),
    )
