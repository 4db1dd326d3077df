"""What a check found: how bad, where, what, and what to do about it. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["ok", "warning", "error"]

APPLY = "`casebus topology apply`"


@dataclass(frozen=True, slots=True)
class Finding:
    """`where` names the examined part, `what` is a sentence, `do` says what to do (empty if ok).

    error: a promise of the desk is broken or soon will be. warning: worth a look; the desk works.
    """

    level: Level
    where: str
    what: str
    do: str = ""


def differences(have: Mapping[str, Any], should: Mapping[str, Any]) -> str:
    """How two descriptions of one thing differ: "x is 1, should be 2; y is missing, should be 3"."""
    return "; ".join(
        f"{name} is {have.get(name, 'missing')}, should be {should.get(name, 'left out')}"
        for name in sorted(have.keys() | should.keys())
        if have.get(name) != should.get(name)
    )


def some(names: list[str], most: int = 5) -> str:
    """The first few names, for a sentence."""
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")
