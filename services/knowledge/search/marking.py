"""Marks the words that were looked for in a text, and finds the place of a text that has most of them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from contracts.values import dataclass
from services.knowledge.search.analysis import Analysis, Word

EXCERPT = 200
"""Characters of an excerpt, about."""

LOOKED_AT = 20_000
"""Characters of a text from which an excerpt is chosen: a longer text would take as long as all others together."""

Pieces = list[tuple[str, bool]]
"""A text in pieces that join to all of it, each with whether it was looked for."""


@dataclass(frozen=True, slots=True)
class Marking:
    """What was looked for in texts of one language: these words, all words of these stems, and stems in a row."""

    analysis: Analysis
    words: frozenset[str]
    stems: frozenset[str]
    phrases: frozenset[tuple[str, ...]]

    def and_of(self, other: Marking | None) -> Marking:
        """What both look for in texts of the same language."""
        if other is None:
            return self
        return Marking(self.analysis, self.words | other.words, self.stems | other.stems, self.phrases | other.phrases)

    def marked(self, text: str) -> Pieces:
        """The text in pieces."""
        return _pieces(text, 0, len(text), self._found(text))

    def excerpt(self, text: str) -> Pieces:
        """The place of the text with most of what was looked for, in pieces: whole words, about `EXCERPT` characters.

        Of a long text, it looks at the first `LOOKED_AT` characters. Where something is left out, there is an ellipsis.
        """
        looked_at = text[: _word_end(text, LOOKED_AT)]
        found = self._found(looked_at)
        start, end = _best_place(looked_at, found)
        pieces = _pieces(text, start, end, found)
        before = [("… ", False)] if start else []
        after = [(" …", False)] if end < len(text) else []
        return _joined([*before, *pieces, *after])

    def _found(self, text: str) -> list[Word]:
        in_phrases = {stem for phrase in self.phrases for stem in phrase}
        near = list(self.analysis.words_among(text, self.words, self.stems | in_phrases))
        found = {place for place, word in near if word.word in self.words or word.stem in self.stems}
        for phrase in self.phrases:
            in_a_row = list(enumerate(phrase))
            for at, (start, word) in enumerate(near):
                if word.stem == phrase[0]:
                    row = near[at : at + len(phrase)]
                    if [(place - start, each.stem) for place, each in row] == in_a_row:
                        found.update(place for place, _ in row)
        return [word for place, word in near if place in found]


def _best_place(text: str, found: list[Word]) -> tuple[int, int]:
    """From where to where: with most different words, of these the first."""
    if len(text) <= EXCERPT:
        return 0, len(text)
    best, most = 0, (0, 0)
    starts = [word.start for word in found]
    for place, word in enumerate(found):
        inside = found[place : bisect_right(starts, word.start + EXCERPT - 40)]
        measure = len({each.stem for each in inside}), len(inside)
        if measure > most:
            best, most = word.start, measure
    start = _word_start(text, max(0, best - 40))
    return start, _word_end(text, start + EXCERPT)


def _word_start(text: str, at: int) -> int:
    """Where the word at `at` begins, unless that is far away."""
    gap = max(text.rfind(" ", max(0, at - 40), at + 1), text.rfind("\n", max(0, at - 40), at + 1))
    return gap + 1 if gap >= 0 else (0 if at < 40 else at)


def _word_end(text: str, at: int) -> int:
    if at >= len(text):
        return len(text)
    gap = max(text.rfind(" ", at - 40, at + 1), text.rfind("\n", at - 40, at + 1))
    return gap if gap >= 0 else at


def _pieces(text: str, start: int, end: int, found: list[Word]) -> Pieces:
    pieces: Pieces = []
    at = start
    for word in found[bisect_left(found, start, key=lambda word: word.start) :]:
        first, last = max(word.start, at), min(word.end, end)
        if first < last:
            pieces += [(text[at:first], False), (text[first:last], True)]
            at = last
    return _joined([*pieces, (text[at:end], False)])


def _joined(pieces: Pieces) -> Pieces:
    """The same without empty pieces, and with like neighbours in one."""
    joined: Pieces = []
    for text, found in pieces:
        if joined and joined[-1][1] == found:
            joined[-1] = joined[-1][0] + text, found
        elif text:
            joined.append((text, found))
    return joined
