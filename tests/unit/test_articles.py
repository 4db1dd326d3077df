"""The shipped articles (deploy/articles): what they say of themselves is right, and questions have answers."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from deploy.cli.articles.folder import Article, read_folder, written
from deploy.cli.articles.importing import faults, loose
from deploy.settings import SHIPPED_CATALOGUE, Settings

FOLDER = SHIPPED_CATALOGUE.parent / "articles"
CATEGORIES = Settings({}, None).article_categories()
FOUND = read_folder(FOLDER, faults, CATEGORIES)
ARTICLES = {article.id: article for article in FOUND.articles}
TRANSLATED = ("de", "es", "fr")


def test_no_article_has_a_mistake() -> None:
    assert not FOUND.mistakes
    assert len(ARTICLES) >= 40


def test_every_link_leads_somewhere() -> None:
    assert not list(loose(FOUND.articles, ARTICLES))


def test_an_export_would_write_the_same_bytes() -> None:
    paths = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*.md")}
    assert {str(path): content for article in ARTICLES.values() for path, content in written(article)} == paths


def test_each_category_has_an_article() -> None:
    """That an article's category exists, `read_folder` looks for itself."""
    assert {article.category for article in ARTICLES.values()} == {*CATEGORIES}


@pytest.mark.parametrize("language", TRANSLATED)
def test_twelve_are_translated_and_none_of_them_is_internal(language: str) -> None:
    translated = [article for article in ARTICLES.values() if language in article.texts]
    assert len(translated) == 12
    assert {(article.audience, article.language) for article in translated} == {("public", "en")}


LINK = re.compile(r"\]\(([^)\s]*)\)")


def links(article: Article, language: str) -> Iterator[str]:
    yield from LINK.findall(article.texts[language].body)


@pytest.mark.parametrize("id_", sorted(ARTICLES))
def test_what_it_links_to_exists_and_readers_may_see_it(id_: str) -> None:
    article = ARTICLES[id_]
    for language in article.texts:
        for address in links(article, language):
            assert address.startswith("article:"), address
            other = ARTICLES[address.removeprefix("article:")]
            assert article.audience == "internal" or other.audience == "public", address
            assert other.id != id_, "it links to itself"
    for related in article.related:
        assert article.audience == "internal" or ARTICLES[related].audience == "public", related
        assert related != id_


@pytest.mark.parametrize("id_", sorted(each.id for each in ARTICLES.values() if len(each.texts) > 1))
def test_a_translation_has_the_headings_steps_and_links_of_its_original(id_: str) -> None:
    """Nothing of it got lost."""
    article = ARTICLES[id_]
    original = _shape(article, article.language)
    for language in article.texts:
        assert _shape(article, language) == original, language


def _shape(article: Article, language: str) -> object:
    body = article.texts[language].body
    marks = [re.match(r"#+ |\d+\. |- |> ", line) for line in body.split("\n")]
    return [mark[0] for mark in marks if mark], sorted(links(article, language))


QUESTIONS = [*csv.DictReader((FOLDER / "questions.csv").open(encoding="utf-8"))]


def test_200_questions_are_answered_by_articles_in_their_language() -> None:
    assert len(QUESTIONS) == 200
    assert len({(row["question"], row["language"]) for row in QUESTIONS}) == 200
    for row in QUESTIONS:
        for id_ in row["articles"].split():
            assert row["language"] in ARTICLES[id_].texts, row
            assert ARTICLES[id_].audience == "public", row


def test_a_third_of_the_questions_has_other_words_than_their_articles() -> None:
    kinds = Counter(row["kind"] for row in QUESTIONS)
    assert kinds.keys() == {"plain", "other words", "typo", "half"}
    assert 3 * kinds["other words"] >= len(QUESTIONS)


@pytest.mark.parametrize(
    "row", [row for row in QUESTIONS if row["kind"] == "other words"], ids=lambda row: row["question"]
)
def test_such_a_question_shares_hardly_a_word_with_them(row: dict[str, str]) -> None:
    """Of five letters and more, by their first six; `again` and `nicht` are among them."""
    for id_ in row["articles"].split():
        text = ARTICLES[id_].texts[row["language"]]
        assert len(_words(row["question"]) & _words(" ".join((text.title, text.body, *text.keywords)))) <= 2


def _words(text: str) -> set[str]:
    return {word[:6] for word in re.findall(r"[^\W\d_]{5,}", text.lower())}
