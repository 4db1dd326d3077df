"""How alike two texts are: what always holds for the score, and what the model adds to letters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.issues import similarity
from services.intake.domain.issues.key import normalised
from services.intake.domain.issues.likeness import (
    COMPARED_CHARACTERS,
    likeness,
    opening,
    shipped,
    unpacked,
    wording,
)
from services.intake.domain.issues.similarity import COMPARED_TICKETS, SIMILAR_FROM, similar
from services.meaning.vectors import DIMENSIONS
from tests.bench.similar.packing import packed
from tests.unit.intake.desk import Desk

MODEL = shipped()
WORDS = st.lists(
    st.one_of(
        st.sampled_from(["my", "card", "payment", "arrived", "refund", "a", "teleport", "passwort", "geht", "nicht"]),
        st.text("abcxyzäßéλж0159漢한", min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=40,
).map(" ".join)


def alike(first: str, second: str) -> float:
    return likeness(wording(normalised(first), MODEL), wording(normalised(second), MODEL), MODEL)


@given(st.text(max_size=400), st.text(max_size=2_000))
def test_what_is_compared_is_short(subject: str, body: str) -> None:
    assert len(opening(subject, body)) <= COMPARED_CHARACTERS


@given(WORDS, WORDS)
def test_a_score_is_between_0_and_1_and_the_same_both_ways(first: str, second: str) -> None:
    assert 0 <= alike(first, second) <= 1
    assert alike(first, second) == pytest.approx(alike(second, first), abs=1e-6)


@given(WORDS)
def test_equal_texts_score_1(text: str) -> None:
    assert alike(text, text) == pytest.approx(1, abs=1e-5)


@given(WORDS, WORDS)
def test_neither_order_nor_repetition_of_words_matters(first: str, second: str) -> None:
    turned = " ".join(reversed(first.split())) + " " + first
    assert alike(turned, second) == pytest.approx(alike(first, second), abs=1e-5)


def test_a_text_without_words_is_like_nothing() -> None:
    assert alike("", "my card has not arrived") == 0
    assert alike("", "") == 0


@pytest.mark.parametrize(
    ("text", "same", "other"),
    [
        ("My card never arrived", "The card has not arrived", "My card was swallowed by the machine"),
        ("I was charged twice for one order", "You took the payment two times, charged twice", "Cancel my order"),
        ("Passwort zurücksetzen klappt nicht", "Mein Passwort lässt sich nicht zurücksetzen", "Wo ist mein Paket?"),
        ("Где моя посылка", "Моя посылка ещё не пришла", "Не могу войти в аккаунт"),
        ("パスワードを忘れました", "パスワードを忘れた", "荷物が届きません"),
        ("xqzzt-9000 does not start", "does not start: XQZZT 9000", "wvbbk-7 does not start"),
    ],
)
def test_another_wording_is_more_like_than_another_issue(text: str, same: str, other: str) -> None:
    assert alike(text, same) > alike(text, other)
    assert alike(text, same) >= SIMILAR_FROM


def test_what_the_model_never_saw_counts_as_itself_and_means_nothing() -> None:
    unseen = wording("漢字漢字漢 한국어로", MODEL)
    assert not unseen.meaning.any()
    assert unseen.by_chance == 0


def test_the_model_says_that_other_words_mean_the_same() -> None:
    letters = unpacked(packed(MODEL))
    letters.meanings.fill(0)
    first, second = "top up was reverted", "top up cancelled"
    by_letters = likeness(wording(first, letters), wording(second, letters), letters)
    assert alike(first, second) > by_letters


@pytest.mark.parametrize(
    ("text", "same", "other"),
    [
        ("my screen stays black", "the monitor shows nothing", "I am being harassed"),
        ("the programme closes by itself", "the app crashes", "invite a friend to my group"),
    ],
)
def test_in_english_it_knows_that_words_which_share_no_letters_are_about_the_same(
    text: str, same: str, other: str
) -> None:
    no_vectors = replace(MODEL, about=0.0, issues=MODEL.issues * 0)
    first, second = (wording(normalised(said), no_vectors) for said in (text, same))
    assert alike(text, same) > alike(text, other) + 0.05
    assert alike(text, same) > likeness(first, second, no_vectors)


@pytest.mark.parametrize("text", ["Meine Sendung ist nicht da", "Mi pedido no ha llegado", "моя посылка не пришла"])
def test_in_other_languages_it_goes_by_letters(text: str) -> None:
    assert not wording(normalised(text), MODEL).meaning[-DIMENSIONS:].any()


def test_the_model_is_whole_and_survives_its_file() -> None:
    count = len(MODEL.rows)
    assert sorted(MODEL.rows.values()) == list(range(count))
    assert MODEL.weights.shape == (count,)
    assert MODEL.meanings.shape[0] == count
    assert MODEL.issues.shape[1] == MODEL.meanings.shape[1] + DIMENSIONS
    assert np.isfinite(MODEL.meanings).all()
    assert np.linalg.norm(MODEL.issues, axis=1).max() < 1  # so chance is never certainty
    again = unpacked(packed(MODEL))
    assert again.rows == MODEL.rows
    assert np.abs(again.meanings - MODEL.meanings).max() <= np.abs(MODEL.meanings).max() / 127


def test_two_issue_keys_are_two_issues_however_alike_the_words() -> None:
    desk = Desk()
    desk.submit(issue_key="o1")
    tickets = desk.state.open_tickets("account:ann")
    text = tickets[0].opening
    assert similar(text, "o2", tickets, SIMILAR_FROM) == []
    assert [score for _, score in similar(text, None, tickets, SIMILAR_FROM)] == [1.0]


def test_of_however_many_open_tickets_only_the_newest_twenty_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    for place in range(COMPARED_TICKETS + 10):
        desk.submit(issue_key=str(place), subject=f"Issue {place}", body=f"What is said of {place}.")
    # As filed without a key, so that each could be compared.
    for ticket in list(desk.state.tickets.values()):
        desk.put(ticket.number, issue_key=None)
    tickets = desk.state.open_tickets("account:ann")
    compared: list[str] = []

    def noted(text: str, model: Any) -> Any:
        compared.append(text)
        return wording(text, model)

    monkeypatch.setattr(similarity, "wording", noted)
    similar("something else", None, tickets, SIMILAR_FROM)
    assert compared == ["something else", *(ticket.opening for ticket in tickets[:COMPARED_TICKETS])]
