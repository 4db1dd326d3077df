"""How often a sender may ask: a number at once, a number a second, and each for itself."""

from __future__ import annotations

from services.intake.credentials.allowance import GRANTED_SECONDS, Allowance, ByOrigin, Rate


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_so_many_at_once_and_so_many_a_second_for_each_sender() -> None:
    clock = Clock()
    allowance = Allowance(Rate(3, 2.0), clock)
    assert [allowance.ask("web", number) == 0 for number in range(5)] == [True] * 3 + [False] * 2
    assert allowance.ask("game", "first") == 0
    clock.now += 1.0
    assert [allowance.ask("web", f"later {number}") == 0 for number in range(3)] == [True, True, False]
    clock.now += 3_600.0
    assert sum(allowance.ask("web", f"much later {number}") == 0 for number in range(10)) == 3


def test_who_is_refused_together_is_told_to_come_back_apart() -> None:
    clock = Clock()
    allowance = Allowance(Rate(1, 2.0), clock)
    waits = [allowance.ask("web", number) for number in range(4)]
    assert waits == [0.0, 1.0, 1.5, 2.0]
    clock.now += waits[1]
    assert allowance.ask("web", "again") == 0


def test_what_was_granted_is_not_counted_again_until_it_is_used_or_long_ago() -> None:
    clock = Clock()
    allowance = Allowance(Rate(1, 0.001), clock)
    assert [allowance.ask("web", "it"), allowance.ask("web", "it")] == [0.0, 0.0]
    assert allowance.ask("web", "another") > 0
    allowance.used("it")
    assert allowance.ask("web", "it") > 0
    clock.now += 1_000
    assert allowance.ask("web", "it") == 0
    clock.now += GRANTED_SECONDS
    assert allowance.ask("web", "it") > 0


def test_what_an_origin_is_refused_costs_its_channel_nothing() -> None:
    clock = Clock()
    allowance = ByOrigin(Rate(10, 1.0), Rate(2, 0.5), clock)
    assert [allowance.ask("web", "mallory's", n) == 0 for n in range(50)] == [True] * 2 + [False] * 48
    assert allowance.ask("web", "mallory's", "next") == 2.0, "whoever is alone is told when, not sent to the end"
    assert sum(allowance.ask("web", f"browser {n}", f"other {n}") == 0 for n in range(50)) == 8, "the ceiling holds"
    assert allowance.ask("game", "mallory's", "there") == 0.0, "an origin is its channel's"


def test_an_origin_that_has_all_it_may_again_is_forgotten() -> None:
    clock = Clock()
    allowance = Allowance(Rate(2, 0.1), clock, apart=False)
    for n in range(1_000):
        allowance.ask(f"browser {n}", n)
    clock.now += GRANTED_SECONDS + 1
    assert allowance.ask("another", "it") == 0
    assert len(allowance._senders) == len(allowance._granted) == 1
