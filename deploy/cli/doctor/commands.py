"""`casebus doctor`: prints what the examination finds. The page is docs/operating.md."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from deploy import settings

from .. import show
from .examine import examine
from .finding import Finding

COLOURS = {"ok": "green", "warning": "yellow", "error": "bold red"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print each finding as one line of JSON.")] = False,
) -> None:
    """Examine the desk: what is wrong, how bad it is, what to do. The exit code is 1 if there is an error."""
    console = show.console()
    errors = warnings = 0
    for finding in examine(settings.load()):
        errors += finding.level == "error"
        warnings += finding.level == "warning"
        if as_json:
            typer.echo(json.dumps(asdict(finding)))
            continue
        console.print(_line(finding), soft_wrap=True)
        if finding.do:
            console.print(Text(f"{'':8} → {show.plain(finding.do)}"), soft_wrap=True)
    if not as_json:
        verdict = f"Errors: {errors}, warnings: {warnings}." if errors or warnings else "All is well."
        console.print(Text(verdict, "bold"))
    if errors:
        raise typer.Exit(1)


def _line(finding: Finding) -> Text:
    return Text.assemble(
        (f"{finding.level:8} ", COLOURS[finding.level]),
        (f"{show.plain(finding.where)}: ", "bold"),
        show.plain(finding.what),
    )
