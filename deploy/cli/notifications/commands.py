"""`casebus notifications failed|resend|preview`: reads arguments and prints. The page is docs/operating.md."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from contracts.envelope import rfc3339
from contracts.notifications import CHANNELS, MAX_RESENT, Resend
from deploy import settings
from deploy.trouble import Trouble
from services.chassis.settings import WrongSettings
from services.client.blocking import Client
from services.notifications.domain.state import Delivery
from services.notifications.templates import KINDS, Templates

from .. import show
from ..dead.letter import age_of
from ..desk import Desk
from ..operator import each_of
from .failed import Choice
from .failed import failed as failed_ones

app = typer.Typer(help="Mails and webhooks that failed: list, resend. Previews of templates.", no_args_is_help=True)
console = show.console()

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Only the deliveries with these ids.")]
Kind = Annotated[str | None, typer.Option(help="Only those of this kind, such as `receipt`.")]
Channel = Annotated[str | None, typer.Option(help="Only those by this channel: `email` or `webhook`.")]
Recipient = Annotated[str | None, typer.Option(help="Only those to this account id, or to the webhook of this name.")]
Since = Annotated[str | None, typer.Option(metavar="AGE", help="Only those not older than this: 15m, 36h, 7d.")]


@app.command()
def failed(
    ids: Ids = None,
    kind: Kind = None,
    channel: Channel = None,
    recipient: Recipient = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, help="How many lines to print at most. The counts cover all.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print each delivery as one line of JSON.")] = False,
) -> None:
    """List failed deliveries, oldest first, without addresses and texts, and count them by reason."""
    choice = _choice(ids, kind, channel, recipient, since)
    rows: list[Delivery] = []
    reasons: Counter[tuple[str, str]] = Counter()
    with Desk(settings.load()) as desk:
        for delivery in failed_ones(desk.notifications, choice):
            if as_json:
                typer.echo(json.dumps(_summary(delivery)))
            elif len(rows) < limit:
                rows.append(delivery)
            reasons[delivery.channel, delivery.reason] += 1
    if as_json:
        return
    if not reasons:
        console.print("Nothing has failed." if choice.is_everything else "No failed delivery matches.")
        return
    console.print(_table(rows))
    console.print()
    shown = f", the oldest {len(rows):,} shown" if len(rows) < reasons.total() else ""
    console.print(Text(f"{_deliveries(reasons.total())}{shown}", "bold"))
    for (by, reason), number in reasons.most_common(20):
        console.print(Text(f"  {number:,}  {by}: {show.plain(reason)}"), soft_wrap=True)


@app.command()
def resend(
    ids: Ids = None,
    kind: Kind = None,
    channel: Channel = None,
    recipient: Recipient = None,
    since: Since = None,
    all_: Annotated[bool, typer.Option("--all", help="All that failed, or all that match the conditions.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Have notifications send failed deliveries again, each once: it tries them as long as new ones."""
    choice = _choice(ids, kind, channel, recipient, since)
    if bool(choice.ids) == all_:
        raise Trouble("Say which ones: give ids, or --all (with or without conditions).", 2)
    found = settings.load()
    with Desk(found) as databases:
        chosen = [delivery.id for delivery in failed_ones(databases.notifications, choice)]
    if dry_run:
        console.print(f"Would send again: {_deliveries(len(chosen))}.")
    else:
        with Client(found.get("AMQP_OPERATOR")) as desk:
            count = each_of(
                desk, "notifications.resend", lambda ids: Resend(deliveries=ids), "deliveries", chosen, MAX_RESENT
            )
        console.print(f"Sent again: {_deliveries(count)}.")
        if count < len(chosen):
            console.print(f"Another command had already resent {len(chosen) - count:,}.")
    missing = sorted(choice.ids - set(chosen))
    if missing:
        raise Trouble(f"There is no such failed delivery: {show.plain(', '.join(missing))}.")


@app.command()
def preview(
    kind: Annotated[str, typer.Argument(help="Which notification: `receipt`, `closed`, …")],
    language: Annotated[str, typer.Option(help="The language, such as `de` or `pt-BR`.")] = "en",
    templates: Annotated[
        Path | None, typer.Option(envvar="CASEBUS_TEMPLATES", help="The folder of your own templates.")
    ] = None,
) -> None:
    """Show title and text of a notification, for each variant that its template distinguishes."""
    known = next((name for name in KINDS if name == kind), None)
    if known is None:
        raise Trouble(f"{show.plain(kind)!r} is not a kind of notification. The kinds are {', '.join(KINDS)}.", 2)
    try:
        words = Templates(templates)
    except WrongSettings as error:
        raise Trouble(str(error), 2) from error
    spoken = words.spoken(known, [language])
    if spoken != language.lower():
        typer.echo(f"There is no {known} in {show.plain(language)!r}: people get it in {spoken!r}.", err=True)
    variants = words.variants(known, [language])
    for place, (case, text) in enumerate(variants.items()):
        if len(variants) > 1:
            console.print(Text(f"{chr(10) if place else ''}— {case or 'usually'} —", "dim"))
        console.print(Text(show.plain(text.title), "bold"))
        console.print()
        console.print(Text(show.plain(text.text, keep_lines=True)), soft_wrap=True)


def _choice(
    ids: list[str] | None, kind: str | None, channel: str | None, recipient: str | None, since: str | None
) -> Choice:
    if kind is not None and kind not in KINDS:
        raise Trouble(f"{show.plain(kind)!r} is not a kind of notification. The kinds are {', '.join(KINDS)}.", 2)
    if channel is not None and channel not in CHANNELS:
        raise Trouble(f"{show.plain(channel)!r} is not a channel. The channels are {', '.join(CHANNELS)}.", 2)
    try:
        after = None if since is None else datetime.now(UTC) - age_of(since)
    except (ValueError, OverflowError):  # before the calendar begins
        raise Trouble(f"{show.plain(since)!r} is not an age. Examples: 90s, 15m, 36h, 7d.", 2) from None
    return Choice(frozenset(ids or ()), kind, channel, recipient, after)


def _summary(delivery: Delivery) -> dict[str, object]:
    names = ("id", "event_id", "kind", "number", "recipient", "channel", "attempts", "reason")
    return {**{name: getattr(delivery, name) for name in names}, "created_at": rfc3339(delivery.created_at)}


def _deliveries(number: int) -> str:
    return f"{number:,} {'delivery' if number == 1 else 'deliveries'}"


def _table(deliveries: list[Delivery]) -> Table:
    table = Table("since", "kind", "by", "to", "ticket", "tries", box=None, pad_edge=False, expand=True)
    for column in table.columns:
        column.no_wrap = True
    table.add_column("id", overflow="fold", min_width=32)
    table.add_column("reason", ratio=1, no_wrap=True)
    for delivery in deliveries:
        since, ticket = show.moment(delivery.created_at)[5:-3], delivery.number or "–"
        cells = (
            since,
            delivery.kind,
            delivery.channel,
            delivery.recipient,
            ticket,
            str(delivery.attempts),
            delivery.id,
            delivery.reason,
        )
        table.add_row(*(Text(show.plain(cell)) for cell in cells))
    return table
