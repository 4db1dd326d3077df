"""`casebus account`: a person's rights, as commands of the operator on the bus. The page is docs/privacy.md."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from contracts.accounts import EraseAccount, ExportAccount, Exported
from contracts.attachments import Content, Download
from contracts.common import NamedAccount
from contracts.outcomes import Accepted
from deploy import settings
from deploy.trouble import Trouble
from services.client.blocking import Client

from . import show
from .operator import accepted

app = typer.Typer(help="Export or erase everything that the desk keeps of a person.", no_args_is_help=True)
console = show.console()

Id = Annotated[str, typer.Argument(metavar="ID", help="The account's id, as tickets show it.")]
Temporary = Annotated[bool, typer.Option("--temporary", help="It is a temporary account.")]


@app.command()
def export(
    id_: Id,
    to: Annotated[Path, typer.Option(help="The file to write (.zip). It must not exist yet.")],
    temporary: Temporary = False,
) -> None:
    """Write everything that the person may have of their account into an archive."""
    account = named(id_, temporary=temporary)
    with Client(settings.load().get("AMQP_OPERATOR")) as desk:
        archive = accepted(desk.command("account.export", ExportAccount(account=account)), Exported).attachment
        try:
            with written_whole(to) as file:
                digest = _download(desk, account, archive.ref, file)
                if digest != archive.sha256:
                    raise Trouble("The archive arrived damaged: export it again.")
        except OSError as error:
            raise Trouble(f"{to}: {error.strerror}.", 2) from error
    console.print(f"{show.plain(str(to))}: {archive.size:,} bytes.")


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A new file that only its owner can read; removed again if the block raises."""
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        try:
            yield file
        except BaseException:  # Ctrl-C too
            path.unlink(missing_ok=True)
            raise


def _download(desk: Client, account: NamedAccount, ref: str, into: BinaryIO) -> str:
    """Write an archive, part by part. Returns its SHA-256."""
    digest, part, parts = hashlib.sha256(), 1, 1
    while part <= parts:
        asked = Download(account=account, ref=ref, part=part)
        heard = accepted(desk.command("attachment.download", asked), Content)
        digest.update(heard.content)
        into.write(heard.content)
        part, parts = part + 1, heard.parts
    return digest.hexdigest()


@app.command()
def erase(
    id_: Id,
    temporary: Temporary = False,
    content: Annotated[bool, typer.Option("--content", help="Also erase what they wrote and sent.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Erase a person with all their accounts: their open tickets close; names, addresses and preferences go."""
    if not yes:
        what = "with all words and files" if content else "without what was written"
        typer.confirm(f"Erase {show.plain(id_)} for good, {what}?", abort=True)
    with Client(settings.load().get("AMQP_OPERATOR")) as desk:
        erasing = EraseAccount(account=named(id_, temporary=temporary), content=content)
        accepted(desk.command("account.erase", erasing), Accepted)
    console.print("Erased. The rest goes within a minute. Run `casebus dead erase` to remove their dead letters.")


def named(id_: str, *, temporary: bool) -> NamedAccount:
    """The account, for a command of the operator."""
    return NamedAccount(kind="temporary" if temporary else "account", account_id=id_)
