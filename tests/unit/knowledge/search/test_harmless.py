"""Nothing that a person types is an operator, and every character is harmless: in questions and in texts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.knowledge.search.index import Index, search
from services.knowledge.search.synonyms import Synonyms
from services.knowledge.search.values import Wanted
from tests.unit.knowledge.search.texts import found, index, text, titled

SOME = index(
    text("credits", "Buy credits", body="Log in, then buy them with a card."),
    text("credits", "Credits kaufen", "de", body="Melden Sie sich an."),
    text("忘记", "忘记密码", "zh"),
)
SYNONYMS = Synonyms({"en": [["card", "visa", "credit card"]]})

NASTY = [
    "",
    " ",
    "\t\r\n",
    '"',
    '"buy credits',
    "(((",
    ")(",
    "[a TO z]",
    "{a TO *}",
    "title:credits",
    "article:credits",
    "AND",
    "OR",
    "NOT",
    "AND OR NOT",
    "NOT credits",
    "-credits",
    "+credits",
    "credits^5",
    "credits~2",
    "cred*",
    "*",
    "?",
    "/.*/",
    "\\",
    "\\\\",
    "\0",
    "credits\0buy",
    "IN [credits]",
    "<credits",
    ">= 1",
    "'; DROP TABLE articles; --",
    "$where",
    "{{credits}}",
    "%s %d %n",
    "😀",
    "👩‍👩‍👧‍👦 credits",
    "🇩🇪",
    "\u202ecredits\u202c",
    "\u200f\u200e",
    "e\u0301" * 100,
    "a" + "\u0301" * 500,
    "\u0301",
    "ﷺ",
    "½ ① Ⅷ",
    "\ufeffcredits",
    "\U0010ffff",
    "\ud7ff\ue000",
    "x" * 1_000,
    "忘" * 1_000,
    "a " * 500,
    "a-" * 500,
    "a'" * 500,
    "_" * 1_000,
    "ß" * 1_000,
    "İ" * 1_000,
    "क्" * 500,
]


@pytest.mark.parametrize("words", NASTY)
@pytest.mark.parametrize("typing", [False, True])
def test_nothing_typed_does_harm(words: str, typing: bool) -> None:
    for languages in ((), ("en",), ("de", "en"), ("zh-Hant",), ("xx",)):
        ranked = search(Wanted(words, languages, typing=typing), [SOME], SYNONYMS)
        assert all(0 <= hit.score <= 1 for hit in ranked.hits)
        for marking in ranked.markings.values():
            assert "".join(piece for piece, _ in marking.marked(words)) == words
            marking.excerpt(words)


@given(st.text(max_size=60), st.booleans())
@settings(max_examples=200)
def test_no_text_does_harm(words: str, typing: bool) -> None:
    ranked = search(Wanted(words, typing=typing), [SOME], SYNONYMS)
    assert ranked.total == len(ranked.hits) <= 2
    assert all(0 <= hit.score <= 1 for hit in ranked.hits)


OPERATORS = ("NOT x", "-x", "+x", "x^0", "title:x", "x AND missing", '"x', "(x", "*x*", "x\0", "x~", "x?", "[x TO x]")


@pytest.mark.parametrize("operator", OPERATORS)
def test_operators_are_words_like_others(operator: str) -> None:
    assert found(SOME, operator.replace("x", "credits"), "en") == ["credits"]


@pytest.mark.parametrize("words", ["AND", "*", "?", "~", "^2", '""', "[* TO *]", "/credits.*/"])
def test_operators_alone_match_no_more_than_they_say(words: str) -> None:
    expected = ["credits"] if "credits" in words else []
    assert found(titled("credits", "refunds"), words) == expected


@pytest.mark.parametrize("nasty", [nasty for nasty in NASTY if nasty])
def test_texts_of_any_characters_are_held(nasty: str) -> None:
    made = index(text("nasty", nasty, body=nasty, keywords=(nasty,), category=nasty))
    made.replace([text("other", "Other")])
    assert found(made, "other") == ["other"]
    assert found(made, "other", category=nasty) == []
    made.replace([], [("nasty", "en")])
    assert len(made) == 1


def test_ids_and_categories_are_compared_as_they_are() -> None:
    made = index(text("a-b", "Credits", category="x-y"), text("a", "Credits", category="x"))
    assert found(made, "credits", category="x") == ["a"]
    made.replace([], [("a", "en")])
    assert found(made, "credits") == ["a-b"]


def test_an_empty_index_finds_nothing() -> None:
    ranked = search(Wanted("credits", ("en",)), [Index()])
    assert (ranked.hits, ranked.total, ranked.did_you_mean) == ((), 0, None)
