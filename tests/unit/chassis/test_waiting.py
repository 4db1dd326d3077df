"""What goes into a turn: some of each queue, in the order of each, up to the limits."""

from __future__ import annotations

from collections import Counter
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from services.chassis.reading import Delivery
from services.chassis.waiting import LARGEST_TURN, LARGEST_TURN_BYTES, Waiting, is_suspect

QUEUES = ("people", "desk", "assignments")
MIB = 1024 * 1024


body = cache(bytes)
"""A delivery with this many bytes; made once."""


def delivery(queue: str, tag: int, *, returns: int = 0, size: int = 1) -> Delivery:
    headers = {"x-delivery-count": returns}
    return Delivery(queue, "x", "x", body(size), {}, redelivered=returns > 0, tag=tag, headers=headers)


def test_a_queue_that_is_never_empty_keeps_no_other_waiting() -> None:
    waiting = Waiting(QUEUES)
    for tag in range(1000):
        waiting.add(delivery("people", tag))
    waiting.add(delivery("assignments", 1000))
    turn = waiting.next_turn()
    assert len(turn) == LARGEST_TURN
    assert 1000 in {taken.tag for taken in turn}
    assert len(waiting) == 801


def test_queues_that_all_wait_share_a_turn() -> None:
    waiting = Waiting(QUEUES)
    for tag in range(1000):
        for queue in QUEUES:
            waiting.add(delivery(queue, tag))
    counts = Counter(taken.queue for taken in waiting.next_turn())
    assert min(counts.values()) >= LARGEST_TURN // len(QUEUES)


def test_suspect_ones_are_alone_and_leave_the_others_every_second_turn() -> None:
    waiting = Waiting(QUEUES[:2])
    for tag in range(3):
        waiting.add(delivery("people", tag, returns=2))
        waiting.add(delivery("desk", tag))
    turns = [[(taken.queue, taken.tag) for taken in waiting.next_turn()] for _ in range(4)]
    assert sorted(turns[:2]) == [[("desk", 0), ("desk", 1), ("desk", 2)], [("people", 0)]]
    assert turns[2:] == [[("people", 1)], [("people", 2)]]


def test_large_ones_make_a_turn_of_their_own_size() -> None:
    waiting = Waiting(QUEUES)
    for tag in range(3):
        waiting.add(delivery("people", tag, size=10 * MIB))
    assert [[taken.tag for taken in waiting.next_turn()] for _ in range(4)] == [[0], [1], [2], []]


def test_what_is_put_back_comes_first() -> None:
    waiting = Waiting(QUEUES)
    for tag in range(4):
        waiting.add(delivery("people", tag))
    turn = waiting.next_turn()
    waiting.add(delivery("people", 4))
    waiting.put_back(turn[1:3])
    assert [taken.tag for taken in waiting.next_turn()] == [1, 2, 4]


def test_probes_are_of_one_queue_after_the_other_and_those_that_failed_least() -> None:
    waiting = Waiting(QUEUES)
    for tag, queue in enumerate(("people", "people", "desk", "assignments")):
        waiting.add(delivery(queue, tag))
    next(iter(waiting)).attempts = 1
    probes = [waiting.next_probe() for _ in range(5)]
    assert [[taken.tag for taken in probe] for probe in probes][3:] == [[0], []]
    assert {taken.queue for probe in probes[:3] for taken in probe} == set(QUEUES)


A_DELIVERY = st.tuples(st.sampled_from(QUEUES), st.sampled_from([0, 0, 0, 2]), st.sampled_from([1, 1, 6 * MIB]))


@settings(deadline=None)
@given(st.lists(A_DELIVERY, max_size=30))
def test_each_is_in_one_turn_and_in_the_order_of_its_queue(given_: list[tuple[str, int, int]]) -> None:
    waiting = Waiting(QUEUES)
    for tag, (queue, returns, size) in enumerate(given_):
        waiting.add(delivery(queue, tag, returns=returns, size=size))
    turns = []
    while waiting:
        turns.append(waiting.next_turn())
        assert turns[-1]
    assert waiting.next_turn() == []
    for turn in turns:
        assert len(turn) == 1 or not any(map(is_suspect, turn))
        assert len(turn) == 1 or sum(len(taken.body) for taken in turn) <= LARGEST_TURN_BYTES
    for queue in QUEUES:
        tags = [taken.tag for turn in turns for taken in turn if taken.queue == queue]
        assert tags == [tag for tag, (each, _, _) in enumerate(given_) if each == queue]
