"""`casebus topology apply`: applies the desk's topology to a broker.

`deploy/provision/topology.py` does the work. The page is docs/deployment.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deploy import settings
from deploy.provision.management import Management
from deploy.provision.passwords import read_passwords
from deploy.provision.topology import apply as apply_topology
from deploy.trouble import Trouble

from . import show

app = typer.Typer(help="The broker's exchanges, queues, bindings and users.", no_args_is_help=True)
console = show.console()


@app.callback()
def topology() -> None:
    """Exchanges, queues and users of the broker."""


@app.command()
def apply(
    passwords: Annotated[
        Path | None,
        typer.Option(
            help="A folder with one password file for each broker user, named after the user.", file_okay=False
        ),
    ] = None,
    channel: Annotated[
        list[str] | None, typer.Option(help="A channel whose mailbox to declare, whether its user exists or not.")
    ] = None,
    agent: Annotated[list[str] | None, typer.Option(help="The id of an agent whose mailbox to declare.")] = None,
    vhost: Annotated[str, typer.Option(help="The desk's virtual host.")] = "casebus",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Apply the desk's topology to the broker; running it again is harmless. Needs CASEBUS_AMQP_MANAGEMENT (an
    administrator)."""
    try:
        management = Management.at(settings.load().get("AMQP_MANAGEMENT"))
        users = read_passwords(passwords) if passwords else {}
        changes = apply_topology(management, vhost, users, channel or (), agent or (), dry_run=dry_run)
    except ValueError as error:
        raise Trouble(str(error), 2) from error
    console.print("\n".join(changes) or "The broker matches the topology.", markup=False, highlight=False)
    if dry_run and changes:
        console.print(f"[dim]{len(changes)} {'change' if len(changes) == 1 else 'changes'}, none applied[/]")
