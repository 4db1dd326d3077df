"""Accounts that are opened, confirmed, merged and ended among everything else, in any order: what holds for tickets in
any order (test_any_order.py), and that each ticket belongs to the person of its requester's account."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from tests.unit.intake.accounts.test_persons import key_of
from tests.unit.intake.desk import account, code_for, temporary
from tests.unit.intake.test_any_order import PLACES, RIGHT, AnyOrder

NAMES = ("ann", "bob")
ADDRESSES = st.sampled_from(["zoe@example.org", "Zoe@example.org", "zoe@example.org", "leo@example.org"])
WHO = st.integers(0, 6)


class AnyPerson(AnyOrder):
    """The same desk, with temporary accounts and two real ones, whose addresses are confirmed now and then."""

    # What people write and how tickets come together is enough here: with fewer rules, each is played more often.
    accept = unassign = agent_acts = agent_works = reclassify = transfer = edit = change_agent = None  # type: ignore[assignment]
    answer_consent = escalate = auto_close = write_after_closing = submit = refer = assign = None  # type: ignore[assignment]
    reply = join = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self.opened: list[str] = []
        super().__init__()
        for _ in range(2):
            self.open_account("zoe@example.org")
        for who in range(4):
            self.file(who, "o1", None, "zoe@example.org")

    def somebody(self, who: int) -> dict[str, Any]:
        """One of the requesters that exist."""
        everybody = [account(name) for name in NAMES] + [temporary(id_, "right") for id_ in self.opened]
        return everybody[who % len(everybody)]

    def requester(self, number: str, right: bool) -> dict[str, Any]:
        ticket = self.desk.state.ticket(number)
        if ticket is None or not right:
            return account("mallory")
        id_ = ticket.requester.id
        return account(id_) if ticket.requester.kind == "account" else temporary(id_, "right")

    @rule(address=st.none() | ADDRESSES)
    def open_account(self, address: str | None) -> None:
        if len(self.opened) < 5:
            data = {} if address is None else {"contact_email": address}
            self.opened.append(self.desk.send("account.open_temporary", data).data["account_id"])
            self.desk.secrets.add((self.opened[-1], "right"))

    @rule(who=st.permutations(range(7)) | st.lists(WHO, min_size=1, max_size=2))
    def confirm(self, who: list[int]) -> None:
        for place in who:
            requester = self.somebody(place)
            key = key_of(requester)
            known = self.desk.state.accounts.get(key)
            code = code_for(key, 0 if known is None else known.contact_version)
            self.heard(self.desk.send("account.confirm_contact", {"requester": requester, "code": code}))

    @rule(who=WHO, minutes=st.sampled_from([0, 10]))
    def ask_for_the_code(self, who: int, minutes: int) -> None:
        self.desk.later(minutes=minutes)
        self.heard(self.desk.send("account.confirm_contact", {"requester": self.somebody(who)}))

    @rule(name=st.sampled_from(NAMES), which=st.integers(0, 3), address=st.none() | ADDRESSES)
    def merge_account(self, name: str, which: int, address: str | None) -> None:
        if self.opened:
            gone = temporary(self.opened[which % len(self.opened)], "right")
            more = {} if address is None else {"email": address}
            self.heard(self.desk.send("account.merge", {"requester": account(name, **more), **gone}))

    @rule(who=WHO, key=st.sampled_from(["o1", "o2"]), place=st.none() | PLACES, address=st.none() | ADDRESSES)
    def file(self, who: int, key: str, place: int | None, address: str | None) -> None:
        requester = self.somebody(who)
        if address is not None and "temporary" not in requester:
            requester["email"] = address
        more = {} if place is None else {"refers_to": self.number(place)}
        self.heard(self.desk.submit(requester, issue_key=key, **more))

    @rule(place=PLACES, other=PLACES)
    def merge_tickets(self, place: int, other: int) -> None:
        """By their agent; of one person, if there are two."""
        number = self.number(place)
        known = self.desk.state.ticket(number)
        others = [
            ticket.number
            for ticket in self.desk.state.tickets.values()
            if known is not None and ticket.is_open and ticket.person == known.person and ticket.number != number
        ]
        if others:
            agent, to_number = self.its_agent(number, right=True), others[other % len(others)]
            self.heard(self.desk.agent("ticket.merge_into", number, agent, to_number=to_number))

    @rule(place=PLACES)
    def close(self, place: int) -> None:
        number = self.number(place)
        self.heard(self.desk.agent("ticket.close", number, self.its_agent(number, right=True)))

    @rule(who=WHO, place=PLACES)
    def somebody_replies(self, who: int, place: int) -> None:
        self.heard(self.desk.reply(self.number(place), self.somebody(who)))

    @rule(which=st.integers(0, 3), days=st.sampled_from([0, 30]), right=RIGHT)
    def end(self, which: int, days: int, right: bool) -> None:
        self.desk.later(days=days)
        if self.opened and right:
            decision = self.desk.end_due(self.opened[which % len(self.opened)])
            for say in decision.said:
                if "ticket" in say.data:
                    self.events.setdefault(say.data["ticket"]["id"], []).append(say.data["ticket"]["version"])

    @invariant()
    def a_ticket_is_of_the_person_who_its_account_is(self) -> None:
        for ticket in self.desk.state.tickets.values():
            known = self.desk.state.accounts.get(ticket.requester.account)
            assert ticket.person == (ticket.requester.account if known is None else known.person)
            reached = 0 if known is None else known.contact_version
            assert ticket.contact_version <= reached, "a mail would wait for a version that never comes"

    @invariant()
    def who_has_joined_leads_nobody(self) -> None:
        accounts = self.desk.state.accounts
        for kept in accounts.values():
            assert kept.joined is None or accounts[kept.joined].joined is None
            assert kept.ended_at is None or (kept.contact_email, kept.secret_hash, kept.display_name) == (
                None,
                None,
                None,
            )

    # history sizes change when names are erased
    @invariant()
    def every_version_has_exactly_one_event_and_one_entry(self) -> None:
        for ticket in self.desk.state.tickets.values():
            versions = list(range(1, ticket.version + 1))
            assert self.events[ticket.id] == versions
            assert [entry.version for entry in self.desk.state.history(ticket)] == versions


TestAnyPerson = AnyPerson.TestCase
TestAnyPerson.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
