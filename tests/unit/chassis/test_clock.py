"""The database's clock as an instance counts it, whatever its readings go through on their way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.clock import COUNTED_ON, DatabaseClock

START = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)


class Machines:
    """The host that counts, and the database. `way` and `back`: seconds that the next questions and answers take."""

    def __init__(self) -> None:
        self.counted = 1_000.0
        self.set_ahead = timedelta()
        self.way = self.back = 0.0
        self.readings = 0

    @property
    def shown(self) -> datetime:
        """What the database's clock shows."""
        return START + timedelta(seconds=self.counted - 1_000) + self.set_ahead

    def read(self) -> datetime:
        """Ask the database."""
        self.readings += 1
        self.counted += self.way
        shown = self.shown
        self.counted += self.back
        return shown

    def clock(self, ahead: timedelta = timedelta()) -> DatabaseClock:
        """The clock under test."""
        return DatabaseClock(self.read, ahead, lambda: self.counted)


def wrong(clock: DatabaseClock, machines: Machines) -> float:
    """By how many seconds the clock is ahead of the database's."""
    return (clock.now() - machines.shown).total_seconds()


@pytest.mark.parametrize(("way", "back"), [(0, 29), (29, 0), (3, 7)])
def test_a_reading_that_is_long_under_way_changes_nothing(way: float, back: float) -> None:
    machines = Machines()
    clock = machines.clock()
    clock.now()
    machines.counted += 2
    machines.way, machines.back = way, back
    assert wrong(clock, machines) == 0
    assert machines.readings == 2


def test_the_first_reading_may_be_late_and_the_next_puts_it_right() -> None:
    machines = Machines()
    clock = machines.clock()
    machines.back = 5
    assert wrong(clock, machines) == -5
    machines.counted += 2
    machines.back = 0
    assert wrong(clock, machines) == 0


@pytest.mark.parametrize("hours", [1, -1])
def test_it_follows_when_the_databases_clock_is_set(hours: int) -> None:
    machines = Machines()
    clock = machines.clock()
    clock.now()
    machines.set_ahead = timedelta(hours=hours)
    machines.counted += 2
    machines.way, machines.back = 0.25, 0.25
    assert abs(wrong(clock, machines)) <= 0.5


def test_it_asks_once_a_second_and_counts_in_between() -> None:
    machines = Machines()
    clock = machines.clock(timedelta(days=8))
    first = clock.now()
    machines.counted += COUNTED_ON
    assert clock.now() - first == timedelta(seconds=COUNTED_ON)
    assert machines.readings == 1
    machines.counted += 0.5
    assert clock.now() == machines.shown + timedelta(days=8)
    assert machines.readings == 2


def test_a_reading_that_takes_longer_than_a_second_is_not_repeated_at_once() -> None:
    machines = Machines()
    clock = machines.clock()
    machines.back = 2 * COUNTED_ON
    clock.now()
    clock.now()
    assert machines.readings == 1


ways = st.lists(st.tuples(st.floats(0, 40), st.floats(0, 40), st.floats(0, 10)), min_size=1, max_size=20)


@given(ways)
def test_it_is_never_wrong_by_more_than_the_quickest_reading_took(ways: list[tuple[float, float, float]]) -> None:
    machines = Machines()
    clock = machines.clock()
    quickest = float("inf")
    for machines.way, machines.back, passes in ways:
        readings = machines.readings
        now = wrong(clock, machines)
        if machines.readings > readings:
            quickest = min(quickest, machines.way + machines.back)
        assert abs(now) <= quickest + 0.002  # it shows whole milliseconds
        machines.counted += passes
