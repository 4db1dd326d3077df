"""Tables of the pages that claim to be complete: files, rooms, commands, settings, refusals, who is told what, …"""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from contracts import catalogue
from contracts.names import SERVICES
from contracts.outcomes import Code
from deploy.cli.main import app
from services.chassis.settings import Settings
from services.notifications.domain.telling import TELLS, Tells
from tests.system.checker import GUARANTEES

ROOT = Path(__file__).parents[2]
EVERY_SERVICES = {field.name for field in fields(Settings)}


def first_cells(page: str, header: str) -> list[str]:
    """The first cells of the page's table that begins with this header."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    _, found, after = text.partition(f"\n{header}\n")
    assert found, f"docs/{page} has no table {header}"
    table = after.partition("\n\n")[0].splitlines()[1:]
    assert table
    return [row.strip("|").split("|")[0] for row in table]


def settings_of(service: str) -> str:
    """What docs/architecture.md says of a service's settings (`all`: of every service's)."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| {service} \| (.*) \|$", text, re.MULTILINE)
    assert row is not None, f"docs/architecture.md names no settings of {service}"
    return row[1]


def commands(command: Any, above: str = "") -> Iterator[str]:
    """Every command of a group, also of the groups in it, as it is typed."""
    for name, each in command.commands.items():
        if hasattr(each, "commands"):
            yield from commands(each, f"{above}{name} ")
        else:
            yield above + name


def test_turn_md_names_every_file_of_the_chassis() -> None:
    named = re.findall(r"`(\w+\.py)`", "".join(first_cells("turn.md", "| file (services/chassis) | one idea |")))
    there = {path.name for path in (ROOT / "services" / "chassis").glob("*.py")} - {"__init__.py"}
    assert sorted(named) == sorted(there)


def test_intake_md_names_the_rooms_in_the_order_that_the_linter_checks() -> None:
    rows = first_cells("intake.md", "| room | what is in it |")
    named = [re.findall(r"`(\w+)(?:/|\.py)`", row) for row in rows]
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (rooms,) = [each for each in linter["contracts"] if each.get("containers") == ["services.intake.domain"]]
    assert named == [layer.split(" | ") for layer in rooms["layers"]]


def test_cli_md_names_every_command() -> None:
    cells = "".join(first_cells("cli.md", "| command | what it does |"))
    named = {re.sub(r" *[A-Z]+\b.*", "", each) for each in re.findall(r"`([^`]+)`", cells)}
    assert named == set(commands(typer.main.get_command(app)))


def test_architecture_md_names_the_settings_of_every_service() -> None:
    assert {name for name in EVERY_SERVICES if f"`{name.upper()}`" not in settings_of("all")} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_architecture_md_names_the_settings_of_a_service(service: str) -> None:
    own = {field.name.upper() for field in fields(importlib.import_module(f"services.{service}.settings").SETTINGS)} - {
        name.upper() for name in EVERY_SERVICES
    }
    assert set(re.findall(r"`([A-Z_]+)`", settings_of(service))) == own


def test_contracts_md_names_every_code_of_a_refusal() -> None:
    named = re.findall(r"`(\w+)`", "".join(first_cells("contracts.md", "| code | means |")))
    assert sorted(named) == sorted(get_args(Code))


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("| key of a category | what it is |", {field.name for field in fields(catalogue.Category)}),
        ("| key of a question | what it is |", {field.name for field in fields(catalogue.Question)}),
        ("| kind of question | an answer that fits |", set(get_args(catalogue.QuestionKind))),
        ("| `one_open_per` | a requester has one open ticket at most for |", set(get_args(catalogue.OneOpenPer))),
    ],
)
def test_catalogue_md_names_all_that_a_catalogue_may_hold(header: str, names: set[str]) -> None:
    named = re.findall(r"`(\w+)`", "".join(first_cells("catalogue.md", header)))
    assert sorted(named) == sorted(names)


def test_testing_md_names_every_guarantee_of_the_checker() -> None:
    headers = ("| guarantee | in words |", "| guarantee of articles | in words |")
    cells = [cell for header in headers for cell in first_cells("testing.md", header)]
    named = re.findall(r"`(\w+)`", "".join(cells))
    assert named == [guarantee.__name__ for guarantee in GUARANTEES]


@pytest.mark.parametrize("tells", TELLS, ids=lambda tells: f"{tells.event} {tells.requester} {tells.agent}")
def test_notifications_md_says_who_is_told_what(tells: Tells) -> None:
    text = (ROOT / "docs" / "notifications.md").read_text(encoding="utf-8")
    table = text.partition("| event | requester | agent |\n")[2].partition("\n\n")[0]
    rows = [row.strip("|").split("|") for row in table.splitlines()]
    told = [f"`{kind}`" if kind else "" for kind in (tells.requester, tells.agent)]
    assert any(
        f"`{tells.event}`" in event and to_requester.strip().startswith(told[0]) and told[1] in to_agent
        for event, to_requester, to_agent in rows
    ), f"docs/notifications.md does not say that {tells.event} tells {told}"
