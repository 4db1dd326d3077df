"""Follows a page that says how to add something: writes its files and applies its differences.

`<!-- new: FILE -->` above a block says that the block is that file; `<!-- into: FILE -->`, that the block is a
difference, of lines that stand next to each other in the file. The page is docs/testing.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.pages.blocks import CHECKOUT

ADDING_A_SERVICE = CHECKOUT / "docs" / "adding-a-service.md"

STEP = re.compile(r"^<!-- (?P<how>new|into): (?P<file>\S+) -->\n```.+\n(?P<code>(?:.*\n)*?)```$", re.MULTILINE)
PROGRAM = re.compile(r"(?<!-->\n)^```python sketch\n(?P<code>(?:.*\n)*?)```$", re.MULTILINE)


def follow(page: Path, tree: Path, wanted: Callable[[str], bool]) -> list[str]:
    """Do in `tree` what the page says about the files that are `wanted`; returns their names. Fails if a difference
    does not fit."""
    done = []
    for step in STEP.finditer(page.read_text(encoding="utf-8")):
        name, code = step["file"], step["code"]
        if not wanted(name):
            continue
        file = tree / name
        if step["how"] == "new":
            assert not file.exists(), f"{page.name} would write {name}, which is there"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(code, encoding="utf-8")
        else:
            text, lines = file.read_text(encoding="utf-8"), code.splitlines(keepends=True)
            before = "".join(line[1:] for line in lines if line[0] in " -")
            after = "".join(line[1:] for line in lines if line[0] in " +")
            assert text.count(before) == 1, f"{page.name} changes lines of {name} that are not there, once:\n{before}"
            file.write_text(text.replace(before, after), encoding="utf-8")
        done.append(name)
    return done


def program(page: Path) -> str:
    """The one block of Python on the page that is not a file."""
    (found,) = PROGRAM.finditer(page.read_text(encoding="utf-8"))
    return found["code"]
