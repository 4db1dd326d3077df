"""Shows messages as they flow: one line for each event, and on request for what goes to channels and agents.

It reads as the operator, from a temporary queue of its own, so it takes nothing from anybody. It does not show what
passes while it is not running. It survives restarts of the broker. It uses plain AMQP (`client/bus.py`), because it
also shows what is not an event, dead letters with their reasons, and where each message goes; the client hears only one
user's events. The page is docs/cli.md.
"""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.text import Text

from contracts.envelope import Event, NotAnEvent, parse
from contracts.topology import AGENTS, CHANNELS, DEAD, EVENTS
from services.client.bus import BROKEN, Bus
from services.client.errors import ClientError

from .show import plain

COLOURS = {"ticket": "cyan", "account": "magenta", "agent": "green", "sla": "yellow", "notification": "blue"}
ALARMS = ("command.rejected", "sla.breached", "notification.failed")


def watch(console: Console, url: str, *, channels: bool, agents: bool) -> None:
    """Print messages until interrupted. Raises Unreachable if the broker cannot be reached at the start."""
    exchanges = [EVENTS, DEAD, *([CHANNELS] if channels else []), *([AGENTS] if agents else [])]
    bus = _listen(console, url, exchanges)
    console.print("[dim]Watching. Press Ctrl-C to stop.[/]")
    while True:
        try:
            bus.drain(1)
        except BROKEN:
            console.print("[yellow]The connection to the broker was lost; waiting for it.[/]")
            bus.close()
            bus = _again(console, url, exchanges)


def _listen(console: Console, url: str, exchanges: list[str]) -> Bus:
    bus = Bus(url, heartbeat=20)
    queue = bus.own_queue(*((exchange, "#") for exchange in exchanges))
    bus.consume(queue, lambda message: console.print(line_of(message), soft_wrap=True), acknowledge=False)
    return bus


def _again(console: Console, url: str, exchanges: list[str]) -> Bus:
    while True:
        try:
            bus = _listen(console, url, exchanges)
        except (ClientError, *BROKEN):
            time.sleep(1)
        else:
            console.print("[yellow]The broker is back. Messages that passed in the meantime are not shown.[/]")
            return bus


def line_of(message: Any) -> Text:
    """One coloured line for a message: when, where it goes, its type, what it is about; no control characters."""
    line = _line_of(message)
    # One character for each, so the colours stay where they are.
    line.plain = plain(line.plain)
    return line


def _line_of(message: Any) -> Text:
    body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
    exchange, key = message.delivery_info["exchange"], message.delivery_info["routing_key"]
    if exchange == DEAD:
        reason = str((message.headers or {}).get("x-reason", "rejected by the broker"))
        return Text.assemble(("dead letter ", "bold red"), f"from {key or 'nowhere'}: {reason} ({len(body):,} bytes)")
    try:
        event = parse(body)
    except NotAnEvent as error:
        return Text.assemble((f"{exchange} {key} ", "bold red"), f"not an event: {error}")
    colour = "bold red" if event.type in ALARMS else COLOURS.get(event.type.partition(".")[0], "white")
    to = "" if exchange == EVENTS else f"→ {key.removesuffix(event.type).removesuffix('.')} "
    return Text.assemble(
        (f"{event.time.astimezone():%H:%M:%S.%f}"[:-3] + " ", "dim"),
        (to, "bold"),
        (f"{event.type} ", colour),
        (f"{event.subject or ''} ", "bold"),
        about(event),
    )


def about(event: Event) -> str:
    """What an event says, in a few words."""
    data = event.data if isinstance(event.data, dict) else {}
    ticket = data.get("ticket")
    if isinstance(ticket, dict):
        agent = (ticket.get("agent") or {}).get("id", "nobody")
        return f"{ticket.get('status')} · {ticket.get('category')} · {agent} · “{ticket.get('subject')}”"
    known = ("code", "message", "kind", "title", "agent_id", "display_name", "account_id", "target", "due_at", "reason")
    return " · ".join(str(data[name]) for name in known if data.get(name))
