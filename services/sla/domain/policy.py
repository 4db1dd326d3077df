"""Reply targets: how many business days a category and tier give the desk, and the moments that follow from that.

The catalogue says how many days, the calendar when they are. It knows no ticket's story (`clocks.py`). The page is
docs/sla.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from contracts.catalogue import Catalogue, Target
from services.chassis.decision import derived_id
from services.sla.domain.calendar import Calendar

TargetName: TypeAlias = Literal["first_reply", "next_reply"]

WARNED_AT = 0.75
"""The share of a target's business time after which the desk is warned (rules page, "Time")."""

ESCALATABLE_AFTER = {"standard": 5, "vip": 3}
"""Business days without a reply after which a ticket may be escalated, by tier (rules page, "Time")."""

LOST_CATEGORY = {tier: Target(days, days) for tier, days in ESCALATABLE_AFTER.items()}
"""Targets of tickets whose category the operator has since removed: the longest that the rules page allows."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moments of one target, aware UTC, whole milliseconds, and what they were reckoned with."""

    days: int
    due_at: datetime
    warn_at: datetime
    escalatable_at: datetime
    calendar_version: str


@dataclass(frozen=True, slots=True)
class Policy:
    """The calendar and the catalogue that hold now. `version` tells them from every other pair of the two."""

    calendar: Calendar
    catalogue: Catalogue
    version: str = field(init=False)

    def __post_init__(self) -> None:
        targets = [
            f"{category.id} {tier} {target.first_reply_days} {target.next_reply_days}"
            for category in self.catalogue.categories.values()
            for tier, target in sorted(category.targets.items())
        ]
        calendar = self.calendar
        hours = [" ".join(map(str, windows)) for windows in calendar.hours]
        closed = [day.isoformat() for day in sorted(calendar.closed_days)]
        digest = derived_id(calendar.zone.key, *hours, *closed, *sorted(targets))[:8]
        # The digest keeps the version honest when a file, or the library's holidays, changed without a new one.
        object.__setattr__(self, "version", f"{calendar.name}-{calendar.version}-{digest}")

    def days(self, category: str, tier: str, target: TargetName) -> int:
        """Business days that the desk has for this target."""
        known = self.catalogue.categories.get(category)
        targets = (known.targets if known else LOST_CATEGORY)[tier]
        return targets.first_reply_days if target == "first_reply" else targets.next_reply_days

    def deadline(self, started_at: datetime, days: int, tier: str) -> Deadline:
        """The moments of a target of `days` business days that started then (aware UTC)."""
        calendar = self.calendar
        due_at = calendar.add_business_days(started_at, days)
        share = calendar.business_time_between(started_at, due_at) * WARNED_AT
        return Deadline(
            days=days,
            due_at=_milliseconds(due_at),
            warn_at=_milliseconds(calendar.add_business_time(started_at, share)),
            escalatable_at=_milliseconds(calendar.add_business_days(started_at, ESCALATABLE_AFTER[tier])),
            calendar_version=self.version,
        )


def _milliseconds(at: datetime) -> datetime:
    """Timers and the database know milliseconds."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
