"""`casebus doctor` on a real desk: quiet while it is well, and every planted fault is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo import MongoClient

from contracts.names import DEAD, DESK, INTAKE, OPERATOR, SERVICES
from contracts.topology import BY_TYPE
from deploy.cli.doctor import examine
from deploy.cli.doctor.finding import Finding
from deploy.local.desk import Desk
from deploy.local.rabbitmq import ADMIN
from deploy.local.stack import Stack
from deploy.settings import Settings
from services.client.blocking import Client
from services.client.bus import Bus
from tests.system.client import Agent, Ledger, command, publish, submission

Databases = Callable[[str], Any]


def settings_of(stack: Stack, desk: Desk) -> Settings:
    known = {
        "AMQP_ADMIN": desk.amqp_url(ADMIN),
        "AMQP_OPERATOR": desk.amqp_url(OPERATOR),
        "AMQP_MANAGEMENT": stack.broker.management.url,
        "MONGO": desk.operator_mongo_url,
        "DB_PREFIX": desk.db_prefix,
        "ATTACHMENT_KEYS_FILE": str(stack.folder.attachment_keys()),
    }
    return Settings(known | {f"HEALTH_{name.upper()}_1": desk.health_url(name) for name in SERVICES}, None)


def examined(settings: Settings) -> list[Finding]:
    return list(examine.examine(settings, sleep=lambda _: None))


def wrong(settings: Settings) -> list[Finding]:
    return [finding for finding in examined(settings) if finding.level != "ok"]


@pytest.fixture
def busy(desk: Desk) -> Iterator[Desk]:
    """A desk that has an assigned ticket, one with a suggestion, and one that waits for somebody skilled for it."""
    desk.start_all((service, 1) for service in SERVICES)
    ledger = Ledger()

    def answer(ticket: Any) -> tuple[str, dict[str, Any]] | None:
        return ("ticket.suggest_solution", {"body": "Try again."}) if ticket["subject"].endswith("2") else None

    agent = Agent(desk.amqp_url("agent.a1"), "a1", ledger, 5, answer, skills=["technical"])
    with Client(desk.amqp_url("web")) as web, MongoClient[dict[str, Any]](desk.admin_mongo_url) as mongo:
        commands = [submission("ana", "1"), submission("ben", "2"), submission("cat", "3", category="billing")]
        publish(web, [command("web", "ticket.submit", data) for data in commands], ledger)
        sla = mongo[f"{desk.db_prefix}_sla"]["tickets"]
        wanted = {"assigned", "solution_suggested", "new"}
        ledger.wait(lambda: set(sla.distinct("newest.status")) == wanted, "sla to know all three")
        routing = mongo[f"{desk.db_prefix}_routing"]["tickets"]
        ledger.wait(lambda: set(routing.distinct("status")) == wanted, "routing to know all three")
    yield desk
    agent.close()


@pytest.fixture
def database(desk: Desk) -> Iterator[Databases]:
    """The databases, by service."""
    with MongoClient[dict[str, Any]](desk.admin_mongo_url, tz_aware=True) as client:
        yield lambda service: client[f"{desk.db_prefix}_{service}"]


def expect(found: list[Finding], *wanted: tuple[str, str, str]) -> None:
    """Each of these (level, where, part of what) is found."""
    missing = [
        finding
        for finding in wanted
        if not any((finding[0], finding[1]) == (each.level, each.where) and finding[2] in each.what for each in found)
    ]
    assert not missing, f"{missing} not among\n" + "\n".join(map(str, found))
    assert all(each.do for each in found if each.level != "ok")


def test_it_is_quiet_while_all_is_well_and_finds_each_fault(stack: Stack, busy: Desk, database: Databases) -> None:
    settings = settings_of(stack, busy)
    assert [(finding.where, finding.what) for finding in wrong(settings)] == []
    with _broken_broker(stack, busy):
        _break_the_indexes(database)
        found = wrong(settings)
    expect(
        found,
        ("error", "broker user sla", "Its permissions: configure is .*, should be ^$"),
        ("error", "broker user web", f"Its routing keys on {INTAKE} are not limited"),
        ("error", "broker user game", "Its tags are impersonator, not none"),
        ("error", "broker user console", "Its routing keys on helpdesk.desk are not limited"),
        ("warning", "broker users", "stranger_1 may use this desk's vhost"),
        ("error", "queue sla.events", "It does not hear ticket.# on helpdesk.events"),
        ("warning", "queue sla.events", "It hears sla.# on helpdesk.events"),
        ("error", f"queue {DEAD}", f"It does not hear # on {DEAD}"),
        ("warning", f"queue {DEAD}", f"It hears *.* on {DEAD}"),
        ("error", f"exchange {BY_TYPE[DESK]}", f"It does not hear # on {DESK}"),
        ("warning", f"exchange {INTAKE}", "It hears web.# on amq.topic"),
        ("error", "queue agent.a2.inbox", "It does not exist"),
        ("error", "queue agent.a3.inbox", "x-max-length is missing, should be 10000"),
        ("error", "exchange helpdesk.channels", "type is direct, should be topic"),
        ("error", "channel sla", "sla is also a name of the desk's own"),
        ("warning", f"queue {DEAD}", "There is 1 dead letter."),
        ("error", "collection intake.tickets", "Its unique index one_open_ticket_per_issue is missing"),
        (
            "error",
            "collection intake.handled",
            "Its index at_1 has other properties: expireAfterSeconds is 60, should be 1209600.",
        ),
        ("error", "collection sla.attempts", "It does not exist"),
    )
    for service in SERVICES:
        busy.terminate(service)
    nobodys = database("intake")["tickets"].find_one({"status": "new"})["number"]
    _break_the_books(database)
    expect(
        wrong(settings),
        *(("error", f"service {service} 1", "It does not answer") for service in SERVICES),
        ("error", "queue intake.commands", "Nobody reads it, and 0 messages wait."),
        ("error", "outbox of intake", "The messages of 1 turns are unsent"),
        (
            "error",
            "timers of notifications",
            "1 are due and have not fired, the oldest since 2026-01-02 00:00:00 UTC",
        ),
        ("warning", "attachments", "1 are in quarantine after 8 or more attempts to scan them"),
        ("warning", "notifications", "1 deliveries failed, the oldest of 2026-01-02"),
        ("error", "routing", "1 open in intake and unknown to routing"),
        ("error", "routing", "1 open in routing, but not in intake: ticket 00000009 (new)"),
        ("error", "routing", "1 without an agent, but not on the list of those that wait"),
        (
            "error",
            "routing",
            "agents whose stored load differs from the number of their tickets: agent a1 (7 stored, 0 counted)",
        ),
        ("warning", "routing", "1 agents with more tickets than their capacity: agent a9 (1 of 0)"),
        ("error", "routing", "1 with a reservation that has expired"),
        ("error", "routing", "1 different in routing and in intake"),
        ("error", "sla", "1 open in intake and unknown to sla"),
        ("error", "sla", "1 of different versions in sla and in intake"),
        ("error", "sla", "without timers that they should have"),
        ("warning", "sla", f"1 open and overdue, and without an agent: ticket {nobodys} (billing, due 2026-01-02"),
        ("warning", "sla", "with timers that they should not have"),
    )


@contextmanager
def _broken_broker(stack: Stack, desk: Desk) -> Iterator[None]:
    management, vhost = stack.broker.management, desk.name
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    management.put(f"/permissions/{vhost}/sla", everything)
    management.delete(f"/topic-permissions/{vhost}/web")
    for user, tags in (("stranger_1", ""), ("console", "impersonator"), ("game", "impersonator")):
        management.put(f"/users/{user}", {"password": stack.broker.password(user), "tags": tags})
    management.put(f"/permissions/{vhost}/stranger_1", everything)
    management.put(f"/permissions/{vhost}/console", everything)
    with Bus(desk.amqp_url(ADMIN)) as bus:
        bus.channel.queue_unbind("sla.events", "helpdesk.events", "ticket.#")
        bus.channel.queue_bind("sla.events", "helpdesk.events", "sla.#")
        bus.channel.queue_unbind(DEAD, DEAD, "#")
        bus.channel.queue_bind(DEAD, DEAD, "*.*")
        bus.channel.exchange_unbind(BY_TYPE[DESK], DESK, "#")
        bus.channel.exchange_bind(INTAKE, "amq.topic", "web.#")
        bus.channel.queue_delete("agent.a2.inbox")
        bus.channel.queue_delete("agent.a3.inbox")
        bus.channel.queue_declare("agent.a3.inbox", durable=True, auto_delete=False)
        bus.channel.exchange_delete("helpdesk.channels")
        bus.channel.exchange_declare("helpdesk.channels", "direct", durable=True, auto_delete=False)
        bus.channel.queue_declare("sla.outcomes", durable=True, auto_delete=False)
        bus.channel.queue_bind("sla.outcomes", "helpdesk.channels", "sla.#")
        bus.publish(DEAD, "intake.commands", b"x")
        bus.settle()
    yield
    # Users belong to the whole broker, other tests' too.
    management.put("/users/game", {"password": stack.broker.password("game"), "tags": ""})
    for user in ("stranger_1", "console"):
        management.delete(f"/users/{user}")


def _break_the_indexes(database: Databases) -> None:
    database("intake")["tickets"].drop_index("one_open_ticket_per_issue")
    database("intake")["handled"].drop_index("at_1")
    database("intake")["handled"].create_index("at", expireAfterSeconds=60)
    database("sla")["attempts"].drop()


def _break_the_books(database: Databases) -> None:
    """While no service runs that would repair some of it or act on it."""
    long_ago = datetime(2026, 1, 2, tzinfo=UTC)
    routing, sla = database("routing"), database("sla")
    database("intake")["outbox"].insert_one({"_id": "t:0", "turn": "t", "at": long_ago, "messages": []})
    timer = {"kind": "send", "about": "d", "data": {}, "fence": 9, "lease_until": long_ago, "due": long_ago}
    database("notifications")["timers"].insert_one(timer)
    scans = [{"_id": f"scan:r:{n}", "lane": "scanner", "about": "r", "data": {"tries": 8}} for n in (1, 2)]
    scans.append({"_id": "scan:q:1", "lane": "scanner", "about": "q", "data": {"tries": 7}})
    later = datetime(2126, 1, 2, tzinfo=UTC)
    database("intake")["timers"].insert_many([{**timer, "due": later, **scan} for scan in scans])
    database("notifications")["deliveries"].insert_one({"_id": "d", "status": "failed", "created_at": long_ago})
    waiting = routing["tickets"].find_one({"waiting": True})
    suggested = routing["tickets"].find_one({"status": "solution_suggested"})
    assigned = routing["tickets"].find_one({"status": "assigned"})
    routing["tickets"].insert_one({**waiting, "_id": "unknown", "number": "00000009"})
    routing["tickets"].update_one({"_id": waiting["_id"]}, {"$unset": {"waiting": 1}})
    routing["tickets"].delete_one({"_id": assigned["_id"]})
    over = {
        "agent": "a9",
        "assignment_seq": 0,
        "command_id": "c",
        "made_at": long_ago,
        "until": long_ago,
        "refused": False,
    }
    routing["tickets"].update_one({"_id": suggested["_id"]}, {"$set": {"agent": None, "reservation": over}})
    routing["agents"].update_one({"_id": "a1"}, {"$set": {"load": 7}})
    a1 = routing["agents"].find_one({"_id": "a1"})
    routing["agents"].insert_one({**a1, "_id": "a9", "load": 1, "capacity": 0})
    sla["tickets"].delete_one({"_id": assigned["_id"]})
    sla["tickets"].update_one({"_id": waiting["_id"]}, {"$set": {"watches.0.deadline.due_at": long_ago}})
    sla["tickets"].update_one({"_id": suggested["_id"]}, {"$inc": {"newest.version": -1}})
    sla["timers"].delete_one({"about": suggested["_id"], "kind": "auto_close"})


def test_what_cannot_be_reached_is_a_finding(stack: Stack, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine, "PATIENCE", 100)
    nowhere = {
        "AMQP_MANAGEMENT": "http://a:b@127.0.0.1:1",
        "MONGO": "mongodb://127.0.0.1:1/",
        "HEALTH_INTAKE_1": "http://127.0.0.1:1",
    }
    found = wrong(Settings({**settings_of(stack, desk).values, **nowhere}, None))
    expect(
        found,
        ("error", "broker", "RabbitMQ's management API does not answer"),
        ("error", "database", "It does not answer properly"),
        ("error", "service intake 1", "It does not answer at http://127.0.0.1:1"),
    )


def test_a_desk_that_never_ran_is_told_so(stack: Stack, desk: Desk) -> None:
    found = wrong(settings_of(stack, desk))
    expect(found, *(("warning", f"database of {service}", "It is empty") for service in SERVICES))
