"""How tickets and agents look on a terminal, and what every command needs there. (One ticket: ticket.py.)

It takes documents and returns what rich prints. It shows people's text without control characters, so that nobody can
control an operator's terminal. The page is docs/cli.md.
"""

from __future__ import annotations

import codecs
import os
import select
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from io import TextIOWrapper
from typing import Any, NoReturn

from rich.console import Console
from rich.table import Table
from rich.text import Text

Document = Mapping[str, Any]

LIKE = {
    "–": "-",
    "—": "-",
    "…": "...",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "→": "->",
    "·": "-",
    "■": "#",
    "ß": "ss",
}
"""Replacements for characters that some terminals cannot show."""

READER_GONE = 141
"""Exit code if the reader of the output has gone: 128 plus the number of SIGPIPE, as in a shell."""

STATUS_COLOURS = {
    "new": "bright_white",
    "assigned": "cyan",
    "work_in_progress": "cyan",
    "needs_reply": "yellow",
    "need_more_info": "magenta",
    "solution_suggested": "green",
    "reopened": "yellow",
    "closed": "dim",
}


def plain(value: object, keep_lines: bool = False) -> str:
    """Text without control and direction-changing characters; line ends become spaces unless kept."""
    text = "" if value is None else str(value)
    return "".join(
        character if unicodedata.category(character) not in ("Cc", "Cf") or (keep_lines and character == "\n") else " "
        for character in text
    )


def moment(value: datetime | None) -> str:
    """A time of the desk, to the second, in the reader's own zone."""
    if value is None:
        return "–"
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def status_text(status: str) -> Text:
    """A status in its colour."""
    return Text(plain(status), STATUS_COLOURS.get(status, ""))


def agent_of(ticket: Document) -> str:
    """The id of the ticket's agent, or a dash."""
    return plain((ticket.get("agent") or {}).get("id", "–"))


def readable(error: UnicodeError) -> tuple[str, int]:
    """Replaces a character that the terminal cannot show: by the letter without its accent, or a similar one, or
    `?`."""
    assert isinstance(error, UnicodeEncodeError)
    plainer = (LIKE.get(sign) or unicodedata.normalize("NFKD", sign) for sign in error.object[error.start : error.end])
    return "".join(sign.encode("ascii", "ignore").decode() or "?" for sign in plainer), error.end


def prepare_output() -> None:
    """Makes every character printable in the encoding of the terminal or the pipe."""
    codecs.register_error("readable", readable)
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - started with its output closed
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="readable")


def output_is_closed() -> bool:
    """Whether the reader of this program's output has gone (`| head`)."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    except (OSError, ValueError):  # closed, or not a file
        return sys.stdout.closed


def leave_closed_output() -> NoReturn:
    """End quietly, like other programs whose reader has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # buffered output goes nowhere
    sys.exit(READER_GONE)


class _Console(Console):
    """A console that ends quietly when its reader has gone."""

    def on_broken_pipe(self) -> NoReturn:
        self.quiet = True
        leave_closed_output()


def console(*, stderr: bool = False) -> Console:
    """Where to print: a terminal in its own width, anything else (a file, a pipe) wide enough for tables."""
    prepare_output()
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else 140
    return _Console(stderr=stderr, highlight=False, width=width)


def tickets_table(tickets: Iterable[Document]) -> Table:
    """Tickets, one per row; the subject gets the remaining width."""
    table = Table("number", "opened", "status", "category", "agent", box=None, pad_edge=False, expand=True)
    table.add_column("subject", ratio=1)
    for column in table.columns:
        column.no_wrap = True
    for ticket in tickets:
        table.add_row(
            Text(plain(ticket["number"])),
            moment(ticket["opened_at"])[5:-3],
            status_text(ticket["status"]),
            Text(plain(ticket["category"])),
            Text(agent_of(ticket)),
            Text(plain(ticket["subject"])),
        )
    return table


def agents_table(agents: Iterable[Document]) -> Table:
    """Agents with their load and capacity."""
    table = Table("agent", "name", "", "load", "", "skills", box=None, pad_edge=False)
    table.columns[3].justify = "right"
    for agent in agents:
        load, capacity = agent["load"], agent["capacity"]
        filled = round(10 * min(1, load / capacity)) if capacity else 0
        table.add_row(
            Text(plain(agent["_id"])),
            Text(plain(agent["display_name"])),
            _presence(agent),
            f"{load}/{capacity}",
            Text("■" * filled + "·" * (10 - filled), "cyan" if load < capacity else "yellow"),
            Text(plain(", ".join(agent["skills"]))),
        )
    return table


def _presence(agent: Document) -> Text:
    if not agent["signed_on"]:
        return Text("off", "dim")
    if agent.get("away"):
        return Text("away", "yellow")
    return Text("paused", "yellow") if agent.get("paused") else Text("on", "green")
