"""The batch turn: the heart of every service. See docs/turn.md.

A turn takes whatever waits, reads all state that it touches, decides each message with the service's pure `decide`,
stores everything in one transaction, publishes with confirms, and only then allows the messages to be acknowledged. It
knows no queues: it gets deliveries, and returns those to try again later.
"""

from __future__ import annotations

import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import field
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, Generic, TypeVar

from contracts.envelope import escaped
from contracts.values import dataclass
from services.chassis import telemetry
from services.chassis.database import Conflict, DatabaseAway, reaching_database
from services.chassis.decision import Cause, Decision, Message, View, derived_id, timers_of
from services.chassis.outgoing import Outgoing
from services.chassis.patience import Patience, Stopping
from services.chassis.publisher import PublishesMessages
from services.chassis.reading import Arrival, Delivery, Misread, fired, read
from services.chassis.rules import Preparation, Rules
from services.chassis.sending import Sending
from services.chassis.unit_of_work import ArmedBy, DueTimer, Handled, StoresWork, Work
from services.chassis.watching import Watch
from services.chassis.writing import addressed, answered, dead_copy, said

log = logging.getLogger(__name__)
V = TypeVar("V", bound=View)

TRIES = 5
"""How often a message whose decision raises is tried, with growing pauses, before it is dead-lettered."""

SUSPECT_AFTER_RETURNS = 2
"""How often a message has to come back to its queue to be a suspect, which may be killing its consumers: it gets a turn
of its own."""

CONFLICTS_BEFORE_SPLITTING = 3
CONFLICTS_AT_MOST = 10
"""A message that loses this many races in a row is put off, for as long as it takes. What it needs may be held by the
transaction of a killed instance, which MongoDB ends after its `transactionLifetimeLimitSeconds`."""

UNSENT_AFTER = timedelta(seconds=10)
DOUBT = 10.0
"""Seconds after a lost race for which a turn first asks which of its messages were handled before."""


class PutOff(Exception):
    """A message that needs more preparation than this turn has time for, or that waits for an event. It comes again in
    a moment, as if for the first time."""


@dataclass(frozen=True, slots=True)
class Part(Generic[V]):
    """What is decided together: arrivals that were prepared together, and how to load their state."""

    arrivals: Sequence[Arrival]
    load: Callable[[Sequence[Message[Any]], datetime], V]

    @property
    def halves(self) -> tuple[Part[V], Part[V]]:
        """Both halves."""
        middle = len(self.arrivals) // 2
        return Part(self.arrivals[:middle], self.load), Part(self.arrivals[middle:], self.load)


@dataclass(slots=True)
class Plan:
    """What one attempt at a turn decided."""

    work: Work
    unstored: list[Outgoing] = field(default_factory=list)
    """Answers that are decided each time, so they are published without being stored."""
    earlier: list[str] = field(default_factory=list)
    """Turns that stored some of these messages before: what they left unsent has to be sent."""
    failed: list[tuple[Arrival, Exception]] = field(default_factory=list)
    decided: list[Arrival] = field(default_factory=list)
    """The messages that a rule decided now: those that were refused unread or handled before say nothing about the
    rules."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What a turn leaves to do when everything is decided and stored: `outgoing` is to be published. Then its
    deliveries may be acknowledged, except those to be tried `again` later."""

    again: Sequence[Delivery] = ()
    outgoing: Sequence[Outgoing] = ()
    stored_by: Collection[str] = ()
    """The turns that stored some of it."""
    left_by: Collection[str] = ()
    """Earlier turns whose unsent messages have to be published too."""
    ended: int = 0
    """How many deliveries it finished."""
    lost_timers: bool = False
    """Whether some of its timers lost every race."""


class Turn(Generic[V]):
    """Runs turns for one service in one process, one at a time.

    Each has two steps. Only the first, `decide`, holds up the next turn: publishing one overlaps deciding the next.
    """

    def __init__(
        self,
        service: str,
        rules: Rules[V],
        store: StoresWork,
        publisher: PublishesMessages,
        stopping: Callable[[], bool] = lambda: False,
        sleep: Callable[[float], None] = time.sleep,
        watch: Watch | None = None,
    ) -> None:
        self.watch = watch or Watch()
        self._service = service
        self._kinds = {kind.kind: kind for kind in timers_of(service)}
        self._rules = rules
        self._store = store
        self._patience = Patience(stopping, sleep)
        self.sending = Sending(store, publisher, rules.reveal, self._patience)
        self.deciding = threading.Lock()
        """Held while a turn is decided and stored. Whoever collects deliveries for a turn takes it first: so whatever
        arrives while they wait for the turn ahead comes along."""
        self._doubt_until = 0.0

    def run(self, deliveries: Sequence[Delivery] = (), timers: Sequence[DueTimer] = ()) -> list[Delivery]:
        """One turn, both steps. Returns the deliveries to try again later. All others may be acknowledged: they took
        effect, were answered, or were dead-lettered.

        Raises `Stopping` when broker or database are away and the service has to stop: then none may be acknowledged.
        Raises `Conflict` when only timers are left that lost every race: they may be claimed again at once.
        """
        plans: list[Plan] = []
        due = self._fired(timers, plans)
        # May take long (a slow mail server): turns of messages run meanwhile.
        parts = list(self._prepared(due, plans)) if due else []
        with self.deciding:
            decided = self._turn(deliveries, parts, plans)
        self.publish(decided)
        if decided.lost_timers:
            raise Conflict("timers lost every race")
        return list(decided.again)

    def decide(self, deliveries: Sequence[Delivery]) -> Decided:
        """The first step, for the holder of `deciding`: decide and store. Raises `Stopping`, as `run` does."""
        return self._turn(deliveries, [], [])

    def publish(self, decided: Decided) -> None:
        """The second step: when it returns, the broker has everything that the turn said. Raises `Stopping`, as `run`
        does."""
        self.sending.send(decided.outgoing, stored_by=decided.stored_by, left_by=decided.left_by)
        telemetry.MESSAGES.inc(decided.ended)

    def _turn(self, deliveries: Sequence[Delivery], due: Sequence[Part[V]], plans: list[Plan]) -> Decided:
        telemetry.TURN_SIZE.observe(len(deliveries))
        if len(deliveries) == 1 and deliveries[0].returns >= SUSPECT_AFTER_RETURNS:
            return self._run_alone(deliveries[0])
        arrivals, set_aside, misread = self._read(deliveries)
        self._decide_and_store(arrivals, due, plans)
        return self._decided(deliveries, plans, set_aside, misread)

    def _decide_and_store(self, arrivals: list[Arrival], due: Sequence[Part[V]], plans: list[Plan]) -> None:
        with telemetry.TURN_SECONDS.labels("decide and store").time():
            # A turn without any concludes too.
            for part in chain(self._prepared(arrivals, plans) if arrivals or not due else (), due):
                self._settle(part, plans, random.Random(), own_turns=set())

    def _read(
        self, deliveries: Sequence[Delivery]
    ) -> tuple[list[Arrival], list[Outgoing], list[tuple[Delivery, Exception]]]:
        """The messages to decide; copies of those that are dead-lettered at once; and those that a service wrote,
        because then more may be wrong than these messages."""
        arrivals: list[Arrival] = []
        set_aside: list[Outgoing] = []
        misread: list[tuple[Delivery, Exception]] = []
        for delivery in deliveries:
            found = read(delivery, self._service)
            if isinstance(found, Arrival):
                arrivals.append(found)
            elif found.by_us:
                misread.append((delivery, Misread(found.reason)))
            else:
                set_aside.append(self._aside(delivery, found.reason))
        return arrivals, set_aside, misread

    def _fired(self, timers: Sequence[DueTimer], plans: list[Plan]) -> list[Arrival]:
        """Their messages. A timer that cannot be read goes into `plans`, as one that could not be decided."""
        found: list[Arrival] = []
        for timer in timers:
            try:
                found.append(fired(timer, self._service, self._kinds))
            except Misread as error:
                unread = Arrival(Message(timer.id, timer.kind, self._service, None), fired=timer)
                plans.append(_failed([unread], error))
        return found

    def _decided(
        self,
        deliveries: Sequence[Delivery],
        plans: Sequence[Plan],
        set_aside: list[Outgoing],
        misread: Sequence[tuple[Delivery, Exception]],
    ) -> Decided:
        """What is left to do: what could not be decided is tried again later or, after `TRIES`, dead-lettered."""
        self.watch.of_timers(self._timers(plans))
        undecided = [failure for plan in plans for failure in plan.failed]
        failed = [*misread, *((arrival.delivery, error) for arrival, error in undecided if arrival.delivery)]
        raised = {id(delivery): error for delivery, error in failed if not isinstance(error, Conflict | PutOff)}
        decided = {id(arrival.delivery) for plan in plans for arrival in plan.decided}
        failing, before = self.watch.of_messages(deliveries, raised, decided)
        again = []
        for delivery, error in failed:
            if isinstance(error, Conflict | PutOff):
                again.append(delivery)
                continue
            delivery.attempts += 1
            if delivery.succeeded_before is None:
                delivery.succeeded_before = before
            if delivery.attempts < TRIES:
                again.append(delivery)
            elif failing.paused or failing.succeeded == delivery.succeeded_before:
                # Nothing shows that the message is wrong and not the service.
                if delivery.attempts == TRIES:
                    log.warning("a message that fails is kept: none has succeeded since", exc_info=error)
                again.append(delivery)
            else:
                set_aside.append(self._failed_aside(delivery, error))
        messages = [message for plan in plans for message in (*plan.work.outgoing, *plan.unstored)]
        # A plan of this very run is published here; the half decided after it may have found its messages handled.
        earlier = {turn for plan in plans for turn in plan.earlier} - {plan.work.turn for plan in plans}
        return Decided(
            again,
            [*messages, *set_aside],
            stored_by=[plan.work.turn for plan in plans if plan.work.outgoing],
            left_by=earlier,
            ended=len(deliveries) - len(again),
            lost_timers=any(arrival.fired and isinstance(error, Conflict) for arrival, error in undecided),
        )

    def _timers(self, plans: Sequence[Plan]) -> list[tuple[DueTimer, Exception | None]]:
        """The timers that were decided, and those that raised, with what they raised; those are claimed again."""
        outcomes: list[tuple[DueTimer, Exception | None]] = []
        for plan in plans:
            outcomes += [(arrival.fired, None) for arrival in plan.decided if arrival.fired is not None]
            for arrival, error in plan.failed:
                if arrival.fired is not None and not isinstance(error, Conflict | PutOff):
                    log.error("a timer could not be decided", extra={"timer": arrival.message.id}, exc_info=error)
                    outcomes.append((arrival.fired, error))
        return outcomes

    def _run_alone(self, delivery: Delivery) -> Decided:
        """A turn of its own, both steps, for a message that was more than once with a consumer that died.

        Its attempts are counted in the database first, so that a message which kills its consumer each time is
        dead-lettered after `TRIES`, and its neighbours are not.
        """
        key = derived_id(delivery.queue, escaped(str(delivery.properties.get("message_id"))), delivery.body.hex())
        plans: list[Plan] = []
        misread: list[tuple[Delivery, Exception]] = []
        attempt = self._patience.reach_database(lambda: self._store.count_attempt(key))
        try:
            if attempt > TRIES:
                set_aside = [self._aside(delivery, f"its consumer died {TRIES} times while handling it")]
            else:
                arrivals, set_aside, misread = self._read([delivery])
                self._decide_and_store(arrivals, [], plans)
            decided = self._decided([delivery], plans, set_aside, misread)
            self.publish(decided)
        except Stopping:
            # Nobody died of it this time. If the database is away, the attempt stays counted.
            with suppress(DatabaseAway):
                self._store.uncount_attempt(key)
            raise
        self._patience.reach_database(lambda: self._store.forget_attempts(key))
        return Decided(decided.again)

    # deciding and storing

    def _prepare(self, arrivals: Sequence[Arrival]) -> Preparation[V]:
        """Prepare what needs it."""
        prepare = self._rules.prepare
        readable = [arrival for arrival in arrivals if arrival.refusal is None]
        arrivals = [arrival for arrival in readable if self._rules.needs_preparing(arrival.message)]
        if prepare is None or not arrivals:
            return Preparation(self._rules.repository.load)
        now = self._patience.reach_database(self._store.now)
        # If it waited until its lease ran out, it belongs to another instance, which sends the mail.
        claims = [arrival.fired for arrival in arrivals if arrival.fired is not None]
        standing = self._patience.reach_database(lambda: self._store.standing(claims))
        messages = [arrival.message for arrival in arrivals if arrival.fired is None or arrival.fired.id in standing]
        known = self._patience.reach_database(lambda: self._store.handled([message.key for message in messages]))
        unknown = [message for message in messages if message.key not in known]
        return self._patience.reach_database(lambda: prepare(unknown, now))

    def _prepared(self, arrivals: Sequence[Arrival], plans: list[Plan]) -> Iterator[Part[V]]:
        """All arrivals, prepared; or in parts around one whose preparation raises, which goes into `plans`."""
        try:
            preparation = self._prepare(arrivals)
        except Stopping:
            raise
        except Exception as error:
            if len(arrivals) > 1:
                middle = len(arrivals) // 2
                yield from self._prepared(arrivals[:middle], plans)
                yield from self._prepared(arrivals[middle:], plans)
                return
            log.exception("a message could not be prepared")
            plans.append(_failed(arrivals, error))
        else:
            if put_off := preparation.put_off:
                plans.append(_failed([arrival for arrival in arrivals if arrival.message.key in put_off], PutOff()))
                arrivals = [arrival for arrival in arrivals if arrival.message.key not in put_off]
            yield Part(arrivals, preparation.load)

    def _settle(self, part: Part[V], plans: list[Plan], dice: random.Random, own_turns: set[str]) -> None:
        """Decide and store, again after a lost race, and in halves if that repeats or something unknown goes wrong."""
        conflicts, arrivals = 0, part.arrivals
        while True:
            turn = uuid.uuid4().hex
            try:
                with self._one_at_a_time():
                    plan = self._attempt(turn, part, own_turns)
                    own_turns.add(turn)  # a lost connection may hide that the turn was stored
                    self._store.commit(plan.work)
            except Conflict as error:
                conflicts += 1
                self._doubt_until = time.monotonic() + DOUBT
                telemetry.CONFLICTS.inc()
                if conflicts >= CONFLICTS_AT_MOST:
                    plans.append(_failed(arrivals, error))
                    return
                if conflicts >= CONFLICTS_BEFORE_SPLITTING and len(arrivals) > 1:
                    break
                self._patience.sleep(dice.uniform(0, 0.01 * min(conflicts, 10)))
            except DatabaseAway as error:
                self._patience.wait("database", error)
            except Exception as error:
                if len(arrivals) > 1:
                    break
                log.exception("a turn failed")
                plans.append(_failed(arrivals, error))
                return
            else:
                plans.append(plan)
                return
        for half in part.halves:
            self._settle(half, plans, dice, own_turns)

    def _one_at_a_time(self) -> AbstractContextManager[None]:
        """The gate, if the service has one and lost a race lately."""
        if self._rules.gate is None or time.monotonic() >= self._doubt_until:
            return nullcontext()
        return self._rules.gate.passed(self._patience.sleep)

    def _attempt(self, turn: str, part: Part[V], own_turns: set[str]) -> Plan:
        now, arrivals = self._store.now(), part.arrivals
        may_be_handled = bool(own_turns) or self._in_doubt(arrivals)
        keys = [arrival.message.key for arrival in arrivals if arrival.fired is None]
        handled = self._store.handled(keys) if may_be_handled else {}
        standing = self._store.standing([arrival.fired for arrival in arrivals if arrival.fired is not None])
        undecided = [
            arrival.message
            for arrival in arrivals
            if arrival.refusal is None
            and arrival.message.key not in handled
            and (arrival.fired is None or arrival.fired.id in standing)
        ]
        with reaching_database():
            view = part.load(undecided, now)
        plan = Plan(Work(turn, now))
        for arrival in arrivals:
            if arrival.fired is not None and arrival.fired.id not in standing:
                continue
            known = handled.get(arrival.message.key)
            if known is not None:
                plan.unstored += addressed(known, arrival)
                if known.turn in own_turns or (arrival.delivery is not None and arrival.delivery.redelivered):
                    plan.earlier.append(known.turn)
                continue
            try:
                decision = self._decide_one(view, arrival, now)
            except Exception as error:
                if not may_be_handled:
                    raise Conflict("it may have been handled before") from error
                plan.failed.append((arrival, error))
                continue
            if _still_waits(arrival, decision):
                plan.failed.append((arrival, PutOff()))
                continue
            for change in decision.changes:
                view.apply(change)
            self._take_down(plan, arrival, decision, handled)
            if arrival.refusal is None:
                plan.decided.append(arrival)
        if self._rules.conclude is not None:
            decision = self._rules.conclude(view, now)
            for change in decision.changes:
                view.apply(change)
            self._take_down_said(plan.work, decision, turn, None)
        plan.work.writes = self._rules.repository.writes(view)
        return plan

    def _in_doubt(self, arrivals: Sequence[Arrival]) -> bool:
        """Whether to ask which of them were handled before. Not in quiet times: then a message that was is a lost
        race."""
        if time.monotonic() < self._doubt_until:
            return True
        deliveries = (arrival.delivery for arrival in arrivals if arrival.delivery is not None)
        return any(delivery.redelivered or delivery.attempts for delivery in deliveries)

    def _decide_one(self, view: V, arrival: Arrival, now: datetime) -> Decision:
        if arrival.refusal is not None:
            return Decision(answer=arrival.refusal)
        return self._rules.decide(view, arrival.message, now)

    def _take_down(self, plan: Plan, arrival: Arrival, decision: Decision, handled: dict[str, Handled]) -> None:
        """Put into the plan what a decision said, its answer, its timers, and that the message is handled."""
        message, work = arrival.message, plan.work
        self._take_down_said(work, decision, message.key, message.cause)
        if decision.valid_until is not None:
            work.valid_until = min(work.valid_until or decision.valid_until, decision.valid_until)
        if arrival.fired is not None:
            work.fired.append(arrival.fired)
            return
        record = Handled(message.key, work.turn)
        if decision.answer is not None:
            record = answered(self._service, decision.answer, message, work.turn, work.now)
            answers = addressed(record, arrival)
            if decision.remember:
                work.outgoing += answers
            else:
                plan.unstored += answers
        if decision.remember:
            work.handled.append(record)
            handled[message.key] = record

    def _take_down_said(self, work: Work, decision: Decision, key: str, cause: Cause | None) -> None:
        service = self._service
        work.outgoing += [said(service, say, key, place, work.now, cause) for place, say in enumerate(decision.said)]
        for timer in decision.timers:
            by = derived_id(key, timer.id)
            work.timers.append((timer, ArmedBy(by, cause.chain, cause.trace) if cause is not None else ArmedBy(by, by)))

    def _failed_aside(self, delivery: Delivery, error: Exception) -> Outgoing:
        if isinstance(error, Misread):
            return self._aside(delivery, str(error))
        return self._aside(delivery, f"{type(error).__name__}: {error}", error)

    def _aside(self, delivery: Delivery, reason: str, error: Exception | None = None) -> Outgoing:
        log.warning("dead-lettered", extra={"queue": delivery.queue, "reason": reason}, exc_info=error)
        telemetry.SET_ASIDE.labels("undecidable" if error else "unreadable").inc()
        return dead_copy(delivery, reason, datetime.now(UTC))


def _still_waits(arrival: Arrival, decision: Decision) -> bool:
    """Whether to decide the message again, because it has not waited for as long as its decision says."""
    delivery = arrival.delivery
    if decision.waits is None or delivery is None:
        return False
    if delivery.waiting_since is None:
        delivery.waiting_since = time.monotonic()
    return time.monotonic() - delivery.waiting_since < decision.waits.total_seconds()


def _failed(arrivals: Sequence[Arrival], error: Exception) -> Plan:
    """The plan of a turn that stored nothing."""
    return Plan(Work(uuid.uuid4().hex, datetime.now(UTC)), failed=[(arrival, error) for arrival in arrivals])
