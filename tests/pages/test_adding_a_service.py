"""docs/adding-a-service.md, followed to the letter in a copy of the tree: its service runs, and what is missing is
named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.local.stack import Stack
from tests.pages.blocks import CHECKOUT
from tests.pages.following import ADDING_A_SERVICE, follow

COPIED = (
    "contracts",
    "deploy",
    "services",
    "tests",
    "docs",
    "docker-compose.yml",
    "pyproject.toml",
    ".dockerignore",
    ".gitignore",
)
COMPOSE = "docker-compose.yml"


def copied(tree: Path) -> Path:
    """A copy of this checkout, without the service."""
    for name in COPIED:
        if (CHECKOUT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "secrets", "node_modules")
            shutil.copytree(CHECKOUT / name, tree / name, ignore=ignored)
        else:
            shutil.copy(CHECKOUT / name, tree / name)
    return tree


def run(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the copy, with this Python."""
    program, *arguments = words
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CASEBUS_")}
    return subprocess.run(
        [Path(sys.executable).parent / program, *arguments],
        cwd=tree,
        env={**environment, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def succeeds(tree: Path, *words: str) -> str:
    ended = run(tree, *words)
    assert ended.returncode == 0, f"{' '.join(words)}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def judged(tree: Path, *what: str) -> subprocess.CompletedProcess[str]:
    return run(tree, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *what)


def test_a_service_is_added_from_nothing_as_the_page_tells(stack: Stack, tmp_path: Path) -> None:
    tree = copied(tmp_path)

    assert len(follow(ADDING_A_SERVICE, tree, lambda name: name != COMPOSE)) > 10
    service = tree / "services" / "greeter" / "service.py"
    written = service.read_text(encoding="utf-8")
    service.write_text(written.replace("greeter.commands", "greeter.comands"), encoding="utf-8")
    told = run(tree, "python", "-m", "services.chassis.run", "greeter")
    sentence = "No method in services/greeter/service.py reads greeter.commands, which contracts/services.py declares."
    assert (told.returncode, told.stderr) == (2, f"casebus: {sentence}\n")

    service.write_text(written, encoding="utf-8")
    succeeds(tree, "python", "-m", "deploy.documents")
    lacking = judged(tree, "tests/unit/test_compose_file.py", "-k", "is_a_container")
    assert lacking.returncode == 1
    assert "docker-compose.yml has no service greeter, which contracts/services.py declares" in lacking.stdout

    assert follow(ADDING_A_SERVICE, tree, lambda name: name == COMPOSE) == [COMPOSE] * 3
    succeeds(tree, "ruff", "check", "--no-cache", "contracts", "services", "tests/unit/greeter")
    succeeds(tree, "ruff", "format", "--no-cache", "--check", "contracts", "services", "tests/unit/greeter")
    assert "0 broken" in succeeds(tree, "lint-imports", "--no-cache")
    of_contract = ("tests/contracts/test_registry.py", "tests/contracts/test_documents.py")
    of_desk = (
        "tests/unit/test_services.py",
        "tests/unit/test_topology.py",
        "tests/unit/test_compose_file.py",
        "tests/unit/test_page_tables.py",
    )
    checked = judged(tree, "tests/unit/greeter", *of_desk, *of_contract)
    assert checked.returncode == 0, checked.stdout

    seen = json.loads(succeeds(tree, "python", "-m", "tests.pages.greeting", str(stack.folder.path), "greeted"))
    unread = [f"queue greeter.{name}: Nobody reads it, and 0 messages wait." for name in ("commands", "questions")]
    gone = [
        *unread,
        "service greeter 1: It does not answer",
        "services: 0 of 1 are ready.",
    ]
    empty = "database of greeter: It is empty: the service has never run with it."
    assert seen.pop("doctor, before") == [*unread, empty, *gone[2:]]
    assert seen.pop("doctor, after") == gone
    assert seen == {
        "doctor": ["services: 1 of 1 are ready."],
        "ready": 200,
        "outcomes": ["command.accepted", "command.rejected"],
        "refused": {"name": ["Must have 1 to 100 characters."]},
        "counted": 2,
        "events": [{"name": "Ada", "times": 1}, {"name": "Ada", "times": 2}],
        "documents": [{"_id": "Ada", "times": 2}],
    }
