"""Looks whether people who were erased are gone: from the services, and from the dead letters. Changes nothing.

The page is docs/privacy.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from pymongo import MongoClient

from services.intake.personal import ERASURES

from ..desk import database_now
from .finding import Finding

DONE_WITHIN = timedelta(hours=1)
SWEPT_WITHIN = timedelta(days=1)


def check(client: MongoClient[dict[str, Any]], prefix: str) -> Iterator[Finding]:
    """Erasures that are not done, and those after which nobody has seen to the dead letters. Raises what pymongo
    raises."""
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
            "Run `casebus dead erase`, best every night.",
        )
