"""An erasure: what is kept of it, what was read for one turn of it, and what it changes beside tickets and accounts.

Its rules are in privacy/erasing.py and privacy/redaction.py; the page is docs/privacy.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from contracts.values import dataclass
from services.intake.domain.values.history import Entry
from services.intake.domain.values.ticket import OF_ERASED


@dataclass(frozen=True, slots=True)
class EntryErased:
    """An entry of the history, without the name or the words that were erased."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Erasure:
    """A person who is erased (privacy/erasing.py): their `accounts`, and whether what was written goes as well. It is
    kept for as long as dead letters may turn up that tell of them (docs/privacy.md)."""

    id: str
    version: int
    accounts: tuple[str, ...]
    content: bool
    at: datetime
    entries: tuple[str, ...] = ()
    """For a redaction (privacy/redaction.py): the ids of its entries."""
    read_to: tuple[str, int] = ("", 0)
    """The last ticket (its number) and version of which the entry is erased."""
    done: bool = False
    swept_at: datetime | None = None
    """When the operator last removed dead letters that speak of them."""

    @property
    def person(self) -> str:
        """Who has the tickets from then on: a key that belongs to nobody."""
        return f"{OF_ERASED}{self.id}"


@dataclass(frozen=True, slots=True)
class Portion:
    """What was read for one turn of an erasure: ids of tickets that are not cut off yet; else entries, with the place
    up to which they were read; else what is left beside tickets."""

    tickets: Sequence[str] = ()
    entries: Sequence[Entry] = ()
    read_to: tuple[str, int] = ("", 0)
    """Number of the last ticket of which entries were read, and the version of the last of them."""
    finished: bool = True
    """No ticket is left after that place."""
    named_elsewhere: frozenset[str] = frozenset()
    """Those of the entries' files that another entry names too."""
    files: Sequence[str] = ()
    uploads: Sequence[Mapping[str, Any]] = ()
    answers: Sequence[Mapping[str, Any]] = ()
    """Documents of answers that are kept for redelivery, and speak of these tickets or accounts."""


@dataclass(frozen=True, slots=True)
class AnswerRewritten:
    """An answer that is kept for redelivery, as it is stored from now on."""

    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UploadForgotten:
    """An unfinished upload, as it was read, and as it is stored so that the next sweep removes it."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]
