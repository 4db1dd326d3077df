"""`casebus feed`: reads arguments, says in one sentence what is wrong with them. The page is docs/cli.md."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from contracts.names import role_of
from deploy import settings
from deploy.trouble import Trouble
from services.client.blocking import Client

from .. import show
from .feeding import feed_with_bar
from .refusals import Refusals
from .requests import opened

REFUSED = 3
"""Exit code: everything was read and sent, and some requests were not filed."""

console = show.console()

Maps = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="FIELD=…",
        help="What a column or value means: subject=Summary, category=Invoices=billing, language==de. May be repeated.",
    ),
]
Delimiter = Annotated[
    str | None, typer.Option(help="comma, semicolon, tab, pipe or any character. (default: detected)")
]
InEncoding = Annotated[str | None, typer.Option("--encoding", help="For example cp1252 or utf-16. (default: detected)")]
RefusedTo = Annotated[
    Path | None, typer.Option("--refused", help="Where to write refused rows. (default: beside FILE)")
]


def feed(
    file: Annotated[Path, typer.Argument(help="A .csv, .tsv or .jsonl file with one request in each row.")],
    channel: Annotated[str, typer.Option(help="The channel to feed as.")] = "web",
    map_: Maps = None,
    delimiter: Delimiter = None,
    encoding: InEncoding = None,
    refused: RefusedTo = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Feed only the first N requests.")] = None,
    requesters: Annotated[
        int | None,
        typer.Option(min=1, help="How many made-up people send the requests of a file that names no requesters."),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Requests a second. (default: as fast as possible)")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="File requests again that were fed before.")] = False,
) -> None:
    """Publish the requests of a file as a channel, and show the outcomes and the refused rows."""
    if role_of(channel) != "channel":
        raise Trouble(f"{channel} is not the name of a channel.", 2)
    known = settings.load()
    with console.status(f"reading {show.plain(file)}"):
        found = opened(
            file,
            known.catalogue(),
            maps=map_ or (),
            delimiter=delimiter,
            encoding=encoding,
            limit=limit,
            requesters=requesters,
            again=again,
        )
    for remark in found.remarks:
        console.print(remark, markup=False, soft_wrap=True)
    with Refusals(found.rows, refused) as refusals, Client(known.broker_url(channel)) as desk:
        complete = feed_with_bar(console, desk, found, refusals, rate)
    if not complete:
        raise typer.Exit(REFUSED)
