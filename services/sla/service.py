"""The sla service: hears every version of every ticket, and fires due timers; every rule is in domain/.

The page is docs/sla.md.
"""

from __future__ import annotations

from typing import Any

from pymongo.database import Database

from services.chassis.entrypoint import Turns, due_timers, messages
from services.chassis.operators_files import load_operators_files, reloaded
from services.chassis.reading import Delivery
from services.chassis.reloading import looking
from services.chassis.rules import Rules
from services.chassis.turn import Decided, Turn
from services.chassis.unit_of_work import DueTimer
from services.sla.calendars_file import read_calendars
from services.sla.domain.decide import TAKEN, decide
from services.sla.domain.policy import Policy
from services.sla.domain.state import Supervision, View
from services.sla.repository import INDEXES, Repository
from services.sla.settings import SETTINGS, SlaSettings

__all__ = ["INDEXES", "SETTINGS", "TAKEN", "Service", "rules"]


def rules(settings: SlaSettings, database: Database[dict[str, Any]]) -> Rules[View]:
    """sla's own turn. Raises `WrongSettings` for a catalogue or a staff file that is invalid; the calendars are checked
    already."""

    def read() -> tuple[Policy, Supervision]:
        calendars = read_calendars(settings.calendars)
        files = load_operators_files(settings, calendars)
        skills = {category.id: category.skill for category in files.catalogue.categories.values()}
        return Policy.of(calendars, files.catalogue), Supervision(files.staff, skills)

    policy = reloaded(settings, read, settings.calendars)
    return Rules(Repository(database, policy), decide, chores=[looking(policy)])


class Service:
    """Keeps the desk's reply targets, and closes tickets that stay without a reply."""

    name = "sla"

    turn: Turn[View] = Turns(rules)

    @messages("sla.events", pause=0.1)
    def hear(self, deliveries: list[Delivery]) -> Decided:
        """Versions of tickets."""
        return self.turn.decide(deliveries)

    @due_timers()
    def fire(self, timers: list[DueTimer]) -> None:
        """Warnings, breaches and closings that are due."""
        self.turn.run(timers=timers)
