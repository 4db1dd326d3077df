"""The methods that are compared: what the desk uses, what it used, and the plain ones that it has to beat.

Each learns what it can from questions of known issues, and then scores any two other questions from 0 to 1.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from rapidfuzz import fuzz

from services.intake.domain.issues.likeness import Model, likeness, wording
from tests.bench.similar.protocol import Comparing, Scoring
from tests.bench.similar.questions import Question
from tests.bench.similar.train import trained, untrained

Method = Callable[[Sequence[Question]], Comparing]
"""Learns from questions of known issues."""


def token_set(_: Sequence[Question]) -> Comparing:
    """rapidfuzz's token set ratio; learns nothing."""

    def compared(questions: Sequence[Question]) -> Scoring:
        return lambda place, other: fuzz.token_set_ratio(questions[place].text, questions[other].text) / 100

    return compared


def tf_idf(known: Sequence[Question]) -> Comparing:
    """Cosine of n-grams of 3 to 5 letters within words, weighted (1 + log tf) · idf; learns the idf."""
    standing = Counter(gram for question in known for gram in set(_grams(question.text)))

    def vector(text: str) -> Mapping[str, float]:
        raw = {
            gram: (1 + math.log(count)) * (math.log((1 + len(known)) / (1 + standing[gram])) + 1)
            for gram, count in Counter(_grams(text)).items()
        }
        size = math.sqrt(sum(value * value for value in raw.values())) or 1.0
        return {gram: value / size for gram, value in raw.items()}

    def compared(questions: Sequence[Question]) -> Scoring:
        vectors = [vector(question.text) for question in questions]
        return lambda place, other: sum(
            value * vectors[other][gram] for gram, value in vectors[place].items() if gram in vectors[other]
        )

    return compared


def _grams(text: str) -> list[str]:
    padded = [f" {word} " for word in text.split()]
    return [word[at : at + size] for word in padded for size in (3, 4, 5) for at in range(max(1, len(word) - size + 1))]


def letters(known: Sequence[Question]) -> Comparing:
    """Casebus's without meanings: n-grams of 4 letters, weighted by idf."""
    return _with(untrained(known))


def casebus(known: Sequence[Question]) -> Comparing:
    """What the desk uses, learned from these questions."""
    return _with(trained(known))


def _with(model: Model) -> Comparing:
    def compared(questions: Sequence[Question]) -> Scoring:
        wordings = [wording(question.text, model) for question in questions]
        return lambda place, other: likeness(wordings[place], wordings[other], model)

    return compared


METHODS: Mapping[str, Method] = {
    "token set ratio": token_set,
    "TF-IDF, 3-5 letters": tf_idf,
    "Casebus, letters only": letters,
    "Casebus": casebus,
}
