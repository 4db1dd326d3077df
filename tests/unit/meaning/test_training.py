"""How the vectors are made: the gradient is the loss's, training learns and repeats itself, and the corpus."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from services.meaning.pieces import words
from services.meaning.vectors import DIMENSIONS, Model, unpacked
from tests.training.meaning import corpus
from tests.training.meaning.train import Bags, adjusted, bags, gradient_of, loss, packed, started, units

RANDOM = np.random.default_rng(0)
TEXTS = bags([[0, 1], [2], [1, 1, 3], [4, 0, 5, 2], [3]])
TAUGHT: NDArray[Any] = units(RANDOM.standard_normal((5, 9), np.float32))[0].astype(np.float64)
MEANINGS: NDArray[Any] = RANDOM.standard_normal((6, DIMENSIONS))


def as_matrix(texts: Bags, rows: int) -> NDArray[np.float64]:
    """How often each row stands in each text."""
    found = np.zeros((len(texts.sizes), rows))
    for text, start in enumerate(texts.starts[:-1]):
        for row in texts.rows[start : texts.starts[text + 1]]:
            found[text, row] += 1
    return found


def test_sums_and_their_transpose_are_products_with_the_matrix_of_bags() -> None:
    matrix = as_matrix(TEXTS, 6)
    assert TEXTS.sums(MEANINGS) == pytest.approx(matrix @ MEANINGS)
    assert TEXTS.spread(TAUGHT, 6) == pytest.approx(matrix.T @ TAUGHT, abs=1e-6)
    assert as_matrix(TEXTS.picked(np.array([3, 1])), 6).tolist() == matrix[[3, 1]].tolist()


@pytest.mark.parametrize(("row", "column"), [(0, 0), (1, 5), (3, 100), (5, 127)])
def test_the_gradient_is_that_of_the_loss(row: int, column: int) -> None:
    aside = np.zeros_like(MEANINGS)
    aside[row, column] = 1e-5
    measured = (loss(TEXTS, TAUGHT, MEANINGS + aside) - loss(TEXTS, TAUGHT, MEANINGS - aside)) / 2e-5
    assert gradient_of(TEXTS, TAUGHT, MEANINGS)[row, column] == pytest.approx(measured, abs=1e-6)


def test_training_comes_near_to_what_is_taught_and_repeats_itself() -> None:
    start = MEANINGS.astype(np.float32)
    first, second = (adjusted(TEXTS, TAUGHT, start, np.random.default_rng(1), steps=1_000) for _ in range(2))
    assert loss(TEXTS, TAUGHT, first) < 0.1 * loss(TEXTS, TAUGHT, start)
    assert (first == second).all()


def test_rare_pieces_start_with_more_weight_than_common_ones() -> None:
    said = RANDOM.standard_normal((2, 384)).astype(np.float32)
    sentences = RANDOM.standard_normal((200, 384)).astype(np.float32)
    rare, common = np.linalg.norm(started(said, sentences, np.array([1, 100_000])), axis=1)
    assert rare > 100 * common


def test_the_model_survives_its_file() -> None:
    model = Model({"card": 0, "##s": 1}, np.arange(-128, 128, dtype=np.int8).reshape(2, 128), frozenset({"card", "my"}))
    again = unpacked(packed(model))
    assert again.rows == model.rows
    assert again.english == model.english
    assert (again.meanings == model.meanings).all()
    assert packed(again) == packed(model)


def test_each_word_is_met_in_four_sentences_which_are_always_the_same() -> None:
    vocabulary = [f"word{place}" for place in range(50)]
    found = list(corpus.made(vocabulary, vocabulary))
    assert len(found) == 4 * len(vocabulary)
    assert found == list(corpus.made(vocabulary, vocabulary))
    for place, word in enumerate(vocabulary):
        assert all(word in found[place + turn * len(vocabulary)].split() for turn in range(4))


def test_what_is_made_are_words_as_they_are_read() -> None:
    for text in (*corpus.MADE, *corpus.DESK_WORDS, *corpus.FOREIGN):
        written = text.replace("{}", "gap")
        assert words(written) == written.split()
