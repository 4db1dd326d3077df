"""Whatever is asked in whatever order: one open ticket per issue, versions without gaps, one answer a command."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contracts.names import EVENTS
from services.intake.domain.values.history import size
from services.intake.domain.values.ticket import TicketWritten
from tests.unit.intake.desk import Desk, Heard, account

PEOPLE = st.sampled_from(["ann", "bob"])
SUBJECTS = st.sampled_from(["Card lost", "CARD lost!", "Card lost yesterday", "App slow", "Refund of order"])
CATEGORIES = st.sampled_from(["billing", "technical", "access", "general"])
KEYS = st.sampled_from([None, None, "o1", "o2"])
PLACES = st.integers(0, 20)
RIGHT = st.sampled_from([True, True, True, False])
"""Whether the actor may act, on what stands; otherwise it is a stranger, or somebody who has not heard of a change."""


class AnyOrder(RuleBasedStateMachine):
    """A desk, two requesters and two agents who do as they like. `Desk.send` asserts that each command is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.events: dict[str, list[int]] = {}
        self.heard(self.desk.submit(category="technical"))

    def number(self, place: int) -> str:
        """One of the numbers that exist; rarely one that nobody has."""
        numbers = [ticket.number for ticket in self.desk.state.tickets.values()]
        return numbers[place % len(numbers)] if place < 20 else "99999999"

    def heard(self, heard: Heard) -> None:
        """One event for one new version; nothing is said of what was refused."""
        told = [say for say in heard.decision.said if say.exchange == EVENTS and "ticket" in say.data]
        assert len(told) == len([change for change in heard.decision.changes if isinstance(change, TicketWritten)])
        if heard.type == "command.rejected":
            assert not heard.decision.changes
            assert not heard.decision.said
        for say in told:
            self.events.setdefault(say.data["ticket"]["id"], []).append(say.data["ticket"]["version"])

    def requester(self, number: str, right: bool) -> dict[str, Any]:
        """Who filed it, or a stranger."""
        ticket = self.desk.state.ticket(number)
        return account(ticket.requester.id if ticket and right else "mallory")

    @rule(who=PEOPLE, subject=SUBJECTS, category=CATEGORIES, key=KEYS, distinct=st.sets(PLACES, max_size=3))
    def submit(self, who: str, subject: str, category: str, key: str | None, distinct: set[int]) -> None:
        self.heard(
            self.desk.submit(
                account(who, email=f"{who}{len(distinct)}@example.org"),
                subject=subject,
                body=subject,
                category=category,
                issue_key=key,
                distinct_from=[self.number(place) for place in distinct],
            )
        )

    @rule(place=PLACES, right=RIGHT, subject=SUBJECTS, distinct=st.booleans())
    def refer(self, place: int, right: bool, subject: str, distinct: bool) -> None:
        number = self.number(place)
        apart = [number] if distinct else []
        who = self.requester(number, right)
        self.heard(self.desk.submit(who, subject=subject, refers_to=number, distinct_from=apart))

    @rule(place=PLACES, right=RIGHT)
    def reply(self, place: int, right: bool) -> None:
        number = self.number(place)
        self.heard(self.desk.reply(number, self.requester(number, right)))

    @rule(place=PLACES, right=RIGHT)
    def accept(self, place: int, right: bool) -> None:
        number = self.number(place)
        self.heard(self.desk.accept(number, self.requester(number, right)))

    @rule(place=st.integers(0, 19), right=RIGHT, agent=st.sampled_from(["a1", "a2"]))
    def assign(self, place: int, right: bool, agent: str) -> None:
        self.heard(self.desk.assign(self.number(place), agent, None if right else 7))

    @rule(place=st.integers(0, 19), right=RIGHT)
    def unassign(self, place: int, right: bool) -> None:
        self.heard(self.desk.unassign(self.number(place), None if right else 7))

    @rule(
        type_=st.sampled_from(["ticket.ask_info", "ticket.suggest_solution", "ticket.close"]),
        place=PLACES,
        right=RIGHT,
        expected=st.sampled_from([None, None, None, 2]),
    )
    def agent_acts(self, type_: str, place: int, right: bool, expected: int | None) -> None:
        number = self.number(place)
        self.heard(self.desk.agent(type_, number, self.its_agent(number, right), expected_version=expected))

    def its_agent(self, number: str, right: bool) -> str:
        """Who has the ticket, or somebody who does not have it; a ticket that nobody has is given to somebody first."""
        ticket = self.desk.state.ticket(number)
        if ticket and not ticket.agent and right:
            self.heard(self.desk.assign(number))
            ticket = self.desk.ticket(number)
        return ticket.agent.id if ticket and ticket.agent and right else "a3"

    @rule(
        type_=st.sampled_from(["ticket.start_work", "ticket.add_note", "ticket.ask_consent"]),
        place=PLACES,
        right=RIGHT,
    )
    def agent_works(self, type_: str, place: int, right: bool) -> None:
        number = self.number(place)
        self.heard(self.desk.agent(type_, number, self.its_agent(number, right)))

    @rule(place=PLACES, right=RIGHT, category=CATEGORIES, subcategory=st.sampled_from([None, "card"]))
    def reclassify(self, place: int, right: bool, category: str, subcategory: str | None) -> None:
        number = self.number(place)
        agent = self.its_agent(number, right)
        more = {"category": category, "subcategory": subcategory}
        self.heard(self.desk.agent("ticket.reclassify", number, agent, **more))

    @rule(place=PLACES, right=RIGHT, to_agent=st.sampled_from([None, "a1", "a2", "nobody"]))
    def transfer(self, place: int, right: bool, to_agent: str | None) -> None:
        number = self.number(place)
        more = {} if to_agent is None else {"to_agent": to_agent}
        self.heard(self.desk.agent("ticket.transfer", number, self.its_agent(number, right), **more))

    @rule(type_=st.sampled_from(["ticket.link", "ticket.merge_into"]), place=PLACES, other=PLACES, right=RIGHT)
    def join(self, type_: str, place: int, other: int, right: bool) -> None:
        number = self.number(place)
        agent = self.its_agent(number, right)
        self.heard(self.desk.agent(type_, number, agent, to_number=self.number(other)))

    @rule(place=PLACES, right=RIGHT, subject=st.none() | SUBJECTS, body=st.none() | SUBJECTS)
    def edit(self, place: int, right: bool, subject: str | None, body: str | None) -> None:
        number = self.number(place)
        given = {name: text for name, text in (("subject", subject), ("body", body)) if text is not None}
        self.heard(self.desk.requester("ticket.edit", number, self.requester(number, right), **given))

    @rule(place=PLACES, right=RIGHT)
    def change_agent(self, place: int, right: bool) -> None:
        number = self.number(place)
        who = self.requester(number, right)
        self.heard(self.desk.requester("ticket.change_agent", number, who, reason="Another, please"))

    @rule(place=PLACES, right=RIGHT, granted=st.booleans())
    def answer_consent(self, place: int, right: bool, granted: bool) -> None:
        number = self.number(place)
        self.heard(self.desk.requester("ticket.answer_consent", number, self.requester(number, right), granted=granted))

    @rule(place=st.integers(0, 19), right=RIGHT, armed=st.booleans(), by_moderator=st.booleans())
    def escalate(self, place: int, right: bool, armed: bool, by_moderator: bool) -> None:
        number = self.number(place)
        if armed:
            self.desk.armed(number, self.desk.now)
        who = {"moderator": {"id": "mod1"}} if by_moderator else {"requester": self.requester(number, right)}
        self.heard(self.desk.send("ticket.escalate", {**who, "number": number}))

    @rule(place=st.integers(0, 19), right=RIGHT)
    def auto_close(self, place: int, right: bool) -> None:
        number = self.number(place)
        self.heard(self.desk.auto_close(number, self.desk.ticket(number).status_version if right else 1))

    @rule(place=PLACES, hours=st.sampled_from([0, 7 * 24, 7 * 24 + 1]), filed_again=st.booleans())
    def write_after_closing(self, place: int, hours: int, filed_again: bool) -> None:
        self.agent_acts("ticket.close", place, True, None)
        if filed_again:
            self.refer(place, True, "Card lost", True)
        self.desk.later(hours=hours)
        self.reply(place, True)

    @rule(hours=st.sampled_from([1, 24, 7 * 24, 7 * 24 + 1]))
    def time_goes_by(self, hours: int) -> None:
        self.desk.later(hours=hours)

    @invariant()
    def one_open_ticket_per_issue(self) -> None:
        held = Counter(
            (ticket.person, ticket.key) for ticket in self.desk.state.tickets.values() if ticket.status != "closed"
        )
        assert all(count == 1 for count in held.values()), held

    @invariant()
    def every_version_has_exactly_one_event_and_one_entry(self) -> None:
        for ticket in self.desk.state.tickets.values():
            versions = list(range(1, ticket.version + 1))
            entries = self.desk.state.history(ticket)
            assert self.events[ticket.id] == versions
            assert [entry.version for entry in entries] == versions
            assert [entry.offset for entry in entries] == [
                sum(map(size, entries[:place])) for place in range(len(entries))
            ]
            assert ticket.history_size == sum(map(size, entries))

    @invariant()
    def ids_are_of_one_entry(self) -> None:
        histories = [self.desk.state.history(ticket) for ticket in self.desk.state.tickets.values()]
        assert len({entry.id for history in histories for entry in history}) == sum(map(len, histories))

    @invariant()
    def numbers_are_of_one_ticket(self) -> None:
        tickets = self.desk.state.tickets.values()
        assert len({ticket.number for ticket in tickets}) == len(tickets)

    @invariant()
    def merges_form_no_circle_and_are_for_good(self) -> None:
        for ticket in self.desk.state.tickets.values():
            seen = {ticket.number}
            while ticket.merged_into is not None:
                assert ticket.status == "closed"
                ticket = self.desk.ticket(ticket.merged_into)
                assert ticket.number not in seen
                seen.add(ticket.number)

    @invariant()
    def status_and_times_agree(self) -> None:
        for ticket in self.desk.state.tickets.values():
            assert (ticket.status == "closed") == (ticket.closed_at is not None) == (ticket.close_reason is not None)
            assert ticket.status != "new" or (ticket.agent is None and ticket.reopen_count == 0)
            assert ticket.status != "assigned" or ticket.agent is not None
            assert ticket.status_version <= ticket.version


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
