"""A storm: thousands of requests from several channels, agents and requesters who answer, editors and readers of
articles, and faults in the middle of them, all from one seed. Afterwards the desk is judged as a whole.

`test_storm.py` has a short storm, `make soak` the long ones. The page is docs/testing.md.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit

from contracts.names import SERVICES
from deploy.local.mongodb import DATABASE
from deploy.local.rabbitmq import BROKER
from tests.system.crowd import AGENT_HEARS, CHANNELS, Channel, agents_answer, plan
from tests.system.evidence import Evidence
from tests.system.faults import Dealer, Fault, Hardness
from tests.system.house import BATCH_OF_MAILS, House
from tests.system.keeper import Keeper
from tests.system.library import EDITORS, READ_BY, STAFF_FILE, at_work
from tests.system.line import Lines
from tests.waiting import wait

CALM = 2.0
"""Seconds without a message after which nobody will react any more."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How large a storm is. `pace`: about this many requests a second while it lasts."""

    submissions: int
    pace: float
    edits: int
    """How often each editor does something to articles; `visits`: how many people of a channel read some."""
    visits: int
    agents: int
    capacity: int
    instances: tuple[int, ...]
    """How many of each service; drawn for each."""
    hardness: Hardness
    patience: float
    """Seconds without progress after which the desk is given up: it has to settle after the faults."""


SHORT = Scale(
    submissions=600,
    pace=100,
    edits=14,
    visits=20,
    agents=4,
    capacity=40,
    instances=(1, 2),
    hardness=Hardness(
        outage=(0, 0.5), freeze=(1, 3), long_freeze=6, hang=(0.5, 2), slow=(2, 4), delay=(0.01, 0.05), rounds=1
    ),
    patience=90,
)
LONG = Scale(
    submissions=10_000,
    pace=120,
    edits=120,
    visits=200,
    agents=12,
    capacity=40,
    instances=(1, 2, 2, 3),
    hardness=Hardness(
        outage=(0, 6), freeze=(3, 25), long_freeze=120, hang=(2, 35), slow=(8, 15), delay=(0.01, 0.2), rounds=3
    ),
    patience=180,
)


def storm(house: House, seed: int, scale: Scale, say: Callable[[str], None]) -> Evidence:
    """Run one storm on a desk on which nothing runs yet, and judge it. `say` gets a line for each fault.

    Raises AssertionError with everything that is wrong.
    """
    began = time.monotonic()

    def tell(line: str) -> None:
        say(f"{time.monotonic() - began:6.1f} s  {line}")

    with ExitStack() as closing:
        lines = _lines(house, random.Random(f"lines {seed}"))
        closing.callback(lines.close)
        house.desk.settings["CASEBUS_STAFF"] = str(STAFF_FILE)
        dice = random.Random(f"instances {seed}")
        counts = {service: dice.choice(scale.instances) for service in SERVICES}
        keeper = Keeper(house, counts)
        closing.callback(keeper.close)  # a failed storm leaves nobody behind who starts services again
        tell(", ".join(f"{service} ×{count}" for service, count in counts.items()) + f"; by lines: {len(lines.ports)}")
        agents = [
            house.sign_on(f"a{number}", scale.capacity, answer=agents_answer, hears=AGENT_HEARS)
            for number in range(1, scale.agents + 1)
        ]
        dealer = Dealer(house, keeper, lines, agents, scale.hardness, seed)
        blows, ailments = dealer.blows(), dealer.ailments()
        # A fault may hit several at once, or twice.
        house.mail_repeats = 2 * BATCH_OF_MAILS * max(counts.values()) * (len(blows) + len(ailments))
        planned = plan(seed, scale.submissions)
        house.bad |= {request.id for request in planned if request.bad}
        gate = _Gate(len(planned), len(blows))
        channels = [
            Channel(house.desk.amqp_url(name), name, share, house.ledger, gate.share(len(share)), seed, scale.pace / 3)
            for name in CHANNELS
            if (share := [request for request in planned if request.channel == name])
        ]
        people = at_work(house.desk.amqp_url, house.ledger, seed, scale.edits, scale.visits, gate.share)
        with ThreadPoolExecutor(1) as other_hand:
            ailing = other_hand.submit(_deal_ailments, ailments, tell)
            for fault in blows:
                wait(
                    lambda: sum(channel.sent for channel in channels),
                    "the channels send",
                    lambda sent: sent >= gate.midway,
                    patience=scale.patience,
                )
                tell(fault.what)
                fault.deal()
                gate.open()
            ailing.result()
        wait(
            lambda: sum(channel.sent for channel in channels),
            "all is sent",
            lambda sent: sent == len(planned),
            patience=scale.patience,
        )
        keeper.settle()
        tell("the faults are over")
        for person in people:
            person.wait(scale.patience)
        house.searched_by = (EDITORS[0], READ_BY[0])
        wait_until_calm(house, scale.patience)
        tell("all is answered, nobody says anything any more")
        for channel in channels:
            channel.close()
        evidence = house.assert_clean(scale.patience)
        assert not keeper.problems, "\n".join(keeper.problems)
        errors = errors_logged(house)
        assert not errors, "logged as errors:\n" + "\n".join(errors[:20])
    tell(
        f"{len(evidence.tickets)} tickets, {len(evidence.sent)} commands, {len(evidence.events)} events,"
        f" {len(evidence.deliveries)} notifications, {len(evidence.article_versions)} versions of articles,"
        f" {len(evidence.asked)} answers about them: in order"
    )
    return evidence


def errors_logged(house: House) -> list[str]:
    """What the services' logs say at level ERROR or above, and what they print that is not a log line."""
    found = []
    for service in SERVICES:
        for log in house.desk.logs(service):
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
                if line.startswith("casebus: "):
                    continue  # it could not start and said why
                try:
                    entry = json.loads(line)
                except ValueError:
                    found.append(f"{log.name}: {line}")
                    continue
                if entry.get("level") in ("ERROR", "CRITICAL"):
                    found.append(f"{log.name}: {line}")
    return found


class _Gate:
    """Lets the channels send only as much as the dealt faults allow, so that each fault finds them in the middle of
    it."""

    def __init__(self, planned: int, faults: int) -> None:
        self._planned = planned
        self._parts = faults + 1
        self._opened = 1

    @property
    def midway(self) -> int:
        """How many have to be sent before the next fault."""
        return int(self._planned * (self._opened - 0.7) / self._parts)

    def open(self) -> None:
        """A fault has been dealt."""
        self._opened += 1

    def share(self, count: int) -> Callable[[], int]:
        """How many of its `count` a channel may have sent by now."""
        return lambda: count * self._opened // self._parts


def _lines(house: House, dice: random.Random) -> Lines:
    """Connect some of the services to broker and database through lines of ours; the others connect as in
    production."""
    on_lines = sorted(dice.sample(SERVICES, dice.choice((2, 3, 4))))
    ports = {BROKER: urlsplit(house.desk.amqp_url("intake")).port, DATABASE: urlsplit(house.desk.admin_mongo_url).port}
    lines = Lines({f"{service} {server}": ports[server] or 0 for service in on_lines for server in ports})
    for service in on_lines:
        amqp, mongo = urlsplit(house.desk.amqp_url(service)), urlsplit(house.desk.mongo_url(service))
        amqp_line, mongo_line = lines.ports[f"{service} {BROKER}"], lines.ports[f"{service} {DATABASE}"]
        house.desk.settings_of[service] = {
            "CASEBUS_AMQP": f"amqp://{amqp.username}:{amqp.password}@127.0.0.1:{amqp_line}{amqp.path}",
            # Otherwise the driver would ask the replica set where it is, and go there.
            "CASEBUS_MONGO": f"mongodb://{mongo.username}:{mongo.password}@127.0.0.1:{mongo_line}/admin"
            "?directConnection=true",
        }
    return lines


def _deal_ailments(faults: list[Fault], tell: Callable[[str], None]) -> None:
    for fault in faults:
        tell(fault.what)
        fault.deal()


def wait_until_calm(house: House, patience: float) -> None:
    """Until everything is answered and nobody has said anything for a while: then nobody will react to anything."""
    moved_at, before = time.monotonic(), -1
    rested_at: float | None = None
    while rested_at is None or time.monotonic() - rested_at < CALM:
        now = len(house.ledger.heard) + len(house.ledger.sent)
        if now != before:
            moved_at, before, rested_at = time.monotonic(), now, None
        unrest, unanswered = house.unrest(), house.ledger.unanswered()
        if unrest or unanswered:
            rested_at = None
            assert time.monotonic() - moved_at < patience, (
                f"nothing has moved for {patience:.0f} s: {unrest}, unanswered {unanswered[:5]}"
            )
        elif rested_at is None:
            rested_at = time.monotonic()
        time.sleep(0.5)
