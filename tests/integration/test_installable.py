"""`contracts/` and `services/client/` are installed alone, and a channel of ten lines works with them, although another
package `services` exists."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

import pytest

from deploy.local.desk import Desk

CHECKOUT = Path(__file__).parents[2]

CHANNEL = """
import os
from contracts.common import AccountRequester
from contracts.tickets import Submit, TicketOutcome
from casebus_client.blocking import Client

ana = AccountRequester(account_id="ana", display_name="Ana", tier="standard")
with Client(os.environ["CASEBUS_AMQP_CHANNEL"]) as desk:
    submit = Submit(requester=ana, category="technical", subject="No sound", body="All is silent.", issue_key="sound")
    print(desk.command("ticket.submit", submit).expect(TicketOutcome).ticket.number)
"""

NOBODY = """
from importlib.util import find_spec
assert not any(map(find_spec, ("services", "deploy", "nameko", "kombu", "pymongo", "orjson")))
"""


def required(name: str) -> set[str]:
    """The distributions that this one asks for, without its extras."""
    asked = metadata.requires(name) or []
    return {re.match(r"[\w.-]+", requirement)[0].lower() for requirement in asked if "extra ==" not in requirement}  # type: ignore[index]


def copy_of(name: str, site: Path) -> None:
    """What is installed here of other people's package, as it is: a test cannot rely on an index."""
    for file in metadata.files(name) or []:
        if ".." not in file.parts:
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(file.locate()), site / file)


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """The Python of an environment with the two packages and only the others that they declare."""
    venv.create(tmp_path / "venv", symlinks=True)
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    wheels = tmp_path / "wheels"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    for source in ("contracts", "services/client"):
        copied = shutil.copytree(CHECKOUT / source, tmp_path / source)  # building leaves files behind
        build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(copied)]
        subprocess.run(build, check=True)
    built = sorted(map(str, wheels.glob("*.whl")))
    assert len(built) == 2
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", str(site), *built], check=True)
    asked = {"casebus-client"}
    done: set[str] = set()
    while names := asked - done:
        for name in names:
            done.add(name)
            if name.startswith("casebus-"):
                (found,) = site.glob(f"{name.replace('-', '_')}-*.dist-info/METADATA")
                lines = re.findall(r"^Requires-Dist: ([\w.-]+)", found.read_text(encoding="utf-8"), re.MULTILINE)
                asked |= set(lines)
            else:
                copy_of(name, site)
                asked |= required(name)
    return tmp_path / "venv" / "bin" / "python"


def test_a_channel_of_ten_lines_runs_on_the_two_packages_alone(alone: Path, desk: Desk, tmp_path: Path) -> None:
    desk.start("intake")
    assert list(alone.parents[1].glob("lib/*/site-packages/casebus_client/py.typed")), "type checkers see no types"
    environment = {"CASEBUS_AMQP_CHANNEL": desk.amqp_url("web"), "PATH": os.environ["PATH"]}
    for program in (NOBODY, CHANNEL):
        ran = subprocess.run(
            [alone, "-I", "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
        )
        assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "10000001\n"
