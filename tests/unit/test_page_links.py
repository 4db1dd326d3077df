"""What the pages point to exists: pages and their headings, files of the repository, tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.unit.test_rules_page import names_in

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKED = [*PAGES, *sorted((ROOT / "docs" / "decisions").glob("*.md"))]

LINK = re.compile(r"\]\(([^)\s]+)\)")
QUOTED = re.compile(r"`([^`\s]+)`")
TOP = ("contracts/", "deploy/", "docs/", "services/", "tests/")
MADE = ("deploy/compose/secrets", "deploy/templates/")
"""Paths of what an operator makes."""
OF_NOBODY = frozenset({"domain.py"})
"""Files that a service may have, and none of ours has."""


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@cache
def anchors(page: Path) -> frozenset[str]:
    """The headings of a page, as links name them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).lower() for title in titles)
    return frozenset(re.sub(r"[^\w\- ]", "", title).strip().replace(" ", "-") for title in plain)


def names(page: Path) -> Iterator[str]:
    """Files and folders that the page names in full, and modules that it names in short."""
    for quoted in QUOTED.findall(prose(page)):
        path = quoted.partition("::")[0]
        is_full = path.startswith(TOP) and not path.startswith(MADE)
        is_module = re.fullmatch(r"[\w/]+\.py", path) is not None
        if (is_full or is_module) and path not in OF_NOBODY and not re.search(r"[<>*{…]", path):
            yield quoted


@cache
def modules() -> frozenset[str]:
    """All modules, each with a slash before its path."""
    found = (path for top in TOP for path in (ROOT / top).rglob("*.py"))
    return frozenset(f"/{path.relative_to(ROOT)}" for path in found)


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {link}"
        assert not anchor or anchor in anchors(target), f"{page.name} links to {link}: there is no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    for name in names(page):
        path, _, test = name.partition("::")
        in_short = path.endswith(".py") and any(module.endswith(f"/{path}") for module in modules())
        assert in_short or (ROOT / path).exists(), f"{page.name} names {name}"
        assert not test or test in names_in(path.removeprefix("tests/")), f"{page.name} names {name}"
