"""Routing on the real database: what a turn reads is enough, and what it writes conflicts where it must."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient

from contracts.staff import Member, Staff
from contracts.tickets import Unassign
from deploy.local.stack import Stack
from services.chassis.catalogue import load_catalogue
from services.chassis.database import Conflict
from services.chassis.decision import Decision, Message, Say
from services.chassis.operators_files import OperatorsFiles
from services.chassis.unit_of_work import Store, Work
from services.routing.domain.decide import decide
from services.routing.domain.rules import LEASE, conclude
from services.routing.domain.state import Agent, Terms, Ticket, View
from services.routing.repository import (
    INDEXES,
    URGENCY,
    Repository,
    _asking_as_before,
    _due_to_age,
    agent_of,
    ticket_of,
)
from tests.integration.turn_stores import stores
from tests.unit.routing.builders import (
    NOW,
    a_snapshot,
    a_ticket,
    accepted,
    an_agent,
    assignments,
    at,
    command,
    event,
    recount,
    refused,
    sign_on,
    take,
)

CATALOGUE = load_catalogue("deploy/catalogue.yaml")
SKILLS = {category.id: category.skill for category in CATALOGUE.categories.values()}


class Instance:
    """One routing process, without its queues: `begin` reads and decides, `commit` stores."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.files = OperatorsFiles(CATALOGUE)
        self.repository = Repository(store.database, lambda: self.files, Terms())
        self.turns = 0

    def begin(self, *messages: Message[Any], now: datetime = NOW) -> tuple[View, list[Say]]:
        view = self.repository.load(messages, now)
        said: list[Say] = []
        for message in messages:
            said += take(view, decide(view, message, now)).said
        return view, [*said, *take(view, conclude(view, now)).said]

    def commit(self, view: View) -> None:
        self.turns += 1
        self.store.commit(Work(f"turn{self.turns}", NOW, writes=self.repository.writes(view)))

    def turn(self, *messages: Message[Any], now: datetime = NOW) -> list[Say]:
        while True:
            view, said = self.begin(*messages, now=now)
            try:
                self.commit(view)
            except Conflict:
                continue
            return said

    def fill(self, values: Sequence[Agent | Ticket]) -> None:
        """Store these, with the loads that they make."""
        view = View(SKILLS)
        for value in values:
            view.apply(value)
        self.commit(view)

    def everything(self) -> View:
        """All that is stored, whether a turn would read it or not."""
        database = self.store.database
        agents = [agent_of(document) for document in database["agents"].find()]
        return View(SKILLS, agents, [ticket_of(document) for document in database["tickets"].find()])


@pytest.fixture
def instance(stack: Stack) -> Iterator[Instance]:
    with stores(stack, "routing", 1, INDEXES) as (store,):
        yield Instance(store)


def a_desk(dice: random.Random, agents: int, tickets: int) -> list[Agent | Ticket]:
    """Agents of many kinds with little room, and tickets of which many have an agent already."""
    team = [
        an_agent(
            f"a{number}",
            capacity=dice.randint(1, 4),
            skills=dice.choice([("*",), ("safety",), ("billing", "technical"), ("technical",)]),
            languages=dice.choice([(), (), ("en",), ("EN", "fi", "pt-br"), ("zh-TW",)]),
            tiers=dice.choice([(), (), ("vip",)]),
            signed_on=dice.random() < 0.8,
            away=dice.random() < 0.2,
            idle_since=at(-dice.randint(0, 5)),
        )
        for number in range(agents)
    ]
    queue = [
        a_ticket(
            number,
            skill=dice.choice(["safety", "billing", "technical", "nobody-has-it"]),
            priority=dice.randint(1, 3),
            escalated=dice.random() < 0.1,
            tier=dice.choice(["standard", "vip"]),
            language=dice.choice([None, "en", "en-GB", "FI", "fil", "sv", "pt-BR", "pt", "zh-Hant-TW", "zh-Hans-CN"]),
            opened_at=at(dice.randint(0, 9)),
            agent=dice.choice(team).id if number < agents else None,
            changed_from=dice.choice(team).id if dice.random() < 0.3 else None,
            status="assigned" if number < agents else dice.choice(["new", "needs_reply", "need_more_info"]),
        )
        for number in range(tickets)
    ]
    return [*team, *queue]


def test_what_comes_back_is_what_was_stored(instance: Instance) -> None:
    instance.turn(sign_on("a1", capacity=1, languages=["en"]), sign_on("a2", tiers=["vip"]))
    instance.turn(event(a_snapshot(1)), event(a_snapshot(2)), event(a_snapshot(3, status="closed", closed_at=NOW)))
    view, _ = instance.begin(event(a_snapshot(1, 2)), event(a_snapshot(2, 2, "a2", status="assigned")))
    instance.commit(view)
    stored = instance.everything()
    assert {key: stored.agents[key] for key in view.agents} == view.agents
    assert {key: stored.tickets[key] for key in view.tickets} == view.tickets


def test_a_turn_that_changes_nothing_writes_nothing(instance: Instance) -> None:
    instance.fill(a_desk(random.Random(1), agents=8, tickets=60))
    instance.turn()
    view, said = instance.begin()
    assert instance.repository.writes(view) == []
    assert said == []


@pytest.mark.parametrize("seed", range(4))
def test_what_a_turn_reads_of_the_waiting_is_enough(instance: Instance, seed: int) -> None:
    """The matching over what a turn reads is the matching over all that is stored."""
    dice = random.Random(seed)
    instance.fill(a_desk(dice, agents=dice.randint(1, 20), tickets=400))
    for _ in range(15):
        whole = instance.everything()
        messages = some_messages(dice, whole)
        for message in messages:
            take(whole, decide(whole, message, NOW))
        expected = conclude(whole, NOW)
        view, said = instance.begin(*messages)
        assert len(view.tickets) < len(whole.tickets)
        assert [say for say in said if say.type == "ticket.assign"] == expected.said
        instance.commit(view)
        stored = instance.everything()
        assert {agent.id: agent.load for agent in stored.agents.values() if agent.load} == dict(
            recount(stored.tickets.values())
        )


def some_messages(dice: random.Random, whole: View) -> list[Message[Any]]:
    """Agents come and go, tickets close and open, assignments are answered: at most a few of each."""
    messages: list[Message[Any]] = []
    for ticket in dice.sample(list(whole.tickets.values()), 8):
        status = dice.choice(["closed", "solution_suggested", "needs_reply"])
        agent = ticket.agent or (ticket.reservation.agent if ticket.reservation else None)
        seq = ticket.assignment_seq + (ticket.reservation is not None)
        more: dict[str, Any] = {"category": ticket.skill, "language": ticket.language, "opened_at": ticket.opened_at}
        more["changed_from"] = ticket.changed_from
        more |= {"closed_at": NOW if status == "closed" else None, "assignment_seq": seq, "status": status}
        messages.append(event(a_snapshot(int(ticket.number), ticket.version + 1, agent, **more)))
    reserved = [ticket.reservation for ticket in whole.tickets.values() if ticket.reservation is not None]
    answered = dice.sample(reserved, min(3, len(reserved)))
    messages += [dice.choice([accepted, refused])(reservation.command_id) for reservation in answered]
    agent_id = dice.choice(list(whole.agents))
    messages.append(command("agent.sign_off", agent_id, release=dice.random() < 0.5))
    messages += [command("agent.heartbeat", agent) for agent in dice.sample(list(whole.agents), 1)]
    messages.append(sign_on(f"b{dice.randint(0, 5)}", dice.randint(1, 3), dice.choice([["*"], ["safety"]])))
    dice.shuffle(messages)
    return messages


def test_when_the_first_in_the_queue_is_closed_the_next_one_is_given(instance: Instance) -> None:
    instance.fill([an_agent("a1", capacity=1), a_ticket(1), a_ticket(2), a_ticket(3)])
    said = instance.turn(event(a_snapshot(1, 2, status="closed", closed_at=NOW)))
    assert assignments_of(said) == {2: "a1"}


def test_a_ticket_and_an_agent_who_come_at_once_do_not_miss_each_other(instance: Instance) -> None:
    turn, _ = instance.begin(event(a_snapshot(1)))
    other, _ = instance.begin(sign_on("a1"))
    instance.commit(turn)
    with pytest.raises(Conflict):
        instance.commit(other)
    assert assignments_of(instance.turn(sign_on("a1"))) == {1: "a1"}


def test_two_instances_that_match_at_once_do_not_give_one_place_twice(instance: Instance) -> None:
    instance.turn(sign_on("a1", capacity=1))
    turn, _ = instance.begin(event(a_snapshot(1)))
    other, _ = instance.begin(event(a_snapshot(2)))
    instance.commit(turn)
    with pytest.raises(Conflict):
        instance.commit(other)
    assert instance.turn(event(a_snapshot(2))) == []


def test_turns_that_share_nothing_do_not_conflict(instance: Instance) -> None:
    tickets = [a_ticket(number, agent=f"a{number}", status="assigned") for number in (1, 2)]
    instance.fill([an_agent("a1"), an_agent("a2"), *tickets])
    turn, _ = instance.begin(event(a_snapshot(1, 2, "a1", status="work_in_progress")))
    other, _ = instance.begin(
        event(a_snapshot(2, 2, "a2", status="work_in_progress")), command("agent.heartbeat", "a2")
    )
    instance.commit(turn)
    instance.commit(other)
    assert {ticket.version for ticket in instance.everything().tickets.values()} == {2}


def test_signing_off_with_release_finds_all_that_awaits_the_desk(instance: Instance) -> None:
    statuses = ["assigned", "needs_reply", "solution_suggested", "need_more_info", "closed"]
    tickets = [a_ticket(number, agent="a1", status=status) for number, status in enumerate(statuses, 1)]
    instance.fill([an_agent("a1"), *tickets])
    said = instance.turn(command("agent.sign_off", "a1", release=True))
    assert [int(say.data.number) for say in said if isinstance(say.data, Unassign)] == [1, 2]


def test_a_look_each_second_takes_back_all_of_who_is_not_of_the_staff_any_more(instance: Instance) -> None:
    statuses = ["assigned", "needs_reply", "solution_suggested"]
    tickets = [a_ticket(10 * n + m, agent=f"a{n}", status=state) for n in (1, 2, 3) for m, state in enumerate(statuses)]
    instance.fill([an_agent("a1"), an_agent("a2", signed_on=False), an_agent("a3"), *tickets])
    instance.files = OperatorsFiles(CATALOGUE, Staff({"a3": Member("a3", frozenset({"agent"}), skills=("*",))}))
    said = instance.turn()
    assert [(say.type, say.subject) for say in said] == [
        ("agent.signed_off", "a1"),
        ("ticket.unassign", "00000010"),
        ("ticket.unassign", "00000011"),
        ("ticket.unassign", "00000020"),
        ("ticket.unassign", "00000021"),
    ]
    assert instance.turn() == []
    assert instance.repository.writes(instance.begin()[0]) == []


def test_a_look_each_second_takes_back_all_of_who_has_been_gone_for_the_time_of_the_setting(instance: Instance) -> None:
    instance.repository = Repository(
        instance.store.database, lambda: instance.files, Terms(absent_after=timedelta(hours=1))
    )
    gone = [an_agent(f"a{n}", signed_on=False, left_at=at(seconds)) for n, seconds in ((1, 0), (2, 5))]
    statuses = ["assigned", "solution_suggested"]
    instance.fill(
        [*gone, *(a_ticket(10 * n + m, agent=f"a{n}", status=s) for n in (1, 2) for m, s in enumerate(statuses))]
    )
    assert instance.turn(now=at(3599)) == []
    assert [say.subject for say in instance.turn(now=at(3600))] == ["00000010"]
    assert [say.subject for say in instance.turn(now=at(3605))] == ["00000020"]
    assert instance.repository.writes(instance.begin(now=at(3606))[0]) == []
    replied = a_snapshot(11, 2, "a1", status="needs_reply")
    assert [say.type for say in instance.turn(event(replied), now=at(3607))] == ["ticket.unassign"]


def test_who_goes_on_after_a_pause_is_given_what_waits_by_the_same_turn(instance: Instance) -> None:
    instance.fill([an_agent("a1", paused=True, capacity=2), *(a_ticket(number) for number in range(1, 6))])
    assert instance.turn() == []
    assert assignments_of(instance.turn(command("agent.resume"))) == {1: "a1", 2: "a1"}


def test_a_look_each_second_makes_more_urgent_what_has_waited_for_a_day(instance: Instance, stack: Stack) -> None:
    day = timedelta(days=1)
    instance.fill([a_ticket(number, opened_at=NOW + timedelta(hours=number)) for number in range(300)])
    instance.store.database["tickets"].update_one({"_id": "t7"}, {"$unset": {"ages_at": "", "own_priority": ""}})
    instance.turn(now=NOW + day - timedelta(seconds=1))
    assert instance.everything().tickets["t7"].ages_at == NOW + timedelta(hours=7) + day, "one of an older version"
    for seconds in range(3):
        instance.turn(now=NOW + day + timedelta(hours=249, seconds=seconds))
    aged = {int(ticket.number) for ticket in instance.everything().tickets.values() if ticket.priority < 3}
    assert aged == set(range(250))
    assert instance.repository.writes(instance.begin(now=NOW + day + timedelta(hours=249, seconds=3))[0]) == []
    assert assignments_of(instance.turn(sign_on("a1", capacity=1))) == {0: "a1"}
    with MongoClient[dict[str, Any]](stack.database.url(), tz_aware=True) as admin:
        query = _due_to_age(NOW + timedelta(hours=30))
        found = admin[instance.store.database.name]["tickets"].find(query.filter).sort(query.sort).limit(query.limit)
        ran = found.explain()["executionStats"]
        assert ran["totalDocsExamined"] == ran["nReturned"] == 0


def test_a_look_each_second_has_the_waiting_ask_for_what_the_catalogue_says_now(
    instance: Instance, stack: Stack
) -> None:
    asking = [a_ticket(n, category="billing", skill="money") for n in range(250)]
    as_they_are = [a_ticket(n, category="billing") for n in range(250, 3000)]
    lost = [a_ticket(3000, category="lost", skill="money"), a_ticket(3001, category="lost", skill="lost")]
    instance.fill([*asking, *as_they_are, *lost, a_ticket(3002), a_ticket(3003, agent="a9", category="billing")])
    for _ in range(2):
        instance.turn()
    tickets = instance.everything().tickets
    assert {ticket.skill for ticket in tickets.values() if ticket.category == "billing"} == {"billing"}
    assert (tickets["t3000"].skill, tickets["t3001"].skill, tickets["t3002"].skill) == ("lost", "lost", "billing")
    assert instance.repository.writes(instance.begin()[0]) == []
    with MongoClient[dict[str, Any]](stack.database.url(), tz_aware=True) as admin:
        query = _asking_as_before(SKILLS)
        found = admin[instance.store.database.name]["tickets"].find(query.filter).limit(query.limit)
        ran = found.explain()["executionStats"]
        assert ran["totalDocsExamined"] <= 2, "those of a category that is gone"
        assert ran["totalKeysExamined"] <= 30


def test_the_first_turn_by_another_catalogue_reads_what_its_agents_may_have_now(instance: Instance) -> None:
    agent = an_agent("a1", capacity=1, skills=("another",), listed=("technical",))
    ahead = [a_ticket(number, skill="safety", priority=1) for number in (1, 2, 3)]
    instance.fill([agent, *ahead, a_ticket(4, skill="technical", priority=2)])
    said = instance.turn(event(a_snapshot(5, category="technical", priority=4)))
    assert [say.subject for say in said] == ["00000004"]


def test_a_lease_that_ran_out_is_found_without_any_message(instance: Instance) -> None:
    instance.turn(sign_on("a1"))
    instance.turn(event(a_snapshot(1)))
    assert instance.turn(now=at(1)) == []
    assert assignments_of(instance.turn(now=NOW + LEASE)) == {1: "a1"}


def test_tickets_that_were_changed_away_from_an_agent_do_not_hide_those_behind_them(instance: Instance) -> None:
    hidden = [a_ticket(number, changed_from="a1") for number in range(1, 40)]
    instance.fill([an_agent("a1", skills=("billing",), capacity=2), *hidden, a_ticket(40), a_ticket(41), a_ticket(42)])
    assert assignments_of(instance.turn()) == {40: "a1", 41: "a1"}


def test_a_long_queue_is_read_only_as_far_as_there_is_room_and_in_the_order_of_an_index(
    instance: Instance, stack: Stack
) -> None:
    urgent = [a_ticket(number, priority=1, skill="safety") for number in range(3000)]
    others = [a_ticket(number, priority=2, skill="technical") for number in range(3000, 3500)]
    instance.fill([an_agent("a1", skills=("billing", "technical"), capacity=2), *urgent, *others])
    view, said = instance.begin()
    assert len(view.tickets) <= 4
    assert assignments_of(said) == {3000: "a1", 3001: "a1"}
    # What the server did for such a read (the services' own strict API cannot ask).
    with MongoClient[dict[str, Any]](stack.database.url(), tz_aware=True) as admin:
        for condition in ({}, {"skill": {"$in": ["billing", "technical"]}}):
            found = admin[instance.store.database.name]["tickets"].find({"waiting": True, **condition})
            ran = found.sort(URGENCY).limit(2).explain()["executionStats"]
            assert ran["totalDocsExamined"] == 2
            assert ran["totalKeysExamined"] <= 4


def assignments_of(said: Sequence[Say]) -> dict[int, str]:
    return assignments(Decision(said=said))
