"""What must be read for a decision, as values. The repository reads them together for all messages of a turn.

Each line of the table names its own needs (taken.py). The repository asks them, with what is known so far, until they
name nothing new. What somebody may not see is not read for them: needs of readers say whether `staff` asks, and the
query has the audience. Nothing here reads anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

from contracts.values import dataclass
from services.chassis.decision import Message
from services.knowledge.domain.state import View
from services.knowledge.domain.values.article import State

D_contra = TypeVar("D_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class ArticleOf:
    """The article of this id, whatever its state: for those who change it."""

    id: str


@dataclass(frozen=True, slots=True)
class VersionOf:
    """A version of an article, with its text."""

    article: str
    version: int


@dataclass(frozen=True, slots=True)
class PublishedOf:
    """All that is or was published of an article, with the texts: for those who change it."""

    article: str


@dataclass(frozen=True, slots=True)
class Checked:
    """The faults of this Markdown, and what it links to."""

    body: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """The HTML of this Markdown."""

    body: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A fact, vote, tally, draft or upload of this id: `kind` is its class."""

    kind: type[Any]
    id: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """Which parts of this file are stored."""

    file: str


@dataclass(frozen=True, slots=True)
class Contents:
    """All stored parts of this file."""

    file: str


@dataclass(frozen=True, slots=True)
class PartOf:
    """What one part of a file holds."""

    file: str
    number: int


@dataclass(frozen=True, slots=True)
class Heads:
    """The published texts of an article that this reader may see, without their bodies."""

    article: str
    staff: bool


@dataclass(frozen=True, slots=True)
class TextOf:
    """A published text, if this reader may see it."""

    article: str
    language: str
    staff: bool


@dataclass(frozen=True, slots=True)
class Search:
    """What the index finds for this reader. `typing`: the last word may be half."""

    words: str
    language: str | None
    category: str | None
    typing: bool
    first: int
    most: int
    staff: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of the texts that this reader may see."""

    sort: Literal["most_viewed", "most_recent"]
    language: str | None
    category: str | None
    first: int
    most: int
    staff: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """How many articles this reader finds in each category."""

    language: str | None
    staff: bool


@dataclass(frozen=True, slots=True)
class InUse:
    """Whether this reader finds an article in this category."""

    category: str
    staff: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """The texts that a search has found, as they are now and as far as this reader may see them, by their keys: without
    Markdown and HTML, and while somebody is typing without the words of the body."""

    search: Search


@dataclass(frozen=True, slots=True)
class Marked:
    """Where the words of a search are in those texts, by their keys: in their titles, and unless somebody is typing
    also in their bodies."""

    search: Search


@dataclass(frozen=True, slots=True)
class Changed:
    """A page of the ids of articles that this reader has seen change since then, the oldest change first.

    Articles of all categories: readers must not learn the category of an article that they no longer see.
    """

    since: datetime
    first: int
    most: int
    staff: bool


@dataclass(frozen=True, slots=True)
class InState:
    """A page of articles in this state, the newest change first: for editors."""

    state: State
    category: str | None
    first: int
    most: int


@dataclass(frozen=True, slots=True)
class VersionsOf:
    """A page of an article's versions without their texts, the newest first: for editors."""

    article: str
    first: int
    most: int


Need = (
    ArticleOf
    | VersionOf
    | PublishedOf
    | Checked
    | Rendered
    | Stored
    | Numbers
    | Contents
    | PartOf
    | Heads
    | TextOf
    | Search
    | Listing
    | Counted
    | InUse
    | Shown
    | Marked
    | Changed
    | InState
    | VersionsOf
)


class Needs(Protocol[D_contra]):
    """What a message needs, given what is `known`."""

    def __call__(self, known: View, message: Message[D_contra], /) -> Iterable[Need]:
        """Names needs; one that is named again is read once."""


def nothing(_known: View, _message: Message[Any]) -> Sequence[Need]:
    """For a message that is decided by its own data alone."""
    return ()
