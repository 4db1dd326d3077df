"""`casebus dead list|show|replay|drop|erase`: reads arguments and prints. The page is docs/operating.md."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from deploy import settings
from deploy.trouble import Trouble

from .. import show
from . import dealing, erasing
from .letter import Choice, Letter, age_of
from .replaying import advice

app = typer.Typer(
    help="Dead letters, the messages that no service could handle: list, replay, drop, erase.", no_args_is_help=True
)
console = show.console()

HEXED = 2048
"""How many bytes to show of a body that is not text."""

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Only the dead letters with these ids.")]
Queue = Annotated[str | None, typer.Option(help="Only those that died in this queue (a pattern such as 'intake.*').")]
Reason = Annotated[str | None, typer.Option(help="Only those whose reason contains this.")]
Type = Annotated[str | None, typer.Option("--type", help="Only those of this type (a pattern such as 'ticket.*').")]
Sender = Annotated[str | None, typer.Option(help="Only those of this broker user (a pattern such as 'agent.*').")]
Older = Annotated[str | None, typer.Option(metavar="AGE", help="Only those older than this: 90s, 15m, 36h, 7d.")]
Newer = Annotated[str | None, typer.Option(metavar="AGE", help="Only those newer than this.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


@app.command("list")
def list_(
    ids: Ids = None,
    queue: Queue = None,
    reason: Reason = None,
    type_: Type = None,
    sender: Sender = None,
    older: Older = None,
    newer: Newer = None,
    limit: Annotated[int, typer.Option(min=1, help="How many lines to print at most. The counts cover all.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print each dead letter as one line of JSON.")] = False,
) -> None:
    """List dead letters, oldest first, without their bodies, and count them by reason."""
    choice = _choice(ids, queue, reason, type_, sender, older, newer)
    reasons: Counter[tuple[str, str]] = Counter()
    rows: list[Letter] = []
    with dealing.reading(settings.load()) as letters:
        for letter in dealing.chosen(letters, choice):
            if as_json:
                typer.echo(json.dumps(dealing.summary_of(letter)))
            elif len(rows) < limit:
                rows.append(letter)
            reasons[letter.died_in, letter.kind_of_reason] += 1
    if as_json:
        return
    if not reasons:
        console.print("There are no dead letters." if choice.is_everything else "No dead letter matches.")
        return
    console.print(_table(rows))
    console.print()
    console.print(_counts(reasons, shown=len(rows)))


@app.command("show")
def show_(id_: Annotated[str, typer.Argument(metavar="ID", help="The dead letter's id, as `list` shows it.")]) -> None:
    """Show a dead letter with its body, and what to do with it."""
    found = 0
    with dealing.reading(settings.load()) as letters:
        for letter in dealing.chosen(letters, Choice(ids=frozenset({id_}))):
            if found:
                console.print()
            console.print(_page(letter))
            found += 1
    if not found:
        raise Trouble(f"There is no dead letter {show.plain(id_)}.")


@app.command()
def replay(
    ids: Ids = None,
    queue: Queue = None,
    reason: Reason = None,
    type_: Type = None,
    sender: Sender = None,
    older: Older = None,
    newer: Newer = None,
    all_: All = False,
    dry_run: DryRun = False,
) -> None:
    """Send dead letters to their destination again, in their senders' names. Those that arrive are removed."""
    choice = _named(_choice(ids, queue, reason, type_, sender, older, newer), all_)
    dealt = dealing.replay(settings.load(), choice, dry_run=dry_run)
    _print_counts("Would send again" if dry_run else "Sent again", dealt.done, "to ")
    if dealt.stay:
        _print_counts("Would stay" if dry_run else "Stayed", dealt.stay)
    _missing(choice, dealt.found)
    if dealt.stay:
        raise typer.Exit(1)


@app.command()
def drop(
    ids: Ids = None,
    queue: Queue = None,
    reason: Reason = None,
    type_: Type = None,
    sender: Sender = None,
    older: Older = None,
    newer: Newer = None,
    all_: All = False,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete dead letters for good. It asks first."""
    choice = _named(_choice(ids, queue, reason, type_, sender, older, newer), all_)
    found = settings.load()
    counted, prints = dealing.count(found, choice)
    _print_counts("Would drop" if dry_run else "To be dropped", counted.done)
    if counted.done and not dry_run:
        if not yes:
            typer.confirm(f"Drop {_letters(counted.done.total())} for good?", abort=True)
        console.print(f"Dropped {dealing.drop(found, choice, prints):,}.")
    _missing(choice, counted.found)


@app.command()
def erase(dry_run: DryRun = False) -> None:
    """Delete all dead letters about people who were erased. Harmless at any time; schedule it every night."""
    people, dropped = erasing.drop(settings.load(), dry_run=dry_run)
    erased = f"{people:,} {'erasure' if people == 1 else 'erasures'} of the last 30 days"
    console.print(f"{'Would drop' if dry_run else 'Dropped'} {_letters(dropped)} with data of {erased}.")


def _choice(
    ids: list[str] | None,
    queue: str | None,
    reason: str | None,
    type_: str | None,
    sender: str | None,
    older: str | None,
    newer: str | None,
) -> Choice:
    now = datetime.now(UTC)

    def ago(age: str | None) -> datetime | None:
        try:
            return None if age is None else now - age_of(age)
        except (ValueError, OverflowError):  # before the calendar begins
            raise Trouble(f"{show.plain(age)!r} is not an age. Examples: 90s, 15m, 36h, 7d.", 2) from None

    return Choice(frozenset(ids or ()), queue, reason, type_, sender, before=ago(older), after=ago(newer))


def _named(choice: Choice, everything: bool) -> Choice:
    """Which dead letters the arguments mean."""
    if choice.is_everything != everything:
        said = (
            "Give ids and conditions, or --all, but not both."
            if everything
            else "Say which ones: give ids, conditions, or --all."
        )
        raise Trouble(said, 2)
    return choice


def _missing(choice: Choice, found: set[str]) -> None:
    missing = sorted(choice.ids - found)
    if missing:
        raise Trouble(f"There is no such dead letter: {show.plain(', '.join(missing))}.")


def _print_counts(what: str, counts: Counter[str], joint: str = "") -> None:
    console.print(Text(f"{what}: {_letters(counts.total())}", "bold"))
    for name, number in counts.most_common():
        console.print(Text(f"  {number:,}  {joint}{show.plain(name)}"), soft_wrap=True)


def _letters(number: int) -> str:
    return f"{number:,} dead {'letter' if number == 1 else 'letters'}"


def _table(letters: Iterable[Letter]) -> Table:
    table = Table("died", "in", "type", "sender", box=None, pad_edge=False, expand=True)
    for column in table.columns:
        column.no_wrap = True
    table.add_column("id", overflow="fold", min_width=32)
    table.add_column("reason", ratio=1, no_wrap=True)
    for letter in letters:
        died, sender = show.moment(letter.at)[5:], letter.sender or "–"
        cells = (died or "–", letter.died_in, letter.type, sender, letter.id, letter.reason)
        table.add_row(*(Text(show.plain(cell)) for cell in cells))
    return table


def _counts(reasons: Counter[tuple[str, str]], shown: int) -> RenderableType:
    total = reasons.total()
    title = _letters(total) + (f", the oldest {shown:,} shown" if shown < total else "")
    table = Table("", "in", "reason", box=None, pad_edge=False)
    table.columns[0].justify = "right"
    for (died_in, reason), number in reasons.most_common(50):
        table.add_row(f"{number:,}", Text(show.plain(died_in)), Text(show.plain(reason)))
    return Group(Text(title, "bold"), table)


def _page(letter: Letter) -> RenderableType:
    head = Table.grid(padding=(0, 2))
    headers = letter.properties.get("application_headers") or {}
    rows = [
        ("reason", letter.reason),
        ("died in", letter.died_in),
        ("died", show.moment(letter.at)),
        ("sender", letter.sender or "unknown"),
        ("type", letter.type),
        ("destination", "not known" if letter.exchange is None else f"{letter.exchange} {letter.routing_key}"),
        *((name, str(value)) for name, value in sorted(letter.properties.items()) if name != "application_headers"),
        # Each look counts as a delivery.
        *sorted((name, str(value)) for name, value in headers.items() if name != "x-delivery-count"),
        ("what to do", advice(letter)),
    ]
    for name, value in rows:
        head.add_row(Text(show.plain(name), "dim"), Text(show.plain(value)))
    return Group(Text(show.plain(letter.id), "bold"), head, Text(), _body(letter.body))


def _body(body: bytes) -> Text:
    """Indented JSON, other text as it is, and the beginning of anything else in hexadecimal."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        more = f"\n… {len(body) - HEXED:,} bytes more" if len(body) > HEXED else ""
        return Text(body[:HEXED].hex(" ", 4) + more)
    with suppress(ValueError, RecursionError):  # not JSON: shown as it came
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return Text(show.plain(text, keep_lines=True))
