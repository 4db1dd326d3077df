"""People find the shipped articles that answer them (docs/knowledge.md, "How well it finds")."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from services.meaning.vectors import shipped as shipped_model
from tests.bench.articles.methods import Method, ours
from tests.bench.articles.shipped import Asked, questions, shipped

QUESTIONS = questions()


@pytest.fixture(scope="module")
def method() -> Method:
    return ours(shipped(), {"en": shipped_model().vector})


def share(method: Method, asked: Sequence[Asked]) -> float:
    """Of these questions, those that one of the first five articles answers."""
    return sum(not question.answers.isdisjoint(method(question)) for question in asked) / len(asked)


def test_nine_in_ten_english_questions_find_their_answer(method: Method) -> None:
    assert share(method, [question for question in QUESTIONS if question.language == "en"]) >= 0.9


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
@pytest.mark.parametrize("kind", ["plain", "typo", "half"])
def test_so_do_all_that_share_words_with_it(method: Method, language: str, kind: str) -> None:
    assert share(method, [each for each in QUESTIONS if (each.language, each.kind) == (language, kind)]) == 1
