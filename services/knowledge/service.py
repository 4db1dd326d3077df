"""The knowledge service: hears editors, readers and intake, answers questions, and follows what is published.

Every rule is in domain/. The page is docs/knowledge.md.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pymongo.database import Database

from services.chassis.chores import Chore
from services.chassis.entrypoint import Asked, Turns, due_timers, messages, questions_in
from services.chassis.gate import Gate
from services.chassis.questions import Questions
from services.chassis.reading import Delivery
from services.chassis.reloading import looking
from services.chassis.rules import Follower, Rules
from services.chassis.threads import in_native_threads
from services.chassis.turn import Decided, Turn
from services.chassis.unit_of_work import DueTimer, Store
from services.knowledge.domain.state import View
from services.knowledge.domain.taken import TAKEN, decide
from services.knowledge.following import Following
from services.knowledge.operators import read_operators
from services.knowledge.orphans import SWEPT_EVERY, Orphans
from services.knowledge.popular import SUMMED_EVERY, Popular
from services.knowledge.repository import INDEXES, Repository
from services.knowledge.settings import SETTINGS, KnowledgeSettings
from services.knowledge.vain import WRITTEN_EVERY, Vain

__all__ = ["INDEXES", "SETTINGS", "TAKEN", "Service", "rules"]


def rules(settings: KnowledgeSettings, database: Database[dict[str, Any]]) -> Rules[View]:
    """Knowledge's own turn. Raises `WrongSettings` for an operator's file that is invalid."""
    operators = read_operators(settings)
    clock = Store(database, "knowledge", timedelta(seconds=settings.clock_ahead))
    following, popular, vain = Following(database), Popular(database, clock.now), Vain(database, clock.now)
    return Rules(
        Repository(database, operators, lambda: following.shelf, popular, vain, in_native_threads),
        decide,
        gate=Gate(database, "tallies"),
        chores=[
            looking(operators),
            Chore("what was viewed most", SUMMED_EVERY, popular.sum_up),
            Chore("searches in vain", WRITTEN_EVERY, vain.write),
            Chore("files that no article has", SWEPT_EVERY, Orphans(database, clock.now).sweep),
        ],
        follower=Follower("following what is published", following.follow, following.problem),
    )


class Service:
    """Keeps the desk's articles, and helps people find them."""

    name = "knowledge"

    turn: Turn[View] = Turns(rules)
    questions: Questions[View] = Asked()

    @messages("knowledge.desk", "knowledge.commands", "knowledge.events")
    def take(self, deliveries: list[Delivery]) -> Decided:
        """What editors change, what readers open and vote, and which drafts were filed. Each turn takes what waits,
        some from each queue."""
        return self.turn.decide(deliveries)

    @questions_in("knowledge.questions")
    def answer(self, deliveries: list[Delivery]) -> list[Delivery]:
        """Searches and views, for people who wait for them."""
        return self.questions.run(deliveries)

    @due_timers()
    def fire(self, timers: list[DueTimer]) -> None:
        """Drafts from which nothing was filed for a day."""
        self.turn.run(timers=timers)
