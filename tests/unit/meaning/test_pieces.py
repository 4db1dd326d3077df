"""Words, and their pieces: as the teacher has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.meaning.pieces import LONGEST_WORD, pieces, words

VOCABULARY = {"un", "##aff", "##able", "##a", "##ff", "a", "b", "##b", "##c", "playing", "play", "##ing", "##s"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My card won't work!", ["my", "card", "won", "t", "work"]),
        ("  e-mail:\tann@example.com\r\n", ["e", "mail", "ann", "example", "com"]),
        ("Ｆｕｌｌ ｗｉｄｔｈ", ["full", "width"]),
        ("Café naïve ÜBER", ["cafe", "naive", "uber"]),
        ("snake_case 3 4,5", ["snake", "case", "3", "4", "5"]),
        ("где моя карта", ["где", "моя", "карта"]),
        ("\x00\x1b[31m🙂", ["31m"]),
        ("!!! … —", []),
        ("", []),
    ],
)
def test_case_accents_width_and_punctuation_make_no_difference(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text(max_size=300))
def test_words_are_folded_and_without_gaps(text: str) -> None:
    for word in words(text):
        assert word
        assert words(word) == [word]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("playing", ["playing"]),
        ("plays", ["play", "##s"]),
        ("unaffable", ["un", "##aff", "##able"]),  # the longest first, from the left: the paper's own example
        ("abc", ["a", "##b", "##c"]),
        ("abx", []),
        ("x", []),
        ("b" * LONGEST_WORD, ["b", *["##b"] * (LONGEST_WORD - 1)]),
        ("b" * (LONGEST_WORD + 1), []),
    ],
)
def test_a_word_is_cut_into_the_longest_pieces_or_has_none(word: str, expected: list[str]) -> None:
    assert list(pieces(word, VOCABULARY)) == expected
