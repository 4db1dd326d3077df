"""Found words are marked, and the excerpt is the place that has most of them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.knowledge.search.analysis import analysis_of
from services.knowledge.search.index import search
from services.knowledge.search.marking import EXCERPT, LOOKED_AT, Marking, Pieces
from services.knowledge.search.synonyms import Synonyms
from services.knowledge.search.values import Wanted
from tests.unit.knowledge.search.texts import index, text


def marking(words: str, body: str, language: str = "en", synonyms: Synonyms | None = None) -> Marking:
    """The marking of a search in an index of this one text."""
    made = index(text("a", "", language, body=body))
    return search(Wanted(words, (language,)), [made], synonyms or Synonyms()).markings[language]


def shown(pieces: Pieces) -> str:
    return "".join(f"[{piece}]" if found else piece for piece, found in pieces)


@pytest.mark.parametrize(
    ("language", "words", "body", "expected"),
    [
        ("en", "credits", "Buy Credits, credit's", "Buy [Credits], [credit's]"),
        ("en", "buying credit", "Buy some CREDITS.", "[Buy] some [CREDITS]."),
        ("en", "refun", "Refunds: refunded, fund", "[Refunds]: [refunded], fund"),
        ("en", "pasword", "A password is passed", "A [password] is passed"),
        ("en", "login", "How to log in or log-in", "How to [log] [in] or [log]-[in]"),
        ("en", "log in", "The login", "The [login]"),
        ("en", "how do i pay", "How do I pay?", "How do I [pay]?"),
        ("en", "2fa", "Use two-step login", "Use [two]-[step] [login]"),
        ("de", "strasse kaeufe", "Straße der Käufe", "[Straße] der [Käufe]"),
        ("fr", "aide", "De l’aide ?", "De l’[aide] ?"),
        ("zh", "密码", "忘记密码了", "忘记[密码]了"),
        ("en", "nothing", "like that", "like that"),
    ],
)
def test_what_was_looked_for_is_marked(language: str, words: str, body: str, expected: str) -> None:
    synonyms = Synonyms({"en": [["two-step login", "2fa"]]})
    assert shown(marking(words, body, language, synonyms).marked(body)) == expected


def test_the_excerpt_is_where_most_of_it_stands() -> None:
    body = (
        "credits here. " + "Something else entirely. " * 20 + "Refunds of credits take a week. " + "More of it. " * 30
    )
    pieces = marking("refund credits", body).excerpt(body)
    assert "[Refunds] of [credits] take a week." in shown(pieces)
    assert shown(pieces).startswith("… ")
    assert shown(pieces).endswith(" …")
    assert len("".join(piece for piece, _ in pieces)) <= EXCERPT + 4


def test_the_excerpt_of_a_short_text_is_all_of_it() -> None:
    assert marking("credits", "Buy credits").excerpt("Buy credits") == [("Buy ", False), ("credits", True)]


def test_the_excerpt_of_a_text_without_such_words_is_its_beginning() -> None:
    body = "Word after word. " * 50
    assert shown(marking("credits", body).excerpt(body)).startswith("Word after word.")


def test_the_excerpt_of_a_long_text_is_from_its_first_part() -> None:
    filler = "Something else entirely. "
    first = filler * (LOOKED_AT // len(filler) - 10) + "A refund takes a week. "
    body = first + filler * 200 + "Refunds of credits. " + filler * 100
    assert "A [refund] takes a week." in shown(marking("refund credits", body).excerpt(body))
    beyond = filler * 1_000 + "Refunds of credits."
    assert shown(marking("refund credits", beyond).excerpt(beyond)).startswith("Something else entirely.")


def test_in_an_excerpt_from_the_end_of_the_first_part_everything_is_marked() -> None:
    body = "a " * (LOOKED_AT // 2 - 30) + "refund " * 100
    pieces = marking("refund", body).excerpt(body)
    assert shown(pieces).startswith("… a a")
    assert "[refund]" in shown(pieces)
    assert not any("refund" in piece for piece, found in pieces if not found)


def test_a_word_that_the_first_part_would_cut_is_not_marked_in_half() -> None:
    body = "a " * (LOOKED_AT // 2 - 3) + "refundable things"
    assert body[LOOKED_AT - 6 : LOOKED_AT] == "refund"
    assert not any(found for _, found in marking("refund things", body).excerpt(body))


@given(st.text(max_size=600), st.sets(st.text(max_size=5)), st.sampled_from(["en", "fr", "ja"]))
def test_pieces_join_to_the_text(body: str, some: set[str], language: str) -> None:
    analysis = analysis_of(language)
    words = [word for text in (*some, body[:40], body[300:320]) for word in analysis.words(text)]
    stems = [word.stem for word in words]
    made = Marking(analysis, frozenset(word.word for word in words), frozenset(stems[::2]), frozenset(pairwise(stems)))
    assert "".join(piece for piece, _ in made.marked(body)) == body
    excerpt = "".join(piece for piece, _ in made.excerpt(body))
    assert excerpt.removeprefix("… ").removesuffix(" …") in body
    assert len(excerpt) <= EXCERPT + 4
    for pieces in (made.marked(body), made.excerpt(body)):
        assert all(piece for piece, _ in pieces)
        assert all(before[1] != after[1] for before, after in pairwise(pieces))
