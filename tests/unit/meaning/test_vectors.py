"""Vectors of what texts are about: which are near, how long they are, and that any text has one."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.meaning.vectors import DIMENSIONS, READ_CHARACTERS, shipped
from tests.odd_input import TEXTS

MODEL = shipped()
ANY_TEXT = st.one_of(
    st.text(max_size=400),
    st.lists(st.sampled_from(["card", "lost", "my", "Passwort", "où", "карта", "🙂", "\x00", "9", "ﷺ"])).map(" ".join),
    st.sampled_from(TEXTS),
)


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("forgot my password", "I cannot log in", "The delivery is late"),
        ("where is my parcel", "it was never delivered", "How do I sing a song"),
        ("somebody insults me in chat", "Report harassment", "Receipts for your purchases"),
        ("the screen stays black", "nothing is shown on my monitor", "Cancel my membership"),
        ("my bank says no", "Payment declined", "Change your avatar"),
        ("the app closes by itself", "The program crashes at start", "Invite friends to a group"),
        ("someone stole my account", "My account was hacked", "Sell land"),
    ],
)
def test_texts_about_one_thing_are_near_in_other_words(text: str, near: str, far: str) -> None:
    asked = MODEL.vector(text)
    assert asked @ MODEL.vector(near) > asked @ MODEL.vector(far) + 0.15


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("Please help me with my account", 0.99, 1.01),
        ("PLEASE — help me, with my ACCOUNT!", 0.99, 1.01),
        ("My Passwort does not work", 0.2, 0.7),
        ("Meine Sendung ist noch nicht angekommen", 0, 0.1),
        ("Où est mon colis ? Je l'attends depuis mardi.", 0, 0.1),
        ("¿Dónde está mi pedido? Todavía no ha llegado.", 0, 0.1),
        ("Где моя посылка", 0, 0),
        ("荷物が届きません", 0, 0),
        ("xqzzt wvbbk", 0, 0),
        ("!!! 🙂", 0, 0),
        ("", 0, 0),
    ],
)
def test_a_vector_is_as_long_as_its_text_is_english(text: str, least: float, most: float) -> None:
    assert least <= np.linalg.norm(MODEL.vector(text)) <= most


@given(ANY_TEXT)
def test_any_text_has_a_vector(text: str) -> None:
    found = MODEL.vector(text)
    assert found.shape == (DIMENSIONS,)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert np.linalg.norm(found) <= 1.001


@given(st.lists(st.sampled_from(["my", "card", "was", "stolen", "überweisung", "yesterday"]), min_size=1))
def test_neither_order_nor_case_nor_punctuation_matters(words: list[str]) -> None:
    turned = ", ".join(word.upper() for word in reversed(words))
    assert (MODEL.vector(" ".join(words)) == MODEL.vector(turned)).all()


@given(st.lists(ANY_TEXT, max_size=5))
def test_many_at_once_have_the_same_vectors(texts: list[str]) -> None:
    assert (MODEL.vectors(texts) == np.array([MODEL.vector(text) for text in texts]).reshape(-1, DIMENSIONS)).all()


@pytest.mark.parametrize(
    "text", ["my card was stolen " * 600, "x" * 10_000, "é" * 10_000, "漢" * 10_000, "a b " * 2_500]
)
def test_of_a_long_text_only_the_beginning_is_read_and_it_takes_no_time(text: str) -> None:
    start = time.thread_time()
    found = MODEL.vector(text)
    assert time.thread_time() - start < 0.05
    assert (found == MODEL.vector(text[:READ_CHARACTERS])).all()


def test_a_vector_is_the_caller_s_own() -> None:
    MODEL.vector("my card was stolen").fill(7)
    assert np.linalg.norm(MODEL.vector("my card was stolen")) == pytest.approx(1, abs=1e-5)


def test_the_shipped_model_is_whole() -> None:
    assert MODEL.meanings.shape == (len(MODEL.rows), DIMENSIONS)
    assert MODEL.meanings.dtype == np.int8
    assert sorted(MODEL.rows.values()) == list(range(len(MODEL.rows)))
    assert len(MODEL.rows) > 15_000
    assert MODEL.meanings.any(axis=1).mean() > 0.99
    assert np.abs(MODEL.meanings.astype(np.int32)).max() == 127
    assert {"card", "account", "password"} <= MODEL.english
    assert not {"und", "nicht", "pour", "para"} & MODEL.english
