"""What became of a process's messages and timers, and when they pause."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from services.chassis.reading import Delivery
from services.chassis.unit_of_work import ArmedBy, DueTimer
from services.chassis.watching import TIMERS, Watch

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
FAULT = ValueError("undecidable")


def timer(id_: str) -> DueTimer:
    return DueTimer(id_, NOW, "kind", "about", {}, ArmedBy("by", "chain"), 1)


def timers(watch: Watch, *outcomes: tuple[Sequence[str], Exception | None]) -> None:
    watch.of_timers([(timer(id_), error) for ids, error in outcomes for id_ in ids])


@pytest.mark.parametrize(
    ("between", "pauses"),
    [
        ([], False),  # five timers that fail again and again count once
        (["a", "b", "c", "d"], True),  # they had succeeded: they fail for the first time since
    ],
)
def test_a_timer_that_fails_counts_until_it_has_succeeded(between: Sequence[str], pauses: bool) -> None:
    watch = Watch(share=0.2, of=100)
    for _ in range(3):
        timers(watch, (["a", "b", "c", "d"], FAULT))
    timers(watch, (between, None))
    timers(watch, (["a", "b", "c", "d"], FAULT))
    assert bool(watch.problems()) is pauses


def test_timers_that_pause_are_named_with_what_they_raised() -> None:
    watch = Watch(share=0.2, of=100)
    timers(watch, (["a"], None), (["b", "c", "d", "e", "f"], FAULT))
    assert watch.problems() == [
        f"5 of the last 6 of {TIMERS} failed (ValueError), so one a minute is tried",
    ]
    watch.of_timers([])
    assert watch.problems()


def test_a_message_that_succeeds_at_last_does_not_count_again() -> None:
    """Four messages failed, and then succeeded; one more fails: all five that were ever tried have failed at first."""
    watch = Watch(share=0.6, of=100)
    deliveries = [Delivery("toys", "helpdesk.intake", "toy", b"", {}) for _ in range(5)]
    *before, last = deliveries
    watch.of_messages(before, {id(delivery): FAULT for delivery in before}, ())
    failing, succeeded = watch.of_messages(before, {}, {id(delivery) for delivery in before})
    assert (succeeded, failing.succeeded, failing.paused) == (0, 4, False)
    watch.of_messages([last], {id(last): FAULT}, ())
    assert watch.problems() == ["5 of the last 5 of toys failed (ValueError), so one a minute is tried"]
