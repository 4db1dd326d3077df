"""The settings of intake: the key of temporary accounts' secrets, the catalogue."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from services.chassis.settings import Settings, expect


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeSettings(Settings):
    """What intake needs besides what every service needs."""

    secret_key: str = dataclasses.field(repr=False)
    """Makes the secrets of temporary accounts. A new key changes none that was given; keep it out of the database."""

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        expect(len(self.secret_key) >= 32, "secret_key", "at least 32 characters")
