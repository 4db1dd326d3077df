"""When two subjects are one issue."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.issue_key import normalised, one_open_key
from tests.unit.intake.desk import category

MARKS = "  \t\n.,;:!?-–—…'’\"()[]/"
WORDS = st.lists(st.text("abcxyzäßéλж0159漢", min_size=1, max_size=8), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Cannot log in", "cannot LOG in"),
        ("Cannot log in", "  Cannot\tlog \n in "),
        ("Cannot log in!", "¿Cannot, log-in…"),
        ("café", "cafe\u0301"),
        ("\ufb01le 12", "file \uff11\uff12"),
        ("STRASSE", "straße"),
        ("pass\u00adword", "password"),
        ("log\u200bin", "login"),
    ],
)
def test_compatibility_case_space_and_punctuation_make_no_difference(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("log in", "log out"), ("C++", "C"), ("5 €", "5 $"), ("!!!", "???"), ("café", "cafe"), ("order 7", "order 8")],
)
def test_other_words_signs_and_marks_alone_do(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


@given(st.text())
def test_normalising_again_changes_nothing(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@given(WORDS, st.data())
def test_however_words_are_written_they_are_the_same(words: list[str], data: st.DataObject) -> None:
    gap = st.text(MARKS, min_size=1, max_size=4)
    written = data.draw(gap) + "".join(
        data.draw(st.sampled_from([word, word.upper().lower(), unicodedata.normalize("NFD", word)])) + data.draw(gap)
        for word in words
    )
    assert normalised(written) == normalised(" ".join(words))


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_keys_of_different_kinds_never_meet(subject: str, issue_key: str) -> None:
    keys = [
        one_open_key(category("billing"), None, subject, None),
        one_open_key(category("billing"), None, subject, issue_key),
        one_open_key(category("billing", one_open_per="category"), None, subject, issue_key),
        one_open_key(category("billing", one_open_per="requester"), None, subject, issue_key),
    ]
    assert len(set(keys)) == 4


def test_category_and_subcategory_are_part_of_an_issue_without_key() -> None:
    keys = {
        one_open_key(category(one), sub, "Card", None) for one in ("billing", "technical") for sub in (None, "refund")
    }
    assert len(keys) == 4
    assert one_open_key(category("billing"), "card", "a", "o7") == one_open_key(category("safety"), None, "b", "o7")
