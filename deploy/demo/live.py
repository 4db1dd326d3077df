"""The demo while it runs: a live table on a terminal, otherwise a plain line now and then. It only shows what others
counted. The page is docs/cli.md."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.table import Table
from rich.text import Text

from deploy.cli.show import STATUS_COLOURS, status_text

from .agents import Agent
from .channels import Channel

PLAIN_EVERY = 5.0


class Live:
    """Shows the state of a run whenever `show` is called; a context manager."""

    def __init__(self, console: Console, channels: Sequence[Channel], agents: Sequence[Agent]) -> None:
        self._console = console
        self._channels = channels
        self._agents = agents
        self._live = RichLive(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None
        self._start = time.monotonic()
        self._said_at = 0.0

    def __enter__(self) -> Live:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, statuses: Counter[str], under_way: str) -> None:
        """Show tickets by status, and in words what is still under way."""
        seconds = time.monotonic() - self._start
        if self._live:
            self._live.update(self._picture(statuses, under_way, seconds))
        elif time.monotonic() - self._said_at >= PLAIN_EVERY:
            self._said_at = time.monotonic()
            found = ", ".join(f"{count:,} {status}" for status, count in sorted(statuses.items())) or "no tickets yet"
            sent = sum(len(channel.sender.sent) for channel in self._channels if channel.sender)
            self._console.print(f"  {seconds:4.0f} s  {sent:,} commands sent; {found}; {under_way}", soft_wrap=True)

    def _picture(self, statuses: Counter[str], under_way: str, seconds: float) -> RenderableType:
        total = sum(statuses.values())
        line = Text(f"{seconds:4.0f} s  {total:,} tickets  ", "bold")
        for status in STATUS_COLOURS:
            if statuses[status]:
                line.append_text(status_text(f"{status} {statuses[status]:,}  "))
        side_by_side = Table.grid(padding=(0, 6))
        side_by_side.add_row(self._channel_table(), self._agent_table())
        return Group(line, Text(), side_by_side, Text(), Text(under_way, "dim"))

    def _channel_table(self) -> Table:
        table = Table("channel", "sent", "answered", "opened", "duplicate", "similar", "told", box=None, pad_edge=False)
        for column in table.columns[1:]:
            column.justify = "right"
        for channel in self._channels:
            sender = channel.sender
            if sender is None:
                continue
            sent = len(sender.sent)
            kinds = ("ticket.opened", "ticket.duplicate", "ticket.similar")
            counts = (
                sent,
                sent - sender.waiting,
                *(sender.outcomes[kind] for kind in kinds),
                sum(channel.messages.values()),
            )
            table.add_row(Text(channel.name, "bold"), *(f"{count:,}" for count in counts))
        return table

    def _agent_table(self) -> Table:
        table = Table("agent", "assigned", "in hand", "answered", box=None, pad_edge=False)
        for column in table.columns[1:]:
            column.justify = "right"
        for agent in self._agents:
            counts = (len(agent.received), agent.to_do, sum(agent.did.values()))
            table.add_row(Text(agent.id, "green" if agent.signed_on else "dim"), *(f"{count:,}" for count in counts))
        return table
