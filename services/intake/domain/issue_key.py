"""What an issue is: the key of which a person has at most one open ticket.

The database enforces the rule with a unique index on (person, key of an open ticket); here the key is made. The page
is docs/intake.md.
"""

from __future__ import annotations

import re
import unicodedata

from contracts.catalogue import Category

_BETWEEN_WORDS = re.compile(r"\s+")


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
        return f"issue\x1f{issue_key}"
    return "\x1f".join(("text", category.id, subcategory or "", normalised(subject)))


def is_of_text(key: str) -> bool:
    """Whether only the words of a submission made the key: then its requester may say that it is another issue."""
    return key.startswith("text\x1f")


def told_apart(key: str, place: int) -> str:
    """The key of the `place`-th issue (from 2) that a requester keeps apart from others of the same words."""
    return f"{key}\x1f{place}"


def normalised(text: str) -> str:
    """Text as it is compared: NFKC, case, white space and punctuation make no difference. Idempotent.

    Text of punctuation alone keeps it, so that "!!!" and "???" stay two subjects.
    """
    folded = _until_stable(text, punctuation=True)
    return folded or _until_stable(text, punctuation=False)


def _until_stable(text: str, *, punctuation: bool) -> str:
    # Folding, composing and leaving characters out can each give the others new work.
    while (folded := _folded(text, punctuation)) != text:
        text = folded
    return text


def _folded(text: str, punctuation: bool) -> str:
    text = unicodedata.normalize("NFKC", text).casefold()
    if not text.isascii() or punctuation:
        text = "".join(_character(character, punctuation) for character in text)
    return _BETWEEN_WORDS.sub(" ", unicodedata.normalize("NFKC", text)).strip()


def _character(character: str, punctuation: bool) -> str:
    if character.isalnum():
        return character
    kind = unicodedata.category(character)
    if kind == "Cf":  # soft hyphens, joiners, marks of direction: not seen, so not compared
        return ""
    return " " if kind == "Cc" or (punctuation and kind[0] == "P") else character
