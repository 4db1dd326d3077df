"""What a channel's broker user is allowed to do and no honest one does: it harms nobody but its sender."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import amqp

from contracts.envelope import Event, serialise
from contracts.topology import CHANNELS, DEAD, INTAKE
from deploy.local.desk import Desk
from services.intake.credentials.secrets import OPENED
from tests.integration.test_intake import PATIENCE, outcomes, publish
from tests.raw_amqp import UNREADABLE, USER_ID, confirmed, open_channel, publish_raw, short
from tests.unit.intake.desk import account, submission
from tests.waiting import wait


def submit(desk: Desk, user: str, id_: str, body: bytes | None = None, **properties: Any) -> None:
    event = Event(id_, "ticket.submit", f"/channels/{user}", datetime.now(UTC), submission(account(f"of-{id_}")))
    with open_channel(desk.amqp_url(user)) as channel:
        given = {"user_id": user, "message_id": id_, "delivery_mode": 2, **properties}
        message = amqp.Message(serialise(event) if body is None else body, **given)
        channel.basic_publish_confirm(message, exchange=INTAKE, routing_key="ticket.submit")


def dead(desk: Desk, count: int) -> list[amqp.Message]:
    """The next `count` dead letters; fails if they do not come."""
    found: list[amqp.Message] = []
    with open_channel(desk.amqp_url("casebus_admin")) as channel:

        def come() -> int:
            found.extend(iter(lambda: channel.basic_get(DEAD, no_ack=True), None))
            return len(found)

        wait(come, f"{count} dead letters", lambda came: came >= count, patience=PATIENCE)
    return found


NO_UTF_8 = b"\xff\xfe"
ODD: Mapping[str, tuple[dict[str, Any], bool]] = {
    "id": ({"message_id": NO_UTF_8}, False),
    "correlation": ({"correlation_id": NO_UTF_8}, False),
    "surrogate": ({"correlation_id": "\ud800"}, True),
    "encoding": ({"content_encoding": "unicode_escape", "body": b"\\ud800"}, False),
    "header": ({"application_headers": {"x-note": NO_UTF_8}}, True),
    "count": ({"application_headers": {"x-delivery-count": "many"}}, True),
    "counts": ({"application_headers": {"x-delivery-count": [1]}}, True),
}
"""Properties by id of the message, and whether it is answered; otherwise it is dead-lettered."""


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
    dead(desk, len(ODD) - len(answered))
    assert desk.pid("intake") == pid


def test_properties_that_nobody_can_read_end_no_consumer(desk: Desk) -> None:
    """They would come again and again, and each time take along the reader and everything that came with them."""
    desk.start("intake")
    pid = desk.pid("intake")
    with open_channel(desk.amqp_url("web")) as channel:
        for body, odd in UNREADABLE.items():
            properties = {USER_ID: short("web"), **odd}
            publish_raw(channel, INTAKE, "ticket.submit", properties, body)
        confirmed(channel, len(UNREADABLE))
    submit(desk, "game", "honest")
    [heard] = outcomes(desk, "game", "game.outcomes", 1)
    assert (heard.type, heard.causationid) == ("ticket.opened", "honest")
    assert {message.body for message in dead(desk, len(UNREADABLE))} == set(UNREADABLE)
    assert desk.pid("intake") == pid


def test_a_full_queue_of_ones_own_holds_up_nobody(desk: Desk) -> None:
    desk.start("intake")
    full = {"x-queue-type": "classic", "x-overflow": "reject-publish", "x-max-length": 0}
    with open_channel(desk.amqp_url("web")) as channel:
        for queue in ("web.reply", "web.bound"):
            channel.queue_declare(queue, durable=True, auto_delete=False, arguments=full)
    submit(desk, "web", "named", reply_to="web.reply")
    assert {event.causationid for event in outcomes(desk, "web", "web.outcomes", 1)} == {"named"}
    with open_channel(desk.amqp_url("web")) as channel:
        channel.queue_bind("web.bound", CHANNELS, "web.#")
    submit(desk, "web", "bound")
    submit(desk, "game", "honest")
    [heard] = outcomes(desk, "game", "game.outcomes", 1)
    assert (heard.type, heard.causationid) == ("ticket.opened", "honest")
    assert [event.causationid for event in outcomes(desk, "web", "web.outcomes", 1)] == ["bound"]
    assert {message.headers["x-routing-key"] for message in dead(desk, 2)} == {"web.reply", "web.ticket.opened"}


def test_an_invented_direct_reply_holds_up_nobody(desk: Desk) -> None:
    desk.start("intake")
    submit(desk, "web", "invented", reply_to="amq.rabbitmq.reply-to.AAAA.abc")
    submit(desk, "game", "honest")
    [heard] = outcomes(desk, "game", "game.outcomes", 1)
    assert (heard.type, heard.causationid) == ("ticket.opened", "honest")
    assert [event.causationid for event in outcomes(desk, "web", "web.outcomes", 1)] == ["invented"]


def test_outcomes_led_back_into_the_desk_are_dead_lettered_at_once(desk: Desk) -> None:
    desk.start("intake")
    with open_channel(desk.amqp_url("web")) as channel:
        channel.exchange_bind(INTAKE, CHANNELS, "web.#")  # its own to read, and its own to write
    submit(desk, "web", "looped")
    [letter] = dead(desk, 1)
    assert CHANNELS in letter.headers["x-reason"]


def test_who_opens_hundreds_of_accounts_at_once_holds_up_nobody(desk: Desk) -> None:
    """Making a secret costs 30 ms of CPU: the neighbour's requests go on between a few of them at a time."""
    desk.start("intake")
    publish(desk, "web", [(f"open-{number}", "account.open_temporary", {}) for number in range(300)])
    submit(desk, "game", "honest")
    [heard] = outcomes(desk, "game", "game.outcomes", 1)
    assert (heard.type, heard.causationid) == ("ticket.opened", "honest")
    answers = outcomes(desk, "web", "web.outcomes", 300)
    assert len({event.causationid for event in answers}) == 300
    refused = [event.data for event in answers if event.type == "command.rejected"]
    assert {data["code"] for data in refused} == {"rate_limited"}
    assert len({data["retry_at"] for data in refused}) > len(refused) / 2
    assert len(answers) - len(refused) >= OPENED.at_once
