"""Cuts a text into the words that the index knows, by its language: folded, and stemmed where there is a stemmer.

Folding makes equal what people take for equal: case, accents, ß and ss, ä and ae (in German), width, apostrophes
(don't, dont), invisible characters. The stem is that of the folded word, so accents that somebody leaves out change
nothing. Languages without gaps between words, and Korean with its endings, go by pairs of characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Container, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import tantivy

from contracts.blank import IGNORABLE
from services.knowledge.search.stop_words import STOP_WORDS
from services.meaning.remembered import Remembered

_MARKS = "".join(code for code in map(chr, range(0x300, 0x10000)) if unicodedata.category(code).startswith("M"))
"""Marks that belong to the letter before them, and that Python does not count as word characters."""

_INVISIBLE = "".join(f"{chr(first)}-{chr(last)}" for first, last in IGNORABLE)
_APOSTROPHES = "'’ʼ＇"
_WRITTEN = re.compile(rf"\w+(?:[{_MARKS}{_INVISIBLE}{_APOSTROPHES}]+\w+)*[{_MARKS}]*")
_hyphen = re.compile("[-‐‑–]").search
_PARTS = re.compile(rf"[^_{_APOSTROPHES}]+")
_APOSTROPHE = re.compile(f"[{_APOSTROPHES}]")
_DROPPED = re.compile(rf"(?<![иу])[\u0300-\u036f]|[\u0591-\u05c7\u0640\u064b-\u0652{_INVISIBLE}]|\s")
"""Accents (й and ў are letters), points of Hebrew and Arabic, what cannot be seen."""

_WITHOUT_GAPS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"  # Han, kana
    "\u1100-\u11ff\uac00-\ud7af\U00020000-\U0003ffff"  # Hangul, rare Han
)
has_no_gaps = re.compile(f"[{_WITHOUT_GAPS}]").search
"""Whether it is cut into pairs of characters."""
_RUNS = re.compile(rf"[{_WITHOUT_GAPS}{_MARKS}]+|[^{_WITHOUT_GAPS}]+")
_UNITS = re.compile(rf".[{_MARKS}\uff9e\uff9f{_INVISIBLE}]*", re.DOTALL)

_LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "þ": "th", "ħ": "h"})
_UMLAUTS = re.compile("(?<=[ao])e|(?<=u)(?<![aeq]u)e")
"""In German, ae, oe and ue are ä, ö and ü, but not in neue, Mauer and Quelle (as in Snowball)."""

LONGEST_WORD = 60
"""Characters of a word that are compared: what is longer is no word."""

_STEMMERS = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish", "fi": "finnish",
    "fr": "french", "hu": "hungarian", "it": "italian", "nb": "norwegian", "nl": "dutch", "nn": "norwegian",
    "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish", "ta": "tamil",
    "tr": "turkish",
}  # fmt: skip
"""The stemmer by language, without script and region."""

_ELIDING = frozenset({"ca", "fr", "it", "oc"})
"""Languages that write two words with an apostrophe between them: l'aide."""


class Word(NamedTuple):
    """A word of a text: its place there, as it is compared, and its stem (itself, if there is no stemmer)."""

    start: int
    end: int
    word: str
    stem: str


class Analysis:
    """How texts of one language are cut into words. Thread-safe."""

    def __init__(self, language: str) -> None:
        self._elides = language in _ELIDING
        self._folded: Callable[[str], str] = _german if language == "de" else folded
        self._stem = _stemmer(_STEMMERS[language]) if language in _STEMMERS else None
        self._stop_words = frozenset(map(self._folded, STOP_WORDS.get(language, ())))
        self._of_written = lru_cache(maxsize=1 << 12)(self._cut)
        self._indexed = Remembered(self._cut_for_index, 1 << 16)

    def words(self, text: str) -> Iterator[Word]:
        """The words of the text, in their order."""
        for written in _WRITTEN.finditer(text):
            start = written.start()
            for first, last, word, stem in self._of_written(written[0]):
                yield Word(start + first, start + last, word, stem)

    def words_among(self, text: str, words: Container[str], stems: Container[str]) -> Iterator[tuple[int, Word]]:
        """Those words of the text that are one of these, or have one of these stems; each with its place among all of
        the text's words, from 0. It looks closely at few of them, so it is faster than `words`."""
        found = list(_WRITTEN.finditer(text))
        cut = [self._indexed[written[0]] for written in found]
        near = [at for at, (word, stem) in enumerate(cut) if stem in stems or word in words or not word or " " in word]
        more = 0  # words before this, than pieces of text without a gap
        for at in near:
            start, here = found[at].start(), self._of_written(found[at][0])
            for part, (first, last, word, stem) in enumerate(here):
                if word in words or stem in stems:
                    yield at + more + part, Word(start + first, start + last, word, stem)
            more += len(here) - 1

    def indexed(self, text: str) -> tuple[str, str]:
        """The words of the text, and their stems, with gaps between them. At the end, what hyphens join is there as one
        word too: login of log-in."""
        written = _WRITTEN.findall(text)
        cut = [*map(self._indexed.__getitem__, written), *((word, self.stem(word)) for word in self._joined(text))]
        return " ".join([words for words, _ in cut]), " ".join([stems for _, stems in cut])

    def _joined(self, text: str) -> Iterator[str]:
        for hyphenated in filter(_hyphen, text.split()) if _hyphen(text) else ():
            for first, second in pairwise(self.words(hyphenated)):
                if first.end + 1 == second.start and _hyphen(hyphenated, first.end, second.start):
                    yield (first.word + second.word)[:LONGEST_WORD]

    def says_little(self, word: str) -> bool:
        """Whether a folded word is one that every text has, such as `the`."""
        return word in self._stop_words

    def is_as_written(self, text: str) -> bool:
        """Whether folding changes nothing in this text but capital letters."""
        return text.isascii() and "'" not in text

    def stem(self, word: str) -> str:
        """The stem of a folded word."""
        return word if self._stem is None else self._stem(word)

    def _cut(self, written: str) -> tuple[tuple[int, int, str, str], ...]:
        """The words of what is written without a gap: place, word, stem."""
        return tuple((start, end, word, self.stem(word)) for start, end, word in self._parts(written) if word)

    def _cut_for_index(self, written: str) -> tuple[str, str]:
        cut = self._cut(written)
        return " ".join(word for _, _, word, _ in cut), " ".join(stem for _, _, _, stem in cut)

    def _parts(self, written: str) -> Iterator[tuple[int, int, str]]:
        if has_no_gaps(written):
            for run in _RUNS.finditer(written):
                yield from self._pairs(run) if has_no_gaps(run[0]) else [(run.start(), run.end(), self._word(run[0]))]
        elif self._elides or "_" in written:
            for part in _PARTS.finditer(written):
                yield part.start(), part.end(), self._word(part[0])
        else:
            yield 0, len(written), self._word(written)

    def _word(self, part: str) -> str:
        return self._folded(_APOSTROPHE.sub("", part))[:LONGEST_WORD]

    def _pairs(self, run: re.Match[str]) -> Iterator[tuple[int, int, str]]:
        units = list(_UNITS.finditer(run[0]))
        at = run.start()
        if len(units) == 1:
            yield at, run.end(), self._folded(run[0])
        for first, second in pairwise(units):
            yield at + first.start(), at + second.end(), self._folded(first[0] + second[0])


@lru_cache(maxsize=256)
def analysis_of(language: str) -> Analysis:
    """The analysis of a language (BCP 47): script, region and variants change nothing."""
    return _analysis(primary(language))


def primary(language: str) -> str:
    """The language of a tag, without script, region and variants: `pt` of `pt-BR`."""
    return language.split("-", 1)[0].lower()


@lru_cache(maxsize=256)
def _analysis(language: str) -> Analysis:
    return Analysis(language)


def folded(text: str) -> str:
    """The text as it is compared: one form for all that people take for the same."""
    if text.isascii():
        return "".join(text.lower().split())
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", _DROPPED.sub("", plain)).translate(_LETTERS)


def _german(text: str) -> str:
    return _UMLAUTS.sub("", folded(text))


def _stemmer(name: str) -> Callable[[str], str]:
    analyzer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw()).filter(tantivy.Filter.stemmer(name)).build()

    def stem(word: str) -> str:
        stems = analyzer.analyze(word)
        return stems[0] or word if stems else word

    return lru_cache(maxsize=1 << 14)(stem)
