"""Whatever is asked in whatever order: one open ticket per issue, versions without gaps, one answer a command."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.intake.domain.history import size
from tests.unit.intake.desk import Desk, Heard, account

PEOPLE = st.sampled_from(["ann", "bob"])
AGENTS = st.sampled_from(["a1", "a2"])
SUBJECTS = st.sampled_from(["Card lost", "CARD lost!", "Card lost yesterday", "App slow", "Refund of order"])
CATEGORIES = st.sampled_from(["billing", "technical", "access", "general"])
KEYS = st.sampled_from([None, None, "o1", "o2"])
PLACES = st.integers(0, 20)
HOURS = st.sampled_from([0, 1, 7 * 24, 7 * 24 + 1])


class AnyOrder(RuleBasedStateMachine):
    """A desk, two requesters and two agents who do as they like. `Desk.send` asserts that each command is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.events: dict[str, list[int]] = {}

    def number(self, place: int) -> str:
        """One of the numbers there are, or one that nobody has."""
        numbers = [ticket.number for ticket in self.desk.state.tickets.values()]
        return numbers[place % len(numbers)] if numbers and place < 18 else "99999999"

    def heard(self, heard: Heard) -> None:
        """One event for one new version; nothing is said of what was refused."""
        told = [say for say in heard.decision.said if say.exchange == "helpdesk.events" and "ticket" in say.data]
        assert len(told) == len([change for change in heard.decision.changes if hasattr(change, "ticket")])
        if heard.type == "command.rejected":
            assert not heard.decision.changes
            assert not heard.decision.said
        for say in told:
            self.events.setdefault(say.data["ticket"]["id"], []).append(say.data["ticket"]["version"])

    @rule(
        who=PEOPLE, subject=SUBJECTS, category=CATEGORIES, key=KEYS, refers=PLACES, distinct=st.sets(PLACES, max_size=2)
    )
    def submit(self, who: str, subject: str, category: str, key: str | None, refers: int, distinct: set[int]) -> None:
        more = {"refers_to": self.number(refers)} if refers % 3 == 0 else {}
        self.heard(
            self.desk.submit(
                account(who, email=f"{who}{len(distinct)}@example.org"),
                subject=subject,
                category=category,
                issue_key=key,
                distinct_from=[self.number(place) for place in distinct],
                **more,
            )
        )

    @rule(who=PEOPLE, place=PLACES)
    def reply(self, who: str, place: int) -> None:
        self.heard(self.desk.reply(self.number(place), account(who)))

    @rule(who=PEOPLE, place=PLACES)
    def accept(self, who: str, place: int) -> None:
        self.heard(self.desk.accept(self.number(place), account(who)))

    @rule(place=PLACES, agent=AGENTS, seq=st.integers(0, 3))
    def assign(self, place: int, agent: str, seq: int) -> None:
        self.heard(self.desk.assign(self.number(place), agent, seq))

    @rule(place=PLACES, seq=st.integers(0, 3))
    def unassign(self, place: int, seq: int) -> None:
        self.heard(self.desk.unassign(self.number(place), seq))

    @rule(
        type_=st.sampled_from(["ticket.ask_info", "ticket.suggest_solution", "ticket.close"]),
        place=PLACES,
        agent=AGENTS,
        expected=st.sampled_from([None, 2]),
    )
    def agent_acts(self, type_: str, place: int, agent: str, expected: int | None) -> None:
        self.heard(self.desk.agent(type_, self.number(place), agent, expected_version=expected))

    @rule(place=PLACES, version=st.integers(2, 6))
    def auto_close(self, place: int, version: int) -> None:
        self.heard(self.desk.auto_close(self.number(place), version))

    @rule(hours=HOURS)
    def time_goes_by(self, hours: int) -> None:
        self.desk.now += timedelta(hours=hours)

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
    def numbers_are_of_one_ticket(self) -> None:
        tickets = self.desk.state.tickets.values()
        assert len({ticket.number for ticket in tickets}) == len(tickets)

    @invariant()
    def status_and_times_agree(self) -> None:
        for ticket in self.desk.state.tickets.values():
            assert (ticket.status == "closed") == (ticket.closed_at is not None) == (ticket.close_reason is not None)
            assert ticket.status != "new" or (ticket.agent is None and ticket.reopen_count == 0)
            assert ticket.status != "assigned" or ticket.agent is not None
            assert ticket.status_version <= ticket.version


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
