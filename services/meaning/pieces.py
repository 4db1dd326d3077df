"""A text as words and pieces of words: what the vectors stand for.

The pieces are those of WordPiece (Schuster and Nakajima, 2012): a word that is no piece itself is cut, from the left,
into the longest pieces that there are; a piece that continues a word begins with `##`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Sequence

WORD = re.compile(r"[^\W_]+")
CONTINUED = "##"

LONGEST_WORD = 40
"""Letters. A longer run is no word of a language with gaps between words, and has no pieces."""


def words(text: str) -> list[str]:
    """The words of a text, in order: case, accents, width and punctuation make no difference. "Can't" is two words."""
    if not text.isascii():
        text = "".join(char for char in unicodedata.normalize("NFKD", text) if unicodedata.category(char) != "Mn")
    return WORD.findall(text.lower())


def pieces(word: str, known: Container[str]) -> Sequence[str]:
    """The pieces of a word that `words` gave; none if `known` lacks one of them."""
    if word in known:
        return (word,)
    if len(word) > LONGEST_WORD:
        return ()
    found: list[str] = []
    start = 0
    while start < len(word):
        prefix = CONTINUED if start else ""
        end = next((end for end in range(len(word), start, -1) if prefix + word[start:end] in known), None)
        if end is None:
            return ()
        found.append(prefix + word[start:end])
        start = end
    return found
