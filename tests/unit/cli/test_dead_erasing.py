"""Which dead letters tell of somebody who was erased, and which must be sent again all the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.cli.dead.erasing import Erased, tells_of
from deploy.cli.dead.letter import Letter

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ERASED = Erased(frozenset({"zoe", "7"}), frozenset({"10000001"}), AT)
ZOE = {"id": "zoe", "kind": "account", "display_name": "Zoe"}


def letter(body: bytes, type_: str = "ticket.submit", died: timedelta = -timedelta(hours=1)) -> Letter:
    return Letter("1", "intake.commands", "why", type_, "web", AT + died, "helpdesk.intake", type_, {}, body)


def event(type_: str, data: dict[str, Any], sent: timedelta = -timedelta(hours=1), **more: Any) -> Letter:
    whole = {"specversion": "1.0", "type": type_, "time": (AT + sent).isoformat(), "data": data, **more}
    return letter(json.dumps(whole).encode(), type_)


@pytest.mark.parametrize(
    ("dead_letter", "tells"),
    [
        (event("ticket.submit", {"requester": {"account_id": "zoe"}}), True),
        (event("ticket.submit", {"requester": {"temporary": {"account_id": "zoe", "secret": "s"}}}), True),
        (event("ticket.submit", {"requester": {"account_id": "zoe"}}, sent=timedelta(hours=1)), False),
        (event("ticket.submit", {"requester": {"account_id": "bob"}, "body": "zoe"}), False),
        (event("ticket.reply", {"requester": {"account_id": "bob"}, "number": "10000001"}), True),
        (event("ticket.opened", {"ticket": {"requester": ZOE, "number": "10000009"}}), True),
        (event("ticket.opened", {"ticket": {"requester": {"id": "x"}, "number": "10000001"}}), True),
        (event("ticket.closed", {"ticket": {"number": "10000001", "erased": True}}, sent=timedelta()), False),
        (event("ticket.similar", {"candidates": [{"requester": ZOE}]}), True),
        (event("notification.message", {"requester": ZOE}), True),
        (event("account.contact_changed", {"account_id": "zoe", "email": "z@example.org"}), True),
        (event("account.contact_changed", {"account_id": "zoe", "email": None}), False),
        (event("account.preferences_changed", {"account_id": "zoe", "language": "de"}), True),
        (event("account.preferences_changed", {"account_id": "zoe"}), False),
        (event("account.erased", {"account_id": "zoe"}), False),
        (event("command.accepted", {}, subject="10000001"), True),
        (event("ticket.submit", {"body": "7 times"}), False),
        (letter(b"not JSON, of zoe"), True),
        (letter(b"not JSON, of zoeology, 70 times, x-7-x"), False),
        (letter(b'{"no": "event", "of": "zoe"}'), True),
        (letter(b'["zoe"]'), True),
        (letter(b'{"no": "event", "of": "bob"}'), False),
        (letter(b"\xff\xfe zoe"), True),
        (letter(b"null"), False),
    ],
)
def test_which_letters_tell_of_who_was_erased(dead_letter: Letter, tells: bool) -> None:
    assert tells_of(dead_letter, ERASED) is tells
