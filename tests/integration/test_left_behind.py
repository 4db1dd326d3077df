"""Closed tickets beyond the newest that move with an account: who may look at them, and that no name stays in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts.snapshot import Author, TicketRequester
from contracts.tickets import Listed
from deploy.local.stack import Stack
from services.chassis.decision import Answer, Arm, Message
from services.chassis.unit_of_work import Store
from services.intake.documents import account_document, entry_document, ticket_document
from services.intake.domain.decide import decide
from services.intake.domain.values.account import Account, ends
from services.intake.domain.values.prepared import Prepared
from services.intake.queries import reading
from services.intake.repository import INDEXES
from tests.integration.racing import Instance, message_of, of_its_own
from tests.integration.turn_stores import stores
from tests.unit.intake.desk import account, temporary
from tests.unit.intake.pairs import NOW, meeting

ZOE, OTHER = (
    TicketRequester(id=id_, kind="temporary", display_name=name, tier="standard")
    for id_, name in (("zoe", "Zoe"), ("other", "Zed"))
)
CLOSED = 30
"""More than a turn erases."""
MOVE = 2
RIGHT = Prepared(
    verified=frozenset((guest.id, "right") for guest in (ZOE, OTHER)), right_codes=frozenset([(ZOE.account, 1, "code")])
)
FRESH = temporary(ZOE.id, "right")


@pytest.fixture
def store(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Zoe has thirty closed tickets, of which two move; another account has confirmed the same address."""
    monkeypatch.setattr(reading, "MOST_CLOSED", MOVE)
    with stores(stack, "intake", 1, INDEXES) as (opened,):
        for n in range(CLOSED):
            at = of_its_own(meeting("closed"), n)
            closed_at = NOW - timedelta(days=8, minutes=n)
            ticket = replace(at.ticket, requester=ZOE, person=ZOE.account, closed_at=closed_at, contact_version=1)
            opened.database["tickets"].insert_one(ticket_document(ticket))
            opened.database["entries"].insert_many(
                entry_document(replace(entry, author=Author(kind="requester", id=ZOE.id, display_name="Zoe")))
                for entry in at.entries
                if entry.ticket_id == ticket.id
            )
        common = {"contact_email": "zoe@example.org", "contact_version": 1, "code_version": 1, "opened_at": NOW}
        opened.database["accounts"].insert_many(
            [
                account_document(Account(ZOE.account, 1, display_name="Zoe", **common)),  # type: ignore[arg-type]
                account_document(Account(OTHER.account, 1, confirmed_version=1, confirmed_at=NOW, **common)),  # type: ignore[arg-type]
            ]
        )
        yield opened


def send(store: Store, message: Message[Any], now: datetime = NOW) -> tuple[Answer | None, list[Arm]]:
    """One turn; its answer, and the timers that it sets."""
    instance = Instance(store, message.id)
    state = instance.repository.load([message], now, RIGHT)
    decision = decide(state, message, now)
    for change in decision.changes:
        state.apply(change)
    instance.commit(state)
    return decision.answer, [timer for timer in decision.timers if isinstance(timer, Arm)]


def end(store: Store, timers: list[Arm], now: datetime) -> int:
    """Fire the account's timer until it is not set again. Returns how often it fired."""
    fired = 0
    while timers:
        (arm,) = timers
        assert arm.timer.due <= now
        fired += 1
        id_ = f"{arm.id}:{fired}"
        _, timers = send(store, Message(id_, arm.timer.type_(), "intake", arm.timer, arm.about, id_), now)
    return fired


def named(store: Store, person: str) -> tuple[int, int]:
    """How many of this person's tickets have Zoe's name, in the ticket or in an entry."""
    tickets = list(store.database["tickets"].find({"person": person}))
    entries = {"ticket_id": {"$in": [ticket["_id"] for ticket in tickets]}, "author.display_name": "Zoe"}
    having = {row["ticket_id"] for row in store.database["entries"].find(entries)}
    return sum(ticket["requester"]["display_name"] == "Zoe" for ticket in tickets), len(having)


def test_who_joined_another_looks_at_what_stayed_behind_and_the_name_in_it_is_erased(store: Store) -> None:
    send(store, message_of("account.confirm_contact", 1, requester=FRESH, code="code"))
    tickets = store.database["tickets"]
    assert tickets.count_documents({"person": OTHER.account}) == MOVE
    assert tickets.count_documents({"person": ZOE.account}) == CLOSED - MOVE
    listed, _ = send(store, message_of("ticket.list", 2, requester=FRESH))
    assert listed is not None
    assert isinstance(listed.data, Listed)
    assert (len(listed.data.tickets), listed.data.pages) == (20, 2)
    left = tickets.find_one({"person": ZOE.account})
    assert left is not None
    for place, (who, type_, outcome) in enumerate(
        [
            (FRESH, "ticket.view", "ticket.viewed"),
            (temporary(OTHER.id, "right"), "ticket.view", "command.rejected"),
            (FRESH, "ticket.accept_solution", "command.rejected"),
        ]
    ):
        answer, _ = send(store, message_of(type_, 3 + place, requester=who, number=left["number"]))
        assert answer is not None
        assert answer.type == outcome
    later = NOW + timedelta(days=40)
    due = ends(ZOE.account, later)
    assert end(store, [due], later) > 1
    assert named(store, ZOE.account) == named(store, OTHER.account) == (0, 0)


def test_the_name_is_erased_in_what_stayed_behind_when_an_account_was_merged(store: Store) -> None:
    answer, timers = send(store, message_of("account.merge", 1, requester=account("ann"), **FRESH))
    assert answer is not None
    assert answer.type == "command.accepted"
    assert store.database["tickets"].count_documents({"person": "account:ann"}) == MOVE
    assert end(store, timers, NOW) > 1
    assert named(store, ZOE.account) == (0, 0)
    assert named(store, "account:ann") == (MOVE, MOVE), "those are Ann's now, by the name at filing"
