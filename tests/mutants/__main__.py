"""Breaks the code in small ways, one at a time, and counts the breaks that no test notices: `make mutants`.

mutmut makes the mutants and runs, for each, the tests that reach the broken function. This module says which files make
a part, which tests have to notice, and which mutants are drawn from a seed. mutmut breaks a function after everything
is imported. So whatever it cannot judge is judged again in a fresh process, by all tests of the part. A part has a
folder of its own, `.local/mutants/<part>`, where mutmut can be run by hand. The page is docs/testing.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.names import SERVICES

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / ".local" / "mutants"
MUTMUT = str(Path(sys.executable).with_name("mutmut"))

SOURCES = ("contracts", "services")
BESIDES = (
    "deploy",
    "docs",
    "tests",
    "README.md",
    "docker-compose.yml",
    "Makefile",
    "requirements.in",
    "requirements.lock",
)
"""What tests read besides the sources."""

LOOKS_AT_SOURCES = (
    "tests/contracts/test_registry.py::test_contracts_need_the_standard_library_marshmallow_and_msgspec_alone"
)
"""It sees what mutmut imports into each file that it breaks."""

PYTEST = ("-p", "no:cacheprovider", "--deselect", LOOKS_AT_SOURCES)

NOT_MUTATED = (r"\blog\.\w+\(", r"telemetry\.", r"cast\(", r"TypeVar\(")
"""What is logged and counted is not a promise; a cast does nothing at run time."""

KILLED = ("killed", "segfault")

AT_IMPORT = """
import sys
import pytest
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
set_mutant_under_test("stats")
pytest.main(["--collect-only", "-qq", *sys.argv[1:]])
print(*state()._stats)
"""
"""Prints, in its last line, the functions that run while tests are collected."""


@dataclass(frozen=True)
class Part:
    """Some files, and the tests that have to notice when one of them is broken."""

    files: Sequence[str]
    tests: Sequence[str]
    spared: Sequence[str] = ()


NEEDS_SERVERS = [
    f"services/chassis/{name}.py"
    for name in (
        "amqp_connection",
        "gate",
        "handshake",
        "health",
        "pipeline",
        "publisher",
        "run",
        "tls",
        "timers",
        "unit_of_work",
    )
]
"""What the integration tests hold, because it is about a real broker or database."""
FILES = [f"tests/unit/test_{name}.py" for name in ("catalogue", "staff", "operators_settings")]
"""Of the operator's files, which contracts describe and the chassis reads."""

PARTS = {
    "contracts": Part(
        ["contracts/*"],
        ["tests/contracts", "tests/unit/test_topology.py", "tests/unit/test_permissions.py", *FILES],
    ),
    **{name: Part([f"services/{name}/domain/*"], [f"tests/unit/{name}"]) for name in SERVICES},
    "chassis": Part(
        ["services/chassis/*"], ["tests/unit/chassis", "tests/unit/test_services.py", *FILES], NEEDS_SERVERS
    ),
}


def main(arguments: list[str]) -> int:
    """Try the mutants that the arguments ask for; 0 if all drawn mutants could be tried."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part (may be given again)")
    parser.add_argument("--count", type=int, default=100, help="how many mutants of each part, or 0 for all (100)")
    parser.add_argument("--seed", type=int, default=1, help="which of them (1)")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="how many at once (one for each core)")
    chosen = parser.parse_args(arguments)
    lines = []
    for name in chosen.part or PARTS:
        began = time.monotonic()
        tried = try_mutants(name, PARTS[name], chosen.count, chosen.seed, chosen.processes)
        killed, took = sum(tried[end] for end in KILLED), time.monotonic() - began
        lines.append(f"{name:14} {killed / tried.total():6.1%}   {killed} of {tried.total()} killed, in {took:.0f} s")
        print(lines[-1], flush=True)
    print("\n".join(["", *lines]))
    return 0


def try_mutants(name: str, part: Part, count: int, seed: int, processes: int) -> Counter[str]:
    """How many of the drawn mutants came to which end. Prints each that survived."""
    folder = laid_out(name, part)
    run = [MUTMUT, "run", "--max-children", str(processes)]
    # It has no command that only makes the mutants: it is asked for one that is not there.
    subprocess.run([*run, "none"], cwd=folder, capture_output=True, check=False)
    stats = folder / "mutants" / "mutmut-stats.json"
    if not stats.exists():
        raise SystemExit(f"{name}: the tests do not pass here. See: cd {folder} && {MUTMUT} run")
    known = json.loads(stats.read_text(encoding="utf-8"))
    mutants = sorted(mutant for mutant, _ in made(folder))
    drawn = random.Random(seed).sample(mutants, min(count or len(mutants), len(mutants)))
    tested = [
        mutant for mutant in drawn if mutant.rpartition("__mutmut_")[0] in known["tests_by_mangled_function_name"]
    ]
    patience = 60 + 10 * sum(known["duration_by_test"].values())
    subprocess.run([*run, *tested], cwd=folder, stdout=subprocess.DEVNULL, check=True)
    ends = dict(made(folder))
    unseen = {function for function, tests in known["tests_by_mangled_function_name"].items() if len(tests) == 1}
    unseen |= run_at_import(folder, part)
    for mutant in drawn:
        # On a busy machine tests time out although nothing has broken them: only "survived" is a verdict, if it can be
        # one.
        is_open = ends[mutant] != "survived" or mutant.rpartition("__mutmut_")[0] in unseen
        if ends[mutant] not in KILLED and is_open and noticed_from_the_start(folder, part, mutant, patience):
            ends[mutant] = "killed"
        elif ends[mutant] not in KILLED:
            print(f"\n{ends[mutant]}: ", end="", flush=True)
            subprocess.run([MUTMUT, "show", mutant], cwd=folder, check=True)
    return Counter(ends[mutant] for mutant in drawn)


def run_at_import(folder: Path, part: Part) -> set[str]:
    """The functions that have run before the first test begins."""
    told = subprocess.run(
        [sys.executable, "-c", AT_IMPORT, *PYTEST, *part.tests],
        cwd=folder / "mutants",
        capture_output=True,
        text=True,
        check=True,
    )
    return set(told.stdout.splitlines()[-1].split())


def noticed_from_the_start(folder: Path, part: Part, mutant: str, patience: float) -> bool:
    """Whether the part's tests fail in a process in which the function is broken before anything is imported, or do not
    end within this many seconds.

    This judges what runs while a module is imported or a test collected, what the first test that needs it keeps for
    all tests, and what a test has another process do. The tests that draw their input take most of the time, and have
    had their say before: they are left out.
    """
    try:
        tests = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-m", "not hypothesis", *PYTEST, *part.tests],
            cwd=folder / "mutants",
            env={**os.environ, "MUTANT_UNDER_TEST": mutant},
            capture_output=True,
            check=False,
            timeout=patience,
        )
    except subprocess.TimeoutExpired:
        return True
    return tests.returncode != 0


def laid_out(name: str, part: Part) -> Path:
    """The part's folder, new for each run: a copy of this checkout, which may go on changing, and mutmut's
    settings."""
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for each in (*SOURCES, *BESIDES):
        copy = shutil.copytree if (CHECKOUT / each).is_dir() else shutil.copy
        copy(CHECKOUT / each, folder / each)
    asked = {
        "source_paths": SOURCES,
        "only_mutate": part.files,
        "do_not_mutate": part.spared,
        "do_not_mutate_patterns": NOT_MUTATED,
        "also_copy": BESIDES,
        "pytest_add_cli_args_test_selection": part.tests,
        "pytest_add_cli_args": PYTEST,
        "process_isolation": "forkserver",  # tests patch sockets and start threads, which do not survive a fork
        "use_git_change_detection": False,
        "use_setproctitle": False,
    }
    # JSON's lists, texts and truth values are TOML's.
    lines = [f"{key} = {json.dumps(value)}" for key, value in asked.items()]
    project = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    (folder / "pyproject.toml").write_text("\n".join([project, "[tool.mutmut]", *lines, ""]), encoding="utf-8")
    return folder


def made(folder: Path) -> Iterator[tuple[str, str]]:
    """Each mutant and what became of it."""
    listed = subprocess.run(
        [MUTMUT, "results", "--all", "true"], cwd=folder, capture_output=True, text=True, check=True
    )
    for line in listed.stdout.splitlines():
        mutant, _, end = line.strip().partition(": ")
        if "__mutmut_" in mutant:
            yield mutant, end


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
