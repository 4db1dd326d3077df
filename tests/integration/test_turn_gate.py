"""The gate that turns of several instances pass one at a time, on the real database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from deploy.local.stack import Stack
from services.chassis.gate import WAITED, Gate
from services.chassis.unit_of_work import Store
from tests.integration.turn_stores import stores


@pytest.fixture
def two(stack: Stack) -> Iterator[list[Store]]:
    with stores(stack, "routing", 2, {"gates": []}) as opened:
        yield opened


class Sleeper:
    """Counts the looks of an instance that waits."""

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self, seconds: float) -> None:
        self.looks += 1
        time.sleep(seconds)


def test_who_comes_while_another_is_inside_waits_until_they_are_out(two: list[Store]) -> None:
    gate, other = Gate(two[0].database, "pool"), Gate(two[1].database, "pool")
    inside = gate.passed(time.sleep)
    inside.__enter__()
    looks: list[float] = []

    def look(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            inside.__exit__(None, None, None)

    with other.passed(look):
        assert len(looks) == 3, "in as soon as the other one is out"
    sleeper = Sleeper()
    with gate.passed(sleeper):
        pass
    assert sleeper.looks == 0


def test_who_has_waited_for_long_goes_on_and_does_not_open_it_for_others(two: list[Store]) -> None:
    gate, other = Gate(two[0].database, "pool"), Gate(two[1].database, "pool")
    with gate.passed(time.sleep):
        begun = time.monotonic()
        with other.passed(time.sleep):
            assert time.monotonic() - begun >= WAITED
        row = two[0].database["gates"].find_one({})
        assert row is not None
        assert row["until"] > datetime.now(UTC)


def test_what_a_killed_instance_held_opens_by_itself(two: list[Store]) -> None:
    gate, other = Gate(two[0].database, "pool"), Gate(two[1].database, "pool")
    gate.passed(time.sleep).__enter__()  # and never leaves
    past = datetime.now(UTC) - timedelta(milliseconds=1)
    two[0].database["gates"].update_one({}, {"$set": {"until": past}})
    sleeper = Sleeper()
    with other.passed(sleeper):
        assert sleeper.looks == 0


def test_an_error_inside_leaves_it_open_behind_it(two: list[Store]) -> None:
    gate, other = Gate(two[0].database, "pool"), Gate(two[1].database, "pool")
    with pytest.raises(KeyError), gate.passed(time.sleep):
        raise KeyError
    sleeper = Sleeper()
    with other.passed(sleeper):
        assert sleeper.looks == 0


def test_gates_of_different_names_are_different(two: list[Store]) -> None:
    sleeper = Sleeper()
    with Gate(two[0].database, "pool").passed(time.sleep), Gate(two[1].database, "other").passed(sleeper):
        assert sleeper.looks == 0
