"""A desk for the model-based test: several instances of each service on the real database, and nothing that runs by
itself.

The turns, repositories and stores are the services' own. The network is in memory, the clock stands until the test
moves it, and an instance may die or be overtaken in the middle of a turn. Each commit is reported in the order in which
the database took it. The page is docs/testing.md.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pymongo.database import Database

from contracts.names import SERVICES
from services.chassis.database import DatabaseAway, Document, open_database
from services.chassis.outgoing import Outgoing
from services.chassis.questions import Questions
from services.chassis.reading import Delivery
from services.chassis.rules import Rules
from services.chassis.settings import Settings
from services.chassis.timers import claim_timers
from services.chassis.turn import UNSENT_AFTER, Turn
from services.chassis.unit_of_work import Store, Work
from services.client.core import question
from services.intake.queries.personal import ERASURES
from services.notifications.attempting import Attempting, is_attempt
from services.notifications.domain.decide import decide as decide_notification
from services.notifications.domain.state import Outcome, Policy
from services.notifications.repository import Repository
from services.notifications.senders import Addressed
from services.notifications.templates import Templates
from tests.model.agents import ABSENT_AFTER, STAFF_FILE
from tests.model.network import Network, decoded

HERE = Path(__file__).parent
MODULES = {name: import_module(f"services.{name}.service") for name in SERVICES}
INSTANCES = 2
"""Of each service."""

BEGINNING = datetime(2035, 1, 1, 9, tzinfo=UTC)
"""Ahead of the database's own clock, which would delete what expires by its TTL indexes."""

LEASE = timedelta(seconds=2)

DEATHS_AT_MOST = 5
"""A longer message would be taken for one that kills its consumers, and dead-lettered."""

WORDING = Templates(None)

Fault = Literal["", "dies before the commit", "dies after the commit", "dies while publishing", "loses the answer"]
FAULTS: tuple[Fault, ...] = (
    "dies before the commit",
    "dies after the commit",
    "dies while publishing",
    "loses the answer",
)


Databases: TypeAlias = Mapping[str, Sequence[Database[Document]]]
"""By service, a handle for each of its instances."""

Committed: TypeAlias = Callable[[str, Work, Sequence[Delivery], bool], None]
"""Told of each commit: the service, what was stored, the messages of its turn, and whether another instance stored
something between what the turn read and this."""


class Died(BaseException):
    """The instance has died, whatever it was about to catch."""


@dataclass
class Clock:
    """What the database's clock is taken to say."""

    now: datetime = BEGINNING


class ModelStore(Store):
    """The chassis's store, on the test's clock, with what happens to its instance at the next commit."""

    def __init__(self, database: Database[Document], service: str, clock: Clock, committed: Committed) -> None:
        super().__init__(database, service)
        self._service = service
        self._set_clock = clock
        self._committed = committed
        self.in_hand: Sequence[Delivery] = ()
        self.fault: Fault = ""
        self.meanwhile: Callable[[], None] | None = None
        """What another instance does between what this one read and what it writes."""

    def now(self) -> datetime:
        """The test's clock."""
        return self._set_clock.now

    def commit(self, work: Work) -> None:
        """Store it, unless this instance dies first."""
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        if self.fault == "dies before the commit":
            raise Died
        super().commit(work)
        if not work.is_empty():
            self._committed(self._service, work, self.in_hand, meanwhile is not None)
        if any(write.collection == ERASURES for write in work.writes):
            # An erasure takes what was filed in its own moment along, so it does not end within that moment.
            self._set_clock.now += timedelta(milliseconds=1)
        if self.fault == "dies after the commit":
            raise Died
        if self.fault == "loses the answer":
            self.fault = ""
            raise DatabaseAway("the answer was lost")


@dataclass
class ModelPublisher:
    """Publishes into the network at once; dies after the first message if it is to."""

    user: str
    network: Network
    dies: bool = False

    def publish(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """All reach somebody, or the dead letters."""
        for message in messages:
            self.network.publish(self.user, message)
            if self.dies:
                raise Died
        return []


@dataclass
class Post:
    """A mail server that takes everything."""

    mails: list[Addressed] = field(default_factory=list)

    def send(self, deliveries: Sequence[Addressed], now: datetime) -> dict[str, Outcome]:
        """Taken."""
        self.mails += deliveries
        return {delivery.id: Outcome("accepted") for delivery, _ in deliveries}


@dataclass
class Answers:
    """Takes the answers to questions."""

    came: list[Outgoing] = field(default_factory=list)

    def publish(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """Taken."""
        self.came += messages
        return []


@dataclass
class Instance:
    """One process of a service, without what the test does not need."""

    service: str
    rules: Rules[Any]
    turn: Turn[Any]
    store: ModelStore
    publisher: ModelPublisher


@dataclass
class ModelDesk:
    """All instances of the services that have `databases`, which are empty."""

    databases: Databases
    committed: Committed
    clock: Clock = field(default_factory=Clock)
    network: Network = field(init=False)
    post: Post = field(default_factory=Post)
    broken: AssertionError | None = None
    """What was wrong with a commit. A turn would take it for a failure of its own, so its instance dies of it."""
    deaths: int = 0
    """Of instances, or lost answers of the database."""
    unsettled: bool = False
    """Somebody died, and what they left unsent has not been swept since."""

    def __post_init__(self) -> None:
        self.network = Network(self.databases)
        self.instances = {(service, n): self._made(service, n) for service in self.databases for n in range(INSTANCES)}

    def _made(self, service: str, n: int) -> Instance:
        database = self.databases[service][n]
        store = ModelStore(database, service, self.clock, self._judged)
        publisher = ModelPublisher(service, self.network)
        rules = self._rules(service, database)
        turn = Turn(service, rules, store, publisher, sleep=lambda _: None)
        return Instance(service, rules, turn, store, publisher)

    def _judged(self, service: str, work: Work, in_hand: Sequence[Delivery], overtaken: bool) -> None:
        try:
            self.committed(service, work, in_hand, overtaken)
        except AssertionError as error:
            self.broken = self.broken or error
            raise Died from error

    def _rules(self, service: str, database: Database[Document]) -> Rules[Any]:
        if service != "notifications":
            rules: Rules[Any] = MODULES[service].rules(settings_of(service), database)
            return replace(rules, gate=None)  # for speed alone, and an instance that is overtaken here stands within
        policy = Policy()
        repository = Repository(database, WORDING, policy)
        attempting = Attempting(repository, policy, self.post)
        return Rules(repository, decide_notification, prepare=attempting.prepare, needs_preparing=is_attempt)

    def deliver(
        self,
        queue: str,
        places: Sequence[int],
        n: int = 0,
        fault: Fault = "",
        meanwhile: Callable[[], None] | None = None,
    ) -> None:
        """The `n`-th instance of the queue's service takes the messages at these places in one turn."""
        service = queue.split(".")[0]
        deliveries = self.network.take(queue, places)
        if any(delivery.returns >= DEATHS_AT_MOST for delivery in deliveries):
            fault = ""
        with self._befalls(service, n, fault, deliveries, meanwhile) as instance:
            again = instance.turn.run(deliveries)
            assert not any(delivery.attempts for delivery in again), "a decision raised; the log above says where"
            self.network.acknowledge(
                [delivery for delivery in deliveries if not any(delivery is other for other in again)]
            )
            self.network.queues[queue] += again

    def ask(self, service: str, user: str, type_: str, data: Mapping[str, Any], n: int = 0) -> Mapping[str, Any]:
        """What the `n`-th instance answers to a question: the event."""
        asked, answers = question(user, type_, data), Answers()
        properties = {"user_id": user, "message_id": asked.id, "reply_to": f"{user}.answers"}
        instance = self.instances[service, n]
        questions = Questions(service, instance.rules, instance.store.now, answers)
        questions.run([Delivery(f"{service}.questions", asked.exchange, asked.routing_key, asked.body, properties)])
        (answer,) = answers.came
        return decoded(answer.body)

    def fire(self, service: str, n: int = 0, fault: Fault = "", meanwhile: Callable[[], None] | None = None) -> bool:
        """The `n`-th instance fires the timers that are due; False if no timer is due."""
        fired = False
        with self._befalls(service, n, fault, [], meanwhile) as instance:
            claimed = claim_timers(instance.store, timedelta(0), LEASE, f"{service} {n}", 200)
            fired = bool(claimed)
            if fired:
                instance.turn.run(timers=claimed)
        return fired

    def look_again(self, n: int = 0) -> None:
        """Routing looks again, as it does each second."""
        with self._befalls("routing", n, "", [], None) as instance:
            instance.turn.run()

    def sweep(self) -> bool:
        """Every service publishes what an instance that died has left unsent, some turns at a time; False if there was
        nothing."""
        swept = False
        for (_, n), instance in self.instances.items():
            instance.turn.sending.strike()
            left = instance.store.left_unsent(UNSENT_AFTER) if n == 0 else []
            if left:
                instance.turn.sending.sweep(left)
                swept = True
        return swept

    @contextmanager
    def _befalls(
        self,
        service: str,
        n: int,
        fault: Fault,
        deliveries: Sequence[Delivery],
        meanwhile: Callable[[], None] | None,
    ) -> Iterator[Instance]:
        instance = self.instances[service, n]
        self.deaths += bool(fault)
        instance.store.fault, instance.store.meanwhile, instance.store.in_hand = fault, meanwhile, deliveries
        instance.publisher.dies = fault == "dies while publishing"
        try:
            yield instance
        except Died:
            self.network.give_back(deliveries)
            self.unsettled = True
            self.instances[service, n] = self._made(service, n)
        else:
            instance.store.fault, instance.publisher.dies = "", False
            instance.store.meanwhile = None
        if self.broken is not None:
            raise self.broken

    def settle(self) -> None:
        """Until nothing is left to do at this time: everything delivered, fired, swept, and looked at again."""
        self.clock.now += UNSENT_AFTER + timedelta(seconds=1)  # leases and claims of dead instances are over
        for _ in range(60):
            swept = self.sweep()
            self._deliver_all()
            fired = [self.fire(service) for service in self.databases]
            if "routing" in self.databases:
                self.look_again()
            if swept or any(fired) or self.network.waiting:
                continue
            if not self._is_reserved():
                break
            self.clock.now += timedelta(seconds=1)  # a refused ticket is looked at again
        else:
            raise AssertionError("the desk does not settle")
        self.unsettled = False
        for instance in self.instances.values():
            instance.turn.sending.strike()

    def _deliver_all(self) -> None:
        for _ in range(50):
            waiting = {queue: held for queue, held in self.network.queues.items() if held}
            if not waiting:
                return
            before = self.network.waiting
            for queue, held in waiting.items():
                self.deliver(queue, range(len(held)))
            if self.network.waiting == before:
                for held in self.network.queues.values():
                    for delivery in held:
                        if delivery.waiting_since is not None:  # the news that it waits for do not come
                            delivery.waiting_since = time.monotonic() - 3600
        raise AssertionError(f"nobody gets done with {[held for held in self.network.queues.values() if held]}")

    def _is_reserved(self) -> bool:
        if "routing" not in self.databases:
            return False
        tickets = self.databases["routing"][0]["tickets"]
        return tickets.count_documents({"reservation": {"$exists": True}}, limit=1) > 0


def settings_of(service: str) -> Settings:
    """The service's settings; nobody connects to these addresses."""
    more: dict[str, dict[str, Any]] = {
        "intake": {
            "secret_key": "k" * 32,
            "attachment_keys": f"k1 {b64encode(bytes(32)).decode()}",
            "similar_from": 0.9,
            "ticket_messages": 1_000_000,
            "requester_messages": 1_000_000,
        },
        "routing": {"signed_off_after": ABSENT_AFTER.total_seconds()},
        "sla": {"calendars": HERE / "calendars.yaml"},
        "knowledge": {"knowledge": HERE / "knowledge.yaml"},
    }
    settings: Settings = MODULES[service].SETTINGS(
        amqp="amqp://no:body@nowhere",
        mongo="mongodb://nobody",
        catalogue=HERE / "catalogue.yaml",
        staff=STAFF_FILE,
        **more.get(service, {}),
    )
    return settings


@contextmanager
def databases(url: str, name: str, services: Sequence[str] = SERVICES) -> Iterator[Databases]:
    """Databases of their own for each service, a client for each instance, prepared; dropped in the end."""
    opened = {
        service: [open_database(url, f"{name}_{service}", "tests") for _ in range(INSTANCES)] for service in services
    }
    try:
        for service, (first, *_) in opened.items():
            Store(first, service).prepare(MODULES[service].INDEXES)
        yield opened
    finally:
        for first, *others in opened.values():
            first.client.drop_database(first.name)
            for database in (first, *others):
                database.client.close()


def emptied(opened: Databases) -> None:
    """Forget all that is stored; collections and indexes stay."""
    for first, *_ in opened.values():
        for collection in first.list_collection_names():
            first[collection].delete_many({})
