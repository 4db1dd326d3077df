"""What appears on a terminal, and that nobody can paint on it."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from contracts.envelope import Event, serialise
from deploy.cli.show import agents_table, plain, tickets_table
from deploy.cli.watch import line_of

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
TICKET: dict[str, Any] = {
    "number": "10000001",
    "subject": "No [bold]sound\x1b[31m",
    "status": "assigned",
    "status_since": AT,
    "opened_at": AT,
    "category": "technical",
    "priority": 5,
    "requester": {"display_name": "Ana", "tier": "vip"},
    "channel": "web",
    "agent": {"id": "a1", "display_name": "Ada"},
    "version": 2,
    "issue_key": None,
    "closed_at": None,
}


def shown(thing: Any) -> str:
    console = Console(width=120, force_terminal=False)
    with console.capture() as capture:
        console.print(thing)
    return capture.get()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\x1b[2Jb", "a [2Jb"), ("a\nb", "a b"), ("a‮b", "a b"), ("né 日本", "né 日本"), (None, "")],
)
def test_control_characters_are_not_printed(text: str | None, expected: str) -> None:
    assert plain(text) == expected


def test_tickets_are_one_a_line() -> None:
    lines = shown(tickets_table([TICKET, {**TICKET, "agent": None, "subject": "x" * 500}])).splitlines()
    assert len(lines) == 3
    assert "10000001" in lines[1]
    assert " a1 " in lines[1]
    assert " – " in lines[2]


@pytest.mark.parametrize(("load", "capacity", "expected"), [(0, 5, "0/5"), (7, 5, "7/5"), (0, 0, "0/0")])
def test_agents_with_any_load(load: int, capacity: int, expected: str) -> None:
    agent = {"_id": "a1", "display_name": "Ada", "signed_on": True, "load": load, "capacity": capacity, "skills": ["*"]}
    assert expected in shown(agents_table([agent]))


@pytest.mark.parametrize(
    ("presence", "expected"),
    [
        ({"signed_on": True}, "on"),
        ({"signed_on": True, "away": True, "paused": True}, "away"),
        ({"signed_on": True, "paused": True}, "paused"),
        ({"signed_on": False, "paused": True}, "off"),
    ],
)
def test_agents_are_on_away_paused_or_off(presence: dict[str, bool], expected: str) -> None:
    agent = {"_id": "a1", "display_name": "Ada", "load": 1, "capacity": 2, "skills": ["*"], **presence}
    assert f" {expected} " in shown(agents_table([agent]))


def message(exchange: str, key: str, body: bytes, headers: dict[str, str] | None = None) -> Any:
    return SimpleNamespace(body=body, headers=headers, delivery_info={"exchange": exchange, "routing_key": key})


def test_a_line_for_an_event() -> None:
    event = Event("1", "ticket.assigned", "/services/intake", AT, {"ticket": TICKET | {"subject": "Hi"}}, "10000001")
    line = line_of(message("helpdesk.events", "ticket.assigned", serialise(event))).plain
    assert line.endswith("ticket.assigned 10000001 assigned · technical · a1 · “Hi”")


def test_a_line_for_a_message_to_a_channel_shows_no_secret() -> None:
    data = {"account_id": "t1", "secret": "hush", "expires_at": "2026-04-03T00:00:00Z"}
    event = Event("1", "account.temporary_opened", "/services/intake", AT, data)
    line = line_of(message("helpdesk.channels", "web.account.temporary_opened", serialise(event))).plain
    assert "→ web account.temporary_opened" in line
    assert "hush" not in line


@pytest.mark.parametrize("exchange", ["helpdesk.events", "helpdesk.channels"])
def test_what_is_watched_cannot_paint_on_the_terminal(exchange: str) -> None:
    ticket = {"status": "new", "category": "general", "agent": None, "subject": "\x1b]0;owned\x07\x1b[2J\u202eno"}
    event = Event("i", "ticket.opened", "/services/intake", AT, {"ticket": ticket}, "10000001")
    line = line_of(message(exchange, "web.ticket.opened", serialise(event)))
    assert line.plain.endswith("“ ]0;owned [2J no”")
    assert line.spans
    dead = line_of(message("helpdesk.dead", "web.\x1b[2J", b"", {"x-reason": "no queue \x1b[2J"}))
    assert "\x1b" not in dead.plain


def test_a_line_for_a_dead_letter_and_for_what_is_no_event() -> None:
    dead = line_of(message("helpdesk.dead", "intake.commands", b"what?", {"x-reason": "not JSON"})).plain
    assert dead == "dead letter from intake.commands: not JSON (5 bytes)"
    assert "not an event" in line_of(message("helpdesk.events", "ticket.opened", b"{}")).plain
