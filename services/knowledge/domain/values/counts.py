"""What is counted, and the facts that keep anything from being counted twice.

No session and no draft is stored, only hashes of them with the channel's name: no channel counts for another. `key` is
the id in the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from contracts.values import dataclass
from services.chassis.decision import derived_id

FACTS_KEPT = timedelta(days=2)
WORDS_KEPT = timedelta(days=180)
TALLIES_KEPT = timedelta(days=400)
DEFLECTED_AFTER = timedelta(hours=24)

DESK = "*"
"""Stands for the whole knowledge base, where a tally names an article. No article has this id."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A session opened an article on a day."""

    key: str
    forget_at: datetime
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Vote:
    """Whether an article helped a session on a day: what it said last."""

    key: str
    helped: bool
    forget_at: datetime
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody said of an article with their vote. Empty: a later vote took the words back."""

    key: str
    article: str
    day: str
    helped: bool
    words: str
    forget_at: datetime
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts of an article on a day (UTC). Of `DESK`, `deflected` counts drafts, and nothing else is counted."""

    article: str
    day: str
    viewed: int = 0
    helped: int = 0
    not_helped: int = 0
    deflected: int = 0
    revision: int = 0

    @property
    def key(self) -> str:
        """Its id in the database."""
        return tally_key(self.article, self.day)


@dataclass(frozen=True, slots=True)
class Draft:
    """A form of a channel: which articles were opened from its suggestions, and whether something was filed from it.

    `opened_at`: the first opening; None: it was filed before anything was opened. `counted`: its articles count as
    deflected.
    """

    key: str
    articles: Sequence[str] = ()
    opened_at: datetime | None = None
    filed: bool = False
    counted: bool = False
    forget_at: datetime | None = None
    revision: int = 1


def day_of(moment: datetime) -> str:
    """The day (UTC) as `2026-03-02`."""
    return moment.date().isoformat()


def tally_key(article: str, day: str) -> str:
    """The id of a tally."""
    return f"{article}/{day}"


def fact_id(kind: str, channel: str, session: str, article: str, day: str) -> str:
    """The id of what a session did with an article on a day."""
    return derived_id(kind, channel, session, article, day)


def draft_id(channel: str, draft: str) -> str:
    """The id of a channel's form."""
    return derived_id("draft", channel, draft)
