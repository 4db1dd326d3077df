"""Makes the model of `services/meaning`: what each piece of a word means, so that texts, as sums of their pieces, are
as near to each other as the teacher finds them.

`python -m tests.training.meaning.train FOLDER` writes the one that is shipped; FOLDER holds the teacher's
`model.safetensors` and `vocab.txt`. What is done and why: docs/meaning.md.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.meaning import vectors
from services.meaning.pieces import pieces, words
from services.meaning.vectors import DIMENSIONS, Model
from tests.training.meaning import corpus
from tests.training.meaning.teacher import Floats, teacher

Places = NDArray[np.int64]

OFTEN = 3
"""Texts in which a piece, or a word, must stand to be known."""
COMMON = 0.001
"""The share of the corpus's pieces from which a piece counts half: a / (a + p), Arora et al., 2017."""
STEPS, RATE, BATCH = 1_000, 0.003, 512


@dataclass(frozen=True)
class Bags:
    """Texts as bags of pieces: the rows of text i are `rows[starts[i] : starts[i + 1]]`; each text has at least a
    row."""

    rows: Places
    starts: Places

    @property
    def sizes(self) -> Places:
        """Of each text."""
        return np.diff(self.starts)

    def picked(self, texts: Places) -> Bags:
        """Some of the texts."""
        sizes = self.sizes[texts]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        within = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
        return Bags(self.rows[np.repeat(self.starts[texts], sizes) + within], starts)

    def sums(self, meanings: Floats) -> Floats:
        """For each text the sum of its rows of `meanings`."""
        found: Floats = np.add.reduceat(meanings[self.rows], self.starts[:-1], axis=0)
        return found

    def spread(self, of_texts: Floats, count: int) -> Floats:
        """For each of `count` rows the sum over the texts that it stands in: the transpose of `sums`."""
        rows, starts, texts = self._turned
        found = np.zeros((count, of_texts.shape[1]), np.float32)
        found[rows] = np.add.reduceat(of_texts[texts], starts, axis=0)
        return found

    @cached_property
    def _turned(self) -> tuple[Places, Places, Places]:
        """The rows that stand in any text; where the texts of each begin; these texts."""
        order = np.argsort(self.rows, kind="stable")
        texts = np.repeat(np.arange(len(self.sizes)), self.sizes)[order]
        rows, starts = np.unique(self.rows[order], return_index=True)
        return rows, starts, texts


def bags(texts: Sequence[Sequence[int]]) -> Bags:
    """Texts whose pieces are given by their rows."""
    return Bags(
        np.array([row for rows in texts for row in rows], np.int64),
        np.concatenate([[0], np.cumsum([len(rows) for rows in texts])]),
    )


def started(alone: Floats, sentences: Floats, counts: Places) -> Floats:
    """What the teacher says of each piece alone, less the mean, weighted by rarity, in the main directions of
    `sentences`."""
    weights = COMMON / (COMMON + counts / counts.sum())
    found: Floats = (alone - alone.mean(0)) * weights.astype(np.float32)[:, None] @ main_directions(sentences)
    return found


def main_directions(sentences: Floats) -> Floats:
    """(384, 128): those in which these vectors, of mean 0, differ most."""
    _, found = np.linalg.eigh((sentences.T @ sentences).astype(np.float64))
    return found[:, : -DIMENSIONS - 1 : -1].astype(np.float32)


def adjusted(texts: Bags, taught: Floats, start: Floats, random: np.random.Generator, steps: int = STEPS) -> Floats:
    """The rows, moved from `start` until the cosines of texts are like those of `taught`: by Adam (Kingma and Ba,
    2015)."""
    found = start.copy()
    mean, square = np.zeros_like(found), np.zeros_like(found)
    for step in range(1, steps + 1):
        batch = random.choice(len(texts.sizes), min(BATCH, len(texts.sizes)), replace=False)
        gradient = gradient_of(texts.picked(batch), taught[batch], found)
        mean += 0.1 * (gradient - mean)
        square += 0.001 * (gradient**2 - square)
        rate = RATE * min(1, step / 30) * (1 - step / (steps + 1))
        found -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return found


def loss(texts: Bags, taught: Floats, meanings: Floats) -> float:
    """How wrong the cosines of a text with the others are: the sum of the squares, on average."""
    unit, _ = units(texts.sums(meanings))
    return float(np.square(unit @ unit.T - taught @ taught.T).sum()) / len(taught)


def gradient_of(texts: Bags, taught: Floats, meanings: Floats) -> Floats:
    """Of the loss, for each row."""
    unit, lengths = units(texts.sums(meanings))
    wrong = unit @ unit.T - taught @ taught.T
    slope = 4 / len(taught) * wrong @ unit
    return texts.spread((slope - unit * (slope * unit).sum(1, keepdims=True)) / lengths, len(meanings))


def units(summed: Floats) -> tuple[Floats, Floats]:
    """The same vectors with the length 1, and their lengths (n, 1)."""
    lengths = np.linalg.norm(summed, axis=1, keepdims=True) + np.float32(1e-9)
    return summed / lengths, lengths


def trained(folder: Path, seed: int = 0) -> Model:
    """The model that is learned from the teacher in `folder`. The same for the same input and seed, on one machine."""
    taught_by = teacher(folder)
    numbers = taught_by.numbers
    texts = corpus.texts(list(numbers))
    cut = [[piece for word in words(text) for piece in pieces(word, numbers)] for text in texts]
    counts = Counter(piece for found in cut for piece in found)
    standing = Counter(piece for found in cut for piece in set(found))
    known = sorted(piece for piece, count in standing.items() if count >= OFTEN)
    rows = {piece: row for row, piece in enumerate(known)}
    read = [([rows[piece] for piece in found if piece in rows], text) for found, text in zip(cut, texts, strict=True)]
    read = [(found, text) for found, text in read if found]
    said = taught_by.vectors([text for _, text in read])
    said -= said.mean(0)
    start = started(taught_by.alone(known), said, np.array([counts[piece] for piece in known]))
    meanings = adjusted(bags([found for found, _ in read]), units(said)[0], start, np.random.default_rng(seed))
    in_texts = Counter(word for text in texts for word in set(words(text)))
    english = frozenset(word for word, count in in_texts.items() if count >= OFTEN)
    return Model(rows, np.rint(meanings * (127 / np.abs(meanings).max())).astype(np.int8), english)


def packed(model: Model) -> bytes:
    """The model as the file that `vectors.unpacked` reads."""
    file = BytesIO()
    np.savez_compressed(
        file,
        pieces=np.frombuffer("\n".join(model.rows).encode(), np.uint8),
        english=np.frombuffer("\n".join(sorted(model.english)).encode(), np.uint8),
        meanings=model.meanings,
    )
    return file.getvalue()


if __name__ == "__main__":
    path = Path(vectors.__file__).with_name(vectors.SHIPPED)
    path.write_bytes(packed(trained(Path(sys.argv[1]))))
    print(f"{path.name}: {path.stat().st_size:,} bytes.")
