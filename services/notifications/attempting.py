"""Sends what is due before a turn, since that is slow: outside its transaction.

What follows from it is decided in domain/attempts.py. The page is docs/notifications.md.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from services.chassis.decision import Message
from services.chassis.turn import Preparation
from services.notifications.domain.attempts import verdict
from services.notifications.domain.state import Outcome, Policy
from services.notifications.repository import LoadedView, Repository
from services.notifications.senders import Sends

OUTCOMES_KEPT = 10_000
"""Outcomes of attempts in memory: a turn that has to start over must not send again."""


def is_attempt(message: Message[Any]) -> bool:
    """Whether it is the timer of an attempt to send."""
    return message.type == "timer.send"


class Attempting:
    """Makes the attempts that a turn's timers are for, each once."""

    def __init__(self, repository: Repository, policy: Policy, senders: Sends) -> None:
        self._repository = repository
        self._policy = policy
        self._senders = senders
        self._outcomes: OrderedDict[tuple[str, int], Outcome] = OrderedDict()

    def prepare(self, messages: Sequence[Message[Any]], now: datetime) -> Preparation[LoadedView]:
        """Send what is due in this turn, and may be sent by what is known now; puts nothing off."""
        read = self._repository
        due = {(message.subject or "", message.data["attempt"]) for message in messages if is_attempt(message)}
        new = due - self._outcomes.keys()
        deliveries = read.deliveries({id_ for id_, _ in new})
        pending = [
            delivery
            for delivery in deliveries.values()
            if delivery.status == "pending" and (delivery.id, delivery.attempts + 1) in new
        ]
        persons = {delivery.person for delivery in pending if delivery.person}
        contacts, preferences = read.contacts(persons), read.preferences(persons)
        sending = [
            (delivery, contact.email if contact else None)
            for delivery in pending
            for contact in [contacts.get(delivery.person)]
            if verdict(delivery, contact, preferences.get(delivery.person), self._policy, now) == "send"
        ]
        for id_, outcome in self._senders.send(sending, now).items():
            self._outcomes[id_, deliveries[id_].attempts + 1] = outcome
        found = {attempt: self._outcomes[attempt] for attempt in due & self._outcomes.keys()}
        while len(self._outcomes) > OUTCOMES_KEPT:
            self._outcomes.popitem(last=False)
        return Preparation(partial(self._repository.load, outcomes=found))
