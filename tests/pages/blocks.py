"""The blocks of a page, and what the language tag says of each: whether it runs, and what it has to be.

`sh`, `python` and `js` run as they stand. `console` shows commands that a person types, `text` anything else, and a
language with the word `sketch` shows a part of something: these do not run. The page is docs/testing.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
RUN = ("sh", "python", "js")
SHOWN = ("console", "text", "yaml", "json", "diff", "mermaid", *(f"{language} sketch" for language in RUN))

BLOCK = re.compile(r"^(?:<!-- until: (?P<until>.+) -->\n)?```(?P<tag>.*)\n(?P<code>(?:.*\n)*?)```$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two fences. `until`: it would run on, and has done its work once it has printed this."""

    page: Path
    line: int
    tag: str
    code: str
    until: str | None

    def __str__(self) -> str:
        """Where it is."""
        return f"{self.page.relative_to(CHECKOUT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """All of a page, from top to bottom."""
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("code"))
        yield Block(page, line, found["tag"], found["code"], found["until"])
