"""How evenly work is shared out: a day of arrivals in 36 seconds, by three routing instances, agents coming and going.

A sample each 50 ms: of the agents of one kind (same skills) who are signed on and have room, the greatest open/capacity
less the least, from routing's database. Nobody takes work away from an agent, so who finishes early or has just come
is behind for a while however well it is shared out. So the same day is also played by a router without any delay, in
memory, and sampled in the same way: what is above that is ours. The page is docs/performance.md.
"""

from __future__ import annotations

import dataclasses
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from contracts import topology
from contracts.names import AGENT_PREFIX
from deploy.local.desk import Desk
from services.client import core
from services.client.blocking import Client
from services.client.core import Heard
from tests.bench import rivals
from tests.bench.load import Broker
from tests.bench.measure import percentile

HOUR = 1.5
"""Seconds that an hour of the day takes."""

DAY = 24 * HOUR
SAMPLED_EVERY = 0.05
INSTANCES = 3
ARRIVALS = (1, 1, 1, 1, 1, 2, 4, 7, 10, 12, 13, 14, 15, 14, 13, 12, 11, 9, 6, 4, 3, 2, 2, 1)
"""How many come in each hour, in proportion: a quiet night, a busy noon."""

SHIFTS = ((22, 7), (5, 14), (8, 17), (10, 19), (14, 23))
"""Hours from and to which agents are there, give or take one; each has a break of half an hour in the middle."""

KINDS = (("safety", "account-access"), ("billing", "content-dispute"), ("technical", "general"))
AGENTS_OF_A_KIND = 10
QUEUE = "bench.assigned"


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent who is there from and to these moments (seconds of the day)."""

    id: str
    kind: int
    capacity: int
    there: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request at a moment of the day, which an agent answers after `work` seconds."""

    id: str
    at: float
    kind: int
    category: str
    work: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Greatest less least open/capacity among the eligible of one kind, over the samples of a day; and how many tickets
    were answered on it."""

    answered: int
    samples: int
    mean: float
    p99: float
    largest: float


@dataclass(frozen=True, slots=True)
class Fairness:
    """What was measured, and what a router without delay makes of the same day."""

    tickets: int
    desk: Spread
    ideal: Spread
    floor: float
    """What one ticket adds to open/capacity, for the smallest capacity with room for a second ticket."""


def fairness(desk: Desk, broker: Broker, tickets: int) -> Fairness:
    """Play the day on the desk, and in memory."""
    dice = random.Random(7)
    team, arrivals = a_team(dice), a_day(dice, tickets)
    broker.collect(QUEUE, topology.AGENTS, "agent.*.ticket.assigned")
    desk.start_all([("intake", 1), *(("routing", n) for n in range(1, INSTANCES + 1))])
    samples: list[float] = []
    with rivals.database_as_root(desk) as client:
        agents = client[f"{desk.db_prefix}_routing"]["agents"]
        wanted = {"load": 1, "capacity": 1}

        def spreads() -> Iterator[float]:
            loads = {row["_id"]: row["load"] for row in agents.find({"signed_on": True, "away": False}, wanted)}
            return _spreads([agent for agent in team if agent.id in loads], loads)

        day = _Day(broker.url, team, arrivals)
        playing = threading.Thread(target=day.play)
        playing.start()
        while playing.is_alive():
            samples += spreads()
            time.sleep(SAMPLED_EVERY)
    floor = 1 / min(agent.capacity for agent in team if agent.capacity > 1)
    return Fairness(tickets, _spread(samples, day.answered), _ideal(team, arrivals), floor)


def a_team(dice: random.Random) -> list[Agent]:
    """Agents of three kinds, with room for one to ten, in shifts around the clock."""
    team = []
    for number in range(len(KINDS) * AGENTS_OF_A_KIND):
        begin, end = SHIFTS[number // len(KINDS) % len(SHIFTS)]
        begin_at, length = (begin + dice.uniform(-1, 1)) * HOUR, ((end - begin) % 24) * HOUR
        broken = [(begin_at, begin_at + length / 2), (begin_at + length / 2 + HOUR / 2, begin_at + length)]
        there = tuple(piece for begins, ends in broken for piece in _within_the_day(begins, ends))
        team.append(Agent(f"b{number + 1}", number % len(KINDS), dice.randint(1, 10), there))
    return team


def _within_the_day(begin: float, end: float) -> Iterator[tuple[float, float]]:
    """The parts of a time that lie in the day; what is after midnight was in its first hours too."""
    for moved in (0.0, -DAY):
        begins, ends = max(0.0, begin + moved), min(DAY, end + moved)
        if begins < ends:
            yield begins, ends


def a_day(dice: random.Random, tickets: int) -> list[Arrival]:
    """Requests by the hour's share, each of a kind; most take an hour of work or two."""
    hours = sorted(dice.choices(range(24), ARRIVALS, k=tickets))
    arrivals = []
    for number, hour in enumerate(hours):
        kind = dice.randrange(len(KINDS))
        work = min(6.0, 0.3 + dice.expovariate(1 / 1.5)) * HOUR
        at = (hour + dice.random()) * HOUR
        arrivals.append(Arrival(f"day-{number}", at, kind, dice.choice(KINDS[kind]), work))
    return sorted(arrivals, key=lambda arrival: arrival.at)


@dataclass
class _Day:
    """The day on the bus: one connection that speaks for the channel and all agents."""

    url: str
    team: Sequence[Agent]
    arrivals: Sequence[Arrival]
    answered: int = 0
    _later: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)
    _has: dict[str, tuple[str, int]] = field(default_factory=dict)

    def play(self) -> None:
        """From midnight to midnight."""
        work = {arrival.id: arrival.work for arrival in self.arrivals}
        begin = time.monotonic()
        with Client(self.url, hears=QUEUE) as client:

            def assigned(heard: Heard) -> None:
                told = heard.event.data["ticket"]
                number, agent, seq = told["number"], told["agent"]["id"], told["assignment_seq"]
                self._has[number] = agent, seq
                self._at(time.monotonic() - begin + work[told["requester"]["id"]], lambda: answer(number, agent, seq))

            def answer(number: str, agent: str, seq: int) -> None:
                if self._has.get(number) == (agent, seq):
                    del self._has[number]
                    self.answered += 1
                    data = {"agent_id": agent, "number": number, "body": "Please try again now."}
                    _send(client, AGENT_PREFIX + agent, "ticket.suggest_solution", data)

            def go(agent: Agent) -> None:
                _send(client, AGENT_PREFIX + agent.id, "agent.sign_off", {"agent_id": agent.id, "release": True})
                self._has = {number: given for number, given in self._has.items() if given[0] != agent.id}

            for arrival in self.arrivals:
                self._at(arrival.at, lambda arrival=arrival: _send(client, "web", "ticket.submit", _request(arrival)))  # type: ignore[misc]
            for agent in self.team:
                for comes, goes in agent.there:
                    self._at(comes, lambda agent=agent: _come(client, agent))  # type: ignore[misc]
                    self._at(goes, lambda agent=agent: go(agent))  # type: ignore[misc]
            while (now := time.monotonic() - begin) < DAY:
                while self._later and self._later[0][0] <= now:
                    heappop(self._later)[2]()
                if (heard := client.hear(0.01)) is not None:
                    assigned(heard)

    def _at(self, moment: float, what: Callable[[], None]) -> None:
        heappush(self._later, (moment, next(self._numbers), what))


def _request(arrival: Arrival) -> dict[str, object]:
    requester = {"account_id": arrival.id, "display_name": arrival.id, "tier": "standard"}
    return {"requester": requester, "category": arrival.category, "subject": arrival.id, "body": arrival.id}


def _come(client: Client, agent: Agent) -> None:
    who = {"agent_id": agent.id, "display_name": agent.id, "capacity": agent.capacity}
    _send(client, AGENT_PREFIX + agent.id, "agent.sign_on", {**who, "skills": list(KINDS[agent.kind])})


def _send(client: Client, user: str, type_: str, data: Mapping[str, object]) -> None:
    client.publish(dataclasses.replace(core.command(user, type_, data), properties={"user_id": user}))


def _spreads(there: Sequence[Agent], loads: dict[str, int]) -> Iterator[float]:
    """The greatest open/capacity less the least, for each kind with two or more agents who have room."""
    for kind in range(len(KINDS)):
        ratios = [
            loads[agent.id] / agent.capacity
            for agent in there
            if agent.kind == kind and loads[agent.id] < agent.capacity
        ]
        if len(ratios) > 1:
            yield max(ratios) - min(ratios)


def _spread(samples: list[float], answered: int) -> Spread:
    ordered = sorted(samples)
    return Spread(answered, len(ordered), sum(ordered) / len(ordered), percentile(ordered, 0.99), ordered[-1])


def _ideal(team: Sequence[Agent], arrivals: Sequence[Arrival]) -> Spread:
    """What becomes of a day on which each request goes at once to the agent of its kind with the lowest
    open/capacity."""
    has: dict[str, list[tuple[float, Arrival]]] = {agent.id: [] for agent in team}
    waiting: list[Arrival] = []
    coming = list(arrivals)
    samples: list[float] = []
    answered = 0
    for step in range(int(DAY / SAMPLED_EVERY) * 50):
        now = step * SAMPLED_EVERY / 50
        there = [agent for agent in team if any(begins <= now < ends for begins, ends in agent.there)]
        for agent in team:
            if agent not in there:
                waiting += [held for _, held in has[agent.id]]
                has[agent.id] = []
            left = [(ends, held) for ends, held in has[agent.id] if ends > now]
            answered += len(has[agent.id]) - len(left)
            has[agent.id] = left
        while coming and coming[0].at <= now:
            waiting.append(coming.pop(0))
        for delivery in list(waiting):
            able = [agent for agent in there if agent.kind == delivery.kind and len(has[agent.id]) < agent.capacity]
            if able:
                least = min(able, key=lambda agent: len(has[agent.id]) / agent.capacity)
                has[least.id].append((now + delivery.work, delivery))
                waiting.remove(delivery)
        if step % 50 == 0:
            samples += _spreads(there, {id_: len(theirs) for id_, theirs in has.items()})
    return _spread(samples, answered)
