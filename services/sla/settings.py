"""The settings of sla: where the operator's calendars are."""

from __future__ import annotations

from pathlib import Path

from contracts.values import dataclass
from services.chassis.settings import Settings, WrongSettings
from services.chassis.yaml_file import WrongFile
from services.sla.calendars_file import read_calendars

CALENDARS = Path("deploy/calendars.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaSettings(Settings):
    """What sla needs besides what every service needs."""

    calendars: Path = CALENDARS
    """The file of business calendars."""

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        try:
            read_calendars(self.calendars)
        except WrongFile as error:
            raise WrongSettings(f"CASEBUS_CALENDARS: {error}") from error


SETTINGS = SlaSettings
