"""Reads articles, their versions and counts in knowledge's database, which the command line only reads.

The page is docs/knowledge.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database

from contracts.values import dataclass
from deploy.trouble import Trouble
from services.knowledge.documents import article_of, version_of
from services.knowledge.domain.values.article import Article, Version, version_key
from services.knowledge.domain.values.counts import DESK, day_of
from services.knowledge.domain.values.file import File

from .. import show
from . import folder
from .comparing import Held

AT_ONCE = 200
"""Articles whose texts are read together."""

Stored = Database[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Figures:
    """How an article was read in some days, and what people said of it with their vote, the newest first."""

    viewed: int = 0
    helped: int = 0
    not_helped: int = 0
    words: Sequence[tuple[bool, str]] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """An article with the newest title in its own language, and how it was read."""

    article: Article
    title: str
    figures: Figures = field(default_factory=Figures)


@dataclass(frozen=True, slots=True)
class InVain:
    """What people searched for and did not find: how often, in which language, and the last day (`2026-03-02`)."""

    words: str
    language: str
    count: int
    last: str


def article(knowledge: Stored, id_: str) -> Article:
    """The article of this id. Raises Trouble if it does not exist."""
    found = knowledge["articles"].find_one({"_id": id_})
    if found is None:
        raise Trouble(f"There is no article {show.plain(id_)}.")
    return article_of(found)


def listed(knowledge: Stored, condition: Mapping[str, Any], since: datetime) -> list[Listed]:
    """The articles that the condition finds, by id; `since`: from when on views count."""
    articles = [article_of(row) for row in knowledge["articles"].find(condition).sort("_id", ASCENDING)]
    newest = [(each.id, number) for each in articles if (number := each.newest(each.language)) is not None]
    titles = _versions(knowledge, newest, {"text": 0})
    read = figures(knowledge, [each.id for each in articles], since)
    return [Listed(each, _title(each, titles), read.get(each.id, Figures())) for each in articles]


def _title(article: Article, versions: Mapping[tuple[str, int], Version]) -> str:
    number = article.newest(article.language)
    version = None if number is None else versions.get((article.id, number))
    return version.title or "" if version is not None else ""


def versions(knowledge: Stored, id_: str, most: int) -> list[Version]:
    """The newest changes of an article, without their texts."""
    rows = knowledge["versions"].find({"article": id_}, {"text": 0}).sort("version", DESCENDING).limit(most)
    return [version_of(row) for row in rows]


def version(knowledge: Stored, id_: str, number: int) -> Version | None:
    """One version, with its text."""
    return _versions(knowledge, [(id_, number)]).get((id_, number))


def existing(knowledge: Stored, ids: Collection[str]) -> set[str]:
    """Those of these ids that an article has."""
    return {row["_id"] for row in knowledge["articles"].find({"_id": {"$in": sorted(ids)}}, {"_id": 1})}


def held(knowledge: Stored, ids: Collection[str]) -> Iterator[Held]:
    """The articles of these ids, as an import compares them."""
    return (each for _, each in _held_articles(knowledge, {"_id": {"$in": sorted(ids)}}))


def exported(knowledge: Stored, ids: Collection[str]) -> Iterator[folder.Article]:
    """The articles of these ids, or all, by id, as a folder has them, with the contents of their files."""
    for article, each in _held_articles(knowledge, {"_id": {"$in": sorted(ids)}} if ids else {}):
        files = [folder.ArticleFile(file.name, _content(knowledge, file)) for file in article.files]
        yield replace(each.article, files=tuple(sorted(files, key=lambda file: file.name)))


def _content(knowledge: Stored, file: File) -> bytes:
    parts = knowledge["parts"].find({"file": file.id}).sort("number", ASCENDING)
    return b"".join(part["content"] for part in parts)


def _held_articles(knowledge: Stored, condition: Mapping[str, Any]) -> Iterator[tuple[Article, Held]]:
    articles = [article_of(row) for row in knowledge["articles"].find(condition).sort("_id", ASCENDING)]
    for start in range(0, len(articles), AT_ONCE):
        some = articles[start : start + AT_ONCE]
        texts = _versions(knowledge, [key for article in some for key in _newest(article)])
        for each in some:
            yield each, as_held(each, texts)


def _newest(article: Article) -> list[tuple[str, int]]:
    languages = {*article.drafts, *article.live}
    return [(article.id, number) for language in languages if (number := article.newest(language)) is not None]


def as_held(article: Article, versions: Mapping[tuple[str, int], Version]) -> Held:
    """The article as a folder has it, of these versions of its newest texts. A form of the web ends lines with CR LF,
    a folder with LF."""
    found = [versions[key] for key in _newest(article) if key in versions]
    texts = {each.language: each.text for each in found if each.language is not None and each.text is not None}
    own = texts.get(article.language)
    as_in_a_folder = folder.Article(
        article.id,
        article.category,
        article.audience,
        article.language,
        {
            language: folder.Text(
                text.title, text.body.replace("\r\n", "\n"), text.summary or None, tuple(text.keywords)
            )
            for language, text in texts.items()
        },
        tuple(own.related) if own is not None else tuple(article.related),
    )
    files = {file.name: file.sha256 for file in article.files}
    return Held(as_in_a_folder, article.version, frozenset(article.drafts), files)


def _versions(
    knowledge: Stored, wanted: Iterable[tuple[str, int]], without: Mapping[str, int] | None = None
) -> dict[tuple[str, int], Version]:
    keys = [version_key(*each) for each in wanted]
    found = map(version_of, knowledge["versions"].find({"_id": {"$in": keys}}, without))
    return {(each.article, each.version): each for each in found}


def figures(knowledge: Stored, ids: Collection[str], since: datetime) -> dict[str, Figures]:
    """How these articles were read from that day (UTC) on; an article that nobody opened has none."""
    of_days = {"article": {"$in": sorted(ids)}, "day": {"$gte": day_of(since)}}
    counts = ("viewed", "helped", "not_helped")
    summed = {name: {"$sum": f"${name}"} for name in counts}
    rows = knowledge["tallies"].aggregate([{"$match": of_days}, {"$group": {"_id": "$article", **summed}}])
    said: dict[str, list[tuple[bool, str]]] = {}
    for row in knowledge["words"].find({**of_days, "words": {"$gt": ""}}).sort("day", DESCENDING):
        said.setdefault(row["article"], []).append((row["helped"], row["words"]))
    return {
        row["_id"]: Figures(row["viewed"], row["helped"], row["not_helped"], said.get(row["_id"], ())) for row in rows
    }


def deflected(knowledge: Stored, since: datetime) -> int:
    """How many cases were not filed from that day (UTC) on, because an article answered."""
    of_days = {"article": DESK, "day": {"$gte": day_of(since)}}
    rows = knowledge["tallies"].aggregate([{"$match": of_days}, {"$group": {"_id": None, "n": {"$sum": "$deflected"}}}])
    return sum(row["n"] for row in rows)


def in_vain(knowledge: Stored, since: datetime, most: int) -> tuple[list[InVain], int]:
    """What people searched for in vain from that day (UTC) on, the most frequent first, and how many words in all."""
    by_words: list[Mapping[str, Any]] = [
        {"$match": {"day": {"$gte": day_of(since)}}},
        {
            "$group": {
                "_id": {"words": "$words", "language": "$language"},
                "count": {"$sum": "$count"},
                "last": {"$max": "$day"},
            }
        },
        {"$sort": {"count": -1, "last": -1, "_id.words": 1}},
    ]
    rows = list(knowledge["vain"].aggregate(by_words))
    found = [InVain(row["_id"]["words"], row["_id"]["language"], row["count"], row["last"]) for row in rows]
    return found[:most], len(found)


def days_ago(now: datetime, days: int) -> datetime:
    """That many days before. Raises Trouble (code 2) if the calendar does not go back so far."""
    try:
        return now - timedelta(days=days)
    except OverflowError:
        raise Trouble(f"{days} days are more than the calendar has.", 2) from None
