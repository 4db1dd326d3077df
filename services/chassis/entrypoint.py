"""The ONLY file that touches nameko's internals: entrypoints that start turns, and the turn as a dependency.

A service declares what it listens to, and says in one line each that a turn is to run. nameko provides the container,
its life cycle and its workers; `consumer.py` consumes, and `turn.py` runs the turn. See docs/turn.md.
"""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Any, TypeAlias, TypeVar

import eventlet
from eventlet.event import Event
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR, DependencyProvider, Entrypoint, register_entrypoint
from pymongo.database import Database

from services.chassis import telemetry
from services.chassis.chores import Chore
from services.chassis.consumer import Consumer
from services.chassis.database import Conflict, DatabaseAway
from services.chassis.patience import Stopping
from services.chassis.publisher import Publisher
from services.chassis.questions import CONFIRM_TIMEOUT, Questions
from services.chassis.reading import Delivery
from services.chassis.rules import Rules
from services.chassis.settings import Settings
from services.chassis.timers import Lane, claim_timers, hold_timers
from services.chassis.turn import UNSENT_AFTER, Decided, Turn
from services.chassis.unit_of_work import DueTimer, Store
from services.chassis.watching import TIMERS, Watch

log = logging.getLogger(__name__)

SWEEP_EVERY = 1.0
TIMER_POLL = 0.1
TIMER_HORIZON = timedelta(seconds=0.15)
"""Timers that fall due within this time are claimed ahead and slept on, so that they fire on time."""

TIMER_LEASE = timedelta(seconds=2)
TIMER_RENEWAL = 0.5
"""How long a claim holds, and after how many seconds it is renewed while its turn is in work. If an instance is killed,
what it had claimed fires this much later."""

TIMER_RETRY = timedelta(seconds=30)
"""How long after a failed decision a timer is tried again."""

PROBE_RETRY = timedelta(minutes=10)
"""The same for a timer that failed while timers pause: the next tries are of others."""

TIMERS_AT_ONCE = 200
LANE_AT_ONCE = 50
"""Timers in one turn. Fewer in lanes: a process that dies between a send and its record sends at most this many
again."""

LANE_POLL = 0.25
REST_POLL = 5.0
QUESTIONS_POLL = 0.05
"""Seconds between looks for the timers of a lane, for timers of no lane, and at whether questions can be answered."""

ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType]


class Turns(DependencyProvider):
    """The service's `Turn`, its store and its publisher; `rules(settings, database)` makes it the service's own."""

    def __init__(self, rules: Callable[[Any, Database[dict[str, Any]]], Rules[Any]]) -> None:
        self.rules = rules

    def bind(self, container: Any, attr_name: str) -> Turns:
        """When the container is made, so that whoever makes it gets the error of wrong settings."""
        bound: Turns = super().bind(container, attr_name)
        bound.build()
        return bound

    def build(self) -> None:
        """Make the turn and what it needs. Raises what `rules` raises."""
        config = self.container.config
        self.stopping = False
        settings: Settings = config["settings"]
        self.store = Store(config["database"], self.container.service_name, timedelta(seconds=settings.clock_ahead))
        self.publisher = Publisher(settings.amqp, self.container.service_name)
        rules = self.rules(settings, config["database"])
        self.chores = [Chore("sweeping", SWEEP_EVERY, self._sweep), *rules.chores]
        self.follower = rules.follower
        self.turn = Turn(
            self.container.service_name,
            rules,
            self.store,
            self.publisher,
            stopping=lambda: self.stopping,
            watch=Watch(settings.failing_share, settings.failing_of),
        )
        self.answers = Publisher(settings.amqp, self.container.service_name, CONFIRM_TIMEOUT)
        config["questions"] = Questions(self.container.service_name, rules, self.store.now, self.answers)
        config["turns"] = self

    def start(self) -> None:
        """After everything is set up."""
        self._threads = [
            self.container.spawn_managed_thread(partial(self._do, chore), chore.name) for chore in self.chores
        ]
        if self.follower is not None:
            follow = partial(self.follower.follow, lambda: self.stopping)
            self._threads.append(self.container.spawn_managed_thread(follow, self.follower.name))

    def problem(self) -> str | None:
        """Why questions cannot be answered yet."""
        return None if self.follower is None else self.follower.problem()

    def stop(self) -> None:
        """After the last worker."""
        for thread in self._threads:
            thread.kill()
        self.publisher.close()
        self.answers.close()
        try:
            self.turn.sending.strike()
        except DatabaseAway as error:
            log.warning("sent messages stay in the outbox and are published again later", extra={"error": str(error)})

    def get_dependency(self, worker_ctx: Any) -> Turn[Any]:  # noqa: ARG002 - nameko's signature
        """What the service's methods see."""
        return self.turn

    def _do(self, chore: Chore) -> None:
        while True:
            eventlet.sleep(chore.every)
            chore.once()

    def _sweep(self) -> None:
        """Keeps idle connections alive; publishes what a crash left unsent and no redelivery has brought up."""
        self.publisher.heartbeat()
        self.answers.heartbeat()
        self.turn.sending.strike()
        turns = self.store.left_unsent(UNSENT_AFTER)
        if turns:
            telemetry.SWEPT.inc(len(turns))
            self.turn.sending.sweep(turns)


class Asked(DependencyProvider):
    """The service's `Questions`, by the rules of its turn."""

    def get_dependency(self, worker_ctx: Any) -> Questions[Any]:  # noqa: ARG002 - nameko's signature
        """What the service's methods see."""
        questions: Questions[Any] = self.container.config["questions"]
        return questions


class TurnEntrypoint(Entrypoint):
    """What the entrypoints share: running the decorated method in a worker, and stopping cleanly."""

    def __init__(self, **options: Any) -> None:
        # A turn ends with these when something is away, and they are dealt with: nameko logs anything else as an error.
        super().__init__(expected_exceptions=(Stopping, DatabaseAway, Conflict), **options)

    def setup(self) -> None:
        """Before anything starts."""
        self.leaving = False

    def start(self) -> None:
        """After everything is set up."""
        self.thread = self.container.spawn_managed_thread(self.run, type(self).__name__)

    def stop(self) -> None:
        """Finish what is in work, then return."""
        self.leaving = True
        self.container.config["turns"].stopping = True
        self.thread.wait()

    def run(self) -> None:
        """Until `leaving`."""
        raise TypeError(f"{type(self).__name__} has to say what it runs")

    def rest(self, seconds: float) -> None:
        """Sleep, but not for longer than a stop may take."""
        end = time.monotonic() + seconds
        while not self.leaving and (left := end - time.monotonic()) > 0:
            eventlet.sleep(min(left, LANE_POLL))

    def in_worker(self, *arguments: Any) -> Any:
        """Call the decorated method in a worker of nameko's; returns or raises what it does."""
        done = Event()

        def handle_result(_worker_ctx: Any, result: Any, exc_info: ExcInfo | None) -> tuple[Any, ExcInfo | None]:
            if exc_info is None:
                done.send(result)
            else:
                done.send_exception(*exc_info)
            return result, None

        self.container.spawn_worker(self, arguments, {}, handle_result=handle_result)
        return done.wait()


class Messages(TurnEntrypoint):
    """Runs turns of the messages of these queues, at least `pause` seconds apart unless a message comes that is to be
    handled `at_once` (routing keys). The method gets deliveries and returns what `Turn.decide` makes of them."""

    def __init__(self, *queues: str, pause: float = 0.0, at_once: Collection[str] = (), **options: Any) -> None:
        self.queues = queues
        self.pause = pause
        self.at_once = at_once
        super().__init__(**options)

    def setup(self) -> None:
        """Before anything starts."""
        super().setup()
        settings: Settings = self.container.config["settings"]
        name = f"{self.container.service_name} consumer"
        self.turn: Turn[Any] = self.container.config["turns"].turn
        failing = self.turn.watch.over(*self.queues)
        self.consumer = Consumer(settings.amqp, name, self.queues, self, failing, self.pause, self.at_once)
        self.container.config.setdefault("consumers", []).append(self.consumer)

    def run(self) -> None:
        """Consume until stopped."""
        self.consumer.run()

    @property
    def deciding(self) -> AbstractContextManager[Any]:
        """Held by one turn at a time."""
        return self.turn.deciding

    def decide(self, deliveries: list[Delivery]) -> Decided:
        """The first step of a turn, in a worker."""
        decided: Decided = self.in_worker(deliveries)
        return decided

    def publish(self, decided: Decided) -> None:
        """The second step."""
        self.turn.publish(decided)

    def stop(self) -> None:
        """Stop taking deliveries; handle and acknowledge everything that came."""
        self.leaving = True
        self.container.config["turns"].stopping = True
        self.consumer.stop(self.container.config["consumers"])
        self.thread.wait()


class QuestionsAsked(Messages):
    """Questions of these queues. The method gets deliveries and returns those to look at again in a moment.

    It takes no question before the service's follower has no problem.
    """

    def setup(self) -> None:
        """Before anything starts."""
        super().setup()
        self.consuming = False

    def run(self) -> None:
        """Consume until stopped, once questions can be answered."""
        while not self.leaving and self.container.config["turns"].problem() is not None:
            self.rest(QUESTIONS_POLL)
        if not self.leaving:
            self.consuming = True
            super().run()

    def stop(self) -> None:
        """As `Messages`, unless nothing was ever taken."""
        if self.consuming:
            super().stop()
        else:
            TurnEntrypoint.stop(self)

    @property
    def deciding(self) -> AbstractContextManager[Any]:
        """Not the turn's: a question does not wait for a turn in work."""
        questions: Questions[Any] = self.container.config["questions"]
        return questions.deciding

    def decide(self, deliveries: list[Delivery]) -> Decided:
        """Their answers are published then."""
        return Decided(again=self.in_worker(deliveries))

    def publish(self, decided: Decided) -> None:
        """Nothing is left to do, and it waits for nobody: a turn may be waiting for its confirms."""


class DueTimers(TurnEntrypoint):
    """Runs turns of the timers that fall due. The method gets them as a list. Any number of instances share them.

    `lanes(settings)` names the lanes. Each has a loop and turns of its own, of `LANE_AT_ONCE` timers at most, so what
    one lane waits for does not delay the others. Timers of no such lane are then looked for every `REST_POLL` seconds.
    """

    def __init__(self, lanes: Callable[[Any], Sequence[str]] | None = None, **options: Any) -> None:
        self.lanes = lanes
        super().__init__(**options)

    def run(self) -> None:
        """Until stopped: a loop for each lane, and one for the rest."""
        self.failing = self.container.config["turns"].turn.watch.over(TIMERS)
        names = tuple(self.lanes(self.container.config["settings"])) if self.lanes is not None else ()
        if not names:
            return self._serve(Lane(), TIMER_POLL, TIMERS_AT_ONCE)
        loops = [
            self.container.spawn_managed_thread(partial(self._serve, Lane(name), LANE_POLL, LANE_AT_ONCE), name)
            for name in names
        ]
        self._serve(Lane(but=names), REST_POLL, LANE_AT_ONCE)
        for loop in loops:
            loop.wait()
        return None

    def _serve(self, lane: Lane, poll: float, at_once: int) -> None:
        """Claim ahead, sleep to the moment, fire."""
        store: Store = self.container.config["turns"].store
        owner = f"{self.container.service_name}-{id(self):x}-{lane.name}-{time.time_ns():x}"
        while not self.leaving:
            if not self.failing.may_try():
                self.rest(poll)
                continue
            is_probe = self.failing.paused
            try:
                claimed = claim_timers(store, TIMER_HORIZON, TIMER_LEASE, owner, 1 if is_probe else at_once, lane)
                if claimed:
                    self._fire(store, [replace(timer, is_probe=is_probe) for timer in claimed], owner)
                elif is_probe:
                    self.failing.showed_nothing()
            except (DatabaseAway, Stopping) as error:
                log.warning("timers wait for the database", extra={"error": str(error)})
                eventlet.sleep(1)
                continue
            if len(claimed) < at_once:
                self.rest(poll)

    def _fire(self, store: Store, claimed: Sequence[DueTimer], owner: str) -> None:
        done = Event()
        keeper = eventlet.spawn(self._keep, store, claimed, owner, done)
        try:
            # All were within the horizon when they were claimed. What is further off now is so because the clock was
            # set back, and the loop would sleep on it for as long.
            ahead = min(claimed[-1].due - store.now(), TIMER_HORIZON).total_seconds()
            if ahead > 0:
                eventlet.sleep(ahead)
            now = store.now()
            for timer in claimed:
                telemetry.TIMER_LATE.observe((now - timer.due).total_seconds())
            self.in_worker(list(claimed))
        except Conflict as error:
            log.warning(
                "a turn of timers failed; they are claimed again", extra={"error": str(error)}
            )  # no longer held, in `TIMER_LEASE`
            return
        finally:
            done.send(True)
            keeper.wait()
        # The rest of them could not be decided.
        hold_timers(store, claimed, owner, PROBE_RETRY if claimed[0].is_probe else TIMER_RETRY)

    def _keep(self, store: Store, claimed: Sequence[DueTimer], owner: str, done: Event) -> None:
        """Renew the claim until `done`: a turn may take long (the broker is away, mails go out)."""
        while not done.wait(TIMER_RENEWAL):
            try:
                hold_timers(store, claimed, owner, TIMER_LEASE)
            except DatabaseAway as error:
                log.warning("a claim could not be renewed", extra={"error": str(error)})


class Every(TurnEntrypoint):
    """Runs a turn without messages every `seconds`, for what must be looked at again."""

    def __init__(self, seconds: float, **options: Any) -> None:
        self.seconds = seconds
        super().__init__(**options)

    def run(self) -> None:
        """Until stopped."""
        while True:
            self.rest(self.seconds)
            if self.leaving:
                return
            try:
                self.in_worker()
            except (DatabaseAway, Stopping) as error:
                log.warning("a regular look failed; it is repeated later", extra={"error": str(error)})


Method = TypeVar("Method", bound=Callable[..., object])
TakesMessages = TypeVar("TakesMessages", bound=Callable[[Any, list[Delivery]], Decided])
TakesQuestions = TypeVar("TakesQuestions", bound=Callable[[Any, list[Delivery]], list[Delivery]])
TakesTimers = TypeVar("TakesTimers", bound=Callable[[Any, list[DueTimer]], object])
Looks = TypeVar("Looks", bound=Callable[[Any], object])


def messages(
    *queues: str, pause: float = 0.0, at_once: Collection[str] = ()
) -> Callable[[TakesMessages], TakesMessages]:
    """The method decides what comes in these queues: `Messages`."""
    return _entrypoint(Messages(*queues, pause=pause, at_once=at_once))


def questions_in(*queues: str) -> Callable[[TakesQuestions], TakesQuestions]:
    """The method answers what comes in these queues: `QuestionsAsked`."""
    return _entrypoint(QuestionsAsked(*queues))


def due_timers(lanes: Callable[[Any], Sequence[str]] | None = None) -> Callable[[TakesTimers], TakesTimers]:
    """The method runs a turn of timers: `DueTimers`."""
    return _entrypoint(DueTimers(lanes))


def every(seconds: float) -> Callable[[Looks], Looks]:
    """The method is called every `seconds` seconds: `Every`."""
    return _entrypoint(Every(seconds))


def readers(service: type) -> list[Messages]:
    """The entrypoints of a service class that take messages or questions from queues."""
    methods = [method for _, method in inspect.getmembers(service, inspect.isfunction)]
    entrypoints = [each for method in methods for each in getattr(method, ENTRYPOINT_EXTENSIONS_ATTR, ())]
    return [each for each in entrypoints if isinstance(each, Messages)]


def _entrypoint(entrypoint: TurnEntrypoint) -> Callable[[Method], Method]:
    def register(method: Method) -> Method:
        register_entrypoint(method, entrypoint)
        return method

    return register
