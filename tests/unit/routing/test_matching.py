"""Who gets which waiting ticket: the rules by table, and against an oracle that tries them all the slow way."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.agents import may_have
from services.routing.domain.matching import match
from services.routing.domain.state import Agent, Ticket
from tests.unit.routing.builders import NOW, a_ticket, an_agent, at


def given_to(pairs: list[tuple[Ticket, Agent]]) -> list[tuple[int, str]]:
    return [(int(ticket.number), agent.id) for ticket, agent in pairs]


@pytest.mark.parametrize(
    ("rule", "first", "second"),
    [
        ("by priority", {"priority": 1}, {"priority": 2, "tier": "vip", "escalated": True, "opened_at": at(-9)}),
        ("then the escalated", {"escalated": True}, {"tier": "vip", "opened_at": at(-9)}),
        ("then vip before standard", {"tier": "vip"}, {"opened_at": at(-9)}),
        ("then the oldest", {"opened_at": at(-9)}, {"opened_at": at(-8)}),
        ("then by number, so that equals do not change places", {"opened_at": NOW}, {"opened_at": NOW}),
    ],
)
def test_the_most_urgent_ticket_is_served_first(rule: str, first: dict[str, Any], second: dict[str, Any]) -> None:
    waiting = [a_ticket(2, **second), a_ticket(1, **first)]
    assert given_to(match(waiting, [an_agent(capacity=1)], NOW)) == [(1, "a1")]


@pytest.mark.parametrize(
    ("rule", "agent", "ticket", "eligible"),
    [
        ("has the skill", {"skills": ("billing",)}, {}, True),
        ("has another skill", {"skills": ("safety",)}, {}, False),
        ("has every skill", {"skills": ("*",)}, {}, True),
        ("lists no language", {}, {"language": "fi"}, True),
        ("lists the language", {"languages": ("en", "fi")}, {"language": "fi"}, True),
        ("lists other languages", {"languages": ("en",)}, {"language": "fi"}, False),
        ("lists what the language is a variety of", {"languages": ("fi", "pt")}, {"language": "pt-BR"}, True),
        ("lists a variety, the ticket has no such", {"languages": ("pt-BR",)}, {"language": "pt"}, False),
        ("lists another variety", {"languages": ("pt-PT",)}, {"language": "pt-BR"}, False),
        ("lists a language that begins alike", {"languages": ("fi",)}, {"language": "fil"}, False),
        ("lists the language, written otherwise", {"languages": ("PT-br",)}, {"language": "pt-BR"}, True),
        ("lists languages, the ticket has none", {"languages": ("en",)}, {"language": None}, True),
        ("lists the tier", {"tiers": ("vip",)}, {"tier": "vip"}, True),
        ("lists the other tier", {"tiers": ("vip",)}, {"tier": "standard"}, False),
        ("has no room", {"capacity": 2, "load": 2}, {}, False),
        ("has more than their capacity already", {"capacity": 2, "load": 3}, {}, False),
        ("is signed off", {"signed_on": False}, {}, False),
        ("is away", {"away": True}, {}, False),
        ("is the one it was changed away from", {}, {"changed_from": "a1"}, False),
        ("is not the one it was changed away from", {}, {"changed_from": "a2"}, True),
    ],
)
def test_an_agent_is_eligible(rule: str, agent: dict[str, Any], ticket: dict[str, Any], eligible: bool) -> None:
    assert bool(match([a_ticket(**ticket)], [an_agent(**agent)], NOW)) is eligible


@pytest.mark.parametrize(
    ("rule", "better", "worse"),
    [
        ("the lowest open/capacity", {"load": 2, "capacity": 10}, {"load": 1, "capacity": 4, "idle_since": at(-99)}),
        ("a third is a third", {"load": 1, "capacity": 3, "idle_since": at(-2)}, {"load": 2, "capacity": 6}),
        ("then the longest idle", {"idle_since": at(-2)}, {"idle_since": at(-1)}),
        ("then by id, so that equals do not change places", {}, {}),
    ],
)
def test_among_the_eligible_is_chosen(rule: str, better: dict[str, Any], worse: dict[str, Any]) -> None:
    agents = [an_agent("a2", **worse), an_agent("a1", **better)]
    assert given_to(match([a_ticket()], agents, NOW)) == [(1, "a1")]


def test_a_ticket_that_nobody_may_take_holds_up_no_other() -> None:
    waiting = [a_ticket(1, priority=1, skill="safety"), a_ticket(2)]
    assert given_to(match(waiting, [an_agent(skills=("billing",))], NOW)) == [(2, "a1")]


def test_a_turn_gives_no_more_than_its_limit_and_those_are_the_most_urgent() -> None:
    waiting = [a_ticket(number) for number in range(9, 0, -1)]
    assert given_to(match(waiting, [an_agent(capacity=9)], NOW, most=2)) == [(1, "a1"), (2, "a1")]


@given(tickets=st.integers(0, 60), agents=st.integers(1, 8), capacity=st.integers(1, 9))
def test_equal_agents_end_no_further_apart_than_one_ticket(tickets: int, agents: int, capacity: int) -> None:
    team = [an_agent(f"a{number}", capacity=capacity) for number in range(agents)]
    pairs = match([a_ticket(number) for number in range(tickets)], team, NOW)
    load = Counter({agent.id: 0 for agent in team})
    load.update(agent.id for _, agent in pairs)
    assert len(pairs) == min(tickets, agents * capacity)
    assert max(load.values()) - min(load.values()) <= 1


agents_drawn = st.builds(
    an_agent,
    st.sampled_from([f"a{number}" for number in range(9)]),
    capacity=st.integers(1, 4),
    load=st.integers(0, 5),
    skills=st.sampled_from([("*",), ("billing",), ("safety",), ("billing", "safety")]),
    languages=st.sampled_from([(), ("en",), ("en", "fi")]),
    tiers=st.sampled_from([(), ("vip",), ("standard",)]),
    signed_on=st.booleans() | st.just(True),
    away=st.sampled_from([False, False, True]),
    idle_since=st.integers(-3, 0).map(at),
)
tickets_drawn = st.builds(
    a_ticket,
    st.integers(1, 40),
    skill=st.sampled_from(["billing", "safety"]),
    priority=st.integers(1, 2),
    escalated=st.booleans(),
    tier=st.sampled_from(["vip", "standard"]),
    language=st.sampled_from([None, "en", "fi"]),
    opened_at=st.integers(-3, 0).map(at),
    changed_from=st.sampled_from([None, None, "a0", "a1", "a2"]),
)
teams = st.lists(agents_drawn, max_size=7, unique_by=lambda agent: agent.id)
queues = st.lists(tickets_drawn, max_size=20, unique_by=lambda ticket: ticket.id)


def kind_of(ticket: Ticket) -> tuple[str, str | None, str]:
    return ticket.skill, ticket.language, ticket.tier


def the_slow_way(waiting: list[Ticket], agents: list[Agent]) -> list[tuple[int, str]]:
    """The rules word by word: look for the most urgent ticket that somebody could take, give it, look again."""
    left, team = list(waiting), {agent.id: agent for agent in agents}
    pairs: list[tuple[int, str]] = []
    while True:
        could = []
        for ticket in left:
            for agent in team.values():
                has_room = agent.signed_on and not agent.away and agent.load < agent.capacity
                if has_room and ticket.changed_from != agent.id and may_have(agent, *kind_of(ticket)):
                    queue = (
                        ticket.priority,
                        -ticket.escalated,
                        -(ticket.tier == "vip"),
                        ticket.opened_at,
                        ticket.number,
                    )
                    could.append((queue, Fraction(agent.load, agent.capacity), agent.idle_since, agent.id, ticket))
        if not could:
            return pairs
        *_, agent_id, ticket = min(could, key=lambda candidate: candidate[:4])
        pairs.append((int(ticket.number), agent_id))
        left.remove(ticket)
        team[agent_id] = replace(team[agent_id], load=team[agent_id].load + 1, idle_since=NOW)


@given(queues, teams, st.randoms(use_true_random=False))
def test_the_match_is_what_the_rules_say_in_whatever_order_things_come(
    waiting: list[Ticket], agents: list[Agent], dice: Any
) -> None:
    expected = the_slow_way(waiting, agents)
    dice.shuffle(waiting)
    dice.shuffle(agents)
    assert given_to(match(waiting, agents, NOW)) == expected
