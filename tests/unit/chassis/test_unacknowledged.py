"""What may be acknowledged: all up to the oldest that is in work, with one frame; and what is finished behind it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.chassis.reading import Delivery
from services.chassis.unacknowledged import LARGE, Unacknowledged


def delivered(count: int, size: int = 1) -> Unacknowledged:
    held = Unacknowledged()
    for tag in range(1, count + 1):
        held.add(Delivery("q", "x", "x", bytes(size), {}, tag=tag))
    return held


def test_all_that_is_finished_from_the_oldest_on_is_one_acknowledgement() -> None:
    held = delivered(4)
    held.finish([3, 1, 2])
    assert held.take_finished() == (3, [])
    assert len(held) == 1


def test_what_is_finished_behind_one_in_work_is_acknowledged_by_itself_and_once() -> None:
    held = delivered(4)
    held.finish([2, 4])
    assert held.take_finished() == (0, [2, 4])
    held.finish([1])
    assert held.take_finished() == (1, [])
    assert held.take_finished() == (0, [])
    held.finish([3])
    assert held.take_finished() == (3, [])
    assert len(held) == 0


def test_the_bytes_of_large_ones_are_held_until_they_may_be_acknowledged() -> None:
    held = delivered(2, LARGE + 1)
    assert held.held == 2 * (LARGE + 1)
    held.finish([2])
    assert held.held == 2 * (LARGE + 1)
    held.take_finished()
    assert held.held == LARGE + 1
    held.clear()
    assert (held.held, len(held)) == (0, 0)
    assert delivered(9, LARGE).held == 0


@given(st.permutations(range(1, 9)), st.lists(st.integers(1, 8), max_size=8))
def test_each_is_acknowledged_once_and_never_before_it_is_finished(order: list[int], cuts: list[int]) -> None:
    held = delivered(8)
    finished: set[int] = set()
    acknowledged: list[int] = []
    for place, tag in enumerate(order, 1):
        held.finish([tag])
        finished.add(tag)
        if place in cuts or place == len(order):
            last, behind = held.take_finished()
            acknowledged += [each for each in range(1, last + 1) if each not in acknowledged]
            acknowledged += behind
            assert set(acknowledged) == finished
    assert sorted(acknowledged) == list(range(1, 9))
