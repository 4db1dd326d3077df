"""`make soak`: long storms from several seeds, each on a broker and a database of its own. Prints a line for each fault
and a verdict for each seed, and ends with 1 if any seed failed.

The logs of a failed seed stay in `.local/soak/`. The page is docs/testing.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path

from deploy.local.stack import ROOT, Stack
from tests.system.house import House
from tests.system.storm import LONG, SHORT, Scale, storm

KEPT_LOGS = ROOT / "soak"


def main(arguments: list[str]) -> int:
    """Run the storms that the arguments ask for; 0 if the desk was in order after each."""
    parser = argparse.ArgumentParser(prog="make soak", description="Long storms, a desk of its own for each seed.")
    parser.add_argument("--seeds", default="", help="which, with blanks between; else 1 to COUNT")
    parser.add_argument("--count", type=int, default=10, help="how many seeds")
    parser.add_argument("--submissions", type=int, help="requests a seed")
    parser.add_argument("--short", action="store_true", help="the size of the storm in make test")
    chosen = parser.parse_args(arguments)
    seeds = [int(seed) for seed in chosen.seeds.split()] or list(range(1, chosen.count + 1))
    scale = SHORT if chosen.short else LONG
    if chosen.submissions:
        scale = replace(scale, submissions=chosen.submissions)
    if len(seeds) == 1:
        return 0 if _stands(seeds[0], scale) else 1
    failed = [seed for seed in seeds if not _stands_alone(seed, arguments)]
    if seeds:
        print(f"{len(seeds) - len(failed)} of {len(seeds)} seeds in order" + (f"; not: {failed}" if failed else ""))
    return 1 if failed else 0


def _stands_alone(seed: int, arguments: list[str]) -> bool:
    """The same in a process of its own: what a failed storm leaves running does not slow the next one down."""
    return (
        subprocess.run([sys.executable, "-m", __spec__.name, *arguments, "--seeds", str(seed)], check=False).returncode
        == 0
    )


def _stands(seed: int, scale: Scale) -> bool:
    """Whether the desk was in order after the storm of this seed."""
    began = time.monotonic()
    stack = Stack(ROOT / f"test-{os.getpid()}-{seed}")
    print(f"seed {seed}: {scale.submissions} requests", flush=True)
    try:
        stack.start_servers()
        desk = stack.other_desk(f"soak{seed}")
        desk.prepare()
        house = House(stack, desk)
        try:
            storm(house, seed, scale, lambda line: print(f"seed {seed} {line}", flush=True))
        finally:
            house.close()
    except Exception:  # noqa: BLE001 - whatever it is, it is this seed's verdict, and the next seed follows
        kept = KEPT_LOGS / f"seed-{seed}"
        _keep(stack.folder.sub("log"), kept)
        print(f"{traceback.format_exc()}seed {seed}: NOT IN ORDER after {_since(began)}; logs in {kept}", flush=True)
        return False
    finally:
        stack.remove()
    print(f"seed {seed}: in order after {_since(began)}", flush=True)
    return True


def _keep(logs: Path, kept: Path) -> None:
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(logs, kept)


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.0f} s"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
