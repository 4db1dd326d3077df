"""Submissions a second: one intake against the limit and the naive one; the four services against the naive four.

Each has a desk of its own (vhost, databases), and one in ten submissions is a duplicate. Intake alone is given a full
queue; the rate is that of its outcomes between 10 % and 90 % of the work, each published, confirmed, after its ticket
was stored. The four services are given a full queue before intake starts, and are measured from the first ticket that
is filed to the last (99 %) that was assigned, armed and notified.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace

from contracts import topology
from deploy.local.desk import Desk
from tests.bench import rivals
from tests.bench.load import Broker, agents_for, submissions
from tests.bench.measure import Rate, measure

DUPLICATES = 0.1
FIRST, LAST = 0.0, 0.99
DELIVERIES, TIMERS = 3, 2
"""Of each ticket: its receipt, and that it is assigned, to requester and agent; a warning and a breach."""

Watching = Callable[[Mapping[str, int]], AbstractContextManager[None]]
"""Is told what is about to be measured: process ids by name."""


def naive_intake(desk: Desk, broker: Broker, count: int, workers: int, watching: Watching) -> Rate:
    """One process of stock nameko with `workers` workers (1: strictly one at a time; 10: nameko's default)."""
    rivals.prepare_naive(desk, agents=1)
    broker.fill("", "naive.intake", submissions(count, DUPLICATES, "naive"))
    with rivals.naive_services(desk, broker, ["intake"], workers) as pids, watching({"naive-intake": pids[0]}):
        return measure(lambda: broker.length("bench.outcomes"), count, pids)


def limit(desk: Desk, broker: Broker, count: int, watching: Watching) -> Rate:
    """One process that only stores and publishes."""
    broker.fill(topology.INTAKE, "ticket.submit", submissions(count, DUPLICATES, "limit"))
    with rivals.limit(desk) as pids, watching({"limit": pids[0]}):
        return _with_stored(measure(lambda: broker.length("web.outcomes"), count, pids), desk, "limit")


def intake(desk: Desk, broker: Broker, count: int, watching: Watching) -> Rate:
    """One intake process."""
    broker.fill(topology.INTAKE, "ticket.submit", submissions(count, DUPLICATES, "intake"))
    desk.start("intake")
    pids = process_ids(desk, ["intake"])
    with watching(pids):
        return _with_stored(measure(lambda: broker.length("web.outcomes"), count, pids.values()), desk, "intake")


def naive_desk(desk: Desk, broker: Broker, count: int, workers: int, watching: Watching) -> Rate:
    """The naive pipeline, four processes."""
    unique = count - int(count * DUPLICATES)
    rivals.prepare_naive(desk, agents_for(unique))
    broker.fill("", "naive.intake", submissions(count, DUPLICATES, "naive"))
    with (
        rivals.database_as_root(desk) as client,
        rivals.naive_services(desk, broker, ["routing", "sla", "notifications"], workers) as others,
        rivals.naive_services(desk, broker, ["intake"], workers) as first,
    ):
        database = client[rivals.naive_database(desk)]

        def done() -> int:
            armed = database["timers"].estimated_document_count() // TIMERS
            notified = database["deliveries"].estimated_document_count() // DELIVERIES
            return min(broker.length("bench.assigned"), armed, notified)

        with watching(dict(zip((f"naive-{name}" for name in rivals.FOR_TICKETS), [*first, *others], strict=True))):
            filed = database["tickets"].estimated_document_count
            return measure(done, unique, [*first, *others], FIRST, LAST, filed)


def whole_desk(desk: Desk, broker: Broker, count: int, watching: Watching) -> Rate:
    """All four services, one process each."""
    unique = count - int(count * DUPLICATES)
    broker.collect("bench.assigned", topology.AGENTS, "agent.*.ticket.assigned")
    broker.collect("bench.shown", topology.AGENTS, "agent.*.notification.#")
    broker.fill(topology.INTAKE, "ticket.submit", submissions(count, DUPLICATES, "desk"))
    broker.sign_on(agents_for(unique))
    desk.start_all((service, 1) for service in rivals.FOR_TICKETS if service != "intake")
    desk.start("intake")
    pids = process_ids(desk, rivals.FOR_TICKETS)
    with rivals.database_as_root(desk) as client:
        filed = client[f"{desk.db_prefix}_intake"]["tickets"].estimated_document_count
        timers = client[f"{desk.db_prefix}_sla"]["timers"]
        deliveries = client[f"{desk.db_prefix}_notifications"]["deliveries"]

        def done() -> int:
            armed = timers.estimated_document_count() // TIMERS
            notified = deliveries.estimated_document_count() // DELIVERIES
            return min(broker.length("bench.assigned"), armed, notified)

        with watching(pids):
            return measure(done, unique, pids.values(), FIRST, LAST, filed)


def _with_stored(rate: Rate, desk: Desk, name: str) -> Rate:
    """With what each submission has left in the database `name`, so that one sees that two stored the same."""
    with rivals.database_as_root(desk) as client:
        database = client[f"{desk.db_prefix}_{name}"]
        stored = [database.command("collStats", collection) for collection in ("tickets", "entries", "handled")]
    handled = stored[-1]["count"]
    documents, size = (sum(stats[what] for stats in stored) / handled for what in ("count", "size"))
    return replace(rate, documents=documents, bytes_stored=size)


def process_ids(desk: Desk, services: Collection[str], instance: int = 1) -> dict[str, int]:
    """The process of this instance of each of these services. Raises SystemExit if one has ended."""
    pids = {service: desk.pid(service, instance) for service in services}
    ended = [service for service, pid in pids.items() if pid is None]
    if ended:
        raise SystemExit(f"bench: {', '.join(ended)} ended while they were measured")
    return {service: pid for service, pid in pids.items() if pid is not None}
