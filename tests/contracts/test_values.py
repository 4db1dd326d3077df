"""A frozen value compares and hashes by its fields; mypy sees that nobody changes it."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import pytest

from contracts import values


@values.dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 0


@values.dataclass(frozen=True, eq=False)
class Thing:
    name: str


@values.dataclass
class Box:
    content: int


def test_frozen_ones_are_equal_and_hash_by_their_fields() -> None:
    assert Point(1, 2) == Point(1, 2)
    assert Point(1, 2) != Point(2, 1)
    assert {Point(1), replace(Point(2), x=1)} == {Point(1)}


def test_without_eq_each_is_itself() -> None:
    thing = Thing("a")
    assert len({thing, Thing("a")}) == 2
    assert thing in {thing}


def test_others_are_as_the_standard_library_makes_them() -> None:
    assert Box(1) == Box(1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(Box(1))
    assert [each.name for each in dataclasses.fields(Point)] == ["x", "y"]
    assert not hasattr(Point(1), "__dict__")
