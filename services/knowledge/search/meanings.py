"""Where texts are near each other by meaning: a vector for each text, and what is nearest to a question's.

Of many texts, a first look at 256 bits of each chooses the candidates: it costs a tenth of all products, and seldom
misses one of the nearest.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from contracts.values import dataclass
from services.knowledge.search.values import IndexedText

Vector = NDArray[np.float32]
MeaningOf = Callable[[str], Vector]
"""The vector of what a text is about, always with the same number of dimensions. Its length is 1, or less if part of
the text is unknown.
Threads may call it at the same time."""

MEANT_CHARACTERS = 1_000
"""Of a text's body: what it is about stands at its beginning. More cost more, and found no more."""

BITS = 256
CANDIDATES = 1_000

LEAST_COSINE = 0.15
"""How near a text is that is found by meaning alone."""

MOST_NEAR = 100
"""Texts that are found by meaning alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Meanings:
    """The vectors of texts by number. Some rows may be of texts that are newer, or no longer there."""

    vectors: Vector
    signs: NDArray[np.uint64]
    """Of each vector, on which sides of 256 fixed planes it is: 64 in a row, so that a look goes along memory."""
    planes: Vector

    @classmethod
    def none(cls, dimensions: int) -> Meanings:
        """Room for a few texts."""
        planes = np.random.default_rng(0).standard_normal((dimensions, BITS), np.float32)
        return cls(np.zeros((64, dimensions), np.float32), np.zeros((BITS // 64, 64), np.uint64), planes)

    def with_room(self, number: int) -> Meanings:
        """The same with room for that number."""
        if number < len(self.vectors):
            return self
        vectors = np.concatenate([self.vectors, np.zeros_like(self.vectors)])
        signs = np.concatenate([self.signs, np.zeros_like(self.signs)], axis=1)
        return Meanings(vectors, signs, self.planes)

    def put(self, number: int, vector: Vector) -> None:
        """The text with this number has this vector; zeros: it is near nothing."""
        self.vectors[number] = vector
        self.signs[:, number] = self._signs(vector)

    def near(self, question: Vector, among: NDArray[np.bool_] | None, texts: int) -> NDArray[np.int64]:
        """Numbers of the texts that are near the question, of the first `texts`, the nearest first; `among`: of these
        alone."""
        if not question.any():
            return np.empty(0, np.int64)
        candidates = self._candidates(question, among, texts)
        cosines = self.cosines(question, candidates)
        nearest = np.argsort(-cosines, kind="stable")[:MOST_NEAR]
        return candidates[nearest][cosines[nearest] >= LEAST_COSINE]

    def cosines(self, question: Vector, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
        """How near these texts are to the question, -1 to 1."""
        cosines: NDArray[np.float64] = np.einsum("nd,d->n", self.vectors[numbers], question, dtype=np.float64)
        return cosines

    def _candidates(self, question: Vector, among: NDArray[np.bool_] | None, texts: int) -> NDArray[np.int64]:
        if texts <= CANDIDATES:
            return np.arange(texts) if among is None else np.flatnonzero(among)
        apart = np.zeros(texts, np.uint16)
        for signs, asked in zip(self.signs, self._signs(question), strict=True):
            apart += np.bitwise_count(signs[:texts] ^ asked)
        if among is not None:
            apart[~among] = BITS + 1
        enough = np.searchsorted(np.cumsum(np.bincount(apart, minlength=BITS + 1)[: BITS + 1]), CANDIDATES)
        return np.flatnonzero(apart <= min(int(enough), BITS))

    def _signs(self, vector: Vector) -> NDArray[np.uint64]:
        signs: NDArray[np.uint64] = np.packbits(np.einsum("d,db->b", vector, self.planes) > 0).view(np.uint64)
        return signs


def meaning_of_text(text: IndexedText, meaning_of: MeaningOf) -> Vector:
    """The vector of a text, of length 1; zeros: not known. What the title says counts as much as the rest."""
    summed = meaning_of(" ".join((text.title, *text.keywords))) + meaning_of(text.body[:MEANT_CHARACTERS])
    vector: Vector = summed / np.float32(np.linalg.norm(summed) or 1)
    return vector
