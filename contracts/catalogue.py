"""Categories, priorities and targets: the policy that services share, as data. Reading the YAML is the chassis's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Target:
    """Business days until the desk's first reply and each next one; never more than `vip_days` for a vip."""

    first_reply_days: int
    next_reply_days: int


@dataclass(frozen=True, slots=True)
class Category:
    """One category of the catalogue. `priority` 1 is the most urgent."""

    id: str
    name: str
    priority: int
    skill: str
    targets: Mapping[str, Target]
    """By tier: `standard` and `vip`, both always present (vip already capped at 3 days)."""
    subcategories: tuple[str, ...] = ()
    questions: tuple[object, ...] = ()
    one_open_per: Literal["issue", "category", "requester"] = "issue"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Categories by id, in the file's order."""

    categories: Mapping[str, Category]
