"""A rotation of the master keys of files: how far it is, and what became of one portion.

Its rules are in attachments/rotating.py; the page is docs/attachments.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from contracts.values import dataclass

THE_ONE = "attachment_keys"
"""The id of every rotation: a new one replaces the one before, so that two never compete for the same keys."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """How far the last rotation is, by the master key `key`."""

    key: str
    begun_at: datetime
    id: str = THE_ONE
    version: int = 1
    wrapped: int = 0
    """How many keys the new master key wraps."""
    left: Mapping[str, int] = field(default_factory=dict)
    """How many keys it could not wrap, by the id of the master key that is recorded for them."""
    read_to: tuple[str, str] = ("", "")
    """Collection and id of the last record that was looked at."""
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """One portion: what became of the records up to `read_to`. `version`: of its rotation."""

    version: int
    wrapped: int
    left: Mapping[str, int]
    read_to: tuple[str, str]
    finished: bool
