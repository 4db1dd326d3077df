"""The faults that a storm deals to a desk: each has a sentence that says it, and a function that does it and returns
when it is over.

The seed decides which, when, to whom and for how long. Nothing is judged here. The page is docs/testing.md.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from contracts.names import SERVICES
from deploy.local.mongodb import DATABASE
from deploy.local.rabbitmq import BROKER
from deploy.provision.management import ManagementError
from tests.system.client import Agent
from tests.system.house import House
from tests.system.keeper import Keeper, frozen_server
from tests.system.line import Lines

Instance = tuple[str, int]


@dataclass(frozen=True)
class Fault:
    """`what` for the reader; `deal()` does it."""

    what: str
    deal: Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Hardness:
    """How long things last, in seconds (least, most), and how often each kind of fault is dealt."""

    outage: tuple[float, float]
    """How long a server stays away after it was killed."""
    freeze: tuple[float, float]
    long_freeze: float
    hang: tuple[float, float]
    slow: tuple[float, float]
    delay: tuple[float, float]
    """How late everything between a service and its database is, each way, while that is slow."""
    rounds: int


class Dealer:
    """Makes the faults of one seed for one desk."""

    def __init__(
        self, house: House, keeper: Keeper, lines: Lines, agents: Sequence[Agent], hardness: Hardness, seed: int
    ) -> None:
        self._house = house
        self._keeper = keeper
        self._lines = lines
        self._agents = agents
        self._hard = hardness
        self._dice = random.Random(f"faults {seed}")
        self._held = {instance: threading.Lock() for instance in keeper.instances}

    def blows(self) -> list[Fault]:
        """Faults that are dealt one after the other: everything that ends or cuts something."""
        found: list[Fault] = []
        for _ in range(self._hard.rounds):
            found += [self._kill(service) for service in SERVICES]
            found += [self._stop(self._dice.choice(SERVICES)), self._kill_with_hands_full(), self._break()]
            found += [self._close_connections(), self._cut(), self._lose_answers(), self._hang()]
            found += [self._kill_servers([BROKER]), self._kill_servers([DATABASE])]
        extra = [
            self._kill_servers([BROKER, DATABASE]),
            self._freeze_server(BROKER),
            self._stutter(),
            self._kill_mail(),
        ]
        found += extra * (self._hard.rounds > 1)
        self._dice.shuffle(found)
        return found

    def ailments(self) -> list[Fault]:
        """Faults that last, beside the blows: instances stopped and resumed, a slow database."""
        found = [self._freeze(self._hard.freeze) for _ in range(2 * self._hard.rounds)]
        found += [self._slow() for _ in range(self._hard.rounds)]
        self._dice.shuffle(found)
        return [self._freeze((self._hard.long_freeze, self._hard.long_freeze)), *found]

    # services

    def _kill(self, service: str) -> Fault:
        times = self._dice.choice((1, 1, 2))
        instance = self._one_of(service)

        def deal() -> None:
            with self._holding(instance) as (_, n):
                for _ in range(times):
                    self._keeper.kill(service, n)
                    self._wait_until_back((service, n))

        return Fault(f"{service} is killed{' twice' * (times == 2)}", deal)

    def _stop(self, service: str) -> Fault:
        instance = self._one_of(service)

        def deal() -> None:
            with self._holding(instance) as held:
                self._keeper.stop(*held)

        return Fault(f"{service} is told to stop", deal)

    def _freeze(self, seconds: tuple[float, float]) -> Fault:
        instance, duration = self._one_of(self._dice.choice(SERVICES)), self._dice.uniform(*seconds)

        def deal() -> None:
            with self._holding(instance) as held:
                self._wait_until_back(held)
                with self._house.frozen(*held):
                    time.sleep(duration)

        return Fault(f"{instance[0]} is stopped for {duration:.1f} s and resumed", deal)

    def _kill_with_hands_full(self) -> Fault:
        """Kill an instance while it holds messages and its transaction."""
        service = self._dice.choice(SERVICES)
        instance, pause = self._one_of(service), self._dice.uniform(0.2, 2)

        def deal() -> None:
            with self._holding(instance) as held:
                self._wait_until_back(held)
                with self._house.frozen(*held):
                    time.sleep(pause)
                    self._keeper.kill(*held)

        return Fault(f"{service} is killed with its hands full", deal)

    # servers

    def _kill_servers(self, servers: list[str]) -> Fault:
        away = self._dice.uniform(*self._hard.outage)

        def deal() -> None:
            for server in servers:
                self._house.stack.processes.kill(server)
            time.sleep(away)
            self._house.stack.start_servers()

        return Fault(f"{' and '.join(servers)} killed, started after {away:.1f} s", deal)

    def _freeze_server(self, server: str) -> Fault:
        duration = self._dice.uniform(*self._hard.freeze)
        return Fault(
            f"{server} is stopped for {duration:.1f} s and resumed",
            lambda: frozen_server(self._house.stack, server, duration),
        )

    def _stutter(self) -> Fault:
        """A database that answers in bursts."""
        bursts = [(self._dice.uniform(0.05, 0.5), self._dice.uniform(0.2, 2)) for _ in range(8)]

        def deal() -> None:
            for runs, stands in bursts:
                frozen_server(self._house.stack, DATABASE, stands)
                time.sleep(runs)

        return Fault(f"{DATABASE} stutters for {sum(map(sum, bursts)):.1f} s", deal)

    def _kill_mail(self) -> Fault:
        away = self._dice.uniform(*self._hard.outage)

        def deal() -> None:
            self._house.desk.kill_mail()
            time.sleep(away)
            self._house.desk.start_mail()

        return Fault(f"the mail server is killed, started after {away:.1f} s", deal)

    # connections

    def _close_connections(self) -> Fault:
        service = self._dice.choice(SERVICES)

        def deal() -> None:
            management = self._house.stack.broker.management
            path = f"/vhosts/{self._house.desk.name}/connections"
            for connection in management.get(path):
                if connection.get("user") == service:
                    with suppress(ManagementError):  # it has ended in the meantime
                        management.delete(f"/connections/{connection['name'].replace(' ', '%20').replace('>', '%3E')}")

        return Fault(f"the broker closes the connections of {service}", deal)

    def _cut(self) -> Fault:
        lines = self._some_lines()
        return Fault(f"cut: {', '.join(lines)}", lambda: self._lines.cut(lines))

    def _lose_answers(self) -> Fault:
        lines = self._some_lines()
        return Fault(f"the next answer is lost: {', '.join(lines)}", lambda: self._lines.lose_answers(lines))

    def _hang(self) -> Fault:
        lines, duration = self._some_lines(), self._dice.uniform(*self._hard.hang)

        def deal() -> None:
            self._lines.hang(lines, True)
            time.sleep(duration)
            self._lines.hang(lines, False)

        return Fault(f"nothing passes for {duration:.1f} s: {', '.join(lines)}", deal)

    def _slow(self) -> Fault:
        delay, duration = self._dice.uniform(*self._hard.delay), self._dice.uniform(*self._hard.slow)
        lines = [line for line in self._lines.ports if line.endswith(DATABASE)]

        def deal() -> None:
            self._lines.slow(lines, delay)
            time.sleep(duration)
            self._lines.slow(lines, 0)

        return Fault(f"{DATABASE} is {1000 * delay:.0f} ms late each way for {duration:.1f} s", deal)

    # agents

    def _break(self) -> Fault:
        agent = self._dice.choice(self._agents)
        return Fault(f"{agent.id} takes a break", agent.take_a_break)

    # who is hit

    def _one_of(self, service: str) -> Instance:
        return self._dice.choice([instance for instance in self._keeper.instances if instance[0] == service])

    def _some_lines(self) -> list[str]:
        lines = list(self._lines.ports)
        return self._dice.sample(lines, self._dice.choice((1, 2, len(lines))))

    @contextmanager
    def _holding(self, wanted: Instance) -> Iterator[Instance]:
        """This instance, or another of its service if something else happens to this one."""
        others = [name for name in self._held if name[0] == wanted[0] and name != wanted]
        free = next((name for name in (wanted, *others) if self._held[name].acquire(blocking=False)), None)
        if free is None:
            free = wanted
            self._held[free].acquire()
        try:
            yield free
        finally:
            self._held[free].release()

    def _wait_until_back(self, instance: Instance, patience: float = 60) -> None:
        deadline = time.monotonic() + patience
        while not self._house.desk.is_ready(*instance) and time.monotonic() < deadline:
            time.sleep(0.1)
