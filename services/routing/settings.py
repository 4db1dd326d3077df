"""The settings of routing: when an agent is away, offline or gone for long; how fast tickets grow more urgent."""

from __future__ import annotations

from datetime import timedelta

from contracts.values import dataclass
from services.chassis.settings import Settings, expect
from services.routing.domain.state import Terms

LONGEST_AWAY = 30 * 86_400
LONGEST_AGEING = 366 * 24


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingSettings(Settings):
    """What routing needs besides what every service needs."""

    away_after: float = 60.0
    """Seconds without a heartbeat after which an agent is away: gets nothing new."""

    offline_after: float = 600.0
    """Seconds without a heartbeat after which they are offline: what awaits the desk is routed again."""

    signed_off_after: float = 0.0
    """Seconds after an agent has signed off when what awaits the desk is routed again, also what comes to await it
    later; 0: never."""

    ageing_hours: float = 24.0
    """Hours that a ticket waits until it counts as one priority more urgent; 0: it never does."""

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        expect(self.away_after > 0, "away_after", "a number of seconds, more than 0")
        expect(self.offline_after > self.away_after, "offline_after", "greater than CASEBUS_AWAY_AFTER")
        expect(self.offline_after <= LONGEST_AWAY, "offline_after", f"at most {LONGEST_AWAY} seconds, 30 days")
        is_some_while = 0 <= self.signed_off_after <= LONGEST_AWAY
        expect(is_some_while, "signed_off_after", f"a number of seconds, 0 or more and at most {LONGEST_AWAY}, 30 days")
        is_some_time = 0 <= self.ageing_hours <= LONGEST_AGEING
        expect(is_some_time, "ageing_hours", f"a number of hours, 0 or more and at most {LONGEST_AGEING}, a year")

    @property
    def terms(self) -> Terms:
        """As the rules take them."""
        return Terms(
            timedelta(seconds=self.away_after),
            timedelta(seconds=self.offline_after),
            timedelta(hours=self.ageing_hours) or None,
            timedelta(seconds=self.signed_off_after) or None,
        )


SETTINGS = RoutingSettings
