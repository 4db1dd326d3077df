"""Whether timers fire on time: a million armed, ten thousand of them due within a minute, an instance killed meanwhile.

The timers, and sla's tickets of those that fall due, are written straight into sla's database in the form in which sla
stores them; arming a million through the desk would take an hour and is not what is measured. Two instances of sla
fire them; in the middle of the minute one is killed by `kill -9` and started again at once. How late a timer is: from
when it was due until its `sla.breached` is heard on the bus, by the database's clock.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from msgspec.structs import replace
from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from contracts import topology
from contracts.payload import document, read
from contracts.snapshot import Snapshot
from contracts.tickets import TicketEvent
from deploy.local.desk import Desk
from deploy.local.processes import CODE
from services.chassis.database import Document
from services.chassis.decision import Arm, derived_id
from services.chassis.unit_of_work import ArmedBy, Store, Work
from services.client.blocking import Client
from services.client.core import Heard
from services.sla.domain.clocks import clocks
from services.sla.domain.policy import Deadline
from services.sla.domain.state import Countdown, Ticket
from services.sla.domain.timekeeping import timers
from services.sla.domain.versions import span_of
from services.sla.repository import INDEXES, to_document
from tests.bench import rivals
from tests.bench.load import Broker
from tests.bench.measure import percentile

SNAPSHOT = CODE / "contracts" / "examples" / "event.ticket.assigned.json"
MINUTE = 60.0
AHEAD = 3.0
"""Seconds between the last write and the first that falls due."""

PATIENCE = 90.0
"""Seconds after the last was due in which all have to have been heard."""

WRITTEN_AT_ONCE = 10_000
QUEUE = "bench.breached"


@dataclass(frozen=True, slots=True)
class Lateness:
    """Seconds between due and heard, of those that fired; and whether each fired once."""

    armed: int
    due: int
    fired: int
    fired_twice: int
    """Fired in two different turns: what must not be."""
    heard_twice: int
    """The same message (the same id) published again after a crash: what consumers are told to expect."""
    p50: float
    p99: float
    largest: float
    over_a_second: int
    left: int
    """Of those that did not, how many are still armed."""

    @property
    def not_once(self) -> int:
        """Timers that did not fire, or did so in two turns."""
        return self.due - self.fired + self.fired_twice


def lateness(desk: Desk, broker: Broker, armed: int, due: int) -> Lateness:
    """Arm, let a minute pass with a kill in its middle, and say how late what fired was."""
    broker.collect(QUEUE, topology.EVENTS, "sla.breached")
    broker.collect("bench.told", topology.AGENTS, "agent.#")
    with rivals.database_as_root(desk) as client:
        database = client[f"{desk.db_prefix}_sla"]
        store = Store(database, "sla")
        store.prepare(INDEXES)
        _write(database, "timers", _far_timers(_stored_form(store), armed - due))
        desk.start_all([("sla", 1), ("sla", 2)])
        begin = store.now() + timedelta(seconds=AHEAD + due / 5000)
        dues = _write_due(database, _stored_form(store), begin, due)
        ahead_of_ours = (store.now() - datetime.now(UTC)).total_seconds()
    heard = _Heard(broker.url)
    middle = begin + timedelta(seconds=MINUTE / 2)
    time.sleep(max(0.0, (middle - datetime.now(UTC)).total_seconds() - ahead_of_ours))
    desk.kill("sla", 1)
    desk.start("sla", 1)
    last_due = (max(dues.values()) - datetime.now(UTC)).total_seconds()
    heard.wait(due, last_due + PATIENCE)
    if desk.instances("sla") != [1, 2]:
        raise SystemExit("bench: an instance of sla has ended by itself; see .local/bench-log")
    with rivals.database_as_root(desk) as client:
        left = client[f"{desk.db_prefix}_sla"]["timers"].count_documents({"due": {"$lte": max(dues.values())}})
    late = sorted(
        at.timestamp() + ahead_of_ours - dues[ticket].timestamp()
        for ticket, at in heard.first.items()
        if ticket in dues
    )
    return Lateness(
        armed=armed,
        due=due,
        fired=len(late),
        fired_twice=sum(len(ids) > 1 for ids in heard.ids.values()),
        heard_twice=heard.again,
        p50=percentile(late, 0.5),
        p99=percentile(late, 0.99),
        largest=late[-1],
        over_a_second=sum(seconds > 1 for seconds in late),
        left=left,
    )


class _Heard(threading.Thread):
    """Takes every `sla.breached` off the bus and keeps when each ticket's came."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.first: dict[str, datetime] = {}
        self.ids: dict[str, set[str]] = {}
        self.again = 0
        self._client = Client(url, hears=QUEUE)
        self._leaving = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._leaving.is_set():
            if (heard := self._client.hear(0.2)) is not None:
                self._take(heard)

    def wait(self, count: int, seconds: float) -> None:
        """Until this many tickets were heard of, or this long (without the time in which the machine was stopped); then
        a little longer, for what comes twice."""
        left = seconds
        while len(self.first) < count and left > 0:
            time.sleep(0.1)
            left -= 0.1
        time.sleep(2)
        self._leaving.set()
        self.join()
        self._client.close()

    def _take(self, heard: Heard) -> None:
        now = datetime.now(UTC)
        ticket, id_ = heard.event.data["ticket_id"], heard.event.id
        ids = self.ids.setdefault(ticket, set())
        self.again += id_ in ids
        ids.add(id_)
        self.first.setdefault(ticket, now)


def _snapshot() -> Snapshot:
    return read(TicketEvent, json.loads(SNAPSHOT.read_text(encoding="utf-8"))["data"]).data.ticket


def _ticket(snapshot: Snapshot, number: int, due: datetime) -> Ticket:
    """A ticket whose requester waits, its warning given, its breach due then."""
    shown = replace(snapshot, id=derived_id("bench", str(number)), number=f"{20_000_000 + number}")
    span = span_of(shown)
    (clock,) = clocks([span], shown.opened_at)
    deadline = Deadline(3, due, due - timedelta(hours=6), due + timedelta(days=2), "bench")
    return Ticket(shown.id, 1, shown, (span,), (Countdown(clock, deadline, warned=True),))


def _stored_form(store: Store) -> Document:
    """A timer as the chassis stores it: one is armed as a turn arms it, read, and removed."""
    arm = timers(_ticket(_snapshot(), 0, store.now() + timedelta(days=365)))["breach"]
    store.commit(Work("bench", store.now(), timers=[(arm, ArmedBy("bench", "bench"))]))
    row = store.timers.find_one_and_delete({"_id": arm.id})
    assert row is not None
    return dict(row)


def _far_timers(form: Document, count: int) -> Iterator[Document]:
    """Timers due between tomorrow and in thirty days."""
    dice, tomorrow = random.Random(11), datetime.now(UTC) + timedelta(days=1)
    for number in range(count):
        due = tomorrow + timedelta(seconds=dice.uniform(0, 29 * 86_400))
        yield {**form, "_id": derived_id("far", str(number)), "due": due, "about": f"far-{number}"}


def _write_due(database: Database[Document], form: Document, begin: datetime, count: int) -> dict[str, datetime]:
    """Tickets and timers due within a minute from `begin`; when, by ticket."""
    dice, snapshot = random.Random(12), _snapshot()
    moments = (begin + timedelta(milliseconds=dice.randrange(int(MINUTE * 1000))) for _ in range(count))
    tickets = [_ticket(snapshot, number, due) for number, due in enumerate(moments)]
    arms = [timers(ticket)["breach"] for ticket in tickets]
    _write(database, "tickets", map(to_document, tickets))
    _write(database, "timers", (_row(form, arm) for arm in arms))
    return {arm.about: arm.timer.due for arm in arms}


def _row(form: Document, arm: Arm) -> Document:
    data = document(arm.timer)
    return {**form, "_id": arm.id, "due": data.pop("due"), "about": arm.about, "data": data}


def _write(database: Database[Document], collection: str, rows: Iterator[Document]) -> None:
    into = database[collection].with_options(write_concern=WriteConcern(w=1))
    while batch := list(islice(rows, WRITTEN_AT_ONCE)):
        into.insert_many(batch, ordered=False)
