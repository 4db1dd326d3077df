"""`casebus keys list|rotate`: the master keys that wrap the keys of attached files.

What rotating does stands in `services/intake/files/rotation.py`. The page is docs/attachments.md.
"""

from __future__ import annotations

import typer
from rich.table import Table

from deploy import settings
from deploy.settings import Settings
from deploy.trouble import Trouble
from services.intake.files.keys import MasterKeys, WrongKeys
from services.intake.files.rotation import Rewrapped, held_by
from services.intake.files.rotation import rotate as rewrap

from . import show
from .desk import Desk

app = typer.Typer(help="Master keys of attached files: look which are in use, change to another.", no_args_is_help=True)
console = show.console()


def master_keys(found: Settings) -> MasterKeys:
    """Those of the key file; Trouble if there is none, or it does not do."""
    try:
        return MasterKeys.parse(found.get("ATTACHMENT_KEYS"))
    except WrongKeys as error:
        raise Trouble(f"CASEBUS_ATTACHMENT_KEYS does not do: {error}") from error


@app.command("list")
def list_() -> None:
    """Which keys there are, and how many files each of them opens."""
    found = settings.load()
    keys = master_keys(found)
    with Desk(found) as desk:
        held = held_by(desk.intake)
    table = Table("key", "files", "")
    for id_ in [*keys.keys, *sorted(held.keys() - keys.keys.keys())]:
        table.add_row(id_, f"{held[id_]:,}", _told(id_, keys, held[id_]))
    console.print(table)
    if held.keys() - keys.keys.keys():
        raise typer.Exit(1)


def _told(id_: str, keys: MasterKeys, files: int) -> str:
    if id_ not in keys.keys:
        return "not in the key file: its files cannot be read"
    if id_ == keys.current:
        return "wraps what is new"
    return "`casebus keys rotate` wraps them anew" if files else "of no use any more: its line may go"


@app.command()
def rotate() -> None:
    """Wrap the keys of all files anew, by the first key of the key file. Harmless again, and when broken off."""
    found = settings.load()
    keys = master_keys(found)
    last = Rewrapped(0, {})
    with Desk(found) as desk, console.status("wrapping keys anew") as status:
        for last in rewrap(desk.intake, keys):
            if last.done % 100 == 0:
                status.update(f"{last.done:,} keys wrapped anew")
    console.print(f"{last.done:,} keys wrapped anew by {keys.current}.")
    if last.unknown:
        told = ", ".join(f"{id_} ({count:,})" for id_, count in sorted(last.unknown.items()))
        raise Trouble(
            f"The key file lacks keys, or has others by their names: {told}. Put them back, then rotate again."
        )
