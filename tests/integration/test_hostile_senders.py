"""What a channel's broker user is allowed to do and no honest one does: it harms nobody but its sender."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import amqp

from contracts.envelope import Event, serialise
from contracts.topology import DEAD, INTAKE
from deploy.local.desk import Desk
from tests.integration.test_intake import channel, outcomes
from tests.unit.intake.desk import account, submission


def submit(desk: Desk, user: str, id_: str, body: bytes | None = None, **properties: Any) -> None:
    event = Event(id_, "ticket.submit", f"/channels/{user}", datetime.now(UTC), submission(account(f"of-{id_}")))
    with channel(desk, user) as open_channel:
        open_channel.confirm_select()
        given = {"user_id": user, "message_id": id_, "delivery_mode": 2, **properties}
        message = amqp.Message(serialise(event) if body is None else body, **given)
        open_channel.basic_publish_confirm(message, exchange=INTAKE, routing_key="ticket.submit")


def dead(desk: Desk) -> list[amqp.Message]:
    with channel(desk, "casebus_admin") as open_channel:
        return list(iter(lambda: open_channel.basic_get(DEAD, no_ack=True), None))


NO_UTF_8 = b"\xff\xfe"
ODD: Mapping[str, tuple[dict[str, Any], bool]] = {
    "id": ({"message_id": NO_UTF_8}, False),
    "correlation": ({"correlation_id": NO_UTF_8}, False),
    "surrogate": ({"correlation_id": "\ud800"}, False),
    "encoding": ({"content_encoding": "unicode_escape", "body": b"\\ud800"}, False),
    "header": ({"application_headers": {"x-note": NO_UTF_8}}, True),
    "count": ({"application_headers": {"x-delivery-count": "many"}}, True),
    "counts": ({"application_headers": {"x-delivery-count": [1]}}, True),
}
"""Properties by id of the message, and whether it is answered; else it is set aside."""


def test_odd_properties_end_no_consumer(desk: Desk) -> None:
    desk.start("intake")
    pid = desk.pid("intake")
    for id_, (properties, _) in ODD.items():
        submit(desk, "web", id_, **properties)
    submit(desk, "game", "honest")
    [heard] = outcomes(desk, "game", "game.outcomes", 1)
    assert (heard.type, heard.causationid) == ("ticket.opened", "honest")
    answered = {id_ for id_, (_, is_answered) in ODD.items() if is_answered}
    assert {event.causationid for event in outcomes(desk, "web", "web.outcomes", len(answered))} == answered
    aside: list[amqp.Message] = []
    while len(aside) < len(ODD) - len(answered):  # "surrogate" is found by halving, and tried again some times
        aside += dead(desk)
    assert desk.pid("intake") == pid
