"""When the service fails, and not one message: nothing is dead-lettered. On the fakes and the toy of test_turn.py."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contracts import topology
from services.chassis import telemetry
from services.chassis.reading import Delivery
from services.chassis.rules import Rules
from services.chassis.turn import TRIES, Turn
from services.chassis.unit_of_work import ArmedBy, DueTimer
from services.chassis.watching import TIMERS
from tests.unit.chassis.test_turn import NOW, Bench, command, decide

QUEUE = "routing.commands"


def dead(bench: Bench) -> list[str]:
    return [message.message_id for message in bench.publisher.published if message.exchange == topology.DEAD]


def raising(count: int) -> list[Delivery]:
    return [command(f"bad {number}", agent="a9", name="raises") for number in range(count)]


def good(count: int, of: str = "good") -> list[Delivery]:
    return [command(f"{of} {number}", agent=f"a{number}") for number in range(count)]


def test_when_all_fail_none_is_dead_lettered_however_often_they_are_tried() -> None:
    bench = Bench()
    record = bench.turn.watch.over(QUEUE)
    waiting = raising(20)
    for _ in range(3 * TRIES):
        assert bench.run(*waiting) == waiting
    assert dead(bench) == []
    assert record.paused
    assert bench.turn.watch.problems() == [
        "20 of the last 20 of routing.commands failed (ValueError), so one a minute is tried"
    ]
    assert telemetry.PAUSED.labels(QUEUE)._value.get() == 1


def test_the_others_are_handled_before_the_service_is_told_from_the_message() -> None:
    """One in many is dead-lettered alone, at its last try; and nothing pauses."""
    bench = Bench()
    [bad] = raising(1)
    waiting = [*good(100), bad]
    for number in range(TRIES):
        assert dead(bench) == []
        waiting = bench.run(*waiting, *good(5, f"again {number}"))
    assert (waiting, dead(bench)) == ([], ["bad 0"])
    assert bench.turn.watch.problems() == []


def test_alone_it_is_kept_until_another_has_succeeded() -> None:
    """Five that fail one after the other, at night, and nothing else comes: are they wrong, or is today's release?"""
    bench = Bench()
    [bad] = raising(1)
    for _ in range(2 * TRIES):
        assert bench.run(bad) == [bad]
    assert dead(bench) == []
    assert bench.turn.watch.problems() == []
    bench.run(*good(1))
    assert bench.run(bad) == []
    assert dead(bench) == ["bad 0"]


def test_what_succeeded_before_the_first_try_shows_nothing() -> None:
    bench = Bench()
    bench.run(*good(100))
    [bad] = raising(1)
    for _ in range(TRIES):
        assert bench.run(bad) == [bad]


@pytest.mark.parametrize("how", ["cannot be decided", "cannot be prepared", "cannot be loaded", "cannot be stored"])
def test_however_they_fail(how: str) -> None:
    bench = Bench()
    if how == "cannot be prepared":

        def prepare(messages: Any, _now: Any) -> None:
            if any(message.data.agent_id == "a9" for message in messages):
                raise OSError("disk full")

        bench = Bench(prepare=prepare)
    waiting = raising(6)
    if how == "cannot be loaded":
        waiting = [command(f"bad {number}", agent="a9", name="breaks load") for number in range(6)]
    if how == "cannot be stored":
        waiting = [command(f"bad {number}", agent="a9") for number in range(6)]

        def full(_work: Any) -> None:
            raise RuntimeError("out of disk space")

        bench.store.on_commit = full
    for _ in range(TRIES + 1):
        assert bench.run(*waiting) == waiting
    assert dead(bench) == []
    assert bench.turn.watch.problems()


@pytest.mark.parametrize(
    "spoilt",
    [
        command("x", agent="a1", type_="agent.promote"),
        replace(command("x"), body=b"{}"),
        replace(command("x"), properties={}),
        replace(command("x"), exchange=topology.EVENTS, properties={"user_id": "web"}),
    ],
    ids=["refused", "no event", "nobody's", "no service's"],
)
def test_what_a_sender_got_wrong_counts_neither_way(spoilt: Delivery) -> None:
    """Any sender can send nonsense by the thousand; and that it was refused shows nothing about the rules."""
    bench = Bench()
    record = bench.turn.watch.over(QUEUE)
    bench.run(*(replace(spoilt) for _ in range(50)))
    assert (record.paused, record.succeeded) == (False, 0)


def an_event(number: int, spoilt: bool) -> Delivery:
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": f"event {number}",
        "type": "ticket.opened" if not spoilt else "ticket.of-another-release",
        "source": "/services/intake",
        "time": "2026-01-05T12:00:00Z",
        "data": {},
    }
    given = {"user_id": "intake", "message_id": event["id"]}
    return Delivery("routing.events", topology.EVENTS, "ticket.opened", json.dumps(event).encode(), given)


@pytest.mark.parametrize("spoilt", [True, False], ids=["unknown type", "data not as agreed"])
def test_what_another_service_wrote_and_this_one_cannot_read_is_a_failure(spoilt: bool) -> None:
    """One of the two may run the wrong release: the whole queue would be dead-lettered at once."""
    bench = Bench()
    waiting = [an_event(number, spoilt) for number in range(6)]
    for _ in range(TRIES + 1):
        assert bench.run(*waiting) == waiting
    assert dead(bench) == []
    assert "Misread" in bench.turn.watch.problems()[0]


def test_one_event_that_cannot_be_read_is_dead_lettered_with_the_reason() -> None:
    bench = Bench()
    waiting = [an_event(1, spoilt=True)]
    for number in range(TRIES):
        beside = [replace(delivery, queue="routing.events") for delivery in good(1, f"beside {number}")]
        waiting = bench.run(*waiting, *beside)
    assert waiting == []
    [letter] = [message for message in bench.publisher.published if message.exchange == topology.DEAD]
    assert letter.headers["x-reason"] == "'ticket.of-another-release' is no event of the contract"


def test_each_entrypoint_has_a_record_of_its_own() -> None:
    bench = Bench()
    bench.turn.watch.over(QUEUE)
    bench.turn.watch.over("others")
    bench.run(*raising(10))
    assert [problem.split(" (")[0] for problem in bench.turn.watch.problems()] == [
        "10 of the last 10 of routing.commands failed"
    ]


def test_one_that_is_tried_while_it_pauses_and_succeeds_ends_the_pause() -> None:
    bench = Bench()
    record = bench.turn.watch.over(QUEUE)
    bad = raising(10)
    bench.run(*bad)
    [probe] = good(1)
    probe.is_probe = True
    bench.run(probe)
    assert not record.paused
    # They were wrong after all.
    for number in range(TRIES - 1):
        assert dead(bench) == []
        bad = bench.run(*good(50, f"more {number}"), *bad)
    assert (bad, len(dead(bench))) == ([], 10)


def test_what_failed_as_it_was_tried_counts_no_more_when_it_has_all_its_tries_again() -> None:
    """As the consumer gives them after a pause."""
    bench = Bench()
    record = bench.turn.watch.over(QUEUE)
    bad = raising(10)
    bench.run(*bad)
    [probe] = good(1)
    probe.is_probe = True
    bench.run(probe)
    for delivery in bad:
        delivery.attempts, delivery.succeeded_before = 0, None
    for _ in range(2 * TRIES):
        assert bench.run(*bad) == bad
    assert (record.paused, dead(bench)) == (False, [])
    bench.run(*good(1, "another"))
    assert bench.run(*bad) == []
    assert len(dead(bench)) == 10


def timer(number: int, probe: bool = False) -> DueTimer:
    return DueTimer(f"t{number}", NOW, "away", "about", {}, ArmedBy("by", "chain"), 1, probe)


def test_timers_that_fail_count_once_each_and_pause_timers_alone() -> None:
    bench = Bench()

    def fails(view: Any, message: Any, now: Any) -> Any:
        if message.id.startswith(("t1", "t2", "t3", "t4", "t5")):
            raise ValueError("undecidable")
        return decide(view, message, now)

    bench.turn = Turn("routing", Rules(bench.repository, fails), bench.store, bench.publisher)
    record = bench.turn.watch.over(TIMERS)
    messages = bench.turn.watch.over(QUEUE)
    for _ in range(20):
        for number in (1, 2):
            bench.turn.run(timers=[timer(number)])
    assert not record.paused
    bench.turn.run(timers=[timer(number) for number in range(3, 6)])
    assert (record.paused, messages.paused) == (True, False)
    bench.turn.run(timers=[timer(6)])  # claimed before
    assert record.paused
    bench.turn.run(timers=[timer(7, probe=True)])
    assert not record.paused


def test_one_that_is_put_off_while_it_pauses_is_tried_again_soon() -> None:
    bench = Bench()
    record = bench.turn.watch.over(QUEUE)
    bench.run(*raising(10))
    waits = command("waits", name="needs a heart")
    waits.is_probe = True
    assert bench.run(waits) == [waits]
    assert record.paused
    assert record.seconds_until_try() <= timedelta(seconds=1).total_seconds()
