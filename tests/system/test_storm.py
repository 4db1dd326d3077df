"""A short storm: faults of every kind but the harshest, in the middle of requests and answers.

`make soak` has the long ones.
"""

from __future__ import annotations

from tests.system.house import House
from tests.system.storm import SHORT, storm

SEED = 6


def test_a_short_storm_leaves_the_desk_in_order(house: House) -> None:
    storm(house, SEED, SHORT, print)
