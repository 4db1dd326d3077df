"""Draws the table and the diagram of docs/ticket-life.md from the table of moves. The page is docs/ticket-life.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from contracts.statuses import OPEN, STATUSES, Status
from services.intake.domain.life.moves import TABLE, Move

PAGE = Path(__file__).parents[2] / "docs" / "ticket-life.md"


def write() -> None:
    """Write the page as the table has it."""
    PAGE.write_text(drawn(PAGE.read_text()))


def drawn(page: str) -> str:
    """The page with table and diagram as they should be, between its marks `<!-- table -->` and `<!-- /table -->`."""
    for name, lines in (("table", table()), ("diagram", diagram())):
        inside = "\n".join(lines)
        page = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
            lambda match, inside=inside: f"{match[1]}{inside}\n{match[2]}",  # type: ignore[misc]
            page,
            flags=re.DOTALL,
        )
    return page


def table() -> Iterator[str]:
    """One row for each move."""
    yield "| command | by | from → to | event | if |"
    yield "| --- | --- | --- | --- | --- |"
    for move in TABLE:
        commands = ", ".join(f"`{command}`" for command in move.commands)
        ways = "; ".join(_ways(move))
        yield f"| {commands} | {' or '.join(move.by)} | {ways} | `{move.event}` | {move.also} |"


def diagram() -> Iterator[str]:
    """A mermaid state diagram: what changes a status, by the command's name."""
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield "    [*] --> new: submit"
    for before in STATUSES:
        for after in STATUSES:
            labels = sorted({name for move in TABLE if _leads(move, before, after) for name in _names(move)})
            if labels:
                yield f"    {before} --> {after}: {', '.join(labels)}"
    yield "```"


def _leads(move: Move, before: Status, after: Status) -> bool:
    """Whether the move changes the status this way. (A ticket that was ever closed waits as `reopened` instead of
    `new`.)"""
    if before == after or before not in move.to:
        return False
    to = move.to[before]
    return to == after or (before == "assigned" and to == "new" and after == "reopened")


def _names(move: Move) -> Iterator[str]:
    return (command.removeprefix("ticket.") for command in move.commands)


def _ways(move: Move) -> Iterator[str]:
    """In words: the statuses that lead to the same one together, after those that change nothing."""
    reached = list(move.to.values())
    kept = [status for status, to in move.to.items() if to == status and reached.count(to) == 1 and not move.again]
    groups = {
        after: [status for status, to in move.to.items() if to == after and status not in kept] for after in STATUSES
    }
    if kept:
        yield f"{_named(kept, move)}: as it is"
    for after, before in groups.items():
        if before:
            to = "new (reopened, if it was ever closed)" if after == "new" else after
            yield f"{_named(before, move)} → {to}{', again' if move.again else ''}"


def _named(statuses: Sequence[Status], move: Move) -> str:
    """All open ones, all other open ones, or their names."""
    if len(statuses) == len(OPEN):
        return "any open"
    if len(statuses) > len(OPEN) / 2 and move.to.keys() == set(OPEN):
        return "any other open"
    return ", ".join(f"`{status}`" for status in statuses)
