"""The words that the texts of one language hold now: how many texts hold each, and which are near a misspelled one.

A word of a text that was taken away is gone with it, so nothing here tells of a text that is no longer there.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import OSA

from services.knowledge.search.analysis import Analysis

LEAST_TYPO = 4
"""Letters of a word that may have a typo, and of the word that is meant."""

MOST_NEAR = 20
MOST_BEGUN = 50
"""Words that are looked for in place of a misspelled one, and of a half one."""

FEW_VANISHED = 1_000


Receipt = NDArray[np.uint32]
NO_RECEIPT: Receipt = np.empty(0, np.uint32)


def _ends(word: str) -> tuple[str, ...]:
    """What a word with one edit still has, one of them at least. (Of four letters, the two in the middle may be
    swapped.)"""
    ends = f"{word[:2]}…", f"…{word[-2:]}"
    return ends if len(word) > LEAST_TYPO else (*ends, f"{word[0]}…{word[-1]}")


class Vocabulary:
    """One thread changes it; others may read at the same time."""

    def __init__(self, analysis: Analysis) -> None:
        self.texts = 0
        self._analysis = analysis
        self._numbers: dict[str, int] = {}
        self._words: list[str] = []
        self._holding = np.zeros(64, np.uint32)
        self._stems: dict[str, int] = {}
        self._spelled: dict[str, str] = {}
        self._in_order: list[str] = []
        self._by_end: dict[str, list[str]] = {}
        self._new: list[str] = []
        self._vanished: set[int] = set()
        self._free: list[int] = []

    def add(self, words: Iterable[str], text: str) -> Receipt:
        """A text comes, which has these words; the receipt takes it away again."""
        different = list(set(words))
        numbers = list(map(self._numbers.get, different))
        if None in numbers:
            new = {word for word, number in zip(different, numbers, strict=True) if number is None}
            for word in new:
                self._number(word)
            self._remember_spelling(new, text)
            numbers = list(map(self._numbers.get, different))
        receipt = np.array(numbers, np.uint32)
        for number in receipt[self._holding[receipt] == 0].tolist():
            self._count_stem(number, 1)
        self._holding[receipt] += 1
        self.texts += 1
        return receipt

    def take_away(self, receipt: Receipt) -> None:
        """The text with this receipt goes."""
        self._holding[receipt] -= 1
        for number in receipt[self._holding[receipt] == 0].tolist():
            self._count_stem(number, -1)
            self._vanished.add(number)
        self.texts -= 1

    def settle(self) -> None:
        """Texts came and went: new words can be found from now on, and vanished ones give their room back."""
        if len(self._vanished) > max(FEW_VANISHED, len(self._numbers) // 2):
            for number in self._vanished:
                if not self._holding[number]:
                    word = self._words[number]
                    del self._numbers[word]
                    self._spelled.pop(word, None)
                    self._free.append(number)
            self._vanished.clear()
            self._in_order, self._by_end, self._new = [], {}, list(self._numbers)
        if self._new:
            self._in_order = sorted([*self._in_order, *self._new])
            for word in self._new:
                if len(word) >= LEAST_TYPO:
                    for end in _ends(word):
                        self._by_end.setdefault(end, []).append(word)
            self._new = []

    def holding(self, word: str) -> int:
        """How many texts hold the folded word."""
        number = self._numbers.get(word)
        return 0 if number is None else int(self._holding[number])

    def holds(self, word: str, stem: str) -> bool:
        """Whether a text holds this word, or another of the same stem."""
        return self.holding(word) > 0 or self._stems.get(stem, 0) > 0

    def rarity(self, word: str) -> float:
        """The weight of a word in BM25 (idf): the fewer texts hold it, the more."""
        holding = self.holding(word)
        others = max(0, self.texts - holding)  # a text that comes right now may be counted by half
        return math.log(1 + (others + 0.5) / (holding + 0.5))

    def begun(self, half: str) -> list[str]:
        """The words that begin with `half`, the most frequent first."""
        return self._most_frequent(self._beginning(half))

    def begun_nearly(self, half: str) -> list[str]:
        """The words that begin with `half` but for one edit behind the second letter, the most frequent first."""
        alike = self._beginning(half[:2])
        starts = [word[: len(half)] for word in alike]
        near = process.extract(half, starts, scorer=OSA.distance, processor=None, score_cutoff=1, limit=None)
        return self._most_frequent(alike[place] for _, _, place in near)

    def near(self, word: str, most_edits: int = 1) -> list[tuple[int, str]]:
        """The words from which this one differs by up to so many edits (a letter more, less, another, or two swapped),
        with the edits: the nearest first, of these the most frequent. Its beginning or its end must be right, and is
        after one edit."""
        candidates = {each for end in _ends(word) for each in self._by_end.get(end, ())}
        near = process.extract(
            word, candidates, scorer=OSA.distance, processor=None, score_cutoff=most_edits, limit=None
        )
        found = sorted((edits, -self.holding(each), each) for each, edits, _ in near if self.holding(each))
        return [(edits, each) for edits, _, each in found[:MOST_NEAR]]

    def spelled(self, word: str) -> str:
        """The word as a text writes it: zurück, which is compared as zuruck."""
        return self._spelled.get(word, word)

    def _beginning(self, half: str) -> list[str]:
        in_order = self._in_order
        return in_order[bisect_left(in_order, half) : bisect_left(in_order, half + "\U0010ffff")]

    def _most_frequent(self, words: Iterable[str]) -> list[str]:
        return sorted(filter(self.holding, words), key=lambda word: -self.holding(word))[:MOST_BEGUN]

    def _remember_spelling(self, new: set[str], text: str) -> None:
        for piece in text.split():
            if not self._analysis.is_as_written(piece):
                for word in self._analysis.words(piece):
                    written = piece[word.start : word.end].lower()
                    if word.word in new and word.word != written:
                        self._spelled[word.word] = written

    def _number(self, new: str) -> None:
        if self._free:
            number = self._free.pop()
            self._words[number] = new
        else:
            number = len(self._words)
            self._words.append(new)
            if number == len(self._holding):
                self._holding = np.concatenate([self._holding, np.zeros_like(self._holding)])
        self._numbers[new] = number
        self._new.append(new)

    def _count_stem(self, number: int, change: int) -> None:
        stem = self._analysis.stem(self._words[number])
        left = self._stems.get(stem, 0) + change
        if left:
            self._stems[stem] = left
        else:
            del self._stems[stem]
