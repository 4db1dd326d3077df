"""The routing service: hears agents, tickets and outcomes, and looks again each second; every rule is in domain/.

The page is docs/routing.md.
"""

from __future__ import annotations

from typing import Any

from pymongo.database import Database

from services.chassis.entrypoint import Turns, due_timers, every, messages
from services.chassis.gate import Gate
from services.chassis.operators_files import read_operators_files
from services.chassis.reading import Delivery
from services.chassis.reloading import looking
from services.chassis.rules import Rules
from services.chassis.turn import Decided, Turn
from services.chassis.unit_of_work import DueTimer
from services.routing.domain.decide import TAKEN, decide
from services.routing.domain.rules import conclude
from services.routing.domain.state import View
from services.routing.repository import INDEXES, Repository
from services.routing.settings import SETTINGS, RoutingSettings

__all__ = ["INDEXES", "SETTINGS", "TAKEN", "Service", "rules"]


def rules(settings: RoutingSettings, database: Database[dict[str, Any]]) -> Rules[View]:
    """Routing's own turn. Raises `WrongSettings` for an operator's file that is invalid."""
    files = read_operators_files(settings)
    repository = Repository(database, files, settings.terms)
    return Rules(repository, decide, conclude, gate=Gate(database, "pool"), chores=[looking(files)])


class Service:
    """Gives waiting tickets to agents."""

    name = "routing"

    turn: Turn[View] = Turns(rules)

    @messages("routing.commands", "routing.events", "routing.outcomes", pause=0.1, at_once=("ticket.opened",))
    def hear(self, deliveries: list[Delivery]) -> Decided:
        """Agents who come and go, tickets that change, what became of assignments."""
        return self.turn.decide(deliveries)

    @due_timers()
    def fire(self, timers: list[DueTimer]) -> None:
        """Agents whose heartbeats are missing."""
        self.turn.run(timers=timers)

    @every(1.0)
    def look_again(self) -> None:
        """The safety net: what a turn could not know is seen a second later."""
        self.turn.run()
