"""How often a turn of intake asks the database: each time, everybody waits half a millisecond."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pymongo.synchronous.pool import Connection

from contracts import registry
from deploy.local.stack import Stack
from services.chassis.decision import Message
from services.intake.documents import ticket_document
from services.intake.repository import INDEXES
from tests.integration.racing import Instance
from tests.integration.turn_stores import stores
from tests.unit.intake.desk import account, submission
from tests.unit.intake.pairs import NOW, meeting

TICKET = {"number": "10000001"}


@pytest.mark.parametrize(
    ("sender", "type_", "data"),
    [
        ("web", "ticket.submit", submission()),
        ("web", "ticket.reply", {"requester": account(), **TICKET, "body": "And now?"}),
        ("agent.a1", "ticket.start_work", {"agent_id": "a1", **TICKET}),
        ("routing", "ticket.unassign", {**TICKET, "assignment_seq": 1, "reason": "gone"}),
        ("sla", "ticket.auto_close", {**TICKET, "status_version": 1}),
    ],
)
def test_a_turn_asks_for_all_that_it_needs_at_once(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, sender: str, type_: str, data: dict[str, Any]
) -> None:
    kind = registry.command(type_)
    assert kind is not None
    message = Message("m", type_, sender, kind.schema.load(data), None, f"{sender}\x1fm")
    sent: list[int] = []
    send = Connection.send_message

    def counting(connection: Connection, body: bytes, largest: int) -> None:
        sent.append(len(body))
        send(connection, body, largest)

    with stores(stack, "intake", 1, INDEXES) as (store,):
        repository = Instance(store, "one").repository
        repository._take_numbers(1)
        ticket = replace(meeting("assigned").ticket, number=TICKET["number"])
        store.database["tickets"].insert_one(ticket_document(ticket))
        monkeypatch.setattr(Connection, "send_message", counting)
        repository.load([message], NOW)
    assert len(sent) == 1
