"""What the command line hears back as the operator.

Which commands it sends, and who answers them: docs/operating.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deploy.trouble import Trouble
from services.client.blocking import Client
from services.client.core import Outcome

from . import show


def accepted(outcome: Outcome) -> dict[str, Any]:
    """What the outcome says; Trouble with its sentences if it is a refusal."""
    data: dict[str, Any] = outcome.event.data
    if outcome.type != "command.rejected":
        return data
    errors = [sentence for sentences in data.get("errors", {}).values() for sentence in sentences]
    raise Trouble(show.plain(" ".join(errors or [data["message"]])))


def each_of(desk: Client, type_: str, field: str, ids: Sequence[str], at_once: int) -> int:
    """Send the command for all `ids`, in lists of `at_once` under `field`; gives how many of them it had an effect on.

    On the others, which the outcome names by their place, somebody else was faster. Raises Trouble for any other
    refusal.
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
