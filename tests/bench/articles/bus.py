"""Articles over the bus, few and many: how fast a channel is answered, and how soon every instance finds a new article.

For each number of articles: start one instance, whose index is whole when it is ready; ask for suggestions and
searches at 10 and 200 a second, quietly and while intake works off a full queue; then start a second instance and
publish articles, quietly and while people search. An instance finds an article once its metrics count it. That takes
from just before `article.publish` is sent, so the turn that publishes counts too.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from urllib.parse import urlsplit

import psutil

from contracts import topology
from contracts.articles import PublishArticle, SaveArticle
from contracts.names import OPERATOR
from contracts.outcomes import Accepted
from deploy.local.desk import Desk
from services.chassis.unit_of_work import Store
from services.client.blocking import Client
from services.knowledge.repository import INDEXES
from tests.bench import rivals
from tests.bench.articles.asked import Answered, What, ask
from tests.bench.articles.made import made_texts
from tests.bench.articles.stored import write
from tests.bench.load import Broker, submissions
from tests.bench.measure import percentile
from tests.bench.throughput import Watching, process_ids
from tests.waiting import wait

SECONDS = {10: 10.0, 200: 5.0}
"""How long questions are asked at each rate (a second)."""

QUESTIONS: Sequence[tuple[What, int]] = (
    ("bare", 200),
    ("suggest", 10),
    ("suggest", 200),
    ("search", 10),
    ("search", 200),
)
WHILE_SEARCHING = 200
"""Searches a second while articles are published."""

SEARCHING = 10.0
"""For how many seconds."""

PUBLICATIONS = 20
INSTANCES = (1, 2)
CATEGORY = "billing"
EVERY = 0.05
"""Seconds between looks at an instance's metrics."""

START_PATIENCE = 900.0
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Found:
    """Seconds until every instance finds an article that is published."""

    count: int
    p50: float
    largest: float


@dataclass(frozen=True, slots=True)
class Articles:
    """What was measured with this many articles. Start-up: until ready; memory is resident, of one instance, in MiB:
    once it was ready, and after the questions."""

    articles: int
    start_s: float
    start_cpu_s: float
    memory_ready: float
    memory_after: float
    quiet: list[Answered]
    behind: list[Answered]
    """While intake works off a full queue."""

    left: int
    """How many commands waited for intake at the end of the last of these, at least."""

    found: Found
    found_while_searching: Found
    searched: Answered
    """Those searches, which both instances answer."""


def articles(
    desk: Desk, broker: Broker, numbers: Sequence[int], waiting: int, watching: Watching
) -> dict[str, Articles]:
    """With each of these numbers of articles, ascending; about `waiting` commands are in the full queue."""
    desk.patience = START_PATIENCE
    measured: dict[str, Articles] = {}
    texts, written = made_texts(numbers[-1]), 0
    for number in numbers:
        with rivals.database_as_root(desk) as client:
            database = client[f"{desk.db_prefix}_knowledge"]
            Store(database, "knowledge").prepare(INDEXES)
            write(database, islice(texts, number - written), datetime.now(UTC))
        written = number
        measured[f"{number:,}"] = _with(desk, broker, number, waiting, watching)
        for instance in INSTANCES:
            desk.kill("knowledge", instance)
    return measured


def _with(desk: Desk, broker: Broker, number: int, waiting: int, watching: Watching) -> Articles:
    began = time.monotonic()
    desk.start("knowledge")
    start = time.monotonic() - began
    pids = process_ids(desk, ["knowledge"])
    process = psutil.Process(pids["knowledge"])
    cpu, ready = process.cpu_times(), process.memory_info().rss
    with watching(pids):
        quiet = [ask(broker.url, what, rate, SECONDS[rate], pids.values()) for what, rate in QUESTIONS]
    behind, left = _behind(desk, broker, waiting, process.pid)
    after = process.memory_info().rss
    desk.start("knowledge", INSTANCES[1])
    both = [process.pid, *process_ids(desk, ["knowledge"], INSTANCES[1]).values()]
    with Client(desk.amqp_url(OPERATOR)) as operator, ThreadPoolExecutor(1) as beside:
        found = _found(desk, operator, f"quiet-{number}", lambda count: count < PUBLICATIONS)
        searching = beside.submit(ask, broker.url, "search", WHILE_SEARCHING, SEARCHING, both)
        found_while_searching = _found(desk, operator, f"searching-{number}", lambda _: not searching.done())
    return Articles(
        number,
        start,
        cpu.user + cpu.system,
        ready / MIB,
        after / MIB,
        quiet,
        behind,
        left,
        found,
        found_while_searching,
        searching.result(),
    )


def _behind(desk: Desk, broker: Broker, waiting: int, pid: int) -> tuple[list[Answered], int]:
    """The same questions while intake works, and the fewest commands that waited for it at the end of one of them."""
    measured: list[Answered] = []
    left = waiting
    for place, (what, rate) in enumerate(QUESTIONS):
        missing = waiting - broker.length("intake.commands")
        if missing > waiting // 2:
            broker.fill(topology.INTAKE, "ticket.submit", submissions(missing, 0.1, f"behind-{pid}-{place}"))
        desk.start("intake")
        measured.append(ask(broker.url, what, rate, SECONDS[rate], [pid]))
        left = min(left, broker.length("intake.commands"))
    desk.kill("intake")
    broker.purge("intake.commands")
    return measured, left


def _found(desk: Desk, operator: Client, name: str, more: Callable[[int], bool]) -> Found:
    """Publish articles, one after the other, as long as there are to be `more` than so many, and wait each time until
    every instance has it."""
    took: list[float] = []
    held = [_texts(desk, instance) for instance in INSTANCES]
    while more(len(took)):
        id_ = f"{name}-{len(took)}"
        draft = SaveArticle(article_id=id_, category=CATEGORY, title=f"News {id_}", body="It is there now.\n")
        operator.command("article.save", draft).expect(Accepted)
        began = time.perf_counter()
        operator.command("article.publish", PublishArticle(article_id=id_)).expect(Accepted)
        for place, instance in enumerate(INSTANCES):
            wait(
                lambda instance=instance: _texts(desk, instance),  # type: ignore[misc]
                f"article {id_} in instance {instance}",
                (held[place] + len(took) + 1).__eq__,
                every=EVERY,
            )
        took.append(time.perf_counter() - began)
    took.sort()
    return Found(len(took), percentile(took, 0.5), took[-1])


def _texts(desk: Desk, instance: int) -> int:
    """How many texts the index of this instance holds."""
    connection = http.client.HTTPConnection(urlsplit(desk.health_url("knowledge", instance)).netloc, timeout=10)
    try:
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
    finally:
        connection.close()
    return int(float(next(line.split()[1] for line in lines if line.startswith("casebus_index_texts "))))
