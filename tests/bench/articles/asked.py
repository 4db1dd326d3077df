"""Questions over the bus at an even pace, as a channel asks them: how long each takes, and what it costs knowledge.

From just before the question is published until its answer is here, both by this process's clock. One thread and one
connection of plain AMQP send and receive, as in latency.py. Questions of the first second warm things up and do not
count. The measure beside them is a message of the same size that goes to the asking queue itself: a bare round trip.
"""

from __future__ import annotations

import random
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any, Literal

import psutil

from contracts.articles import SearchArticles, SuggestArticles
from contracts.topology import ASKED_WITHIN
from services.client import core
from services.client.bus import Bus
from services.client.core import Sending
from tests.bench.articles.shipped import questions
from tests.bench.measure import percentile

What = Literal["bare", "suggest", "search"]
CHANNEL = "web"
OWN_QUEUE = f"{CHANNEL}.bench.{{}}"
"""Has the name of the sender: no other queue is answered."""

WARM_UP = 1.0
"""Seconds."""

LEAST_TYPED = 3
"""Letters after which somebody who types is offered articles."""


@dataclass(frozen=True, slots=True)
class Answered:
    """Milliseconds from publish to receipt of the questions that were answered; and what each of these cost knowledge
    of CPU."""

    what: What
    a_second: int
    asked: int
    unanswered: int
    p50: float
    p99: float
    largest: float
    cpu_ms: float


def ask(url: str, what: What, a_second: int, seconds: float, pids: Collection[int]) -> Answered:
    """Ask for so many seconds; `pids` are knowledge's processes."""
    processes = [psutil.Process(pid) for pid in pids]
    count = int(a_second * seconds)
    warm_up = int(a_second * WARM_UP)
    sendings = list(islice(_sendings(what), warm_up + count))
    with Bus(url) as bus:
        asking = _Asking(bus)
        asking.run(sendings[:warm_up], a_second)
        asking.forget()
        before = _cpu(processes)
        asking.run(sendings[warm_up:], a_second)
        asking.wait()
        cpu = _cpu(processes) - before
    took = sorted(asking.took)
    if not took:
        raise SystemExit(f"bench: nobody answers article.{what}")
    return Answered(
        what,
        a_second,
        count,
        count - len(took),
        percentile(took, 0.5),
        percentile(took, 0.99),
        took[-1],
        1000 * cpu / len(took),
    )


class _Asking:
    """Sends at an even pace, and takes down what each answer took, in ms."""

    def __init__(self, bus: Bus) -> None:
        self.took: list[float] = []
        self._bus = bus
        self._sent: dict[str, float] = {}
        self._queue = OWN_QUEUE.format(core.new_id())
        bus.channel.queue_declare(self._queue, exclusive=True, auto_delete=True)
        bus.consume(self._queue, self._take, acknowledge=False)

    def run(self, sendings: Sequence[Sending], a_second: int) -> None:
        """Send these."""
        begin = time.perf_counter()
        for number, sending in enumerate(sendings):
            while (pause := begin + number / a_second - time.perf_counter()) > 0:
                self._bus.drain(pause)
            self._sent[sending.id] = time.perf_counter()
            own = {"user_id": CHANNEL, "reply_to": self._queue, "correlation_id": sending.id}
            key = sending.routing_key or self._queue
            self._bus.publish(sending.exchange, key, sending.body, **sending.all_properties, **own)

    def forget(self) -> None:
        """Wait for what is under way, and take none of it down."""
        self.wait()
        self._sent.clear()
        self.took.clear()

    def wait(self) -> None:
        """Until everything is answered, or no longer will be."""
        until = time.perf_counter() + ASKED_WITHIN / 1000
        while self._sent and time.perf_counter() < until:
            self._bus.drain(0.1)

    def _take(self, message: Any) -> None:
        now = time.perf_counter()
        sent = self._sent.pop(message.properties["correlation_id"], None)
        if sent is not None:
            self.took.append(1000 * (now - sent))


def _sendings(what: What) -> Iterator[Sending]:
    """The shipped questions in English, again and again, in an order that is always the same: whole for searches, as
    far as somebody has typed for suggestions."""
    dice = random.Random(16)
    for words in cycle([each.words for each in questions() if each.language == "en"]):
        if what == "search":
            yield core.question(CHANNEL, "article.search", SearchArticles(words=words, language="en"))
            continue
        typed = words[: dice.randint(LEAST_TYPED, len(words))]
        suggest = core.question(CHANNEL, "article.suggest", SuggestArticles(words=typed, language="en"))
        yield suggest if what == "suggest" else Sending(suggest.id, suggest.type, "", "", suggest.body)


def _cpu(processes: Sequence[psutil.Process]) -> float:
    """Seconds of CPU that these have used."""
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))
