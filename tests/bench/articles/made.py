"""Articles in any number, made of the words of the shipped ones and of invented words, as rare as words are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from services.knowledge.search.values import IndexedText
from tests.bench.articles.shipped import shipped

WORDS = 60_000
"""Of the vocabulary: those of the shipped articles come first, then invented ones."""

TEXT = 250
"""Words of a text."""

_SYLLABLES = [first + vowel + last for first in "bdfgklmnprst" for vowel in "aeiou" for last in ("", "n", "r", "st")]


def made_texts(number: int) -> Iterator[IndexedText]:
    """English texts, always the same; a word of rank r stands in them in proportion to 1 / (r + 20)."""
    rng = np.random.default_rng(0)
    words = np.array(_vocabulary(rng))
    cumulated = np.cumsum(1 / (np.arange(len(words)) + 20.0))
    for place in range(number):
        drawn = words[np.searchsorted(cumulated, rng.random(TEXT + 30) * cumulated[-1])].tolist()
        title, summary, headings, body = drawn[:6], drawn[6:18], drawn[18:30], drawn[30:]
        yield IndexedText(
            f"article-{place}",
            "en",
            f"category-{place % 8}",
            " ".join(title),
            " ".join(summary),
            " ".join(headings),
            " ".join(body),
        )


def _vocabulary(rng: np.random.Generator) -> list[str]:
    counted = Counter(
        word for text in shipped() if text.language == "en" for word in f"{text.title} {text.body}".lower().split()
    )
    words = [word for word, _ in counted.most_common()]
    known = set(words)
    while len(words) < WORDS:
        word = "".join(_SYLLABLES[place] for place in rng.integers(len(_SYLLABLES), size=rng.integers(2, 5)))
        if word not in known:
            known.add(word)
            words.append(word)
    return words
