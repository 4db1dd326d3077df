"""A whole desk under test: its service processes, its channels and agents, and the evidence that it leaves.

The page is docs/testing.md.
"""

from __future__ import annotations

import email
import math
import operator
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from email.policy import default as mail_policy
from typing import Any
from urllib.request import urlopen

import amqp
from pymongo import MongoClient

from contracts.names import AGENT_PREFIX, DEAD, EVENTS, SERVICES
from contracts.topology import QUEUES
from deploy.local.desk import Desk
from deploy.local.processes import Processes
from deploy.local.provision import AGENTS, CHANNELS
from deploy.local.rabbitmq import ADMIN
from deploy.local.stack import Stack
from deploy.mail import ARRIVALS
from services.client.blocking import Client
from services.client.bus import Bus
from tests.system.checker import problems
from tests.system.client import PATIENCE, Agent, Ledger, Listener, publish
from tests.system.evidence import Dead, Evidence, Heard
from tests.system.library import found_by
from tests.unlimited import UNLIMITED
from tests.waiting import wait

TAP = "tests.events"
"""A queue of the tests that gets a copy of every event."""

WORK_QUEUES = tuple(queue.name for queue in QUEUES if queue.name.split(".")[0] in SERVICES)

OWN_QUEUES = (
    *(f"{channel}.outcomes" for channel in CHANNELS),
    *(f"{AGENT_PREFIX}{agent}.inbox" for agent in AGENTS),
)


BATCH_OF_MAILS = 50
"""How many mails notifications hands in before it records that it did."""


class House:
    """One desk, with everything that the checker needs to know of it."""

    def __init__(self, stack: Stack, desk: Desk) -> None:
        self.stack = stack
        self.desk = desk
        desk.settings |= UNLIMITED
        self.ledger = Ledger()
        self.bad: set[str] = set()
        """Ids of messages that belong in `helpdesk.dead`."""
        self.mail_repeats = 0
        """How many mails may come once more (`BATCH_OF_MAILS` for each thing that dies or is cut off)."""
        self.searched_by: Sequence[str] = ()
        """Users who search for all articles whenever evidence is taken."""
        self._listeners: list[Listener] = []
        self._agents: list[Agent] = []
        self._events: list[Heard] = []
        self._dead: list[Dead] = []
        self._mongo: MongoClient[dict[str, Any]] = MongoClient(desk.admin_mongo_url, tz_aware=True)
        with self.bus(ADMIN) as bus:
            bus.channel.queue_declare(TAP, durable=True, auto_delete=False)
            bus.channel.queue_bind(TAP, EVENTS, "#")
        # As it comes, so that the broker need not keep all of it; what the listener leaves is taken with the evidence.
        self._tap = Listener(desk.amqp_url(ADMIN), TAP, TAP, self._events.append)
        for channel in CHANNELS:
            self._listeners.append(
                Listener(desk.amqp_url(channel), channel, f"{channel}.outcomes", self.ledger.note_heard)
            )

    def close(self) -> None:
        """Close the connections to broker and database; the fixture owns the desk itself."""
        for listener in (*self._listeners, self._tap):
            listener.close()
        self._mongo.close()

    # processes

    def start(self, **instances: int) -> None:
        """Run this many instances of each service; one of each if nothing is said, none for 0."""
        counts = dict.fromkeys(SERVICES, 1) | instances
        self.desk.start_all((service, n) for service, count in counts.items() for n in range(1, count + 1))

    def terminate(self, *instances: tuple[str, int]) -> list[int]:
        """SIGTERM to these (service, number); their exit codes."""
        pids = [self.desk.pid(service, n) or 0 for service, n in instances]
        assert all(pids), f"not all of {instances} run"
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        return [_exit_code(self.stack.processes, pid) for pid in pids]

    @contextmanager
    def frozen(self, service: str, n: int = 1) -> Iterator[None]:
        """An instance that is stopped (SIGSTOP) inside the block; it may be killed in there."""
        pid = self.desk.pid(service, n)
        assert pid is not None, f"{service} {n} does not run"
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            if self.desk.pid(service, n) == pid:
                os.kill(pid, signal.SIGCONT)

    # channels and agents

    def bus(self, user: str) -> Bus:
        """A connection as this broker user; the caller closes it."""
        return Bus(self.desk.amqp_url(user))

    def send(self, user: str, commands: Iterable[tuple[str, bytes]]) -> list[str]:
        """Publish commands on a connection of their own; returns their ids."""
        with Client(self.desk.amqp_url(user), within=PATIENCE) as client:
            return publish(client, commands, self.ledger)

    def send_at_once(self, shares: Iterable[tuple[str, list[tuple[str, bytes]]]]) -> None:
        """Publish these shares (user, commands) at once, each on a connection of its own."""
        threads = [threading.Thread(target=self.send, args=share) for share in shares]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def listen(self, user: str, queue: str) -> None:
        """From now on, hear what comes for `user` in one of their queues."""
        self._listeners.append(Listener(self.desk.amqp_url(user), user, queue, self.ledger.note_heard))

    def ask(self, user: str, command: tuple[str, bytes], patience: float = 60) -> dict[str, Any]:
        """Send one command and wait for its outcome: the event."""
        (id_,) = self.send(user, [command])
        self.ledger.wait(lambda: self.ledger.outcome(user, id_) is not None, f"outcome of {command[0]}", patience)
        heard = self.ledger.outcome(user, id_)
        assert heard is not None
        return heard.event

    def sign_on(self, agent_id: str, capacity: int, **how: Any) -> Agent:
        """An agent of the desk who listens from now on (`client.Agent`)."""
        agent = Agent(self.desk.amqp_url(AGENT_PREFIX + agent_id), agent_id, self.ledger, capacity, **how)
        self._listeners.append(agent)
        self._agents.append(agent)
        return agent

    @property
    def sent_ids(self) -> set[str]:
        """Ids of all commands that were sent."""
        return {sent.id for sent in self.ledger.sent}

    def wait_for_outcomes(self, patience: float = 60) -> None:
        """Until every command has an outcome."""
        self.ledger.wait(lambda: not self.ledger.unanswered(), "an outcome of each command", patience)

    def wait_for_messages(self) -> None:
        """Until the channels and agents have heard what is in their queues."""
        self.ledger.wait(lambda: not any(self.ready(*OWN_QUEUES).values()), "all messages heard")

    # evidence

    def ready(self, *queues: str) -> dict[str, int]:
        """Messages in these queues that nobody has in hand."""
        with self.bus(ADMIN) as bus:
            return {queue: bus.depth(queue) for queue in queues}

    def database(self, service: str) -> Any:
        """The database of a service, as root."""
        return self._mongo[f"{self.desk.db_prefix}_{service}"]

    def evidence(self) -> Evidence:
        """Everything that is known now."""
        self._take_events_and_dead()
        intake, routing, sla = self.database("intake"), self.database("routing"), self.database("sla")
        knowledge = self.database("knowledge")
        mails = [_read_mail(mail.read_bytes()) for mail in self.desk.mail_folder.glob("*.eml")]
        return Evidence(
            sent=list(self.ledger.sent),
            queues=self._left_in_queues(),
            tickets=list(intake["tickets"].find()),
            entries=list(intake["entries"].find({}, {"ticket_id": 1, "version": 1})),
            agents=list(routing["agents"].find()),
            routed=list(routing["tickets"].find()),
            timers=list(sla["timers"].find()),
            other_timers=[row for name in SERVICES if name != "sla" for row in self.database(name)["timers"].find()],
            deliveries=list(self.database("notifications")["deliveries"].find()),
            mails=[id_ for id_, _ in mails],
            mail_arrivals=dict(mails),
            mail_repeats=self.mail_repeats,
            outboxes=self._left_in_outboxes(),
            heard=list(self.ledger.heard),
            events=list(self._events),
            dead=list(self._dead),
            articles=list(knowledge["articles"].find()),
            article_versions=list(knowledge["versions"].find()),
            published=list(knowledge["published"].find()),
            tallies=list(knowledge["tallies"].find()),
            forms=list(knowledge["drafts"].find()),
            indexes={f"knowledge {n}": self._index(n) for n in self.desk.instances("knowledge")},
            asked=list(self.ledger.asked),
            found={user: self._finds(user) for user in self.searched_by},
            now=self._mongo.admin.command("hello")["localTime"].replace(tzinfo=UTC),
        )

    def assert_clean(self, patience: float = 60) -> Evidence:
        """Wait until the desk is at rest and in order, then stop it and look at what it leaves behind. Returns the
        evidence.

        A clean stop brings to light what somebody had in hand all the time.
        """
        latest: list[Evidence] = []

        def look() -> list[str]:
            latest[:] = [self.evidence()]
            return problems(latest[0], self.bad)[:20]

        self.wait_for_outcomes(patience)
        wait(self.unrest, "rest at the desk", operator.not_, patience=patience, every=0.5)
        wait(look, "a desk in order", operator.not_, patience=patience, every=1)
        evidence = latest[0]
        for agent in self._agents:
            agent.stop_beating()
        self.wait_for_outcomes(patience)
        codes = self.terminate(*((service, n) for service in SERVICES for n in self.desk.instances(service)))
        assert set(codes) <= {0}, f"exit codes of a clean stop: {codes}"
        self._take_events_and_dead()
        evidence = replace(evidence, queues=self._left_in_queues(), outboxes=self._left_in_outboxes(), dead=self._dead)
        _assert_none(problems(evidence, self.bad), "after a clean stop")
        return evidence

    def unrest(self) -> dict[str, Any]:
        """What keeps the desk from being at rest, by a few counts."""
        found: dict[str, Any] = {**self.ready(*WORK_QUEUES), **self._left_in_outboxes()}
        if not any(found.values()):  # these read whole collections, and would slow down a desk that works
            undone = self.database("notifications")["deliveries"].find({"status": {"$ne": "sent"}})
            found["deliveries"] = [f"{row['status']} {row['kind']} {row.get('reason')}" for row in undone.limit(5)]
            reserved = {"reservation": {"$exists": True}}
            found["reservations"] = self.database("routing")["tickets"].count_documents(reserved)
        return {name: count for name, count in found.items() if count}

    def _index(self, n: int) -> tuple[float, float]:
        """How many texts the index of an instance of knowledge holds, and its digest, as its metrics say."""
        try:
            with urlopen(f"{self.desk.health_url('knowledge', n)}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return math.nan, math.nan  # it is starting, or stands still
        said = dict(line.split() for line in lines if line.startswith("casebus_index_"))
        return float(said["casebus_index_texts"]), float(said["casebus_index_digest"])

    def _finds(self, user: str) -> set[tuple[str, str, int]]:
        with Client(self.desk.amqp_url(user), within=PATIENCE) as client:
            return found_by(client)

    def _left_in_outboxes(self) -> dict[str, int]:
        return {service: self.database(service)["outbox"].count_documents({}) for service in SERVICES}

    def _left_in_queues(self) -> dict[str, int]:
        return self.ready(*WORK_QUEUES, *OWN_QUEUES)

    def _take_events_and_dead(self) -> None:
        self._tap.close()
        with self.bus(ADMIN) as bus:
            for message in emptied(bus, TAP):
                self._events.append(Heard(TAP, bytes(message.body)))
            for message in emptied(bus, DEAD):
                headers: Mapping[str, Any] = message.headers or {}
                reason = headers.get("x-reason") or headers.get("x-first-death-reason") or "unroutable"
                id_ = message.properties.get("message_id", "")
                self._dead.append(Dead(id_, f"{reason} ({message.delivery_info['routing_key']})"))


def emptied(bus: Bus, queue: str) -> Iterator[amqp.Message]:
    """All messages of a queue, acknowledged when the last one is taken."""
    last = None
    count = bus.depth(queue)
    taken: list[amqp.Message] = []
    if count:
        bus.channel.basic_qos(0, 0, False)
        tag = bus.channel.basic_consume(queue, callback=taken.append)
        deadline = time.monotonic() + 30
        while len(taken) < count and time.monotonic() < deadline:
            bus.drain(0.5)
        bus.channel.basic_cancel(tag)
        last = taken[-1].delivery_tag if taken else None
    yield from taken
    if last is not None:
        bus.channel.basic_ack(last, multiple=True)


def _exit_code(processes: Processes, pid: int) -> int:
    """The exit code of a service that was told to end, waited for."""
    code = wait(
        lambda: processes.exit_code(pid),
        "the end of a service after SIGTERM",
        lambda code: code is not None,
        patience=30,
        every=0.01,
    )
    assert code is not None
    return code


def _read_mail(mail: bytes) -> tuple[str, int]:
    """The local part of a mail's Message-ID, which is the delivery's id, and how often it came."""
    message = email.message_from_bytes(mail, policy=mail_policy)
    return str(message["Message-ID"]).strip("<>").partition("@")[0], int(str(message[ARRIVALS]))


def _assert_none(found: list[str], when: str) -> None:
    assert not found, f"{when}: {len(found)} problems\n" + "\n".join(found[:20])
