"""A command that makes tickets another person's, or ends their account, and any other one that is decided at once by
another instance, on the real database: what both leave is what one after the other would have left."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace as altered

from contracts import registry
from contracts.common import TicketRequester
from deploy.local.stack import Stack
from services.chassis.decision import Decision, Message
from services.chassis.unit_of_work import Conflict, Store
from services.intake.documents import (
    account_document,
    account_of,
    agent_document,
    entry_document,
    escalatable_document,
    ticket_document,
    ticket_of,
)
from services.intake.domain.decide import decide
from services.intake.domain.state import State
from services.intake.domain.values.account import Account
from services.intake.domain.values.prepared import Prepared
from services.intake.repository import INDEXES
from tests.integration.test_all_pairs import Instance, of_its_own
from tests.integration.turn_stores import stores
from tests.unit.intake.desk import MORNING, account, submission, temporary
from tests.unit.intake.pairs import AGENTS, COMMANDS, NOW, Meeting, meeting

OF_ACCOUNTS = ("merge_account", "confirm", "ask_for_the_code", "end")
LASTS = timedelta(hours=1)
"""So a temporary account may end while a ticket that was closed in the morning may still be reopened at noon."""


class Scene:
    """A temporary account with the two tickets of a meeting; another that has confirmed the same address, and has the
    issue of the first one open."""

    def __init__(self, alike: Meeting, place: int) -> None:
        at = of_its_own(alike, place)
        self.place, self.theirs, self.others = place, f"t{place}", f"o{place}"
        zoe = TicketRequester(id=self.theirs, kind="temporary", display_name="Zoe", tier="standard")
        self.at = replace(
            at,
            ticket=replace(at.ticket, requester=zoe, person=zoe.account, contact_version=1),
            other=replace(at.other, requester=zoe, person=zoe.account, contact_version=1),
        )
        if not at.ticket.is_open:
            gone = replace(self.at.other, status="closed", closed_at=MORNING, close_reason="done")
            self.at = replace(self.at, other=gone)
        held = of_its_own(meeting("assigned"), 500_000 + place)
        other = altered(zoe, id=self.others)
        self.held = replace(held, ticket=replace(held.ticket, requester=other, person=other.account))
        common = {"contact_email": f"{place}@example.org", "contact_version": 1, "code_version": 1, "secret_hash": "-"}
        self.accounts = [
            Account(zoe.account, 1, display_name="Zoe", opened_at=MORNING - LASTS, **common),  # type: ignore[arg-type]
            Account(other.account, 1, opened_at=NOW, confirmed_version=1, confirmed_at=MORNING, **common),  # type: ignore[arg-type]
        ]
        claims = [(id_, "right") for id_ in (self.theirs, self.others)]
        self.prepared = Prepared(verified=frozenset(claims), right_codes=frozenset([(zoe.account, 1, "code")]))

    def put_down(self, store: Store) -> None:
        tickets = [self.at.ticket, self.at.other, self.held.ticket]
        entries = [*self.at.entries, *(entry for entry in self.held.entries if entry.ticket_id == self.held.ticket.id)]
        store.database["tickets"].insert_many([ticket_document(ticket) for ticket in tickets])
        store.database["entries"].insert_many([entry_document(entry) for entry in entries])
        store.database["accounts"].insert_many([account_document(owner) for owner in self.accounts])
        due = self.at.state().escalatable.values()
        store.database["escalatable"].insert_many([escalatable_document(row) for row in due])

    def message(self, name: str, second: int) -> Message:
        """A command as it comes out of its schema."""
        zoe, real = temporary(self.theirs, "right"), account(f"r{self.place}", display_name="Ann")
        subject = None
        match name:
            case "merge_account":
                sender, type_, data = "web", "account.merge", {"requester": real, **zoe}
            case "confirm":
                sender, type_, data = "web", "account.confirm_contact", {"requester": zoe, "code": "code"}
            case "ask_for_the_code":
                sender, type_, data = "web", "account.confirm_contact", {"requester": zoe}
            case "file_by_real":
                sender, type_, data = "web", "ticket.submit", submission(real, subject="Card lost")
            case "file_by_other":
                other = temporary(self.others, "right")
                sender, type_, data = "web", "ticket.submit", submission(other, subject="Card lost")
            case "end":
                key = f"temporary:{self.theirs}"
                return Message(f"e{self.place}", "timer.account_end", "intake", {"due": NOW}, key, f"e{self.place}")
            case _:
                sender, type_, data = COMMANDS[name](self.at)
                if "requester" in data:
                    data["requester"] = zoe
        kind = registry.command(type_)
        assert kind is not None
        id_ = f"{second}-{self.place}"
        return Message(id_, type_, sender, kind.schema.load(data), subject, f"{sender}\x1f{id_}")

    def left(self, store: Store) -> Any:
        """What the database holds of it, in words that are the same in every scene."""
        persons = [f"temporary:{self.theirs}", f"temporary:{self.others}", f"account:r{self.place}"]
        tickets = [ticket_of(row) for row in store.database["tickets"].find({"person": {"$in": persons}})]
        roles = {
            held.number: str(place) for place, held in enumerate((self.at.ticket, self.at.other, self.held.ticket))
        }
        names = dict(zip(persons, ("zoe", "other", "real"), strict=True))
        kept = [
            (
                roles.get(ticket.number, "new"),
                ticket.version,
                ticket.status,
                ticket.agent,
                ticket.consent,
                names[ticket.person],
                names[ticket.requester.account],
                ticket.requester.display_name,
                ticket.merged_into and roles.get(ticket.merged_into, "new"),
                sorted(roles.get(number, "new") for number in ticket.links),
                ticket.contact_version,
                [row["version"] for row in store.database["entries"].find({"ticket_id": ticket.id}).sort("version")],
            )
            for ticket in tickets
        ]
        held = [(ticket.person, ticket.key) for ticket in tickets if ticket.is_open]
        assert len(held) == len(set(held))
        accounts = map(account_of, store.database["accounts"].find({"_id": {"$in": persons}}))
        known = sorted(
            (names[owner.key], owner.joined and names[owner.joined], owner.leads, owner.ended_at, owner.is_confirmed)
            for owner in accounts
        )
        return sorted(kept), known


class Racing(Instance):
    """An instance that believes what a scene says of secrets and codes."""

    def meet(self, scene: Scene, sent: Message) -> tuple[State, Decision]:
        self.repository._temporary_lasts = LASTS
        state = self.repository.load([sent], NOW, scene.prepared)
        decision = decide(state, sent, NOW)
        for change in decision.changes:
            state.apply(change)
        return state, decision

    def take(self, scene: Scene, sent: Message) -> None:
        self.commit(self.meet(scene, sent)[0])


@pytest.mark.parametrize("status", ["assigned", "closed"])
def test_a_command_about_an_account_and_another_at_once_end_as_one_after_the_other(stack: Stack, status: str) -> None:
    names = [*COMMANDS, *OF_ACCOUNTS, "file_by_real", "file_by_other"]
    pairs = [(first, name) for first in OF_ACCOUNTS for name in names]
    pairs += [(name, first) for first, name in pairs if name not in OF_ACCOUNTS]
    alike = meeting(status)
    with stores(stack, "intake", 2, INDEXES) as (store, second_store):
        store.database["agents"].insert_many([agent_document(agent) for agent in AGENTS])
        first, second = Racing(store, "first"), Racing(second_store, "second")
        for place, pair in enumerate(pairs):
            at_once, in_turn, other_way = scenes = [Scene(alike, 3 * place + each) for each in range(3)]
            for scene in scenes:
                scene.put_down(store)
            stands, _ = first.meet(at_once, at_once.message(pair[0], 1))
            believed, _ = second.meet(at_once, at_once.message(pair[1], 2))
            first.commit(stands)
            try:
                second.commit(believed)
            except Conflict:
                second.take(at_once, at_once.message(pair[1], 2))
            for name in pair:
                first.take(in_turn, in_turn.message(name, 1 + pair.index(name)))
            for name in reversed(pair):
                first.take(other_way, other_way.message(name, 1 + pair.index(name)))
            got, ways = at_once.left(store), (in_turn.left(store), other_way.left(store))
            assert got in ways, pair
