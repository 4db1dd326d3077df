"""Texts are found by what they mean, where a language has vectors."""

from __future__ import annotations

import numpy as np
import pytest

from services.knowledge.search.index import Index, search
from services.knowledge.search.meanings import CANDIDATES, MOST_NEAR, Meanings, Vector
from services.knowledge.search.values import Wanted
from tests.unit.knowledge.search.texts import found, text

ABOUT = {"money": 0, "cash": 0, "refund": 0, "dark": 1, "black": 1, "screen": 1}


def meaning_of(words: str) -> Vector:
    """What these words are about: money, or a dark screen."""
    vector = np.zeros(4, np.float32)
    for word in words.lower().split():
        if word in ABOUT:
            vector[ABOUT[word]] = 1
    return vector / np.float32(np.linalg.norm(vector) or 1)


def meant(*titles: str, language: str = "en") -> Index:
    made = Index({"en": meaning_of})
    made.replace([text(title, title, language) for title in titles])
    return made


def test_a_text_without_any_of_the_words_is_found_by_what_it_means() -> None:
    made = meant("Refund", "Black screen", "Lag")
    assert found(made, "cash") == ["Refund"]
    assert found(made, "all dark") == ["Black screen"]
    assert found(made, "unknown") == []
    made.replace([text("Refund", "Lag")])
    assert found(made, "cash") == []
    made.replace([text("new", "Money")], [("Black screen", "en")])
    assert found(made, "cash") == ["new"]
    assert found(made, "all dark") == []


def test_a_text_that_comes_with_the_next_commit_is_not_found_before() -> None:
    made = meant("Refund", "Lag")
    made.replace([], [("Lag", "en")])
    meanings = made.languages["en"].state.meanings
    assert meanings is not None
    meanings.put(1, meaning_of("money"))
    assert found(made, "cash") == ["Refund"]


def test_words_and_meaning_count_half_each() -> None:
    made = meant("Refund", "Money money", "Lag money")
    (first, *_) = search(Wanted("money"), [made]).hits
    assert first.article == "Money money"
    assert 0.5 < first.score <= 1
    (only,) = search(Wanted("cash"), [meant("Refund")]).hits
    assert only.score == pytest.approx(0.5)


def test_other_languages_go_by_words() -> None:
    assert found(meant("Refund", language="de"), "cash") == []
    assert found(meant("Refund", language="en-GB"), "cash") == ["Refund"]


def test_a_category_narrows_what_is_meant() -> None:
    made = Index({"en": meaning_of})
    made.replace([text("a", "Refund", category="billing"), text("b", "Money", category="desk")])
    assert found(made, "cash", category="desk") == ["b"]
    assert found(made, "cash", category="other") == []


@pytest.mark.parametrize("texts", [3, CANDIDATES + 1])
def test_a_category_narrows_what_is_meant_among_few_and_many(texts: int) -> None:
    made = Index({"en": meaning_of})
    made.replace([text(f"a{number}", "Money", category="billing") for number in range(texts - 1)])
    made.replace([text("b", "Money", category="desk")])
    assert found(made, "cash", category="desk") == ["b"]
    assert len(found(made, "cash", category="billing", most=2 * texts)) == min(texts - 1, MOST_NEAR)


def test_what_the_title_and_the_keywords_say_counts_as_much_as_the_body() -> None:
    made = Index({"en": meaning_of})
    made.replace([text("a", "x", keywords=("money",), body="black screen, all dark, nothing on the screen")])
    for asked in ("cash", "dark"):
        (hit,) = search(Wanted(asked), [made]).hits
        assert hit.score >= 0.5**0.5 / 2 - 1e-6


def test_of_many_texts_the_nearest_are_found() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((5 * CANDIDATES, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    meanings = Meanings.none(32)
    for number, vector in enumerate(vectors):
        meanings = meanings.with_room(number)
        meanings.put(number, vector)
    kept = missed = 0
    for asked in vectors[:50] + 0.1 * rng.standard_normal((50, 32)).astype(np.float32):
        question = asked / np.linalg.norm(asked)
        nearest = np.argsort(-(vectors @ question))[:5]
        near = meanings.near(question, None, len(vectors))
        kept += len(set(nearest[:5]) & set(near))
        missed += len(set(nearest[:5]) - set(near))
        assert len(near) <= MOST_NEAR
        assert near[0] == nearest[0]
        odd = np.arange(len(vectors)) % 2 == 1
        assert all(number % 2 for number in meanings.near(question, odd, len(vectors)))
    assert kept / (kept + missed) > 0.9
