"""What the messages of one turn do to each other's accounts (accounts/in_one_turn.py). The page is docs/accounts.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from contracts.values import dataclass


@dataclass(frozen=True, slots=True)
class Together:
    """The accounts that confirm their addresses in this turn, and the addresses that come with each account."""

    confirming: frozenset[str] = frozenset()
    emails: Mapping[str, frozenset[str | None]] = field(default_factory=dict)


ALONE = Together()
