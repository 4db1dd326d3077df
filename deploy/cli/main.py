"""The command line `casebus`: feed the desk, watch it, look at tickets and agents, apply the topology.

It reads arguments and says in one sentence what went wrong; the modules beside it do the work.
The page is docs/cli.md.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from pymongo.errors import PyMongoError
from typer.core import TyperGroup

from contracts.statuses import Status
from deploy import settings
from deploy.trouble import Trouble
from services.client.bus import BROKEN
from services.client.errors import BrokerBlocked, ClientError, NobodyAnswers

from . import account, keys, show, sla, topology
from .articles import commands as articles
from .dead import commands as dead
from .desk import Desk, number_of
from .doctor.commands import doctor
from .feed.commands import feed
from .notifications import commands as notifications
from .ticket import ticket_page
from .watch import watch as watch_messages


class Commands(TyperGroup):
    """All commands. It handles broken pipes itself: typer takes any of them for the output's, and ends silently."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            if show.output_is_closed():
                show.leave_closed_output()
            raise ConnectionResetError(str(error)) from error


app = typer.Typer(
    cls=Commands,
    help="The operator's commands for Casebus, a help desk on a message bus.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(account.app, name="account")
app.add_typer(articles.app, name="articles")
app.add_typer(dead.app, name="dead")
app.add_typer(notifications.app, name="notifications")
app.command()(doctor)
app.command()(feed)
app.add_typer(keys.app, name="keys")
app.add_typer(sla.app, name="sla")
app.add_typer(topology.app, name="topology")
console = show.console()


@app.command()
def watch(
    channels: Annotated[bool, typer.Option("--channels", help="Also show messages to channels.")] = False,
    agents: Annotated[bool, typer.Option("--agents", help="Also show messages to agents.")] = False,
) -> None:
    """Show messages as they flow, until Ctrl-C."""
    try:
        watch_messages(console, settings.load().broker_url("operator"), channels=channels, agents=agents)
    except KeyboardInterrupt:
        console.print()


@app.command()
def ticket(
    number: Annotated[str, typer.Argument(help="The ticket's 8 digits; you may leave out leading zeros.")],
    page: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="Which page of the history. (default: the newest entries)")
    ] = None,
    size: Annotated[int, typer.Option(min=2, max=10_000, help="Entries a page.")] = 100,
) -> None:
    """Show a ticket in full, with its history."""
    wanted, known = number_of(number), settings.load()
    with Desk(known) as desk:
        found = desk.ticket(wanted)
        part = desk.history(found, page, size)
        files = desk.files(part.entries)
    console.print(ticket_page(found, part, files, known.catalogue()))


@app.command()
def tickets(
    status: Annotated[Status | None, typer.Option(help="Only tickets in this status.")] = None,
    category: Annotated[str | None, typer.Option(help="Only tickets of this category id.")] = None,
    page: Annotated[int, typer.Option(min=1, max=1_000_000, help="Which page.")] = 1,
    size: Annotated[int, typer.Option(min=1, max=1000, help="Tickets a page.")] = 20,
) -> None:
    """List tickets, newest first."""
    with Desk(settings.load()) as desk:
        rows, count = desk.tickets(status, category, page, size)
    pages = max(1, -(-count // size))
    if page > pages:
        raise Trouble(f"There is no page {page}; the last is {pages}.", 2)
    if rows:
        console.print(show.tickets_table(rows))
    console.print(f"[dim]{count:,} tickets, page {page} of {pages:,}[/]")


@app.command()
def agents() -> None:
    """Show the agents: who of them is here, and their load and capacity."""
    with Desk(settings.load()) as desk:
        rows = desk.agents()
    if not rows:
        console.print("No agent has signed on yet.")
        return
    console.print(show.agents_table(rows))


def run() -> None:
    """The entry point: every Trouble becomes one sentence on stderr and an exit code."""
    show.prepare_output()
    try:
        app(prog_name="casebus")
    except Trouble as trouble:
        _end(str(trouble), trouble.code)
    except NobodyAnswers as error:
        _end(f"{error} (`make up`)", 1)
    except BrokerBlocked as error:
        _end(f"{error} (`casebus doctor`)", 1)
    except ClientError as error:
        _end(str(error), 1)
    except (TimeoutError, *BROKEN):
        _end("The connection to the broker was lost. The desk has every message that the broker had confirmed.", 1)
    except PyMongoError:
        _end("The connection to the database was lost.", 1)


def _end(sentence: str, code: int) -> None:
    show.console(stderr=True).print(sentence, style="red", markup=False, soft_wrap=True)
    sys.exit(code)
