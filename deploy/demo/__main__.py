"""`make demo`: from nothing to a summary. It starts the desk, signs agents on, feeds requests, watches, checks,
reports.

`python -m deploy.demo [--from FILE]` exits with 0 when everything that must hold holds, and with 1 after saying what
does not; with 3 when it holds but some rows of the file were refused. The page is docs/cli.md.
"""

from __future__ import annotations

import os
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from pymongo.errors import PyMongoError
from rich.console import Console
from rich.text import Text

from contracts.names import SERVICES
from deploy import settings
from deploy.cli import show
from deploy.cli.desk import Desk
from deploy.cli.feed import requests
from deploy.cli.feed.commands import REFUSED
from deploy.cli.feed.feeding import tell_refusals
from deploy.cli.feed.refusals import Refusals
from deploy.local.operators import settings_of
from deploy.local.stack import Stack
from deploy.settings import Settings
from deploy.trouble import Trouble
from services.chassis.catalogue import load_catalogue
from services.client.bus import BROKEN
from services.client.errors import ClientError

from . import acts
from .articles import publish
from .checks import check, check_articles
from .facts import Reader
from .play import Play
from .run import Run
from .summary import Summary

HERE = Path(__file__).parent
SAMPLES = HERE / "requests.jsonl"
CATALOGUE = HERE.parent / "catalogue.yaml"


def main(arguments: list[str]) -> int:
    """Run the demo; returns the exit code."""
    parser = ArgumentParser("python -m deploy.demo", description="Show the desk at work, from nothing to a summary.")
    parser.add_argument("--from", dest="file", type=Path, metavar="FILE", help="feed all of a file instead")
    parser.add_argument("--map", action="append", default=[], metavar="FIELD=…", help="as of `casebus feed`")
    parser.add_argument("--delimiter", help="as of `casebus feed`")
    parser.add_argument("--encoding", help="as of `casebus feed`")
    parser.add_argument("--refused", type=Path, metavar="FILE", help="as of `casebus feed`")
    asked = parser.parse_args(arguments)
    console = show.console()
    try:
        found = requests.opened(
            asked.file or SAMPLES,
            load_catalogue(CATALOGUE),
            maps=asked.map,
            delimiter=asked.delimiter,
            encoding=asked.encoding,
        )
        with Refusals(found.rows, asked.refused) as refusals:
            return _demo(console, found, refusals, Run.brisk() if asked.file else Run.relaxed())
    except (Trouble, ClientError) as trouble:
        return _end(str(trouble))
    except (TimeoutError, *BROKEN) as error:
        return _end(f"The desk stopped answering: {error}")
    except PyMongoError as error:
        return _end(f"The database stopped answering: {error}")
    except KeyboardInterrupt:
        return _end("Interrupted. The desk is still running; `make down` stops it.")


def _demo(console: Console, file: requests.RequestFile, refusals: Refusals, run: Run) -> int:
    for remark in file.remarks:
        console.print(remark, markup=False, soft_wrap=True)
    console.print(
        "[bold]Casebus[/], a help desk on a message bus: customers' requests become tickets, and agents get them.\n"
    )
    stack = Stack(say=lambda line: console.print(Text(f"  {line}"), soft_wrap=True))
    known = _start(stack, console)
    with Desk(known) as desk:
        published = publish(known, desk)
        left_out = f"; {published.left_out} have categories of another desk" if published.left_out else ""
        console.print(f"  {len(published.articles)} articles of the knowledge base are published{left_out}")
        catalogue = load_catalogue(stack.desk.settings_of["intake"].get("CASEBUS_CATALOGUE", CATALOGUE))
        play = Play(run, known, catalogue, published, Reader(desk, run), console)
        play.perform(_taken(file, refusals))
        facts = play.reader.read()
    in_folder = {path.name.partition("@")[0] for path in Path(known.get("SMTP_SINK")).glob("*.eml")}
    checks = check(facts, play.heard, play.bad_input.trials, play.dead.letters, play.bad_input.dead_ids, in_folder)
    checks += check_articles(published, play.seeking, facts)
    summary = Summary(console)
    console.print(f"\n[bold]What became of the requests[/] (only this run: requesters {run.id}-…)\n", soft_wrap=True)
    summary.tickets(facts, catalogue)
    summary.channels(play.channels)
    summary.agents(facts, play.heard)
    summary.articles(published, play.seeking)
    summary.bad_input(play.bad_input.trials)
    summary.rest(facts, play.heard, play.dead.letters)
    console.print("[bold]A ticket's life[/], on a separate desk whose clock can be set ahead\n", soft_wrap=True)
    checks.append(acts.play(stack, console))
    summary.checks(checks)
    for row, reason in (refused for channel in play.channels for refused in channel.refused.values()):
        refusals.add(row, reason, requests.FIRST)
    tell_refusals(console, refusals)
    _how_to_look_around(console, next(iter(play.heard.opened()), "10000001"), known)
    if play.unfinished:
        return _end(f"The desk did not settle: {', '.join(play.unfinished)}.")
    broken = sum(bool(check.against) for check in checks)
    if broken:
        return _end(f"{broken} of {len(checks)} promises were not kept.")
    return REFUSED if refusals.count else 0


def _taken(file: requests.RequestFile, refusals: Refusals) -> list[dict[str, Any]]:
    """The requests of a file, as the play takes them; rows that cannot be requests are refused."""
    taken = []
    for row in file:
        if isinstance(row, requests.Refused):
            refusals.add(row.row, row.reason, row.attempt)
        else:
            taken.append({**row.data, "row": row.row, "channel": row.channel})
    return taken


def _start(stack: Stack, console: Console) -> Settings:
    """Start the stack and one instance of each service, saying each step."""
    start = time.monotonic()
    stack.desk.settings_of |= settings_of(os.environ)
    stack.start({name: 1 for name in SERVICES if not stack.desk.instances(name)})
    console.print(f"  broker, database and services are up ({time.monotonic() - start:.0f} s)")
    return settings.load(os.environ, stack.folder.path.parent)


def _how_to_look_around(console: Console, number: str, known: Settings) -> None:
    console.print("\nThe desk keeps running. To look around:")
    casebus = os.path.relpath(Path(sys.executable).with_name("casebus"))
    for command, what in (
        (f"{casebus} ticket {number}", "a ticket and its history"),
        (f"{casebus} sla explain {number}", "explains its deadlines"),
        (f"{casebus} tickets --status closed", "tickets, newest first"),
        (f"{casebus} agents", "the agents, who of them is here, and their load"),
        (f"{casebus} articles list", "the articles, and how often each was read and helped"),
        (f"{casebus} articles wanted", "what people miss in them"),
        (f"{casebus} watch", "messages as they flow"),
        (f"{casebus} feed {os.path.relpath(SAMPLES)}", "more requests"),
        (f"ls {os.path.relpath(known.get('SMTP_SINK'))}", "all mails that the desk sent"),
        ("make down", "stops the desk and keeps the data"),
    ):
        console.print(Text.assemble((f"  {command:<52}", "bold"), (what, "dim")), soft_wrap=True)


def _end(sentence: str) -> int:
    show.console(stderr=True).print(sentence, style="red", markup=False, soft_wrap=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
