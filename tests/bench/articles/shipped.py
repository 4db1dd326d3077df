"""The articles that are shipped, as the index takes them, and the questions that they answer."""

from __future__ import annotations

import csv
from pathlib import Path

from contracts.values import dataclass
from deploy.cli.articles.folder import Article, Text, read_folder
from deploy.settings import Settings
from services.knowledge.domain.markdown import render
from services.knowledge.search.values import IndexedText

OWN_LANGUAGE = "en"
ARTICLES = Path("deploy/articles")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question in somebody's own words. `kind`: plain, typo, half or other words. `answers`: ids of articles."""

    words: str
    language: str
    kind: str
    answers: frozenset[str]


def questions(folder: Path = ARTICLES) -> list[Asked]:
    """The questions of `questions.csv`."""
    with (folder / "questions.csv").open(encoding="utf-8") as file:
        return [
            Asked(row["question"], row["language"], row["kind"], frozenset(row["articles"].split()))
            for row in csv.DictReader(file)
        ]


def shipped(folder: Path = ARTICLES) -> list[IndexedText]:
    """The public articles, in all their languages, as they are published."""
    articles = read_folder(folder, lambda _body, _files: (), Settings({}, None).article_categories()).articles
    return [
        _indexed(article, language, text)
        for article in articles
        if article.audience == "public"
        for language, text in article.texts.items()
    ]


def _indexed(article: Article, language: str, text: Text) -> IndexedText:
    rendering = render(text.body)
    summary = text.summary or rendering.opening
    return IndexedText(
        article.id,
        language,
        article.category,
        text.title,
        summary,
        rendering.headings,
        rendering.plain,
        text.keywords,
    )
