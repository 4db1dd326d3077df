"""Intake's instances without their queues, and where two commands meet in the database: what the tests of pairs
share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal

from msgspec.structs import replace as altered

from contracts import registry
from contracts.snapshot import TicketRequester
from services.chassis.database import Conflict
from services.chassis.decision import Decision, Message
from services.chassis.operators_files import OperatorsFiles
from services.chassis.unit_of_work import Store, Work
from services.intake.documents import account_document, entry_document, escalatable_document, ticket_document
from services.intake.domain.decide import decide
from services.intake.domain.state import View
from services.intake.domain.values.account import Account, AccountEndTimer
from services.intake.domain.values.prepared import NOTHING, Prepared
from services.intake.domain.values.ticket import Ticket
from services.intake.repository import INDEXES, Repository
from tests.unit.intake.desk import CATALOGUE, MORNING, account, submission, temporary
from tests.unit.intake.pairs import COMMANDS, NOW, STAFF, Meeting, meeting

__all__ = ["INDEXES"]

LASTS = timedelta(hours=1)
"""So that a temporary account may end while a ticket that was closed in the morning may still be reopened at noon."""

OF_ACCOUNTS = ("merge_account", "confirm", "ask_for_the_code", "end", "file_by_real", "file_by_other")
"""What is asked about accounts and by others than the requester of a meeting's tickets, by a short name."""

How = Literal["", "may end", "ending", "joined", "two"]
"""How the scene of two commands differs."""

OF_THE_OTHERS = ("list", "list_open", "view_held", "reply_held")
"""What the requester asks about what is another person's until their accounts are one person's."""


def in_turn(function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """`function` of each item, one after another."""
    return [function(item) for item in items]


def message_of(type_: str, place: int, **data: Any) -> Message[Any]:
    """A command of a channel."""
    kind = registry.command(type_)
    assert kind is not None
    return Message(f"m{place}", type_, "web", kind.schema.load(data), None, f"web\x1fm{place}")


@dataclass(frozen=True)
class Decided:
    """A turn that is decided and not stored yet."""

    view: View
    decisions: Sequence[Decision]


class Instance:
    """One intake process, without its queues. It believes what it is told of secrets and codes."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.name = name
        self.repository = Repository(store.database, lambda: OperatorsFiles(CATALOGUE, STAFF), 0.27, LASTS)
        self.turns = 0

    def decide(self, messages: Sequence[Message[Any]], prepared: Prepared = NOTHING) -> Decided:
        """Read for these messages, and decide them in one turn."""
        view, decisions = self.repository.load(messages, NOW, prepared), []
        for message in messages:
            decision = decide(view, message, NOW)
            for change in decision.changes:
                view.apply(change)
            decisions.append(decision)
        return Decided(view, decisions)

    def commit(self, view: View) -> None:
        """Store. Raises `Conflict`."""
        self.turns += 1
        self.store.commit(Work(f"{self.name}{self.turns}", NOW, writes=self.repository.writes(view)))

    def take(self, messages: Sequence[Message[Any]], prepared: Prepared = NOTHING) -> Sequence[Decision]:
        """One turn, read again if another was faster."""
        decided = self.decide(messages, prepared)
        try:
            self.commit(decided.view)
        except Conflict:
            decided = self.decide(messages, prepared)
            self.commit(decided.view)
        return decided.decisions


def of_its_own(at: Meeting, place: int) -> Meeting:
    """The same tickets under other ids and numbers, of another person."""

    def renamed(id_: str) -> str:
        return f"{id_}-{place}"

    tickets = {
        ticket.id: replace(
            ticket,
            id=renamed(ticket.id),
            number=f"{20_000_000 + 2 * place + second}",
            requester=altered(ticket.requester, id=renamed(ticket.requester.id)),
            person=renamed(ticket.person),
        )
        for second, ticket in enumerate((at.ticket, at.other))
    }
    entries = (replace(entry, id=renamed(entry.id), ticket_id=renamed(entry.ticket_id)) for entry in at.entries)
    return Meeting(tickets[at.ticket.id], tickets[at.other.id], tuple(entries))


class Scene:
    """A temporary account with the two tickets of a meeting; another that has confirmed the same address, and has the
    issue of the first one open. `how`: what is different.

    `may end`: both tickets are closed. `ending`: so they are, and the account has ended and its name is still in them.
    `joined`: the account has joined the other, whose own ticket was merged into the first. `two`: a third account has
    confirmed the address too, and has joined the other.
    """

    def __init__(self, alike: Meeting, place: int, how: How = "") -> None:
        at = of_its_own(alike, place)
        self.place, self.theirs, self.others = place, f"t{place}", f"o{place}"
        zoe = TicketRequester(id=self.theirs, kind="temporary", display_name="Zoe", tier="standard")
        other = altered(zoe, id=self.others)
        person = other.account if how == "joined" else zoe.account
        self.at = replace(
            at,
            ticket=replace(at.ticket, requester=zoe, person=person, contact_version=1),
            other=replace(at.other, requester=zoe, person=person, contact_version=1),
        )
        if how in ("may end", "ending"):
            self.at = replace(self.at, other=_closed(self.at.other))
        held = of_its_own(HELD, 500_000 + place)
        self.held = replace(held, ticket=replace(held.ticket, requester=other, person=other.account))
        if how == "joined":
            self.held = replace(self.held, ticket=_closed(self.held.ticket, merged_into=self.at.ticket.number))
        self.has_ended = how == "ending"
        self.accounts = _accounts(zoe.account, other.account, place, how)

    def message(self, name: str, second: int) -> Message[Any]:
        """A command as it comes out of its schema."""
        zoe, real = temporary(self.theirs, "right"), account(f"r{self.place}", display_name="Ann")
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
            case "list":
                sender, type_, data = "web", "ticket.list", {"requester": zoe}
            case "list_open":
                sender, type_, data = "web", "ticket.list", {"requester": zoe, "status": "assigned"}
            case "view_held":
                sender, type_, data = "web", "ticket.view", {"requester": zoe, "number": self.held.ticket.number}
            case "reply_held":
                held = {"number": self.held.ticket.number, "body": "And now?"}
                sender, type_, data = "web", "ticket.reply", {"requester": zoe, **held}
            case "end":
                key, id_ = f"temporary:{self.theirs}", f"e{second}-{self.place}"
                return Message(id_, AccountEndTimer.type_(), "intake", AccountEndTimer(due=NOW), key, id_)
            case _:
                sender, type_, data = COMMANDS[name](self.at)
                if "requester" in data:
                    data["requester"] = zoe
        kind = registry.command(type_)
        assert kind is not None
        id_ = f"{second}-{self.place}"
        return Message(id_, type_, sender, kind.schema.load(data), None, f"{sender}\x1f{id_}")


HELD = meeting("assigned")


def _closed(ticket: Ticket, merged_into: str | None = None) -> Ticket:
    return replace(ticket, status="closed", closed_at=MORNING, close_reason="done", merged_into=merged_into)


def _accounts(theirs: str, others: str, place: int, how: How) -> list[Account]:
    def having_confirmed(key: str, *, joined: str | None = None, leads: bool = False) -> Account:
        return replace(plain(key), confirmed_version=1, confirmed_at=MORNING, joined=joined, leads=leads)

    def plain(key: str) -> Account:
        return Account(key, 1, f"{place}@example.org", 1, code_version=1, secret_hash="-", opened_at=MORNING - LASTS)

    zoe = replace(plain(theirs), display_name="Zoe")
    match how:
        case "ending":
            return [Account(theirs, 2, None, 2, ended_at=MORNING), having_confirmed(others)]
        case "joined":
            joined = replace(having_confirmed(theirs, joined=others), display_name="Zoe")
            return [joined, having_confirmed(others, leads=True)]
        case "two":
            third = having_confirmed(f"temporary:d{place}", joined=others)
            return [zoe, having_confirmed(others, leads=True), third]
    return [zoe, having_confirmed(others)]


def put_down(store: Store, scenes: Sequence[Scene]) -> Prepared:
    """Store these scenes; returns what is found out before a turn about them."""
    tickets = [ticket for scene in scenes for ticket in (scene.at.ticket, scene.at.other, scene.held.ticket)]
    known = {ticket.id for ticket in tickets}
    entries = [entry for scene in scenes for entry in (*scene.at.entries, *scene.held.entries)]
    due = [row for scene in scenes for row in scene.at.view().escalatable.values()]
    store.database["tickets"].insert_many(map(ticket_document, tickets))
    store.database["entries"].insert_many(entry_document(entry) for entry in entries if entry.ticket_id in known)
    store.database["accounts"].insert_many(account_document(owner) for scene in scenes for owner in scene.accounts)
    store.database["escalatable"].insert_many(map(escalatable_document, due))
    return Prepared(
        verified=frozenset(
            (id_, "right")
            for scene in scenes
            for id_ in (scene.theirs, scene.others)
            if not (scene.has_ended and id_ == scene.theirs)
        ),
        right_codes=frozenset((f"temporary:{scene.theirs}", 1, "code") for scene in scenes),
    )
