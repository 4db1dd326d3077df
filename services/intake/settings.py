"""The settings of intake: the key of temporary accounts' secrets, from when a submission counts as similar."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from services.chassis.settings import Settings, expect
from services.intake.domain.similarity import SIMILAR_FROM


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeSettings(Settings):
    """What intake needs besides what every service needs."""

    secret_key: str = dataclasses.field(repr=False)
    """Makes the secrets of temporary accounts. A new key changes none that was given; keep it out of the database."""

    similar_from: float = SIMILAR_FROM
    """Score from which a requester is asked whether it is a ticket that they have open; 1: about equal texts only."""

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        expect(len(self.secret_key) >= 32, "secret_key", "at least 32 characters")
        expect(0 < self.similar_from <= 1, "similar_from", "more than 0, and at most 1")
