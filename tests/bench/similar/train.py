"""Makes the model of `services/intake/domain/likeness.py` from questions of known issues.

`python -m tests.bench.similar.train` writes the one that is shipped, from ../shared/data/customer_requests.csv. What
is learned and why: docs/similar-issues.md.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.intake.domain.issues import likeness
from services.intake.domain.issues.likeness import Floats, Model, unpacked, wording
from services.meaning import vectors
from tests.bench.similar.packing import packed
from tests.bench.similar.questions import Question, bank

KNOWN_FROM = 8
"""Questions in which an n-gram must stand to get a meaning of its own."""
DIMENSIONS = 48
STEPS = 600
ISSUES, EACH = 96, 4
"""A batch: this many issues at most, and questions of each."""
TEMPERATURE = 0.2
DROPPED = 0.3
"""Share of the n-grams of a question that are left out at a step, so that none is relied on alone."""
RATE = 0.01
LETTERS = 0.7
"""The part in letters against the root mean square of what was learned, in no language. More helps desks of another
trade."""
ABOUT = 2.8
"""What a text is about, against the part in letters. More helps other desks, less the desk that was learned from."""


def trained(questions: Sequence[Question], seed: int = 0) -> Model:
    """A model that puts questions of one issue close together. The same for the same questions and seed."""
    blank = untrained(questions)
    shown = np.stack([_row(question.text, blank) for question in questions])
    issues = sorted({question.issue for question in questions})
    labels = np.array([issues.index(question.issue) for question in questions])
    meanings = _contrasted(shown, labels, np.random.default_rng(seed))
    spread = math.sqrt(float((np.square(shown @ meanings).sum(1)).mean()))
    model = unpacked(packed(replace(blank, meanings=meanings / (LETTERS * spread), about=ABOUT)))
    found = np.stack([wording(question.text, model).meaning for question in questions])
    return replace(model, issues=np.stack([found[labels == label].mean(0) for label in range(len(issues))]))


def untrained(questions: Sequence[Question]) -> Model:
    """Letters alone: n-grams weighted by how few questions they stand in (the usual smoothed idf)."""
    no_issues = np.zeros((1, DIMENSIONS + vectors.DIMENSIONS), np.float32)
    nothing = Model({}, np.zeros(0, np.float32), 1.0, np.zeros((0, DIMENSIONS), np.float32), 0.0, no_issues)
    standing = Counter(gram for question in questions for gram in wording(question.text, nothing).grams)
    known = sorted(gram for gram, count in standing.items() if count >= KNOWN_FROM)
    weights = np.array([_weight(len(questions), standing[gram]) for gram in known], np.float32)
    no_meanings = np.zeros((len(known), DIMENSIONS), np.float32)
    rows = {gram: row for row, gram in enumerate(known)}
    return Model(rows, weights, _weight(len(questions), 1), no_meanings, 0.0, no_issues)


def _weight(questions: int, standing_in: int) -> float:
    return math.log((1 + questions) / (1 + standing_in)) + 1


def _row(text: str, model: Model) -> Floats:
    """The known n-grams of a text in the columns of the model's rows, weighted; with unknown ones its length is 1."""
    row = np.zeros(len(model.rows), np.float32)
    seen = wording(text, model)
    known = [place for gram in seen.grams if (place := model.rows.get(gram)) is not None]
    row[known] = model.weights[known] * seen.letters
    return row


def _contrasted(shown: Floats, labels: NDArray[np.int64], random: np.random.Generator) -> Floats:
    """Meanings of the n-grams, by supervised contrastive loss (Khosla et al., 2020) and Adam (Kingma and Ba, 2015).

    A question's vector has two parts: its n-grams (length 1), and the sum of their meanings.
    """
    meanings = (random.standard_normal((shown.shape[1], DIMENSIONS)) * 0.05).astype(np.float32)
    mean, square = np.zeros_like(meanings), np.zeros_like(meanings)
    of_issue = [np.flatnonzero(labels == label) for label in range(labels.max() + 1)]
    for step in range(1, STEPS + 1):
        picked = random.permutation(len(of_issue))[:ISSUES]
        batch = np.concatenate([random.choice(of_issue[label], EACH) for label in picked])
        gradient = _gradient(shown[batch], np.repeat(picked, EACH), meanings, random)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        rate = RATE * min(1, step / 30) * (1 - step / STEPS)
        meanings -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return meanings


def _gradient(shown: Floats, labels: NDArray[np.int64], meanings: Floats, random: np.random.Generator) -> Floats:
    kept = shown * (random.random(shown.shape) > DROPPED).astype(np.float32)
    summed = kept @ meanings
    length = np.sqrt(np.square(summed).sum(1, keepdims=True) + 1)
    cosine = (summed @ summed.T + shown @ shown.T) / length / length.T
    logits = cosine / TEMPERATURE
    np.fill_diagonal(logits, -np.inf)
    found = np.exp(logits - logits.max(1, keepdims=True))
    found /= found.sum(1, keepdims=True)
    wanted = (labels[:, None] == labels).astype(np.float32)
    np.fill_diagonal(wanted, 0)
    wanted /= wanted.sum(1, keepdims=True)
    slope = (found - wanted) / len(labels) / TEMPERATURE
    slope = slope + slope.T
    inward = summed * (slope * cosine).sum(1, keepdims=True) / length**2
    gradient: Floats = (kept.T @ ((slope / length.T) @ summed / length - inward)).astype(np.float32)
    return gradient


if __name__ == "__main__":
    path = Path(likeness.__file__).with_name(likeness.SHIPPED)
    questions = bank()
    path.write_bytes(packed(trained(questions)))
    print(f"{path.name}: {path.stat().st_size:,} bytes, from {len(questions):,} questions.")
