"""What a dead letter says of itself, who is believed, which letters are chosen, and where each may go again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.names import AGENTS, CHANNELS, DEAD, DESK, EVENTS, INTAKE
from deploy.cli.dead.letter import Choice, Letter, age_of, letter_of
from deploy.cli.dead.replaying import Replay, Unfit, advice, replay_of

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENT = {"specversion": "1.0", "id": "1", "type": "ticket.submit", "source": "/channels/web"}
BODY = json.dumps({**EVENT, "time": AT.isoformat()}).encode()


def dead_lettered(body: bytes = BODY, **headers: Any) -> Letter:
    """As a service copies it."""
    known = {"x-reason": "KeyError: 'x'", "x-user-id": "web", "x-exchange": INTAKE, "x-routing-key": "ticket.submit"}
    properties = {"user_id": "intake", "message_id": "1", "application_headers": {**known, **headers}}
    return letter_of(DEAD, "intake.commands", properties, body)


def test_what_a_service_dead_lettered() -> None:
    letter = dead_lettered(BODY, **{"x-time": AT.replace(tzinfo=None)})
    assert (letter.died_in, letter.reason, letter.kind_of_reason) == ("intake.commands", "KeyError: 'x'", "KeyError")
    assert (letter.sender, letter.type, letter.at) == ("web", "ticket.submit", AT)


def test_headers_of_a_sender_are_not_believed() -> None:
    forged = {"x-reason": "x", "x-user-id": "agent.a1", "x-exchange": DESK, "x-routing-key": "ticket.close"}
    unheard = letter_of(INTAKE, "ticket.submit", {"user_id": "web", "application_headers": forged}, BODY)
    assert (unheard.sender, unheard.exchange, unheard.routing_key) == ("web", INTAKE, "ticket.submit")
    assert unheard.at == AT
    death = {"queue": "intake.commands", "reason": "rejected", "exchange": INTAKE, "routing-keys": ["ticket.submit"]}
    moved = letter_of(
        DEAD, "intake.commands", {"user_id": "web", "application_headers": {**forged, "x-death": [death]}}, b""
    )
    assert (moved.sender, moved.exchange, moved.reason) == ("web", INTAKE, "by the broker: rejected")


@pytest.mark.parametrize("headers", [{}, {"x-death": []}, {"x-death": "odd"}])
def test_a_letter_that_says_nothing(headers: dict[str, Any]) -> None:
    letter = letter_of(DEAD, "k", {"application_headers": headers}, b"\xff")
    assert letter.id.startswith("content-")
    assert (letter.exchange, letter.sender, letter.at) == (None, None, None)
    assert isinstance(replay_of(letter), Unfit)
    assert "drop it" in advice(letter)


@pytest.mark.parametrize(
    ("choice", "fits"),
    [
        (Choice(), True),
        (Choice(ids=frozenset({"1", "2"})), True),
        (Choice(ids=frozenset({"2"})), False),
        (Choice(queue="intake.*"), True),
        (Choice(queue="intake"), False),
        (Choice(reason="keyerror"), True),
        (Choice(type="ticket.*", sender="web"), True),
        (Choice(type="ticket.*", sender="game"), False),
        (Choice(before=AT + timedelta(seconds=1)), True),
        (Choice(before=AT), False),
        (Choice(after=AT), True),
    ],
)
def test_which_letters_are_meant(choice: Choice, fits: bool) -> None:
    assert choice.takes(dead_lettered()) is fits
    assert choice.is_everything is (choice == Choice())


def test_a_letter_of_unknown_time_is_neither_old_nor_new() -> None:
    timeless = dead_lettered(b"?")
    assert not Choice(before=AT + timedelta(days=9999)).takes(timeless)
    assert not Choice(after=AT - timedelta(days=9999)).takes(timeless)


def test_ages() -> None:
    assert [age_of(text) for text in ("90s", "15m", "36h", "7d")] == [
        timedelta(seconds=90),
        timedelta(minutes=15),
        timedelta(hours=36),
        timedelta(days=7),
    ]
    for wrong in ("", "m", "-1m", "1w", "1.5h", "99999999d", "١m"):
        with pytest.raises(ValueError):
            age_of(wrong)


@pytest.mark.parametrize(
    ("headers", "by"),
    [
        ({}, "operator"),
        ({"x-user-id": "routing", "x-exchange": DESK, "x-routing-key": "ticket.assign"}, "operator"),
        ({"x-user-id": "intake", "x-exchange": EVENTS, "x-routing-key": "ticket.opened"}, "administrator"),
        ({"x-user-id": "intake", "x-exchange": "", "x-routing-key": "routing.outcomes"}, "administrator"),
        ({"x-user-id": "intake", "x-exchange": AGENTS, "x-routing-key": "agent.a1.ticket.closed"}, "administrator"),
        ({"x-user-id": ""}, None),
        ({"x-user-id": "console"}, None),
        ({"x-user-id": "operator", "x-exchange": DESK, "x-routing-key": "account.erase"}, "operator"),
        ({"x-user-id": "web", "x-exchange": EVENTS, "x-routing-key": "ticket.opened"}, None),
        ({"x-user-id": "web", "x-exchange": CHANNELS, "x-routing-key": "game.ticket.opened"}, None),
        ({"x-user-id": "web", "x-exchange": "amq.topic"}, None),
        ({"x-user-id": "web", "x-exchange": INTAKE, "x-routing-key": "ticket.assign"}, None),
        ({"x-user-id": "web", "x-exchange": INTAKE, "x-routing-key": "no.command"}, None),
    ],
)
def test_who_sends_it_again_and_what_nobody_may(headers: dict[str, Any], by: str | None) -> None:
    way = replay_of(dead_lettered(**headers))
    assert (way.by if isinstance(way, Replay) else None) == by


def test_an_id_that_a_copy_had_to_have_is_left_out_again() -> None:
    way = replay_of(dead_lettered(BODY.replace(b'"1"', b'"another"')))
    assert isinstance(way, Replay)
    assert "message_id" not in way.properties
    assert way.properties["user_id"] == "web"


@pytest.mark.parametrize(
    ("headers", "body", "said"),
    [
        ({}, BODY, "intake failed on it. When the cause is repaired, `casebus dead replay 1`."),
        ({"x-reason": "not JSON: …"}, b"{", "No service can read it"),
        ({"x-reason": "no queue took it"}, BODY, "Create the queue"),
        ({"x-user-id": ""}, BODY, "cannot be replayed: its sender is not known"),
    ],
)
def test_what_to_do(headers: dict[str, Any], body: bytes, said: str) -> None:
    assert said in advice(dead_lettered(body, **headers))
