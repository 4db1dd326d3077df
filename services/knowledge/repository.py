"""Articles, versions, what is published, and counts in MongoDB: what turns and questions read, what turns write.

It decides nothing. Needs are read together, in rounds, until nothing more is needed. Slow work outside the
database (the engine, Markdown, marking words) runs in native threads. The page is docs/knowledge.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any, TypeVar

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.database import Database

from services.chassis.database import Document
from services.chassis.decision import Message
from services.chassis.pipeline import Find, find
from services.chassis.unit_of_work import Write, conditional_writes
from services.knowledge.documents import (
    BODIES,
    COLLECTIONS,
    REVISED_BY,
    WRITTEN,
    article_of,
    document_of,
    head_of,
    published_of,
    value_of,
    version_of,
)
from services.knowledge.domain import markdown
from services.knowledge.domain.articles.files import coming
from services.knowledge.domain.needs import (
    ArticleOf,
    Changed,
    Checked,
    Contents,
    Counted,
    Heads,
    InState,
    InUse,
    Listing,
    Marked,
    Need,
    Numbers,
    PartOf,
    PublishedOf,
    Rendered,
    Search,
    Shown,
    Stored,
    TextOf,
    VersionOf,
    VersionsOf,
)
from services.knowledge.domain.reading.listing import in_vain
from services.knowledge.domain.state import View
from services.knowledge.domain.taken import still_needed
from services.knowledge.domain.values.article import Head, Published, published_key, version_key
from services.knowledge.domain.values.file import Part, part_key
from services.knowledge.domain.values.found import Chosen, Marks, Place
from services.knowledge.operators import Operators
from services.knowledge.popular import Popular
from services.knowledge.search.values import Ranked
from services.knowledge.shelf import Shelf
from services.knowledge.vain import Vain

FORGOTTEN = IndexModel([("forget_at", ASCENDING)], expireAfterSeconds=0)

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "articles": [
        IndexModel([("states", ASCENDING), ("changed_at", DESCENDING)]),
        IndexModel([("told", ASCENDING), ("_id", ASCENDING)]),
        IndexModel([("told_public", ASCENDING), ("_id", ASCENDING)]),
        IndexModel([("files.id", ASCENDING)]),
    ],
    "versions": [IndexModel([("article", ASCENDING), ("version", DESCENDING)], unique=True)],
    # A reader's query has all three: what they may not see is not looked at.
    "published": [IndexModel([("article", ASCENDING), ("audience", ASCENDING), ("live", ASCENDING)])],
    "facts": [FORGOTTEN],
    "votes": [FORGOTTEN],
    "words": [FORGOTTEN, IndexModel([("article", ASCENDING), ("day", DESCENDING)])],
    "tallies": [FORGOTTEN, IndexModel([("day", ASCENDING)])],
    "drafts": [FORGOTTEN],
    "parts": [
        IndexModel([("file", ASCENDING), ("number", ASCENDING)]),
        IndexModel([("at", ASCENDING), ("file", ASCENDING)]),
    ],
    "uploads": [FORGOTTEN],
    "vain": [FORGOTTEN, IndexModel([("day", ASCENDING)])],
    "gates": [],
}

N = TypeVar("N")
InThreads = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]


class Repository:
    """Reads what a turn or a question may touch, and says what a turn changed."""

    def __init__(
        self,
        database: Database[Document],
        operators: Callable[[], Operators],
        shelf: Callable[[], Shelf],
        popular: Popular,
        vain: Vain,
        in_threads: InThreads,
    ) -> None:
        """`in_threads` calls a function with each of some values, where it stalls nobody."""
        self._db = database
        self._operators = operators
        self._shelf = shelf
        self._popular = popular
        self._vain = vain
        self._in_threads = in_threads

    def load(self, messages: Sequence[Message[Any]], now: datetime) -> View:
        """All that these messages need, read in rounds, until none of them needs anything more."""
        operators = self._operators()
        known = View(operators.desk, now, coming=coming(messages))
        ranked: dict[Search, Ranked] = {}
        while needs := still_needed(known, messages):
            known.asked |= needs
            # First what turns change: the rest is then never older, so a write that depends on these notices.
            self._read_values(known, needs)
            self._read_for_readers(known, needs)
            self._read_shown(known, needs)
            self._read_pages(known, needs)
            self._look(known, needs, operators, ranked)
            self._compute(known, needs, ranked)
        # Not before all is read: if the database is away, nobody is answered, and whoever asked asks again.
        for words, language in in_vain(known, messages):
            self._vain.note(words, language)
        return known

    def writes(self, view: View) -> list[Write]:
        """What the turn changed, each conditional on the revision that was read."""
        return [
            write
            for kind, collection in COLLECTIONS.items()
            for write in conditional_writes(
                collection,
                view.loaded.get(kind, {}),
                view.current.get(kind, {}),
                document_of,
                REVISED_BY.get(kind, "revision"),
            )
        ]

    def _read_values(self, known: View, needs: Collection[Need]) -> None:
        """What a turn may change: by id."""
        versions = [version_key(need.article, need.version) for need in _these(needs, VersionOf)]
        queries: list[tuple[Find, Callable[[Document], Any]]] = []
        if articles := [need.id for need in _these(needs, ArticleOf)]:
            queries.append((_by_id("articles", articles), article_of))
        if versions:
            queries.append((_by_id("versions", versions), version_of))
        if published := [need.article for need in _these(needs, PublishedOf)]:
            queries.append((Find("published", {"article": {"$in": published}}), published_of))
        stored: dict[type[Any], list[str]] = {}
        for need in _these(needs, Stored):
            stored.setdefault(need.kind, []).append(need.id)
        for kind, ids in stored.items():
            queries.append((_by_id(COLLECTIONS[kind], ids), partial(value_of, kind)))
        if files := [need.file for need in _these(needs, Contents)]:
            queries.append((Find("parts", {"file": {"$in": files}}), partial(value_of, Part)))
        for documents, (_, made) in zip(find(self._db, *(query for query, _ in queries)), queries, strict=True):
            known.know(map(made, documents))

    def _read_for_readers(self, known: View, needs: Collection[Need]) -> None:
        """Published texts, with the audience in the query."""
        for staff in (False, True):
            heads = [need for need in _these(needs, Heads) if need.staff == staff]
            texts = [need for need in _these(needs, TextOf) if need.staff == staff]
            seen = _seen(staff)
            if heads:
                of_heads = {"article": {"$in": [need.article for need in heads]}, **seen}
                by_article: dict[str, list[Head]] = {}
                for head in map(head_of, self._found("published", of_heads, dict.fromkeys(BODIES, 0))):
                    by_article.setdefault(head.article, []).append(head)
                known.read |= {need: by_article.get(need.article, []) for need in heads}
            if texts:
                keys = [published_key(need.article, need.language) for need in texts]
                found = map(published_of, self._found("published", {"_id": {"$in": keys}, **seen}))
                by_key = {text.key: text for text in found}
                known.read |= {need: by_key.get(key) for need, key in zip(texts, keys, strict=True)}

    def _read_shown(self, known: View, needs: Collection[Need]) -> None:
        """What searches have found: in one query for all that may see the same of it."""
        alike: dict[tuple[bool, bool], dict[Shown, list[str]]] = {}
        for need in _these(needs, Shown):
            keys = [published_key(place.article, place.language) for place in known.read[need.search].places]
            alike.setdefault((need.search.staff, need.search.typing), {})[need] = keys
        for (staff, typing), keys_of in alike.items():
            ids = list(set(chain.from_iterable(keys_of.values())))
            hidden = dict.fromkeys(BODIES if typing else WRITTEN, 0)
            found = self._found("published", {"_id": {"$in": ids}, **_seen(staff)}, hidden) if ids else []
            texts = {text.key: text for text in map(published_of, found)}
            known.read |= {need: {key: texts[key] for key in keys if key in texts} for need, keys in keys_of.items()}

    def _found(
        self, collection: str, condition: Document, projection: Mapping[str, int] | None = None
    ) -> list[Document]:
        return find(self._db, Find(collection, condition, projection=projection or {}))[0]

    def _read_pages(self, known: View, needs: Collection[Need]) -> None:
        """Pages of lists that the database makes, and parts of files: few ask for them."""
        for need in needs:
            match need:
                case Changed():
                    told = "told" if need.staff else "told_public"
                    since: Document = {told: {"$gt": need.since}}
                    ids = self._db["articles"].find(since, {"_id": 1}).sort([(told, ASCENDING), ("_id", ASCENDING)])
                    page = [row["_id"] for row in ids.skip(need.first).limit(need.most)]
                    known.read[need] = page, self._db["articles"].count_documents(since)
                case InState():
                    state: Document = {"states": need.state}
                    if need.category is not None:
                        state["category"] = need.category
                    found = self._db["articles"].find(state).sort([("changed_at", DESCENDING), ("_id", ASCENDING)])
                    articles = [article_of(document) for document in found.skip(need.first).limit(need.most)]
                    known.read[need] = articles, self._db["articles"].count_documents(state)
                case Numbers():
                    known.read[need] = [
                        row["number"] for row in self._found("parts", {"file": need.file}, {"number": 1})
                    ]
                case PartOf():
                    parts = self._found("parts", {"_id": part_key(need.file, need.number)})
                    known.read[need] = parts[0]["content"] if parts else None
                case VersionsOf():
                    rows = self._db["versions"].find({"article": need.article}, {"text": 0})
                    rows = rows.sort("version", DESCENDING).skip(need.first).limit(need.most)
                    known.read[need] = [version_of(document) for document in rows]

    def _look(self, known: View, needs: Collection[Need], operators: Operators, ranked: dict[Search, Ranked]) -> None:
        """What the shelf finds."""
        shelf, own, viewed = self._shelf(), operators.desk.language, self._popular.viewed
        known.read |= {need: shelf.is_in_use(need.category, need.staff) for need in _these(needs, InUse)}

        def look(need: Need) -> Any:
            match need:
                case Search():
                    return shelf.search(need, own, operators.synonyms)
                case Listing():
                    return shelf.listed(need, own, viewed)
                case Counted():
                    return shelf.counted(need, own)
            raise AssertionError(f"{need} is not looked for")

        looks = [need for need in needs if isinstance(need, Search | Listing | Counted)]
        for need, found in zip(looks, self._in_threads(look, looks), strict=True):
            if isinstance(need, Search):
                ranked[need] = found
                places = [Place(hit.article, hit.language, hit.score) for hit in found.hits]
                known.read[need] = Chosen(places, found.total, found.did_you_mean)
            else:
                known.read[need] = found

    def _compute(self, known: View, needs: Collection[Need], ranked: Mapping[Search, Ranked]) -> None:
        """What follows from what was read, and takes a while."""

        def compute(need: Need) -> Any:
            match need:
                case Checked():
                    return markdown.check(need.body)
                case Rendered():
                    return markdown.render(need.body)
                case Marked(search):
                    return {
                        key: _marked(text, search, ranked[search]) for key, text in known.read[Shown(search)].items()
                    }
            raise AssertionError(f"{need} is not computed")

        slow = [need for need in needs if isinstance(need, Checked | Rendered | Marked)]
        quick = [need for need in slow if isinstance(need, Marked) and need.search.typing]  # a few titles
        known.read |= {need: compute(need) for need in quick}
        if slow := [need for need in slow if need not in quick]:
            (computed,) = self._in_threads(lambda some: [compute(need) for need in some], [slow])
            known.read |= zip(slow, computed, strict=True)


def _seen(staff: bool) -> Document:
    """The condition for published texts that a reader may see."""
    return {"audience": {"$in": ["public", "internal"] if staff else ["public"]}, "live": True}


def _marked(text: Published, search: Search, ranked: Ranked) -> Marks:
    marking = ranked.markings[text.head.language]
    return Marks(marking.marked(text.head.title), () if search.typing else marking.excerpt(text.plain))


def _these(needs: Iterable[Need], kind: type[N]) -> list[N]:
    return [need for need in needs if isinstance(need, kind)]


def _by_id(collection: str, ids: Sequence[str]) -> Find:
    return Find(collection, {"_id": {"$in": list(ids)}})
