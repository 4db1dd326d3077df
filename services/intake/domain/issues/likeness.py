"""How alike two texts are, from 0 to 1: what they share in letters, in what such letters mean at a help desk, and, in
English, in what they are about.

It compares words of any language, and understands nothing; what follows from a score is in similarity.py.
docs/similar-issues.md has the formula, its figures and how the model is made.
"""

from __future__ import annotations

import math
from functools import cache
from importlib import resources
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from contracts.values import dataclass
from services.intake.domain.issues.key import normalised
from services.meaning import vectors

Floats = NDArray[np.float32]

GENERAL = vectors.shipped()

COMPARED_CHARACTERS = 300

GRAM = 4
"""Letters of an n-gram. Those of a word and the gaps beside it: endings and slips of the pen matter little."""

ENGLISH_FROM = 0.36
"""The length of a vector from which a text is taken for English: 60 % of its letters stand in English words."""

NEAREST = 5
"""How many of the issues that the model knows show how like each other texts are by chance."""


def opening(subject: str, body: str) -> str:
    """What is compared of a submission: the beginning of subject and body, normalised."""
    return normalised(f"{subject} {body}"[: 2 * COMPARED_CHARACTERS])[:COMPARED_CHARACTERS]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What is learned: for each known n-gram its row in `weights` (n,) and `meanings` (n, d); `issues` (k, d + 128).

    `unknown` is the weight of every other n-gram: it counts as itself and has no meaning. `about` is the weight of the
    vector of what a text is about (services/meaning).
    """

    rows: dict[str, int]
    weights: Floats
    unknown: float
    meanings: Floats
    about: float
    issues: Floats

    def square(self, gram: str) -> float:
        """The weight of an n-gram, squared."""
        row = self.rows.get(gram)
        return self.unknown**2 if row is None else float(self.weights[row]) ** 2


@dataclass(frozen=True, slots=True, eq=False)
class Wording:
    """A text as it is compared: a vector of length 1 in two parts, and how like any known issue it is by chance.

    The part in letters has the weights of `grams` times `letters`; the part in meaning is `meaning`: first what the
    n-grams mean, then what the text is about.
    """

    grams: frozenset[str]
    letters: float
    meaning: Floats
    by_chance: float


def wording(text: str, model: Model) -> Wording:
    """Of an opening."""
    grams = frozenset(
        f" {word} "[at : at + GRAM] for word in text.split() for at in range(max(1, len(word) + 3 - GRAM))
    )
    rows = np.array([row for gram in grams if (row := model.rows.get(gram)) is not None], np.intp)
    rows.sort()  # a set has another order in each process, and sums would differ in their last digits
    weights = model.weights.take(rows)
    size = math.sqrt(float(weights @ weights) + (len(grams) - len(rows)) * model.unknown**2) or 1.0
    # einsum, because `@` of a matrix may wake the threads of a BLAS, for a few microseconds' work.
    learned = np.einsum("g,gd->d", weights, model.meanings.take(rows, 0)) / size
    about = GENERAL.vector(text)
    english = math.sqrt(float(about @ about))
    if english < ENGLISH_FROM:
        about, english = np.zeros_like(about), 0.0
    # What was learned of English questions says twice as much of English ones.
    meaning = np.concatenate([(1 + english) * learned, model.about * about])
    length = math.sqrt(1 + float(meaning @ meaning))
    meaning /= length
    nearest = np.sort(np.einsum("id,d->i", model.issues, meaning))[-NEAREST:]
    return Wording(grams, 1 / (size * length), meaning, max(0.0, float(nearest.mean())))


def likeness(first: Wording, second: Wording, model: Model) -> float:
    """How alike they are: 1 for equal ones, 0 for no more alike than by chance. Symmetric.

    The cosine of the two vectors, corrected for chance as Cohen's kappa is: (observed - expected) / (1 - expected).
    """
    common = sum(map(model.square, first.grams & second.grams)) * first.letters * second.letters
    observed = common + float(first.meaning @ second.meaning)
    expected = (first.by_chance + second.by_chance) / 2
    return min(1.0, max(0.0, (observed - expected) / (1 - expected)))


def unpacked(file: bytes) -> Model:
    """The model that such a file holds; its meanings have 8 bits."""
    with np.load(BytesIO(file)) as stored:
        grams = stored["grams"].tobytes().decode().split("\n")
        return Model(
            {gram: row for row, gram in enumerate(grams)},
            stored["weights"].astype(np.float32),
            float(stored["unknown"]),
            stored["meanings"].astype(np.float32) * stored["scale"],
            float(stored["about"]),
            stored["issues"].astype(np.float32),
        )


SHIPPED = "likeness.npz"


@cache
def shipped() -> Model:
    """The model that the desk uses. Only texts are stored with tickets, so another model would hold for all of them at
    once."""
    return unpacked(resources.files(__package__).joinpath(SHIPPED).read_bytes())
