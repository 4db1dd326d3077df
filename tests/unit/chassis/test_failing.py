"""When an entrypoint pauses because too much fails, what it tries in the meantime, and when it goes on."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.failing import FEWEST, SOON, TRIED_EVERY, Failing, Try

GOOD, BAD = Try(False), Try(True)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def failing(share: float = 0.2, of: int = 100, clock: Clock | None = None) -> Failing:
    return Failing("toys", share, of, clock or Clock())


@pytest.mark.parametrize(
    ("tries", "pauses"),
    [
        ([BAD] * (FEWEST - 1), False),
        ([BAD] * FEWEST, True),
        ([GOOD] * 95 + [BAD] * 5, False),
        ([GOOD] * 80 + [BAD] * 19, False),
        ([GOOD] * 80 + [BAD] * 20, True),
        ([GOOD] * 10_000 + [BAD] * 20, True),
        ([GOOD] * 20 + [BAD] * 5, True),
        ([GOOD] * 21 + [BAD] * 5, False),
        ([BAD, *[GOOD] * 9] * 100, False),
        ([Try(True, is_first=False)] * 1000, False),
        ([BAD] * 4 + [Try(True, is_first=False)] * 1000, False),
        ([], False),
    ],
)
def test_many_that_fail_pause_it_and_one_in_many_does_not(tries: Sequence[Try], pauses: bool) -> None:
    """However often a message is tried again, it counts once."""
    record = failing()
    record.note(tries, "ValueError")
    assert record.paused == pauses
    assert ("of toys failed (ValueError)" in record.why) == pauses


@pytest.mark.parametrize("before", [[], [BAD] * 4, [GOOD] * 99, [BAD] * 4 + [GOOD] * 99])
@pytest.mark.parametrize("count", [0, 1, 99, 250])
def test_what_succeeds_counts_the_same_in_one_go(before: Sequence[Try], count: int) -> None:
    one_by_one, in_one_go = failing(), failing()
    for record in (one_by_one, in_one_go):
        record.note(before, "ValueError")
    one_by_one.note([GOOD] * count)
    in_one_go.note_good(count)
    assert (in_one_go.succeeded, in_one_go._last) == (one_by_one.succeeded, one_by_one._last)


def test_at_night_five_that_fail_one_after_the_other_pause_it() -> None:
    record = failing()
    for count in range(1, FEWEST + 1):
        record.note([BAD], "ValueError")
        assert record.paused == (count == FEWEST)
    assert record.why == "5 of the last 5 of toys failed (ValueError)"


def test_while_it_pauses_one_a_minute_is_tried_and_one_that_succeeds_ends_it() -> None:
    clock = Clock()
    record = failing(clock=clock)
    record.note([BAD] * 10, "ValueError")
    assert not record.may_try()
    clock.now += TRIED_EVERY
    assert record.may_try()
    assert not record.may_try()
    record.note([Try(True, is_probe=True)], "KeyError")
    assert (record.paused, record.why) == (True, "10 of the last 10 of toys failed (KeyError)")
    clock.now += TRIED_EVERY
    assert record.may_try()
    record.note([Try(False, is_probe=True)])
    assert (record.paused, record.why, record.seconds_until_try()) == (False, "", 0)
    assert record.may_try()
    assert record.may_try()
    # What failed before does not count any more.
    record.note([BAD] * (FEWEST - 1))
    assert not record.paused


def test_what_was_in_work_as_it_paused_does_not_end_the_pause() -> None:
    record = failing()
    record.note([BAD] * 10)
    record.note([GOOD] * 200)
    assert record.paused
    assert record.succeeded == 200


def test_a_try_that_shows_nothing_is_followed_by_another_soon() -> None:
    clock = Clock()
    record = failing(clock=clock)
    record.note([BAD] * 10)
    clock.now += TRIED_EVERY
    assert record.may_try()
    record.showed_nothing()
    assert not record.may_try()
    clock.now += SOON
    assert record.may_try()


TRIES = st.lists(st.builds(Try, st.booleans(), st.booleans()), max_size=30)


@given(
    turns=st.lists(TRIES, max_size=20),
    share=st.sampled_from([0.1, 0.2, 0.5, 1.0]),
    of=st.sampled_from([5, 20, 100]),
)
def test_it_pauses_when_the_share_of_the_last_is_reached_and_never_before(
    turns: list[list[Try]], share: float, of: int
) -> None:
    record = failing(share, of)
    seen: list[bool] = []
    for turn in turns:
        record.note(turn)
        seen += [delivery.failed for delivery in turn if delivery.is_first]
        failed = sum(seen[-of:])
        should = any(delivery.failed for delivery in turn) and failed >= max(FEWEST, share * len(seen[-of:]))
        assert record.paused == should
        if should:
            return


@given(steps=st.lists(st.tuples(st.floats(0, 90), st.booleans()), max_size=30))
def test_while_it_pauses_tries_are_a_minute_apart(steps: list[tuple[float, bool]]) -> None:
    clock = Clock()
    record = failing(clock=clock)
    record.note([BAD] * 10)
    tried = [clock.now]
    for passed, succeeds in steps:
        clock.now += passed
        waits = record.seconds_until_try()
        if not record.may_try():
            assert waits > 0
            continue
        assert waits == 0
        assert clock.now - tried[-1] >= TRIED_EVERY
        tried.append(clock.now)
        record.note([Try(not succeeds, is_probe=True)])
        assert record.paused == (not succeeds)
        if succeeds:
            return
