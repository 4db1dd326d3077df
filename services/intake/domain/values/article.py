"""Which articles of the knowledge base are internal, as knowledge has said: no requester gets their ids.

The page is docs/knowledge.md, "Who sees what".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from msgspec.structs import replace as altered

from contracts.values import dataclass
from services.intake.domain.values.history import Entry


@dataclass(frozen=True, slots=True)
class KnownArticle:
    """Whether an article is for staff only, since this version of it."""

    id: str
    version: int
    is_internal: bool


def articles_named(entries: Iterable[Entry]) -> set[str]:
    """The ids of the articles that these entries name."""
    return {id_ for entry in entries for id_ in entry.details.articles}


def for_requester(entry: Entry, known: Mapping[str, KnownArticle]) -> Entry:
    """The entry without the ids of internal articles. `known`: what intake knows of those that it names, by id."""
    named = entry.details.articles
    shown = tuple(id_ for id_ in named if id_ not in known or not known[id_].is_internal)
    return entry if len(shown) == len(named) else replace(entry, details=altered(entry.details, articles=shown))
