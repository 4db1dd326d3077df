"""Plays a number of steps of the machine, on a database that exists. See docs/testing.md."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.desk import databases
from tests.model.steps import Machine


def play(
    machine: type[Machine], url: str, name: str, seed_: int, examples: int, steps: int, shrink: bool = False
) -> Counter[str]:
    """Play a number of desks, a number of steps each, from this seed; returns how often what happened.

    Raises what a step raised, after printing the steps that led to it; with `shrink`, the fewest.
    """
    with databases(url, name, machine.services) as opened:
        seen: Counter[str] = Counter()
        played = type(machine.__name__, (machine,), {"databases": opened, "seen": seen})
        chosen = settings(
            max_examples=examples,
            stateful_step_count=steps,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
            print_blob=False,
        )
        run_state_machine_as_test(seed(seed_)(played), settings=chosen)
        return seen
