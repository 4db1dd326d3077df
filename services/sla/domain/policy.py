"""Reply targets: how many business days a category and tier give the desk, and the moments that follow from that.

The catalogue says how many days and by which calendar; the calendar says when they are. This module knows no ticket's
story (`clocks.py`) and keeps nothing (`policies.py`). The page is docs/sla.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import TypeAlias

from contracts.catalogue import BUSINESS, Catalogue, Target
from contracts.sla import TargetName
from contracts.values import dataclass
from services.chassis.decision import derived_id
from services.sla.domain.calendar import Calendar, in_order

Pause: TypeAlias = tuple[datetime, datetime]
"""From when to when a clock stood still, aware UTC."""

WARNED_AT = 0.75
"""The share of a target's business time after which the desk is warned (docs/rules.md, "Time")."""

ESCALATABLE_AFTER = {"standard": 5, "vip": 3}
"""Business days without a reply after which a ticket may be escalated, by tier (docs/rules.md, "Time")."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moments of one target, aware UTC, whole milliseconds, and what they were computed with."""

    days: int
    due_at: datetime
    warn_at: datetime
    escalatable_at: datetime
    calendar_version: str


@dataclass(frozen=True, slots=True)
class CategoryTerms:
    """What a category promises: its targets by tier, by the calendar of that name."""

    calendar: str
    targets: Mapping[str, Target]


LOST_CATEGORY = CategoryTerms(BUSINESS, {tier: Target(days, days) for tier, days in ESCALATABLE_AFTER.items()})
"""The terms of tickets whose category the operator has since removed: the longest that docs/rules.md allows."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Calendars by name (`business` among them) and terms by category that belong together. `digest` tells them from
    all others, even if a file, or the library's holidays, changed without a new version."""

    calendars: Mapping[str, Calendar]
    terms: Mapping[str, CategoryTerms]
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        parts = []
        for name, calendar in sorted(self.calendars.items()):
            hours = [" ".join(map(str, windows)) for windows in calendar.hours]
            closed = [day.isoformat() for day in sorted(calendar.closed_days)]
            # nothing if there are no own hours: the digests of calendars without them stay what they were
            own = [f"{day}: {' '.join(map(str, windows))}" for day, windows in in_order(calendar.own_hours)]
            parts += [name, calendar.version, calendar.zone.key, *hours, *closed, *own]
        for category, terms in sorted(self.terms.items()):
            parts += [category, terms.calendar]
            for tier, target in sorted(terms.targets.items()):
                parts.append(f"{tier} {target.first_reply_days} {target.next_reply_days}")
        object.__setattr__(self, "digest", derived_id(*parts)[:8])

    @classmethod
    def of(cls, calendars: Mapping[str, Calendar], catalogue: Catalogue) -> Policy:
        """What these calendars and this catalogue say."""
        return cls(
            calendars,
            {
                category.id: CategoryTerms(category.calendar, category.targets)
                for category in catalogue.categories.values()
            },
        )

    def calendar(self, category: str) -> Calendar:
        """The calendar by which the category's targets count."""
        return self.calendars[self.terms.get(category, LOST_CATEGORY).calendar]

    def days(self, category: str, tier: str, target: TargetName, *, escalated: bool = False) -> int:
        """Business days that the desk has for this target. An escalated ticket has no more than a vip's."""
        of_tier = self.terms.get(category, LOST_CATEGORY).targets
        targets = [of_tier[tier], of_tier["vip"]] if escalated else [of_tier[tier]]
        return min(
            category.first_reply_days if target == "first_reply" else category.next_reply_days for category in targets
        )

    def deadline(
        self,
        category: str,
        started_at: datetime,
        days: int,
        tier: str,
        *,
        pauses: Sequence[Pause] = (),
        unanswered_since: datetime | None = None,
    ) -> Deadline:
        """The moments of a target of `days` business days that started then (aware UTC) and stood still in `pauses`.

        `unanswered_since` (None: the start) is the requester's message from which the days to an escalation count.
        """
        calendar = self.calendar(category)
        due_at = calendar.add_business_days(started_at, days)
        warn_at = calendar.add_business_time(started_at, calendar.business_time_between(started_at, due_at) * WARNED_AT)
        escalatable_at = calendar.add_business_days(unanswered_since or started_at, ESCALATABLE_AFTER[tier])
        return Deadline(
            days=days,
            due_at=_milliseconds(paused(calendar, due_at, pauses)),
            warn_at=_milliseconds(paused(calendar, warn_at, pauses)),
            escalatable_at=_milliseconds(escalatable_at),
            calendar_version=f"{calendar.name}-{calendar.version}-{self.digest}",
        )


def digest_of(calendar_version: str) -> str:
    """Which policy a deadline with this `calendar_version` was computed with."""
    return calendar_version.rpartition("-")[2]


def paused(calendar: Calendar, moment: datetime, pauses: Sequence[Pause]) -> datetime:
    """The `moment` (aware UTC), moved by the business time of the pauses that began while some was left until it.

    So elapsed time without pauses stays what it was: elapsed(start, paused moment) - pauses = elapsed(start, moment).
    """
    for begins, ends in pauses:
        if calendar.business_time_between(begins, moment):
            moment = calendar.add_business_time(moment, calendar.business_time_between(begins, ends))
    return moment


def _milliseconds(at: datetime) -> datetime:
    """Round to milliseconds: timers and the database know nothing finer."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
