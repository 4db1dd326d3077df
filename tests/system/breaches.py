"""Invented evidence, and evidence that is broken on purpose: a checker that finds nothing in that cannot fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from tests.system.evidence import Evidence, Heard

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)

Breach = tuple[str, Callable[[Evidence], Any], str]
"""What is out of order, what makes it so, and a part of the sentence that says so."""

Guarantee = Callable[[Evidence], Iterable[str]]


def event(type_: str, id_: str, data: dict[str, Any], user: str = "tap", cause: str | None = None) -> Heard:
    """A message as this user heard it, at `NOW`; `tap` listens to all events."""
    body = {"id": id_, "type": type_, "time": NOW.isoformat(), "causationid": cause, "data": data}
    return Heard(user, json.dumps(body).encode())


def broken(in_order: Evidence, break_it: Callable[[Evidence], Any]) -> Evidence:
    """A copy of this evidence, broken."""
    evidence = deepcopy(in_order)
    break_it(evidence)
    return evidence


def silent(guarantees: Collection[Guarantee], in_order: Evidence, breaches: Sequence[Breach]) -> set[str]:
    """The names of the guarantees that none of these breaches breaks."""
    evidence = [broken(in_order, break_it) for _, break_it, _ in breaches]
    return {guarantee.__name__ for guarantee in guarantees if not any(any(guarantee(each)) for each in evidence)}
