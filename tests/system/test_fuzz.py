"""Odd messages among good ones: a short run. `make soak` has the long ones."""

from __future__ import annotations

from tests.system.fuzz import fuzz
from tests.system.house import House

SEED, COUNT = 1, 400


def test_odd_messages_are_answered_or_dead_lettered_and_harm_nobody(house: House) -> None:
    fuzz(house, SEED, COUNT)
