"""The sla service: hears every version of every ticket, and lets due timers speak; every rule is in domain/.

The page is docs/sla.md.
"""

from __future__ import annotations

from typing import Any

from pymongo.database import Database

from services.chassis.catalogue import load_catalogue
from services.chassis.entrypoint import Turns, due_timers, messages
from services.chassis.reading import Delivery
from services.chassis.reloading import Reloaded, looking
from services.chassis.rules import Rules
from services.chassis.settings import WrongSettings
from services.chassis.staff import load_staff
from services.chassis.turn import Decided, Turn
from services.chassis.unit_of_work import Fired
from services.chassis.yaml_file import WrongFile
from services.sla.calendars_file import read_calendars
from services.sla.domain.decide import TAKEN, decide
from services.sla.domain.policy import Policy
from services.sla.domain.state import Supervision, View
from services.sla.repository import INDEXES, Repository
from services.sla.settings import SETTINGS, SlaSettings

__all__ = ["INDEXES", "SETTINGS", "TAKEN", "Service", "Sla", "rules"]


def rules(settings: SlaSettings, database: Database[dict[str, Any]]) -> Rules[View]:
    """sla's own turn. Raises `WrongSettings` for a catalogue or a staff file that does not do; the calendars are
    checked already."""

    def read() -> tuple[Policy, Supervision]:
        calendars = read_calendars(settings.calendars)
        catalogue = load_catalogue(settings.catalogue, calendars)
        skills = {category.id: category.skill for category in catalogue.categories.values()}
        return Policy.of(calendars, catalogue), Supervision(load_staff(settings.staff), skills)

    files = [settings.calendars, settings.catalogue, *([settings.staff] if settings.staff else [])]
    try:
        policy = Reloaded(files, read)
    except WrongFile as error:
        raise WrongSettings(str(error)) from error
    return Rules(Repository(database, policy), decide, chores=[looking(policy)])


class Sla:
    """Keeps the desk's reply targets, and closes what stays without a reply."""

    name = "sla"

    turn: Turn[View] = Turns(rules)

    @messages("sla.events", pause=0.1)
    def hear(self, deliveries: list[Delivery]) -> Decided:
        """Versions of tickets."""
        return self.turn.decide(deliveries)

    @due_timers()
    def fire(self, timers: list[Fired]) -> None:
        """Warnings, breaches and closings that are due."""
        self.turn.run(timers=timers)


Service = Sla
