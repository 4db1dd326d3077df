"""Sends what is due before a turn and outside its transaction, because that is slow. domain/attempts.py decides what
follows from it. The page is docs/notifications.md."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from services.chassis.decision import Message
from services.chassis.rules import Preparation
from services.notifications.domain.attempts import SendTimer, verdict
from services.notifications.domain.state import Outcome, Policy
from services.notifications.repository import LoadedView, Repository
from services.notifications.senders import Addressed, Sends

OUTCOMES_KEPT = 10_000
"""Outcomes of attempts in memory: a turn that has to start over must not send again."""


def is_attempt(message: Message[Any]) -> bool:
    """Whether it is the timer of an attempt to send."""
    return isinstance(message.data, SendTimer)


def _attempt(timer: Message[SendTimer]) -> tuple[str, int]:
    """The delivery's id and the number of the attempt."""
    return timer.subject or "", timer.data.attempt


class Attempting:
    """Makes the attempts that a turn's timers call for, each once."""

    def __init__(self, repository: Repository, policy: Policy, senders: Sends) -> None:
        self._repository = repository
        self._policy = policy
        self._senders = senders
        self._outcomes: OrderedDict[tuple[str, int], Outcome] = OrderedDict()

    def prepare(self, messages: Sequence[Message[Any]], now: datetime) -> Preparation[LoadedView]:
        """Send what is due in this turn and may be sent, by what is known now. It puts nothing off."""
        due = [_attempt(message) for message in messages]
        new = {
            attempt: message for attempt, message in zip(due, messages, strict=True) if attempt not in self._outcomes
        }
        view = self._repository.load(list(new.values()), now)
        sending: list[Addressed] = []
        for delivery in view.deliveries.values():
            if delivery.status != "pending" or (delivery.id, delivery.attempts + 1) not in new:
                continue
            contact, preferences = view.contacts.get(delivery.whose), view.preferences.get(delivery.person)
            if verdict(delivery, contact, preferences, self._policy, now) == "send":
                sending.append((delivery, contact.email if contact and delivery.person else None))
        for id_, outcome in self._senders.send(sending, now).items():
            self._outcomes[id_, view.deliveries[id_].attempts + 1] = outcome
        found = {attempt: self._outcomes[attempt] for attempt in due if attempt in self._outcomes}
        while len(self._outcomes) > OUTCOMES_KEPT:
            self._outcomes.popitem(last=False)
        return Preparation(partial(self._repository.load, outcomes=found))
