"""Routing against a small intake, with everything late, twice and out of order: what must hold after every turn.

The machine plays intake, the requesters and the agents. Messages wait until a turn takes some of them, in any order,
and events may come again at any time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from contracts.payload import document as as_document
from contracts.statuses import DESKS_TURN
from contracts.tickets import Assign, Unassign
from services.chassis.decision import Arm, Decision, Message, Say
from services.routing.domain.decide import decide
from services.routing.domain.matching import may_take, urgency
from services.routing.domain.rules import conclude
from services.routing.domain.state import Terms, Ticket, View
from tests.unit.routing.builders import (
    NOW,
    SKILLS,
    a_snapshot,
    accepted,
    command,
    event,
    recount,
    refused,
    sign_on,
    take,
    timer,
)
from tests.unit.said import as_a

AGENTS = ("a1", "a2", "a3")
AWAY, OFFLINE, AGEING = timedelta(seconds=60), timedelta(minutes=10), timedelta(seconds=90)
any_index = st.integers(0, 999)


@dataclass
class Intake:
    """Owns the tickets: applies what fits, announces each version once, answers each command once."""

    tickets: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[Message[Any]] = field(default_factory=list)
    outcomes: list[Message[Any]] = field(default_factory=list)
    had: dict[tuple[str, int], str] = field(default_factory=dict)
    """Which agent got which (ticket, assignment_seq)."""

    def open(self, **more: Any) -> None:
        self._announce({**a_snapshot(len(self.tickets) + 1, **more), "changed_from": None})

    def change(self, number: str, **changes: Any) -> None:
        ticket = self.tickets[number]
        self._announce({**ticket, **changes, "version": ticket["version"] + 1})

    def handle(self, say: Say) -> None:
        data = say.data
        assert isinstance(data, Assign | Unassign)
        ticket = self.tickets[data.number]
        seq = ticket["assignment_seq"]
        fits = ticket["status"] != "closed" and seq == data.assignment_seq
        assert say.id is not None or isinstance(data, Unassign)
        if not fits or (ticket["agent"] is None) is not isinstance(data, Assign):
            self.outcomes.append(refused(say.id or "unassign"))
            return
        status = ticket["status"]
        if isinstance(data, Assign):
            assert (ticket["id"], seq) not in self.had
            assert data.agent.id != ticket["changed_from"], "it goes back to whom it was changed away from"
            self.had[ticket["id"], seq] = data.agent.id
            if status in ("new", "reopened"):
                status = "assigned"
        elif status == "assigned":
            status = "reopened" if ticket["reopen_count"] else "new"
        self.change(
            ticket["number"],
            agent=as_document(data.agent) if isinstance(data, Assign) else None,
            status=status,
            assignment_seq=seq + 1,
        )
        self.outcomes.append(accepted(say.id or "unassign"))

    def _announce(self, snapshot: dict[str, Any]) -> None:
        self.tickets[snapshot["number"]] = snapshot
        self.events.append(event(snapshot))


class AnyOrder(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.intake = Intake()
        self.view = View(SKILLS, terms=Terms(AWAY, OFFLINE, AGEING))
        self.now: datetime = NOW
        self.timers: dict[str, Arm] = {}
        self.heard: dict[str, datetime] = {}
        """When each agent last signed on or beat."""
        self.deaf_until: datetime = NOW
        """When the last time without routing ended."""
        self.desk: list[Say] = []
        self.unheard: list[Message[Any]] = []
        self.sent: set[str] = set()

    @initialize(waits=st.lists(st.tuples(st.integers(1, 3), st.sampled_from([0.0, 100.0, 300.0])), max_size=3))
    def some_have_waited_for_long(self, waits: list[tuple[int, float]]) -> None:
        for priority, seconds in waits:
            self.intake.open(priority=priority, opened_at=self.now)
            self._fetch()
            self._turn(self.unheard)
            self._pass(timedelta(seconds=seconds))

    # What people do

    @rule(
        category=st.sampled_from(sorted(SKILLS)),
        priority=st.integers(1, 3),
        escalated=st.booleans(),
        tier=st.sampled_from(["standard", "vip"]),
    )
    def a_ticket_is_opened(self, category: str, priority: int, escalated: bool, tier: str) -> None:
        requester = {"id": "p1", "kind": "account", "display_name": "P", "tier": tier}
        self.intake.open(category=category, priority=priority, escalated=escalated, requester=requester)

    @precondition(lambda self: self.intake.tickets)
    @rule(
        index=any_index,
        status=st.sampled_from(["needs_reply", "need_more_info", "solution_suggested", "work_in_progress", "closed"]),
    )
    def a_ticket_changes(self, index: int, status: str) -> None:
        number = self._any(list(self.intake.tickets), index)
        ticket = self.intake.tickets[number]
        if ticket["status"] == "closed":
            again = ticket["reopen_count"] + 1
            self.intake.change(number, status="reopened", reopen_count=again, closed_at=None)
        elif status == "closed":
            self.intake.change(number, status=status, closed_at=self.now)
        else:
            self.intake.change(number, status=status)

    @precondition(lambda self: self.intake.tickets)
    @rule(index=any_index)
    def a_requester_changes_agent(self, index: int) -> None:
        ticket = self.intake.tickets[self._any(list(self.intake.tickets), index)]
        if ticket["agent"] is not None and ticket["status"] != "closed":
            back = {
                "agent": None,
                "changed_from": ticket["agent"]["id"],
                "assignment_seq": ticket["assignment_seq"] + 1,
            }
            status = "new" if ticket["status"] == "assigned" else ticket["status"]
            self.intake.change(ticket["number"], status=status, **back)

    @precondition(lambda self: self.intake.tickets)
    @rule(index=any_index, category=st.sampled_from(sorted(SKILLS)), priority=st.integers(1, 3))
    def a_ticket_is_reclassified(self, index: int, category: str, priority: int) -> None:
        number = self._any(list(self.intake.tickets), index)
        if self.intake.tickets[number]["status"] != "closed":
            self.intake.change(number, category=category, priority=priority)

    @rule(
        agent=st.sampled_from(AGENTS),
        capacity=st.integers(1, 3),
        skills=st.sampled_from([["*"], ["billing"], ["safety", "technical"]]),
        tiers=st.sampled_from([[], ["vip"]]),
    )
    def an_agent_signs_on(self, agent: str, capacity: int, skills: list[str], tiers: list[str]) -> None:
        self.heard[agent] = self.now
        self._turn([sign_on(agent, capacity, skills, tiers=tiers)])

    @rule(agent=st.sampled_from(AGENTS), release=st.booleans())
    def an_agent_signs_off(self, agent: str, release: bool) -> None:
        self._turn([command("agent.sign_off", agent, release=release)])

    @rule(agent=st.sampled_from(AGENTS))
    def an_agent_beats(self, agent: str) -> None:
        if agent in self.view.agents and self.view.agents[agent].signed_on:
            self.heard[agent] = self.now
        self._turn([command("agent.heartbeat", agent)])

    # What the bus does

    @precondition(lambda self: self.desk)
    @rule(index=any_index)
    def intake_handles_a_command(self, index: int) -> None:
        self.intake.handle(self.desk.pop(index % len(self.desk)))

    @rule(indexes=st.lists(any_index, min_size=1, max_size=4), once=st.booleans())
    def a_turn_takes_messages(self, indexes: list[int], once: bool) -> None:
        self._fetch()
        messages = [self._any(self.unheard, index) for index in indexes if self.unheard]
        self.unheard = [message for message in self.unheard if not once or message not in messages]
        self._turn(messages)

    @rule(seconds=st.sampled_from([0.2, 1.0, 10.0, 31.0, 300.0]))
    def time_passes(self, seconds: float) -> None:
        self._pass(timedelta(seconds=seconds))

    @rule(seconds=st.sampled_from([10.0, 900.0]))
    def no_routing_runs(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.deaf_until = self.now
        self._fire_what_is_due()

    def _pass(self, time: timedelta) -> None:
        until = self.now + time
        while (due := min((arm.timer.due for arm in self.timers.values()), default=until)) < until:
            self.now = max(self.now, due)
            self._fire_what_is_due()
        self.now = until
        self._turn([])

    def _fire_what_is_due(self) -> None:
        for arm in [arm for arm in self.timers.values() if arm.timer.due <= self.now]:
            del self.timers[arm.id]
            self._turn([timer(arm.timer, arm.about)])

    # What must hold

    def _turn(self, messages: list[Message[Any]]) -> None:
        for message in messages:
            decision = take(self.view, decide(self.view, message, self.now))
            self._set_timers(decision)
            self.desk += self._commands(decision.said)
        free = {
            ticket.number
            for ticket in self.view.tickets.values()
            if ticket.waiting or (ticket.reservation is not None and ticket.reservation.is_over(self.now))
        }
        conclusion = take(self.view, conclude(self.view, self.now))
        self._set_timers(conclusion)
        self.desk += conclusion.said
        for say in conclusion.said:
            assert as_a(Assign, say.data).number in free, "a ticket that is kept for an agent was given to another"
            assert say.id not in self.sent, "two commands have one id"
            self.sent.add(say.id or "")
            self._was_right_to_give(say)
        self._books_are_right()
        self._presence_is_as_heard()
        self._nobody_waits_in_vain()
        again = conclude(self.view, self.now)
        assert not again.changes, "a second look changes something"
        view = self.view
        self.view = View(SKILLS, view.agents.values(), view.tickets.values(), view.pool, view.terms)

    def _set_timers(self, decision: Decision) -> None:
        for armed in decision.timers:
            self.timers.pop(armed.id, None)
            if isinstance(armed, Arm):
                self.timers[armed.id] = armed

    def _was_right_to_give(self, say: Say) -> None:
        data = as_a(Assign, say.data)
        agent = self.view.agents[data.agent.id]
        assert agent.signed_on
        assert self.now <= max(self.heard[agent.id], self.deaf_until) + AWAY, "who is away was given something"
        assert agent.load <= agent.capacity, "an automatic assignment exceeds capacity"
        given = next(ticket for ticket in self.view.tickets.values() if ticket.number == data.number)
        assert may_take(agent, given)
        for ticket in self.view.tickets.values():
            if ticket.waiting and may_take(agent, ticket):
                order = urgency(self._as_it_counts(given)), urgency(self._as_it_counts(ticket))
                assert order[0] < order[1], "a more urgent ticket was left waiting"

    def _as_it_counts(self, ticket: Ticket) -> Ticket:
        """With the priority that the rules give it for its wait; if it is escalated, since it was filed."""
        known = self.intake.tickets[ticket.number]
        if known["version"] == ticket.version:
            assert ticket.own_priority == known["priority"]
        assert ticket.own_priority is not None
        assert ticket.waiting_since is not None
        since = ticket.opened_at if ticket.escalated else ticket.waiting_since
        spans = int((self.now - since) / AGEING)
        return replace(ticket, priority=ticket.own_priority - spans)

    def _presence_is_as_heard(self) -> None:
        """Nobody is away or offline too soon; and no later than due, except for times when no routing ran."""
        watched = {arm.about for arm in self.timers.values()}
        for agent in self.view.agents.values():
            silent = self.now - self.heard.get(agent.id, self.now)
            assert not agent.away or (agent.signed_on and silent >= AWAY)
            if agent.signed_on:
                assert agent.id in watched
                since_deaf = self.now - self.deaf_until
                assert agent.away or min(silent, since_deaf) <= AWAY
                assert min(silent, since_deaf) <= OFFLINE

    def _books_are_right(self) -> None:
        counted = recount(self.view.tickets.values())
        assert {agent.id: agent.load for agent in self.view.agents.values() if agent.load} == dict(counted)

    def _nobody_waits_in_vain(self) -> None:
        for ticket in self.view.tickets.values():
            if ticket.waiting:
                assert not [agent.id for agent in self.view.agents.values() if agent.room and may_take(agent, ticket)]

    def teardown(self) -> None:
        """Once everything has arrived, routing knows what intake knows, and nothing is kept or waits for nothing."""
        for step in range(25):
            self._fetch()
            self._turn(self.unheard)
            self.unheard = []
            for say in self.desk:
                self.intake.handle(say)
            self.desk = []
            if step < 20:  # what the last second has started comes to its end
                self._pass(timedelta(seconds=1))
        for known in self.intake.tickets.values():
            ticket = self.view.tickets[known["id"]]
            assert (ticket.version, ticket.status) == (known["version"], known["status"])
            assert ticket.reservation is None
            agent = self.view.agents[ticket.agent] if ticket.agent else None
            if agent is not None and agent.releases:
                assert ticket.status not in DESKS_TURN, "who signed off with release kept something"
        loads = Counter(
            known["agent"]["id"]
            for known in self.intake.tickets.values()
            if known["agent"] is not None and known["status"] in DESKS_TURN
        )
        assert {agent.id: agent.load for agent in self.view.agents.values() if agent.load} == dict(loads)

    def _fetch(self) -> None:
        self.unheard += self.intake.events + self.intake.outcomes
        self.intake.events, self.intake.outcomes = [], []

    @staticmethod
    def _commands(said: Any) -> list[Say]:
        return [say for say in said if say.exchange == "helpdesk.desk"]

    @staticmethod
    def _any(choices: list[Any], index: int) -> Any:
        return choices[index % len(choices)]


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
