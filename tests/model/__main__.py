"""The long run of the model-based test, part of `make soak`: plays a number of steps, and prints a line for each
thousand.

It ends with 1 at the first step that the model does not allow, and prints the fewest steps that lead to it. The same
seed plays the same steps. The page is docs/testing.md.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
import traceback
from collections import Counter

from deploy.local.stack import ROOT, Stack
from tests.model.playing import play

STEPS_A_DESK = 50
DESKS = 20
"""In one go, from one seed."""


def main(arguments: list[str]) -> int:
    """Play the steps that the arguments ask for; 0 if the desk did what the model says in each."""
    parser = argparse.ArgumentParser(prog="python -m tests.model", description="The desk against a model of its rules.")
    parser.add_argument("--steps", type=int, default=10_000, help="how many steps (10000)")
    parser.add_argument("--seed", type=int, help="the first seed; each thousand steps has the next (else a random one)")
    chosen = parser.parse_args(arguments)
    seed = random.randrange(1_000_000) if chosen.seed is None else chosen.seed
    stack = Stack(ROOT / f"test-{os.getpid()}")
    seen: Counter[str] = Counter()
    try:
        stack.database.begin()
        stack.database.wait()
        while seen["steps"] < chosen.steps:
            began = time.monotonic()
            print(f"model, seed {seed}: ", end="", flush=True)
            seen += play(stack.database.url(), f"soak{seed}", seed, DESKS, STEPS_A_DESK, shrink=True)
            print(f"in order after {time.monotonic() - began:.0f} s, {seen['steps']} steps so far", flush=True)
            seed += 1
    except AssertionError:
        print(f"NOT IN ORDER\n{traceback.format_exc()}")
        return 1
    finally:
        stack.remove()
    for what, count in sorted(seen.items()):
        print(f"{count:8} {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
