"""`casebus keys list|rotate|status`: the master keys that wrap the keys of attached files. Intake rotates them.

The page is docs/attachments.md.
"""

from __future__ import annotations

import typer
from rich.table import Table

from contracts.attachments import RotateKeys
from contracts.outcomes import Accepted
from deploy import settings
from deploy.settings import Settings
from deploy.trouble import Trouble
from services.client.blocking import Client
from services.intake.files.keys import MasterKeys, WrongKeys
from services.intake.files.rewrapping import held_by, last_rotation

from . import show
from .desk import Desk
from .operator import accepted

app = typer.Typer(help="Master keys of attached files: list the keys in use, change to another.", no_args_is_help=True)
console = show.console()


def master_keys(found: Settings) -> MasterKeys:
    """The keys of the key file. Raises Trouble if the file is missing or wrong."""
    try:
        return MasterKeys.parse(found.get("ATTACHMENT_KEYS"))
    except WrongKeys as error:
        raise Trouble(f"CASEBUS_ATTACHMENT_KEYS cannot be used: {error}") from error


@app.command("list")
def list_() -> None:
    """List the master keys, and how many files each of them opens."""
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
        return "not in the key file: nobody can read its files"
    if id_ == keys.current:
        return "wraps the keys of new files"
    return "`casebus keys rotate` rewraps them" if files else "no longer needed: you may delete its line"


@app.command()
def rotate() -> None:
    """Have intake rewrap the keys of all files with the first key of the key file. Running it again is harmless."""
    found = settings.load()
    current = master_keys(found).current
    with Desk(found) as databases:
        files = held_by(databases.intake)
    with Client(found.get("AMQP_OPERATOR")) as desk:
        accepted(desk.command("attachment_keys.rotate", RotateKeys(key=current)), Accepted)
    count = files.total() - files[current]
    console.print(f"Intake is wrapping {_keys(count)} with {current}. `casebus keys status` shows its progress.")


@app.command()
def status() -> None:
    """Show the progress of the last `casebus keys rotate`."""
    with Desk(settings.load()) as desk:
        rotation = last_rotation(desk.intake)
        files = held_by(desk.intake)
    if rotation is None:
        console.print("No keys have been rotated yet.")
        return
    asked_for = f"{_keys(rotation.wrapped)} wrapped with {rotation.key}, asked for {show.moment(rotation.begun_at)}"
    if rotation.finished_at is None:
        console.print(f"Under way: {asked_for}; {files.total() - files[rotation.key]:,} to go.")
    else:
        console.print(f"Finished {show.moment(rotation.finished_at)}: {asked_for}.")
    if rotation.left:
        told = ", ".join(f"{id_} ({count:,})" for id_, count in sorted(rotation.left.items()))
        raise Trouble(
            f"The key file does not have these keys, or has different keys under their names: {told}."
            " Restore them, then rotate again."
        )


def _keys(number: int) -> str:
    return f"{number:,} {'key' if number == 1 else 'keys'}"
