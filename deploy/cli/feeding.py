"""Feed requests to the desk as a channel would, and tell what came back.

Publishes `ticket.submit` for each request while collecting the outcomes, at full speed or at a given rate.
The page is docs/cli.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from .sender import Sender, latencies, percentile

PATIENCE = 30.0
"""Seconds without any outcome after which what is still missing is reported as missing."""
AT_ONCE = 50
"""Messages published between two looks at what has arrived."""


def feed(
    sender: Sender, requests: Iterable[Mapping[str, Any]], rate: float | None, progress: Callable[[], None]
) -> None:
    """Submit the requests (`rate` a second, if given) and wait for their outcomes, calling `progress` often."""
    start = time.monotonic()
    for count, request in enumerate(requests, 1):
        sender.send("ticket.submit", request)
        if rate:
            while (ahead := start + count / rate - time.monotonic()) > 0:
                sender.bus.drain(min(ahead, 0.2))
                progress()
        elif count % AT_ONCE == 0:
            sender.bus.drain()
            progress()
    sender.bus.settle()
    sender.collect(PATIENCE, progress)
    progress()


def feed_with_bar(console: Console, sender: Sender, requests: list[dict[str, Any]], rate: float | None) -> bool:
    """Feed under a progress bar (plain where there is no terminal), print the result; True if all got an outcome."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    start = time.monotonic()
    with Progress(*columns, console=console) as bar:
        sent = bar.add_task("sent    ", total=len(requests))
        answered = bar.add_task("answered", total=len(requests))

        def progress() -> None:
            bar.update(sent, completed=len(sender.sent))
            bar.update(answered, completed=len(sender.sent) - sender.waiting)

        feed(sender, requests, rate, progress)
    return report(console, sender, start)


def report(console: Console, sender: Sender, start: float) -> bool:
    """Print outcomes by type, rate and latency, and what is missing; True if nothing is."""
    commands = list(sender.sent.values())
    table = Table("outcome", "commands", box=None, title=f"What came back to {sender.name}", title_justify="left")
    table.columns[1].justify = "right"
    for label, count in sender.outcomes.most_common():
        table.add_row(label, f"{count:,}")
    console.print(table)
    taken = latencies(commands)
    if taken:
        seconds = max(command.answer.at for command in commands if command.answer) - start
        console.print(
            f"{len(taken):,} answered in {seconds:.1f} s ({len(taken) / seconds:,.0f}/s); publish to outcome: "
            f"median {percentile(taken, 0.5) * 1000:,.0f} ms, p99 {percentile(taken, 0.99) * 1000:,.0f} ms"
        )
    for what, ids in (("could not be routed by the broker", sender.bus.returned), ("refused", sender.bus.refused)):
        if ids:
            console.print(f"[red]{len(ids):,} {what}[/], the first with id {ids[0]}")
    lost = [id_ for id_, command in sender.sent.items() if not command.answers]
    if lost:
        console.print(f"[red]{len(lost):,} got no outcome[/] for {PATIENCE:.0f} s, the first with id {lost[0]}")
    return not lost
