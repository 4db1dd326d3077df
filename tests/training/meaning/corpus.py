"""The corpus: short English texts, of which the teacher says what they are about.

A third are sentences that people said to assistants (CLINC150 and HWU64; they are not in the repository). The rest are
made: each word of the vocabulary is put into four sentences of people who ask a help desk, so that every word is met in
company.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from services.meaning.pieces import words

HERE = Path(__file__).parent
SENTENCES = HERE.parents[3] / "shared" / "data" / "meaning" / "sentences.csv"

STRIDES = (7_919, 104_729, 15_485_863, 32_452_843)
"""Primes: by them a word meets, in each of its sentences, two others far away in the vocabulary."""

MADE = (HERE / "sentences_with_gaps.txt").read_text("utf-8").splitlines()
"""With one to three gaps. A noun in the place of a verb does no harm: people write so too."""
DESK_WORDS = (HERE / "desk_words.txt").read_text("utf-8").split()
"""Words of people who ask a help desk, and of its answers; the teacher's vocabulary has few of them whole."""
FOREIGN = frozenset((HERE / "foreign_words.txt").read_text("utf-8").split())
"""Small words of other languages that the teacher's vocabulary has too: they would make other texts pass for
English."""


def texts(known: Sequence[str]) -> list[str]:
    """The corpus, each text once; `known` are the teacher's pieces."""
    whole = [piece for piece in known if piece.isascii() and piece.isalpha() and len(piece) > 1]
    whole = [word for word in whole if word not in FOREIGN]
    return list(dict.fromkeys([*sentences(), *made(whole, whole), *made(DESK_WORDS, whole)]))


def sentences(path: Path = SENTENCES) -> list[str]:
    """What people said to assistants. Raises `FileNotFoundError` that says where it is looked for."""
    if not path.is_file():
        raise FileNotFoundError(f"The sentences are not there: {path} (columns text and source).")
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return [" ".join(words(row["text"])) for row in csv.DictReader(lines)]


def made(of: Sequence[str], beside: Sequence[str]) -> Iterator[str]:
    """Four sentences for each word, in company of words `beside`; the same for the same words."""
    for turn, stride in enumerate(STRIDES):
        for place, word in enumerate(of):
            first, second = (beside[(place * stride + apart + turn) % len(beside)] for apart in (101, 202))
            gaps = MADE[(place * 31 + turn * 17) % len(MADE)]
            is_first = gaps.count("{}") == 1 or (place + turn) % 2
            yield gaps.format(*((word, first, second) if is_first else (first, word, second)))
