"""Records how the messages and timers of a process fare, separately for each entrypoint, and says when one pauses.

What follows from it is in `failing.py`. The page is docs/turn.md.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping, Sequence

from services.chassis import telemetry
from services.chassis.failing import Failing, Try
from services.chassis.reading import Delivery
from services.chassis.unit_of_work import DueTimer

log = logging.getLogger(__name__)

TIMERS = "timers"
PAUSED, KEPT = "so one a minute is tried", "fail each time"
"""What `/readyz` says of such messages."""

SHARE, OF = 0.2, 100
"""The share of the last messages that has to fail before the service pauses (settings.py)."""


class Watch:
    """The records of one process; `share` and `of` as in `Failing`."""

    def __init__(self, share: float = SHARE, of: int = OF) -> None:
        self._share, self._of = share, of
        self._by_queue: dict[str, Failing] = {}
        self._failed_timers: set[str] = set()

    def over(self, *queues: str) -> Failing:
        """The record that these queues share from now on (`TIMERS`: the timers)."""
        failing = Failing(", ".join(queues), self._share, self._of, time.monotonic)
        self._by_queue |= dict.fromkeys(queues, failing)
        telemetry.PAUSED.labels(failing.what).set(0)
        return failing

    def problems(self) -> list[str]:
        """What pauses now, and why."""
        records = {id(failing): failing for failing in self._by_queue.values()}.values()
        return [f"{record.why}, {PAUSED}" for record in records if record.paused]

    def of_messages(
        self, deliveries: Sequence[Delivery], raised: Mapping[int, Exception], decided: Collection[int]
    ) -> tuple[Failing, int]:
        """Record how a turn's deliveries fared: what they `raised`, and which were `decided` (by their `id()`). Returns
        the record of their queue, and how many had succeeded before this turn."""
        if not deliveries:  # a turn of timers, or of nothing
            return Failing("", self._share, self._of, time.monotonic), 0
        failing = self._by_queue.get(deliveries[0].queue) or self.over(deliveries[0].queue)
        before = failing.succeeded
        has_failed = any(delivery.has_failed for delivery in deliveries)
        if not raised and not failing.paused and not has_failed:  # nearly always
            failing.note_good(sum(id(delivery) in decided for delivery in deliveries))
            return failing, before
        tries = [
            Try(id(delivery) in raised, not delivery.has_failed, delivery.is_probe)
            for delivery in deliveries
            if id(delivery) in raised or id(delivery) in decided
        ]
        self._note(failing, tries, next(iter(raised.values()), None))
        for delivery in deliveries:
            delivery.has_failed = delivery.has_failed or id(delivery) in raised
        if not tries and any(delivery.is_probe for delivery in deliveries):
            failing.showed_nothing()
        return failing, before

    def of_timers(self, outcomes: Sequence[tuple[DueTimer, Exception | None]]) -> None:
        """The same for timers: one that failed is claimed again and again, and counts the first time."""
        if not outcomes:
            return
        tries = [
            Try(error is not None, timer.id not in self._failed_timers, timer.is_probe) for timer, error in outcomes
        ]
        self._failed_timers -= {timer.id for timer, error in outcomes if error is None}
        self._failed_timers |= {timer.id for timer, error in outcomes if error is not None}
        failing = self._by_queue.get(TIMERS) or self.over(TIMERS)
        self._note(failing, tries, next((error for _, error in outcomes if error is not None), None))

    def _note(self, failing: Failing, tries: Sequence[Try], error: Exception | None) -> None:
        paused = failing.paused
        failing.note(tries, type(error).__name__)  # only the type: the message may name a person
        telemetry.FAILURES.labels(failing.what).inc(sum(attempt.failed for attempt in tries))
        if failing.paused == paused:
            return
        telemetry.PAUSED.labels(failing.what).set(failing.paused)
        if failing.paused:
            log.error("too many fail: trying one a minute", extra={"why": failing.why}, exc_info=error)
        else:
            log.warning("one has succeeded: trying all again", extra={"what": failing.what})
