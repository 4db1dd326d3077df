"""The key of an issue. A person has at most one open ticket for each key.

The database enforces that with a unique index on (person, key of an open ticket); this module makes the key. The page
is docs/intake.md.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping

from contracts.blank import FOR_COMPARING
from contracts.catalogue import Category


def one_open_key(category: Category, subcategory: str | None, subject: str, issue_key: str | None) -> str:
    """The key of an issue filed under `category`.

    It is the channel's `issue_key` where there is one, else category, subcategory and subject normalised; a category
    whose `one_open_per` is wider lets a requester have one open ticket of that category, or of all such categories.
    """
    if category.one_open_per == "requester":
        return "requester"
    if category.one_open_per == "category":
        return f"category\x1f{category.id}"
    if issue_key is not None:
        return f"issue\x1f{as_seen(issue_key)}"
    return "\x1f".join(("text", category.id, subcategory or "", normalised(subject)))


def as_made_now(key: str) -> str:
    """A key of an older version, which took other characters for invisible, as this version makes it. Idempotent."""
    kind, _, rest = key.partition("\x1f")
    if kind == "issue":
        return f"issue\x1f{as_seen(rest)}"
    if kind != "text" or key.isascii():
        return key
    category, subcategory, words, *place = rest.split("\x1f")
    return "\x1f".join(("text", category, subcategory, normalised(words), *place))


def is_of_text(key: str) -> bool:
    """Whether only the words of a submission made the key: then its requester may say that this is another issue."""
    return key.startswith("text\x1f")


def told_apart(key: str, place: int) -> str:
    """The key of the `place`-th issue (from 2) that a requester keeps apart from others of the same words."""
    return f"{key}\x1f{place}"


def normalised(text: str) -> str:
    """Text as it is compared: NFKC, case, punctuation and what nobody sees make no difference. Idempotent.

    Text of punctuation alone keeps it, so that "!!!" and "???" stay two subjects.
    """
    return _until_stable(text, WORDS_ALONE) or _until_stable(text, FOR_COMPARING)


def as_seen(issue_key: str) -> str:
    """A channel's key as it is compared: keys that look the same are one (NFKC, and what nobody sees). Case and
    punctuation are the channel's own: `A-1` and `a1` may be two orders. Idempotent."""
    return _until_stable(issue_key, FOR_COMPARING, str)


class Punctuation(dict[int, str]):
    """For `str.translate`: as for comparing, with a space for punctuation too. Learns as it is asked."""

    def __missing__(self, code: int) -> str:
        self[code] = " " if unicodedata.category(chr(code))[0] == "P" else chr(code)
        return self[code]


WORDS_ALONE = Punctuation(FOR_COMPARING)


def _until_stable(text: str, table: Mapping[int, str], fold: Callable[[str], str] = str.casefold) -> str:
    # Folding, composing and removing characters can each create work for the others; not in ASCII.
    while (seen := _seen(text, table, fold)) != text:
        text = seen
        if text.isascii():
            break
    return text


def _seen(text: str, table: Mapping[int, str], fold: Callable[[str], str]) -> str:
    text = fold(unicodedata.normalize("NFKC", text)).translate(table)
    return " ".join(unicodedata.normalize("NFKC", text).split())
