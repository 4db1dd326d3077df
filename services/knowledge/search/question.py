"""What somebody looks for, in terms of the texts of one language: for each word all that may be meant by it.

Nothing is parsed: a question is the words in it. Exact words count most, then words of the same stem, then synonyms,
words that a half word begins, and words that a typo hides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import NamedTuple

from contracts.articles import MAX_QUERY
from contracts.values import dataclass
from services.knowledge.search.analysis import Analysis, Word, has_no_gaps
from services.knowledge.search.marking import Marking
from services.knowledge.search.synonyms import Synonyms
from services.knowledge.search.vocabulary import LEAST_TYPO, Vocabulary

SYNONYM = 0.8
HALF = 0.5
TYPO = 0.5
"""What these count, against a word of the same stem."""

LEAST_HALF = 2
LEAST_PART = 2
"""Letters of a half word, and of each word that somebody wrote as one with another."""

MOST_WORDS = 32
"""Words of a question that are looked for: each costs time."""

LONG = 8
"""Letters of a word that may have two typos, for "did you mean"."""


class Meant(NamedTuple):
    """Stems in a row (mostly one) that may be meant, and how much they count."""

    stems: tuple[str, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the question: its `word`, which counts in itself, and all that may be meant, of which the best counts.

    `rarity` weighs the part among the others.
    """

    word: str
    meant: tuple[Meant, ...]
    rarity: float


@dataclass(frozen=True, slots=True)
class Question:
    """The `text` of a question, and its parts that the texts of one language can answer. `rarity`: of all its words
    together, also of those that no text holds."""

    text: str
    parts: tuple[Part, ...]
    rarity: float
    marking: Marking


def question(text: str, language: str, analysis: Analysis, vocabulary: Vocabulary, synonyms: Synonyms) -> Question:
    """The question that somebody asks with this text of texts with this vocabulary."""
    words = _words(text, analysis)
    asked = _asked(words, analysis)
    alone = [_part(word, word is words[-1], analysis, vocabulary) for word in asked]
    parts = [*alone, *_together(words, analysis, vocabulary), *_synonyms(words, language, synonyms)]
    meant = {each.stems for part in parts for each in part.meant}
    return Question(
        text,
        tuple(part for part in parts if part.meant),
        sum(part.rarity for part in alone),
        Marking(
            analysis,
            frozenset(word.word for word in asked),
            frozenset(stems[0] for stems in meant if len(stems) == 1),
            frozenset(stems for stems in meant if len(stems) > 1),
        ),
    )


def corrected(text: str, vocabularies: Sequence[tuple[Analysis, Vocabulary]]) -> str | None:
    """The text with each word that no vocabulary holds in the nearest spelling that one holds; None if it stays, or
    becomes too long to be asked.

    The last word may be half, and is right then.
    """
    cuts = [{(word.start, word.end): word for word in _words(text, analysis)} for analysis, _ in vocabularies]
    pieces, at = [], 0
    for place in cuts[0] if cuts else ():
        start, end = place
        read = [(cut[place], *of) for cut, of in zip(cuts, vocabularies, strict=True) if place in cut]
        known = len(read) < len(cuts) or any(_is_known(word, end == len(text), of, held) for word, of, held in read)
        near = [] if known or start < at else [each for word, _, held in read for each in _near(word.word, held)]
        if near:
            pieces += [text[at:start], min(near)[2]]
            at = end
    whole = "".join([*pieces, text[at:]])
    return whole if pieces and len(whole) <= MAX_QUERY else None


def _words(text: str, analysis: Analysis) -> list[Word]:
    return list(islice(analysis.words(text), MOST_WORDS))


def _is_known(word: Word, half: bool, analysis: Analysis, vocabulary: Vocabulary) -> bool:
    return (
        len(word.word) < LEAST_TYPO
        or analysis.says_little(word.word)
        or vocabulary.holds(word.word, word.stem)
        or (half and bool(vocabulary.begun(word.word)))
    )


def _near(word: str, vocabulary: Vocabulary) -> Iterator[tuple[int, int, str]]:
    """Words that may be meant: edits, how rare, as texts write it."""
    for edits, near in vocabulary.near(word, 2 if len(word) >= LONG else 1):
        yield edits, -vocabulary.holding(near), vocabulary.spelled(near)


def _asked(words: list[Word], analysis: Analysis) -> list[Word]:
    """The words that say something, each once; if none does, all."""
    different = list({word.word: word for word in reversed(words)}.values())[::-1]
    telling = [word for word in different if not analysis.says_little(word.word)]
    return telling or different


def _part(word: Word, last: bool, analysis: Analysis, vocabulary: Vocabulary) -> Part:
    meant = {word.stem: 1.0} if vocabulary.holds(word.word, word.stem) else {}
    is_half = last and (len(word.word) >= LEAST_HALF or has_no_gaps(word.word))  # one character is half a pair
    begun = vocabulary.begun(word.word) if is_half else []
    for each in begun:
        meant.setdefault(analysis.stem(each), HALF)
    if not meant and len(word.word) >= LEAST_TYPO:
        for _, each in vocabulary.near(word.word):
            meant.setdefault(analysis.stem(each), TYPO)
        for each in vocabulary.begun_nearly(word.word) if last and not meant else ():
            meant.setdefault(analysis.stem(each), HALF * TYPO)
    return Part(
        word.word,
        (*(Meant((stem,), weight) for stem, weight in meant.items()), *_split(word.word, analysis, vocabulary)),
        vocabulary.rarity(word.word if vocabulary.holding(word.word) or not begun else begun[0]),
    )


def _split(word: str, analysis: Analysis, vocabulary: Vocabulary) -> Iterator[Meant]:
    """Two words that somebody wrote as one: log in, where they wrote login."""
    cuts = [(word[:place], word[place:]) for place in range(LEAST_PART, len(word) - LEAST_PART + 1)]
    held, first, second = max(((min(map(vocabulary.holding, cut)), *cut) for cut in cuts), default=(0, "", ""))
    if held:
        yield Meant((analysis.stem(first), analysis.stem(second)), 1.0)


def _together(words: list[Word], analysis: Analysis, vocabulary: Vocabulary) -> Iterator[Part]:
    """Words that somebody wrote as two: login, where they wrote log in or log-in."""
    for first, second in pairwise(words):
        together = first.word + second.word
        if vocabulary.holding(together):
            yield Part(together, (Meant((analysis.stem(together),), 1.0),), vocabulary.rarity(together))


def _synonyms(words: list[Word], language: str, synonyms: Synonyms) -> Iterator[Part]:
    for start, end, other in synonyms.of(language, tuple(word.stem for word in words)):
        yield Part("", (Meant(other, SYNONYM * (end - start)),), 0)
