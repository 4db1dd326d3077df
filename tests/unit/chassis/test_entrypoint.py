"""Firing timers: how long a claim is slept on, whatever the database's clock does meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import eventlet
import pytest
from eventlet.event import Event

from services.chassis import entrypoint
from services.chassis.database import Conflict, DatabaseAway
from services.chassis.entrypoint import TIMER_HORIZON, DueTimers, Every, Messages, QuestionsAsked, TurnEntrypoint
from services.chassis.patience import Stopping
from services.chassis.turn import Decided
from services.chassis.unit_of_work import ArmedBy, DueTimer

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
    held: list[timedelta] = []
    monkeypatch.setattr(entrypoint, "hold_timers", lambda _store, _timers, _owner, lease: held.append(lease))
    timer = DueTimer("t", NOW + due_in, "kind", "about", {}, ArmedBy("by", "chain"), 1)
    store: Any = Clock(NOW)
    timers._fire(store, [timer], "owner")
    assert (naps, fired) == (slept, [[timer]])
    assert held == [entrypoint.TIMER_RETRY]  # whatever is left of them could not be decided


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
    held: list[timedelta] = []

    def hold(_store: Any, _timers: Sequence[DueTimer], _owner: str, lease: timedelta) -> None:
        held.append(lease)
        if held == [entrypoint.TIMER_LEASE] * 2:
            renewed.send(True)

    monkeypatch.setattr(entrypoint, "TIMER_RENEWAL", 0)
    monkeypatch.setattr(entrypoint, "hold_timers", hold)
    timers = DueTimers()
    monkeypatch.setattr(timers, "in_worker", lambda _timers: renewed.wait())
    store: Any = Clock(NOW)
    timers._fire(store, [DueTimer("t", NOW, "kind", "about", {}, ArmedBy("by", "chain"), 1)], "owner")
    *renewals, last = held
    assert set(renewals) == {entrypoint.TIMER_LEASE}
    assert last == entrypoint.TIMER_RETRY
    eventlet.sleep(0)
    assert len(held) == len(renewals) + 1


def test_timers_that_lost_every_race_are_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their claim, which nobody renews, ends: an instance that was killed may be in the way."""
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
    turn, questions, calls = SimpleNamespace(deciding="turn"), SimpleNamespace(deciding="questions"), []
    turn.publish = calls.append
    commands, asked = Messages("toys"), QuestionsAsked("toys")
    left = Decided(ended=1)
    for each, result in ((commands, left), (asked, ["again"])):
        each.container = SimpleNamespace(config={"questions": questions})
        each.turn = turn
        monkeypatch.setattr(each, "in_worker", lambda deliveries, result=result: result)
    assert (commands.deciding, asked.deciding) == ("turn", "questions")
    assert (commands.decide([]), asked.decide([])) == (left, Decided(again=["again"]))
    asked.publish(Decided())
    assert calls == []
    commands.publish(left)
    assert calls == [left]
