"""Outcomes of the operator's commands.

docs/operating.md says which commands the operator sends, and who answers them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deploy.trouble import Trouble
from services.client.blocking import Client
from services.client.core import Outcome

from . import show


def accepted(outcome: Outcome) -> dict[str, Any]:
    """The data of the outcome. Raises Trouble with its sentences if it is a rejection."""
    data: dict[str, Any] = outcome.event.data
    if outcome.type != "command.rejected":
        return data
    errors = [sentence for sentences in data.get("errors", {}).values() for sentence in sentences]
    raise Trouble(show.plain(" ".join(errors or [data["message"]])))


def each_of(desk: Client, type_: str, field: str, ids: Sequence[str], at_once: int) -> int:
    """Send the command for all `ids`, in lists of `at_once` under `field`; returns on how many of them it had an
    effect.

    The outcome names the others by their place: somebody else was faster. Raises Trouble for any other rejection.
    """
    count = 0
    for start in range(0, len(ids), at_once):
        named = list(ids[start : start + at_once])
        outcome = desk.command(type_, {field: named})
        is_refused = outcome.type == "command.rejected"
        said = outcome.event.data.get("errors" if is_refused else "hints") or {}
        without_effect = sum(f"{field}.{place}" in said for place in range(len(named)))
        if is_refused and without_effect < len(named):
            accepted(outcome)
        count += len(named) - without_effect
    return count
