"""An import: what it will do, planned before anything is sent, and then sent article by article.

The page is docs/knowledge.md.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from msgspec.structs import replace

from contracts.articles import ArticlesFound, ListArticles
from contracts.outcomes import Accepted
from contracts.values import dataclass
from deploy.trouble import Trouble
from services.client.blocking import Client
from services.knowledge.domain.markdown import check

from ..operator import accepted
from .comparing import Held, Step, another_language, steps
from .folder import Article, Mistake


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one article. `version`: the one that the desk has; None: the article is new."""

    id: str
    steps: Sequence[Step]
    version: int | None

    @property
    def line(self) -> str:
        """What it does, in a line: each word once, such as each file in parts."""
        did = dict.fromkeys(step.did for step in self.steps)
        return f"{self.id}: {'new' if self.version is None else 'changed'} ({', '.join(did)})"


@dataclass(frozen=True, slots=True)
class Import:
    """All that an import does. `count`: articles of the folder without a mistake; `same`: those that stay."""

    count: int
    changes: Sequence[Change]
    mistakes: Sequence[Mistake]

    @classmethod
    def of(cls, articles: Sequence[Article], stands: Mapping[str, Held], *, publish: bool) -> Import:
        """`stands`: what the desk has of these articles, by id."""
        changes, mistakes = [], []
        for article in articles:
            held = stands.get(article.id)
            why = another_language(article, held)
            if why is not None:
                mistakes.append(Mistake(f"{article.language}/{article.id}.md", 1, why))
            elif found := steps(article, held, publish=publish):
                changes.append(Change(article.id, found, None if held is None else held.version))
        return cls(len(articles) - len(mistakes), changes, mistakes)

    @property
    def new(self) -> list[Change]:
        """Those that the desk does not have yet."""
        return [change for change in self.changes if change.version is None]

    @property
    def same(self) -> int:
        """How many articles are on the desk as the folder has them."""
        return self.count - len(self.changes)


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one article: a line for a person. `refusal`: why the desk refused it, if it did. `languages`:
    those in which readers find it, at once or in a moment."""

    id: str
    line: str
    refusal: str = ""
    languages: Sequence[str] = ()


AT_ONCE = 16
"""Articles that are under way at once: knowledge decides what waits together, in one turn."""


def bring(desk: Client, planned: Import) -> Iterator[Done]:
    """Send the commands of each article, one after the other, and say what became of it, article by article."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield from threads.map(partial(_brought, desk), planned.changes)


def _brought(desk: Client, change: Change) -> Done:
    """Each command names the version that the answer before told, so that nobody's change in between is lost. A refusal
    ends the article; the next import goes on with it."""
    version, languages = change.version, list[str]()
    for step in change.steps:
        try:
            done = accepted(desk.command(step.type, replace(step.data, expected_version=version)), Accepted)
        except Trouble as trouble:
            return Done(change.id, f"{change.id}: {step.did}: {trouble}", str(trouble), languages)
        if done.article is not None:
            version, languages = done.article.version, list(done.article.published)
    return Done(change.id, change.line, languages=languages)


FOUND_WITHIN = 10.0
"""Seconds to wait until what was published is found."""


def not_found(desk: Client, brought: Iterable[Done]) -> list[str]:
    """Wait until these articles are found, each in its languages; returns the ids of those that are not, in time.
    Raises Trouble if the desk refuses the question.

    Lists are made of the index of the instance that answers. Each instance follows what is published for itself. An
    article that was published before is in them already, whatever its text.
    """
    missing = {(each.id, language) for each in brought for language in each.languages}
    end = time.monotonic() + FOUND_WITHIN
    while True:
        for language in sorted({language for _, language in missing}):
            missing -= _listed(desk, language, {id_ for id_, its in missing if its == language}, end)
        if not missing or time.monotonic() > end:
            return sorted({id_ for id_, _ in missing})
        time.sleep(0.1)


def _listed(desk: Client, language: str, ids: Collection[str], end: float) -> set[tuple[str, str]]:
    """Which of these articles the desk lists in that language. What was published last comes first: after `end`, it
    looks only at the first page."""
    found: set[tuple[str, str]] = set()
    page = pages = 1
    while page <= pages and len(found) < len(ids) and (page == 1 or time.monotonic() < end):
        answer = desk.ask("article.list", ListArticles(sort="most_recent", language=language, page=page))
        if answer.rejected is not None and page > 1:  # another instance answered, whose list is shorter
            break
        listed = accepted(answer, ArticlesFound)
        found |= {(hit.id, language) for hit in listed.articles if hit.id in ids and hit.language == language}
        page, pages = page + 1, listed.pages
    return found


def faults(body: str, files: Iterable[str]) -> Iterator[tuple[int, str]]:
    """What knowledge would refuse in Markdown, by line. `files`: the names of the article's; knowledge looks for a
    picture that is not there only when the article is published."""
    checked = check(body)
    yield from checked.by_line
    for name in sorted(set(checked.files).difference(files)):
        line = body[: body.find(f"file:{name}")].count("\n") + 1
        yield line, f"It shows {name}, and the article has no such file (files/<id>/)."


def linked(articles: Iterable[Article]) -> set[str]:
    """The ids of all articles to which these link."""
    return {id_ for article in articles for text in article.texts.values() for id_ in check(text.body).articles}


def loose(articles: Iterable[Article], known: Collection[str]) -> Iterator[str]:
    """Which links lead to no article, neither of the folder nor of the desk (`known`). That is no mistake: the other
    article may come later."""
    for article in articles:
        for language, text in sorted(article.texts.items()):
            for id_ in check(text.body).articles:
                if id_ not in known:
                    yield f"{language}/{article.id}.md links to {id_}: there is no such article."
