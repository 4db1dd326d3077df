"""Answers questions: they change nothing, and their senders ask again when no answer comes. A small sister of the turn.

It has no transaction, no handled ids and no outbox. It answers each question only at its `reply_to`, and at most once;
it drops and counts a question that it cannot answer (in time). It works beside the turns of commands, with its own
repository and connection, so it waits neither for their work nor for their confirms. The page is docs/turn.md.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from contracts.topology import ASKED_WITHIN, QUESTIONS
from services.chassis import telemetry
from services.chassis.database import Conflict, DatabaseAway, reaching_database
from services.chassis.decision import Decision, View
from services.chassis.outgoing import Outgoing
from services.chassis.publisher import BrokerAway, PublishesMessages
from services.chassis.reading import Arrival, Delivery, Unreadable, read
from services.chassis.rules import Rules
from services.chassis.writing import answered, replied, reply_queue

log = logging.getLogger(__name__)
V = TypeVar("V", bound=View)

AT_ONCE = 50
"""Questions that are read and answered together: fewer than a turn takes, because somebody waits for each."""

CONFIRM_TIMEOUT = 2.0
"""Seconds without a confirm after which answers are given up: by then the sender has given up too."""


class Questions(Generic[V]):
    """Answers the questions of one service in one process, by the rules of its turns, which run at the same time."""

    def __init__(
        self, service: str, rules: Rules[V], now: Callable[[], datetime], publisher: PublishesMessages
    ) -> None:
        self._service = service
        self._rules = rules
        self._now = now
        self._publisher = publisher
        self.deciding = threading.Lock()
        """Held by whoever calls `run`: one at a time."""

    def run(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Answer these. Returns the deliveries to look at again in a moment."""
        again: list[Delivery] = []
        for start in range(0, len(deliveries), AT_ONCE):
            part = deliveries[start : start + AT_ONCE]
            arrivals = [arrival for delivery in part if (arrival := self._read(delivery)) is not None]
            self._send(self._answers(arrivals, again))
        return again

    def _read(self, delivery: Delivery) -> Arrival | None:
        """The question, if somebody still waits for the answer."""
        why = None
        if delivery.redelivered:  # it may have been answered
            why = "redelivered"
        elif time.monotonic() - delivery.came_at > ASKED_WITHIN / 1000:
            why = "late"
        if why is None:
            arrival = read(delivery, self._service)
            if delivery.exchange != QUESTIONS or isinstance(arrival, Unreadable):
                why = "unreadable"
            elif reply_queue(arrival) is None:
                why = "no reply_to"
            else:
                return arrival
        telemetry.QUESTIONS.labels(why).inc()
        return None

    def _answers(self, arrivals: Sequence[Arrival], again: list[Delivery]) -> list[Outgoing]:
        """The answers; in halves around a question that raises, or whose tickets change as they are read. What has to
        wait for something goes into `again`."""
        if not arrivals:
            return []
        try:
            return self._decided(arrivals, again)
        except DatabaseAway as error:
            log.warning("questions stay unanswered", extra={"count": len(arrivals), "error": str(error)})
            telemetry.QUESTIONS.labels("database away").inc(len(arrivals))
            return []
        except Conflict:
            if len(arrivals) == 1:
                telemetry.QUESTIONS.labels("overtaken").inc()
                return []
        except Exception:
            if len(arrivals) == 1:
                log.exception("a question could not be answered", extra={"type": arrivals[0].message.type})
                telemetry.QUESTIONS.labels("failed").inc()
                return []
        middle = len(arrivals) // 2
        return self._answers(arrivals[:middle], again) + self._answers(arrivals[middle:], again)

    def _decided(self, arrivals: Sequence[Arrival], again: list[Delivery]) -> list[Outgoing]:
        rules = self._rules
        asked = [arrival.message for arrival in arrivals if arrival.refusal is None]
        with reaching_database():
            now = self._now()
            dear = [message for message in asked if rules.needs_preparing(message)]
            prepared = rules.prepare(dear, now) if rules.prepare is not None and dear else None
            load, put_off = (rules.repository.load, ()) if prepared is None else (prepared.load, prepared.put_off)
            view = load([message for message in asked if message.key not in put_off], now)
        answers, later = [], []
        for arrival in arrivals:
            message = arrival.message
            if message.key in put_off:
                later.append(arrival)
                continue
            decision = Decision(answer=arrival.refusal)
            if arrival.refusal is None:
                decision = rules.decide(view, message, now)
            if decision.waits is not None and _waited(arrival) < decision.waits.total_seconds():
                later.append(arrival)
            elif decision.answer is None or decision.changes or decision.said or decision.timers:
                raise ValueError(f"{message.type} is no question: it is not only answered")
            else:
                record = answered(self._service, decision.answer, message, "", now)
                answers += [answer] if (answer := replied(record, arrival)) is not None else []
        # Not earlier: when one raises, the others are decided once more, in halves.
        again += [arrival.delivery for arrival in later if arrival.delivery is not None]
        return answers

    def _send(self, answers: Sequence[Outgoing]) -> None:
        try:
            untaken = self._publisher.publish(answers)
        except BrokerAway as error:
            log.warning("answers are lost", extra={"count": len(answers), "error": str(error)})
            telemetry.QUESTIONS.labels("broker away").inc(len(answers))
        else:
            telemetry.QUESTIONS.labels("answered").inc(len(answers) - len(untaken))


def _waited(arrival: Arrival) -> float:
    """Seconds since it came."""
    return time.monotonic() - arrival.delivery.came_at if arrival.delivery is not None else 0.0
