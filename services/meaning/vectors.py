"""From a text to a vector: what its pieces of words mean, summed up, as far as the text is English.

What the pieces mean was learned from a sentence model. docs/meaning.md says how, and how well it does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib import resources
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from contracts.values import dataclass
from services.meaning.pieces import LONGEST_WORD, pieces, words
from services.meaning.remembered import Remembered

Floats = NDArray[np.float32]

DIMENSIONS = 128

READ_CHARACTERS = 2_000
"""Of a text, its beginning: the sum of a longer one says little, and each thousand costs a tenth of a millisecond."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What was learned: for each piece its row in `meanings`, (n, 128) in 8 bits; and the words of English texts."""

    rows: dict[str, int]
    meanings: NDArray[np.int8]
    english: frozenset[str]

    def vector(self, text: str) -> Floats:
        """What a text is about: 128 numbers. The product of two is their cosine, less where a text is not all English.

        Its length is 1 for English, next to 0 for another language, and 0 for a text of which it knows no word: the
        square of the share of letters that stand in English words. Any string has a vector, also an empty one.
        """
        found = words(text[:READ_CHARACTERS])
        known = _rows(self)
        rows = [row for word in found if len(word) <= LONGEST_WORD for row in known[word]]
        # In whole numbers, so the order of words makes no difference.
        summed: Floats = self.meanings.take(np.array(rows, np.intp), 0).sum(0, dtype=np.int32).astype(np.float32)
        length = math.sqrt(float(summed @ summed)) or 1.0
        summed *= _share(found, self.english) ** 2 / length
        return summed

    def vectors(self, texts: Sequence[str]) -> Floats:
        """The vectors of many texts, (n, 128). A hundred thousand take seconds, and hold the interpreter's lock."""
        found = np.zeros((len(texts), DIMENSIONS), np.float32)
        for place, text in enumerate(texts):
            found[place] = self.vector(text)
        return found


REMEMBERED = 1 << 16
"""Words whose rows are remembered, in 15 MB at most: to cut a rare word costs as much as to look up fifty."""


@lru_cache(maxsize=2)
def _rows(model: Model) -> Remembered[tuple[int, ...]]:
    """By word, the rows of its pieces. Ask it for short words alone, because what people type stays in memory."""
    return Remembered(lambda word: tuple(model.rows[piece] for piece in pieces(word, model.rows)), REMEMBERED)


def _share(found: Sequence[str], english: frozenset[str]) -> float:
    """Of the letters of these words, those that stand in English ones; 0 to 1."""
    letters = sum(map(len, found))
    return sum(map(len, filter(english.__contains__, found))) / letters if letters else 0.0


def unpacked(file: bytes) -> Model:
    """The model that such a file holds."""
    with np.load(BytesIO(file)) as stored:
        known, english = (stored[name].tobytes().decode().split("\n") for name in ("pieces", "english"))
        return Model({piece: row for row, piece in enumerate(known)}, stored["meanings"], frozenset(english))


SHIPPED = "meanings.npz"


@cache
def shipped() -> Model:
    """The model that the desk uses. It holds 10 MB of memory, and is read from its file once."""
    return unpacked(resources.files(__package__).joinpath(SHIPPED).read_bytes())
