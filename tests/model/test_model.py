"""The whole desk against the model of its rules: the short run. `make soak` has the long one."""

from __future__ import annotations

from deploy.local.stack import Stack
from tests.model.playing import play


def test_a_desk_does_what_the_model_of_its_rules_says(stack: Stack) -> None:
    seen = play(stack.database.url(), "model", seed_=1, examples=8, steps=40)
    assert seen["at rest"] >= 8
