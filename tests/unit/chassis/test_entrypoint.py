"""Firing timers: how long the loop sleeps on a claim, whatever the database's clock does in the meantime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import eventlet
import pytest
from eventlet.event import Event
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR
from pymongo import MongoClient

from services.chassis import entrypoint
from services.chassis.chores import Chore
from services.chassis.database import Conflict, DatabaseAway
from services.chassis.decision import Decision
from services.chassis.entrypoint import (
    TIMER_HORIZON,
    Asked,
    DueTimers,
    Every,
    Messages,
    QuestionsAsked,
    TurnEntrypoint,
    Turns,
    due_timers,
    every,
    messages,
    questions_in,
    readers,
)
from services.chassis.failing import SOON, TRIED_EVERY, Failing, Try
from services.chassis.patience import Stopping
from services.chassis.questions import Questions
from services.chassis.reading import Delivery
from services.chassis.rules import Follower, Rules
from services.chassis.settings import Settings
from services.chassis.timers import Lane
from services.chassis.turn import UNSENT_AFTER, Decided
from services.chassis.unit_of_work import ArmedBy, DueTimer
from services.chassis.watching import TIMERS, Watch
from tests.fakes import never_pausing, toy

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Clock:
    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now


@pytest.mark.parametrize(
    ("due_in", "slept"),
    [
        (timedelta(seconds=-5), []),
        (TIMER_HORIZON / 2, [TIMER_HORIZON.total_seconds() / 2]),
        (timedelta(hours=1), [TIMER_HORIZON.total_seconds()]),  # the clock was set back after the claim
    ],
)
def test_a_claimed_timer_is_slept_on_no_longer_than_it_was_claimed_ahead(
    due_in: timedelta, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []
    fired: list[Sequence[DueTimer]] = []
    monkeypatch.setattr(eventlet, "sleep", naps.append)
    timers = DueTimers()
    monkeypatch.setattr(timers, "in_worker", fired.append)
    held: list[Any] = []
    monkeypatch.setattr(entrypoint, "hold_timers", lambda *arguments: held.append(arguments))
    timer = DueTimer("t", NOW + due_in, "kind", "about", {}, ArmedBy("by", "chain"), 1)
    store: Any = Clock(NOW)
    timers._fire(store, [timer], "owner")
    assert (naps, fired) == (slept, [[timer]])
    # The rest of them could not be decided.
    assert held == [(store, [timer], "owner", entrypoint.TIMER_RETRY)]


@pytest.mark.parametrize(
    "entrypoint", [Messages("toys"), DueTimers(), Every(1.0)], ids=lambda kind: type(kind).__name__
)
def test_what_is_away_is_no_error_to_nameko(entrypoint: TurnEntrypoint) -> None:
    assert set(entrypoint.expected_exceptions) == {Stopping, DatabaseAway, Conflict}


def test_a_stop_does_not_wait_for_the_next_time_that_something_is_looked_at() -> None:
    rarely = Every(3600.0)
    rarely.setup()
    running = eventlet.spawn(rarely.run)
    eventlet.sleep(0)
    rarely.leaving = True
    with eventlet.Timeout(5):
        running.wait()


def test_a_claim_is_renewed_while_its_turn_is_in_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """The turn ends only when the claim was renewed twice; nothing renews it afterwards."""
    renewed = Event()
    held: list[Any] = []
    claimed = [DueTimer("t", NOW, "kind", "about", {}, ArmedBy("by", "chain"), 1)]
    store: Any = Clock(NOW)
    renewal = (store, claimed, "owner", entrypoint.TIMER_LEASE)

    def hold(*arguments: Any) -> None:
        held.append(arguments)
        if held == [renewal] * 2:
            renewed.send(True)

    monkeypatch.setattr(entrypoint, "TIMER_RENEWAL", 0)
    monkeypatch.setattr(entrypoint, "hold_timers", hold)
    timers = DueTimers()
    monkeypatch.setattr(timers, "in_worker", lambda _timers: renewed.wait())
    with eventlet.Timeout(5):
        timers._fire(store, claimed, "owner")
    *renewals, last = held
    assert renewals == [renewal] * len(renewals)
    assert last == (store, claimed, "owner", entrypoint.TIMER_RETRY)
    eventlet.sleep(0)
    assert len(held) == len(renewals) + 1


def test_timers_that_lost_every_race_are_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their claim, which nobody renews, ends: a killed instance may be in the way."""
    held: list[timedelta] = []
    monkeypatch.setattr(entrypoint, "hold_timers", lambda _store, _timers, _owner, lease: held.append(lease))
    timers = DueTimers()

    def lose(_timers: Any) -> None:
        raise Conflict("timers lost every race")

    monkeypatch.setattr(timers, "in_worker", lose)
    store: Any = Clock(NOW)
    timers._fire(store, [DueTimer("t", NOW, "kind", "about", {}, ArmedBy("by", "chain"), 1)], "owner")
    assert held == []


def test_what_is_done_with_messages_is_the_turns_and_with_questions_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question waits neither for a turn that is decided nor for one that is published."""
    calls: list[Decided] = []
    turn: Any = SimpleNamespace(deciding="turn", publish=calls.append)
    questions = SimpleNamespace(deciding="questions")
    commands: Any = Messages("toys")
    asked: Any = QuestionsAsked("toys")
    left, deliveries, again = Decided(ended=1), [object()], toy()
    for each, result in ((commands, left), (asked, again)):
        each.container = SimpleNamespace(config={"questions": questions})
        each.turn = turn
        monkeypatch.setattr(each, "in_worker", returning(deliveries, result))
    assert (commands.deciding, asked.deciding) == ("turn", "questions")
    assert (commands.decide(deliveries), asked.decide(deliveries)) == (left, Decided(again=again))
    asked.publish(Decided())
    assert calls == []
    commands.publish(left)
    assert calls == [left]


def returning(expected: object, result: object) -> Callable[[object], object]:
    def in_worker(given: object) -> object:
        assert given is expected
        return result

    return in_worker


@dataclass
class Claims:
    """In the place of the database: what is claimed, call by call, and how it was asked for."""

    entrypoint: DueTimers
    calls: list[list[DueTimer] | Exception]
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    fired: list[tuple[Any, ...]] = field(default_factory=list)

    def claim(self, *arguments: Any) -> list[DueTimer]:
        self.asked.append(arguments)
        self.entrypoint.leaving = not self.calls[1:]
        claimed = self.calls.pop(0)
        if isinstance(claimed, Exception):
            raise claimed
        return claimed

    def fire(self, *arguments: Any) -> None:
        self.fired.append(arguments)


def serving(
    monkeypatch: pytest.MonkeyPatch, failing: Failing, *calls: list[DueTimer] | Exception
) -> tuple[Claims, list[float]]:
    """A loop for the lane `mail` that ends after these calls; and how long it slept."""
    timers, naps = DueTimers(), list[float]()
    claims = Claims(timers, list(calls))
    timers.setup()
    timers.failing = failing
    timers.container = SimpleNamespace(config={"turns": SimpleNamespace(store="the store")}, service_name="toys")
    monkeypatch.setattr(entrypoint, "claim_timers", claims.claim)
    monkeypatch.setattr(timers, "_fire", claims.fire)
    monkeypatch.setattr(timers, "rest", naps.append)
    monkeypatch.setattr(eventlet, "sleep", lambda seconds: naps.append(-seconds))
    timers._serve(Lane("mail"), 0.25, 2)
    return claims, naps


def due(*ids: str) -> list[DueTimer]:
    return [DueTimer(id_, NOW, "kind", "about", {}, ArmedBy("by", "chain"), 1) for id_ in ids]


def test_a_loop_claims_in_its_own_name_and_rests_when_fewer_were_due_than_it_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    claims, naps = serving(monkeypatch, never_pausing(), due("a", "b"), DatabaseAway("x"), due("c"), [])
    owner = claims.asked[0][3]
    assert owner.startswith("toys-")
    once = ("the store", TIMER_HORIZON, entrypoint.TIMER_LEASE, owner, 2, Lane("mail"))
    assert claims.asked == [once] * 4
    assert claims.fired == [("the store", due("a", "b"), owner), ("the store", due("c"), owner)]
    assert naps == [-1, 0.25, 0.25]


def test_while_timers_pause_a_loop_claims_one_as_a_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    failing = Failing("timers", 0.2, 100, lambda: now)
    failing.note([Try(True)] * 5, "ValueError")
    now += TRIED_EVERY
    claims, naps = serving(monkeypatch, failing, due("a"))
    assert [asked[4] for asked in claims.asked] == [1]
    assert [[timer.is_probe for timer in fired[1]] for fired in claims.fired] == [[True]]
    assert failing.seconds_until_try() == TRIED_EVERY
    now += TRIED_EVERY
    claims, naps = serving(monkeypatch, failing, [])
    assert (claims.fired, naps) == ([], [0.25])
    assert failing.seconds_until_try() == SOON


def test_a_stop_tells_the_turns_and_waits_for_what_is_in_work() -> None:
    rarely = Every(3600.0)
    turns = SimpleNamespace(stopping=False)
    rarely.container = SimpleNamespace(config={"turns": turns})
    rarely.setup()
    rarely.thread = eventlet.spawn(rarely.run)
    with eventlet.Timeout(5):
        rarely.stop()
    assert (turns.stopping, rarely.leaving, bool(rarely.thread)) == (True, True, False)


@dataclass
class Container:
    """The parts of nameko's container that the chassis reads as it makes a turn."""

    service_name: str
    config: dict[str, Any]


def test_a_service_gets_its_turn_its_questions_and_its_chores() -> None:
    """Without a broker or a database: nothing is connected before it is needed."""
    with MongoClient[dict[str, Any]]("mongodb://127.0.0.1:1", connect=False) as client:
        database = client["toys"]
        taken: list[Any] = []
        chore = Chore("looking", 7.0, lambda: None)

        def rules(settings: Settings, given: Any) -> Rules[Any]:
            taken.append((settings, given))
            return Rules(SimpleNamespace(), lambda _view, _message, _now: Decision(), chores=[chore])

        settings = Settings(
            amqp="amqp://toys:secret@127.0.0.1:1/desk", mongo="mongodb://127.0.0.1:1", failing_share=0.5, failing_of=7
        )
        config: dict[str, Any] = {"settings": settings, "database": database}
        container = Container("toys", config)
        turns = Turns(rules).bind(container, "turn")
        assert taken == [(settings, database)]
        assert [(each.name, each.every) for each in turns.chores] == [
            ("sweeping", entrypoint.SWEEP_EVERY),
            ("looking", 7.0),
        ]
        assert config["turns"] is turns
        assert isinstance(config["questions"], Questions)
        publishers: list[Any] = [turns.publisher, turns.answers]
        assert [(each._url, each._user, each._confirm_timeout) for each in publishers] == [
            (settings.amqp, "toys", 30.0),
            (settings.amqp, "toys", 2.0),
        ]
        assert Asked().bind(container, "questions").get_dependency(None) is config["questions"]
        assert turns.get_dependency(None) is turns.turn
        failing = turns.turn.watch.over("toys")
        assert (failing.share, failing.of) == (0.5, 7)


def test_a_declared_method_says_what_it_takes_and_how() -> None:
    class Toys:
        @messages("toys.commands", "toys.events", pause=0.5, at_once=("urgent",))
        def take(self, deliveries: list[Delivery]) -> Decided:
            return Decided()

        @questions_in("toys.questions")
        def answer(self, deliveries: list[Delivery]) -> list[Delivery]:
            return []

        @due_timers(lanes=lambda _settings: ["mail"])
        def fire(self, timers: list[DueTimer]) -> None:
            """Nothing."""

        @every(7.0)
        def look(self) -> None:
            """Nothing."""

    declared = {
        name: next(iter(getattr(getattr(Toys, name), ENTRYPOINT_EXTENSIONS_ATTR)))
        for name in ("take", "answer", "fire", "look")
    }
    take, answer, fire, look = declared.values()
    assert [type(each) for each in declared.values()] == [Messages, QuestionsAsked, DueTimers, Every]
    assert (take.queues, take.pause, take.at_once) == (("toys.commands", "toys.events"), 0.5, ("urgent",))
    assert (answer.queues, fire.lanes(None), look.seconds) == (("toys.questions",), ["mail"], 7.0)
    assert readers(Toys) == [answer, take]


def test_a_stop_of_consumers_is_told_to_the_turns_and_to_each_other() -> None:
    stopped: list[Any] = []
    commands: Any = Messages("toys.commands")
    events: Any = Messages("toys.events", pause=0.5, at_once=("urgent",))
    turns = SimpleNamespace(stopping=False, turn=SimpleNamespace(watch=Watch()))
    config = {"settings": SimpleNamespace(amqp="amqp://toys:secret@127.0.0.1:1/desk"), "turns": turns}
    for each in (commands, events):
        each.container = SimpleNamespace(config=config, service_name="toys")
        each.setup()
    consumer: Any = events.consumer
    assert config["consumers"] == [commands.consumer, consumer]
    assert (consumer._queues, consumer._pause, consumer._at_once) == (("toys.events",), 0.5, {"urgent"})
    assert consumer._failing.what == "toys.events"
    events.consumer = SimpleNamespace(stop=stopped.extend)
    events.thread = SimpleNamespace(wait=lambda: stopped.append("waited"))
    events.stop()
    assert (events.leaving, turns.stopping, stopped) == (True, True, [commands.consumer, consumer, "waited"])


@pytest.mark.parametrize(
    ("lanes", "loops"),
    [
        (None, [(Lane(), entrypoint.TIMER_POLL, entrypoint.TIMERS_AT_ONCE)]),
        (
            lambda settings: settings,
            [
                (Lane(but=("mail", "web")), entrypoint.REST_POLL, entrypoint.LANE_AT_ONCE),
                (Lane("mail"), entrypoint.LANE_POLL, entrypoint.LANE_AT_ONCE),
                (Lane("web"), entrypoint.LANE_POLL, entrypoint.LANE_AT_ONCE),
            ],
        ),
    ],
    ids=["no lanes", "two lanes"],
)
def test_each_lane_has_a_loop_and_the_rest_has_one(
    lanes: Any, loops: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    timers, served = DueTimers(lanes), []
    turns = SimpleNamespace(turn=SimpleNamespace(watch=Watch()))
    timers.container = SimpleNamespace(
        config={"turns": turns, "settings": ["mail", "web"]},
        spawn_managed_thread=lambda loop, _name: eventlet.spawn(loop),
    )
    monkeypatch.setattr(timers, "_serve", lambda *arguments: served.append(arguments))
    with eventlet.Timeout(5):
        timers.run()
    assert served == loops
    assert timers.failing.what == TIMERS


@pytest.mark.parametrize("unsent", [["turn1", "turn2"], []])
def test_each_second_what_a_crash_left_unsent_is_published(unsent: list[str]) -> None:
    calls: list[Any] = []
    turns: Any = Turns(lambda _settings, _database: None)  # type: ignore[arg-type, return-value]
    beating = SimpleNamespace(heartbeat=lambda: calls.append("beat"))
    turns.publisher = turns.answers = beating
    turns.store = SimpleNamespace(left_unsent=lambda since: unsent if since == UNSENT_AFTER else None)
    turns.turn = SimpleNamespace(sending=SimpleNamespace(strike=lambda: calls.append("strike"), sweep=calls.append))
    turns._sweep()
    assert calls == ["beat", "beat", "strike", *([unsent] if unsent else [])]


class Whole:
    """A follower that has a problem until the test says otherwise."""

    def __init__(self) -> None:
        self.why: str | None = "not whole yet"
        self.followed: list[Callable[[], bool]] = []

    def problem(self) -> str | None:
        return self.why


def questions_of(turns: Any) -> tuple[Any, list[str]]:
    """The entrypoint of a service's questions, with a consumer that only says that it runs."""
    asked: Any = QuestionsAsked("toys.questions")
    turns.turn = SimpleNamespace(watch=Watch())
    settings = SimpleNamespace(amqp="amqp://toys:secret@127.0.0.1:1/desk")
    asked.container = SimpleNamespace(config={"settings": settings, "turns": turns}, service_name="toys")
    asked.setup()
    done: list[str] = []
    asked.consumer = SimpleNamespace(run=lambda: done.append("runs"), stop=lambda _beside: done.append("stops"))
    asked.thread = eventlet.spawn(asked.run)
    return asked, done


def test_no_question_is_taken_before_the_follower_has_no_problem() -> None:
    whole = Whole()
    asked, done = questions_of(SimpleNamespace(stopping=False, problem=whole.problem))
    eventlet.sleep(3 * entrypoint.QUESTIONS_POLL)
    assert done == []
    whole.why = None
    with eventlet.Timeout(5):
        asked.thread.wait()
        assert done == ["runs"]
        asked.stop()
    assert done == ["runs", "stops"]


def test_a_service_stops_whose_follower_never_came_to_an_end_of_its_problem() -> None:
    turns = SimpleNamespace(stopping=False, problem=Whole().problem)
    asked, done = questions_of(turns)
    eventlet.sleep(0)
    with eventlet.Timeout(5):
        asked.stop()
    assert (done, turns.stopping) == ([], True)


def test_a_follower_runs_beside_the_turns_until_the_service_stops() -> None:
    turns: Any = Turns(lambda _settings, _database: None)  # type: ignore[arg-type, return-value]
    whole = Whole()
    turns.chores, turns.stopping = [], False
    turns.follower = None
    assert turns.problem() is None
    turns.follower = Follower("following", whole.followed.append, whole.problem)
    started: list[str] = []

    def spawn(run: Callable[[], object], name: str) -> None:
        started.append(name)
        run()

    turns.container = SimpleNamespace(spawn_managed_thread=spawn)
    turns.start()
    assert (started, turns.problem()) == (["following"], "not whole yet")
    (stopping,) = whole.followed
    assert not stopping()
    turns.stopping = True
    assert stopping()
