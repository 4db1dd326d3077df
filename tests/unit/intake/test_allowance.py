"""How often a sender may ask: so many at once, so many a second, and each for itself."""

from __future__ import annotations

from services.intake.allowance import GRANTED_SECONDS, Allowance


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_so_many_at_once_and_so_many_a_second_for_each_sender() -> None:
    clock = Clock()
    allowance = Allowance(3, 2.0, clock)
    assert [allowance.ask("web", number) == 0 for number in range(5)] == [True] * 3 + [False] * 2
    assert allowance.ask("game", "first") == 0
    clock.now += 1.0
    assert [allowance.ask("web", f"later {number}") == 0 for number in range(3)] == [True, True, False]
    clock.now += 3_600.0
    assert sum(allowance.ask("web", f"much later {number}") == 0 for number in range(10)) == 3


def test_who_is_refused_together_is_told_to_come_back_apart() -> None:
    clock = Clock()
    allowance = Allowance(1, 2.0, clock)
    waits = [allowance.ask("web", number) for number in range(4)]
    assert waits == [0.0, 1.0, 1.5, 2.0]
    clock.now += waits[1]
    assert allowance.ask("web", "again") == 0


def test_what_was_granted_is_not_counted_again_until_it_is_used_or_long_ago() -> None:
    clock = Clock()
    allowance = Allowance(1, 0.001, clock)
    assert [allowance.ask("web", "it"), allowance.ask("web", "it")] == [0.0, 0.0]
    assert allowance.ask("web", "another") > 0
    allowance.used("it")
    assert allowance.ask("web", "it") > 0
    clock.now += 1_000
    assert allowance.ask("web", "it") == 0
    clock.now += GRANTED_SECONDS
    assert allowance.ask("web", "it") > 0
