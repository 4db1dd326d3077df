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
from collections.abc import Mapping

from deploy.local.stack import ROOT, Stack
from tests.model.articles_machine import KnowledgeBase
from tests.model.machine import HelpDesk
from tests.model.playing import play
from tests.model.steps import Machine

MACHINES: Mapping[str, type[Machine]] = {"tickets": HelpDesk, "articles": KnowledgeBase}
STEPS_A_DESK = 50
DESKS = 20
"""In one go, from one seed."""


def main(arguments: list[str]) -> int:
    """Play the steps that the arguments ask for; 0 if all was as the models say in each."""
    parser = argparse.ArgumentParser(prog="python -m tests.model", description="The desk against models of its rules.")
    parser.add_argument("--steps", type=int, default=10_000, help="how many steps of each machine (10000)")
    parser.add_argument("--seed", type=int, help="the first seed; each thousand steps has the next (else a random one)")
    parser.add_argument("--only", choices=MACHINES, help="tickets and agents, or the knowledge base (both)")
    chosen = parser.parse_args(arguments)
    seed = random.randrange(1_000_000) if chosen.seed is None else chosen.seed
    stack = Stack(ROOT / f"test-{os.getpid()}")
    try:
        stack.database.begin()
        stack.database.wait()
        for name in [chosen.only] if chosen.only else MACHINES:
            seen = _played(stack, name, seed, chosen.steps)
            for what, count in sorted(seen.items()):
                print(f"{count:8} {what}")
    except AssertionError:
        print(f"NOT IN ORDER\n{traceback.format_exc()}")
        return 1
    finally:
        stack.remove()
    return 0


def _played(stack: Stack, name: str, seed: int, steps: int) -> Counter[str]:
    """How often what happened. Raises what a step raised."""
    seen: Counter[str] = Counter()
    while seen["steps"] < steps:
        began = time.monotonic()
        print(f"model of {name}, seed {seed}: ", end="", flush=True)
        url = stack.database.url()
        seen += play(MACHINES[name], url, f"soak{seed}", seed, DESKS, STEPS_A_DESK, shrink=True)
        print(f"in order after {time.monotonic() - began:.0f} s, {seen['steps']} steps so far", flush=True)
        seed += 1
    return seen


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
