"""When two subjects are one issue, and when two texts are alike."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.issue_key import normalised, one_open_key
from services.intake.domain.similarity import COMPARED_CHARACTERS, COMPARED_TICKETS, opening, similar
from tests.unit.intake.desk import Desk, category

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


@given(st.text(max_size=400), st.text(max_size=2_000))
def test_what_is_compared_is_short(subject: str, body: str) -> None:
    assert len(opening(subject, body)) <= COMPARED_CHARACTERS


def test_comparing_with_all_open_tickets_takes_about_a_millisecond() -> None:
    desk = Desk()
    words = [f"word{place * 7919 % 1_000}" for place in range(1_000)]
    for place in range(COMPARED_TICKETS + 10):
        desk.submit(issue_key=str(place), subject=f"Issue {place}", body=" ".join(words[place : place + 60]))
    # As filed without a key, so that each is compared.
    for ticket in list(desk.state.tickets.values()):
        desk.put(ticket.number, issue_key=None)
    tickets = desk.state.open_tickets("account:ann")
    text = opening("Something else", " ".join(words[500:560]))
    best = min(_seconds(lambda: similar(text, None, tickets)) for _ in range(20))
    assert best < 0.003  # a third of that here; the machine of a test run is a shared one


def _seconds(work: object) -> float:
    assert callable(work)
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
