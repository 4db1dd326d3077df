"""Checks whether erased people are gone from the services and from the dead letters. It changes nothing.

The page is docs/privacy.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from pymongo import MongoClient

from services.intake.queries.personal import ERASURES

from ..desk import database_now
from .finding import Finding

DONE_WITHIN = timedelta(hours=1)
SWEPT_WITHIN = timedelta(days=1)


def check(client: MongoClient[dict[str, Any]], prefix: str) -> Iterator[Finding]:
    """Erasures that are unfinished, and those after which nobody has cleaned the dead letters. Raises pymongo's
    errors."""
    erasures, now = client[f"{prefix}_intake"][ERASURES], database_now(client)
    late = erasures.count_documents({"done": False, "at": {"$lt": now - DONE_WITHIN}})
    if late:
        yield Finding(
            "error",
            "erasure",
            f"{late:,} {'person is' if late == 1 else 'people are'} not erased yet, an hour after the request.",
            "Is intake running? Its log says what stops it (`a timer could not be decided`).",
        )
    unswept = erasures.count_documents({"done": True, "swept_at": None, "at": {"$lt": now - SWEPT_WITHIN}})
    if unswept:
        yield Finding(
            "warning",
            "erasure",
            f"{unswept:,} {'person was' if unswept == 1 else 'people were'} erased, but dead letters may still hold"
            " their data.",
            "Run `casebus dead erase`, preferably every night.",
        )
