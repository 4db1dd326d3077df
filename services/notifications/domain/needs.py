"""What must be read for a decision: values, for which the repository reads together for all messages of a turn.

Each message names its own needs, beside what decides it (decide.py has the table): first by what it says, then by what
was read for it. Nothing here reads anything. The page is docs/notifications.md, "What a turn reads".
"""

from __future__ import annotations

from contracts.values import dataclass


@dataclass(frozen=True, slots=True)
class DeliveryOf:
    """The delivery of this id."""

    id: str


@dataclass(frozen=True, slots=True)
class PersonOf:
    """Address and preferences of this person (`state.person_of`)."""

    id: str


@dataclass(frozen=True, slots=True)
class FailedOf:
    """What this person could not be told."""

    person: str


@dataclass(frozen=True, slots=True)
class WordsAbout:
    """What is yet to be said about the ticket of this number, or failed and is kept."""

    number: str


@dataclass(frozen=True, slots=True)
class ArticleOf:
    """What is known of the article of this id."""

    id: str


Need = DeliveryOf | PersonOf | FailedOf | WordsAbout | ArticleOf
