"""What an issue is: the key of which a person has at most one open ticket.

The database enforces the rule with a unique index on (person, key of an open ticket); here the key is made. The page
is docs/intake.md.
"""

from __future__ import annotations

import unicodedata

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
    return _until_stable(text, WORDS_ALONE) or _until_stable(text, WITH_PUNCTUATION)


class Table(dict[int, str]):
    """For `str.translate`: leaves out what is not seen, puts a space for what only divides. Learns as it is asked."""

    def __init__(self, dividing: str) -> None:
        super().__init__()
        self._dividing = dividing

    def __missing__(self, code: int) -> str:
        kind = unicodedata.category(chr(code))
        # Cf: soft hyphens, joiners, marks of direction. Cc: control characters.
        self[code] = "" if kind == "Cf" else " " if kind == "Cc" or kind[0] in self._dividing else chr(code)
        return self[code]


WORDS_ALONE = Table(dividing="ZP")
WITH_PUNCTUATION = Table(dividing="Z")


def _until_stable(text: str, table: Table) -> str:
    # Folding, composing and leaving characters out can each give the others new work; not so in ASCII.
    while (folded := _folded(text, table)) != text:
        text = folded
        if text.isascii():
            break
    return text


def _folded(text: str, table: Table) -> str:
    text = unicodedata.normalize("NFKC", text).casefold().translate(table)
    return " ".join(unicodedata.normalize("NFKC", text).split())
