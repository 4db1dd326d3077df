"""What messages of one turn do beside each other (accounts/in_one_turn.py). The page is docs/accounts.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from contracts.values import dataclass


@dataclass(frozen=True, slots=True)
class Together:
    """What messages of one turn do beside each other: accounts that are confirming their addresses, and the addresses
    that come with an account."""

    confirming: frozenset[str] = frozenset()
    emails: Mapping[str, frozenset[str | None]] = field(default_factory=dict)


ALONE = Together()
