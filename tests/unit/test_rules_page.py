"""docs/rules.md: each rule has code and a test, and both are there."""

from __future__ import annotations

import ast
import importlib
import re
from functools import cache
from operator import attrgetter
from pathlib import Path

import pytest

from contracts.names import SERVICES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| rule |", "| --- |"))
]


def named(cell: str) -> list[str]:
    """The names in a cell, each in backquotes; nothing else may stand in it."""
    names = re.findall(r"`([^`]+)`", cell)
    assert re.sub(r"`[^`]+`|[ ,]", "", cell) == "", f"{cell!r} holds more than names"
    assert names, "a rule without code or test"
    return names


def thing(path: str) -> object:
    """What a dotted path names: a module's attribute, or an attribute of that."""
    first, _, rest = path.partition(".")
    module_name = f"services.{first}.domain" if first in SERVICES else first
    module = importlib.import_module(module_name)
    while rest:
        part, _, after = rest.partition(".")
        try:
            module = importlib.import_module(f"{module.__name__}.{part}")
        except ModuleNotFoundError:
            return attrgetter(rest)(module)
        rest = after
    raise AssertionError(f"{path} is a module, not what keeps the rule")


@cache
def names_in(file: str) -> frozenset[str]:
    """The test functions and classes of a file, and what state machines make of themselves (`TestX = X.TestCase`)."""
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    targets = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return frozenset(name for name in found | targets if name.lower().startswith("test"))


@pytest.mark.parametrize(("rule", "code", "test"), ROWS, ids=[row[0] for row in ROWS])
def test_a_rule_has_code_and_a_test(rule: str, code: str, test: str) -> None:
    assert rule
    for path in named(code):
        assert thing(path) is not None
    for name in named(test):
        file, _, function = name.partition("::")
        assert function in names_in(file), f"{file} has no {function}"


def test_every_part_of_the_rules_has_rows() -> None:
    parts = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    titles = [part.partition("\n")[0] for part in parts]
    assert titles[:2] == ["Who may file", "One open ticket per issue"]
    assert all(part.count("\n| ") > 2 for part in parts)
