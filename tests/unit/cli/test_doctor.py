"""What the doctor says of faults that would be hard to plant in a real desk."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from contracts.names import SERVICES
from contracts.services import DECLARED, OwnQueue, Service
from deploy.cli.doctor import books, broker, database, services
from deploy.cli.doctor import examine as examining
from deploy.cli.doctor.broker import Held, growth, judge
from deploy.cli.doctor.finding import Finding
from deploy.settings import Settings
from services.routing.domain.state import Agent
from tests.unit.sla.stories import MONDAY, Desk, opened

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NODE = {"name": "rabbit@a", "running": True, "mem_alarm": False, "disk_free_alarm": False, "partitions": []}


def held(**more: Any) -> Held:
    depths = dict.fromkeys(broker.SERVICE_QUEUES, (0, 1))
    return replace(Held("3.10.8", [NODE], [], [], [], [], [], [], depths), **more)


def said(found: Iterator[Finding], where: str) -> list[str]:
    return [f"{finding.level}: {finding.what}" for finding in found if finding.where == where]


@pytest.mark.parametrize(
    ("node", "what"),
    [
        ({"running": False}, "error: It is not running."),
        ({"mem_alarm": True}, "error: It takes no messages because it is short of memory."),
        ({"disk_free_alarm": True}, "error: It takes no messages because it is short of disk space."),
        ({"partitions": ["rabbit@b"]}, "error: It is partitioned from rabbit@b."),
    ],
)
def test_a_node_in_trouble(node: dict[str, Any], what: str) -> None:
    assert said(judge(held(), "v"), "broker node rabbit@a") == []
    assert said(judge(held(nodes=[NODE | node]), "v"), "broker node rabbit@a") == [what]


@pytest.mark.parametrize(("version", "fine"), [("3.9.29", False), ("3.10.8", True), ("4.0.5", True)])
def test_a_broker_that_is_too_old(version: str, fine: bool) -> None:
    assert (said(judge(held(version=version), "v"), "broker") == []) is fine


def samples(*counts: int) -> dict[str, Any]:
    """As the API gives them: the newest first."""
    listed = [{"sample": count, "timestamp": n} for n, count in enumerate(counts)]
    return {"name": "sla.events", "messages": counts[-1], "messages_details": {"samples": listed[::-1]}}


@pytest.mark.parametrize(
    ("queue", "grown"),
    [
        (samples(0, 0, 500, 1500, 2000), 2000),
        (samples(0, 0, 0, 0, 2000), 0),
        (samples(1500, 2000, 2500, 2500), 0),
        (samples(2000, 2500, 3000, 2900), 0),
        (samples(0, 500, 800, 900), 0),
        ({"name": "sla.events", "messages": 5000}, 0),
    ],
)
def test_a_queue_that_grows(queue: dict[str, Any], grown: int) -> None:
    assert growth(queue) == grown
    found = said(
        judge(held(queues=[{**queue, "durable": True, "auto_delete": False, "arguments": {}}]), "v"), "queue sla.events"
    )
    assert any("It grows" in what for what in found) is (grown > 0)


def test_a_mailbox_that_is_nearly_full() -> None:
    made = {"durable": True, "auto_delete": False, "arguments": {}}
    mailbox = {"name": "web.outcomes", "messages": 80_000, **made}
    web = {"user": "web", "configure": "", "write": "", "read": ""}
    found = said(judge(held(queues=[mailbox], permissions=[web]), "v"), "queue web.outcomes")
    assert "warning: It holds 80,000 of at most 100,000 messages; when it is full, the oldest are lost." in found


def test_members_of_a_replica_set() -> None:
    members = [{"name": "a:1", "stateStr": "PRIMARY"}, {"name": "b:1", "stateStr": "RECOVERING"}]
    found = list(database.members({"members": members}))
    assert [(finding.level, finding.where) for finding in found] == [("error", "database member b:1")]


@pytest.mark.parametrize(
    ("apart", "what"),
    [
        (timedelta(seconds=1), []),
        (timedelta(seconds=90), ["warning: It is 90 s ahead of the database's."]),
        (timedelta(seconds=-5), ["warning: It is 5 s behind the database's."]),
    ],
)
def test_clocks(apart: timedelta, what: list[str]) -> None:
    assert said(database.clocks("x", NOW + apart, NOW), "clock of x") == what


def test_database_users() -> None:
    own = [{"user": name, "roles": [{"role": "readWrite", "db": f"c_{name}"}]} for name in SERVICES]
    root = {"user": "root", "roles": [{"role": "root", "db": "admin"}]}
    assert list(database.users([*own, root], "c")) == []
    greedy = {"user": "sla", "roles": [{"role": "readWrite", "db": "c_sla"}, {"role": "read", "db": "c_intake"}]}
    assert said(database.users([*own[:2], greedy, own[3]], "c"), "database user sla") != []
    assert said(database.users(own[1:], "c"), "database c_intake") == [
        "warning: No user has readWrite on it and on nothing else."
    ]


def test_only_what_is_found_twice_is_a_mistake() -> None:
    first = {(books.WRONG_LOAD, "agent a1"): "1 stored, 2 counted", (books.WRONG_LOAD, "agent a2"): ""}
    second = {(books.WRONG_LOAD, "agent a1"): "2 stored, 3 counted", (books.SLA_DIFFERS, "ticket 1"): ""}
    (finding,) = books.findings(first, second)
    assert "agent a1 (2 stored, 3 counted)" in finding.what
    assert "a2" not in finding.what


@pytest.mark.parametrize(
    ("agent", "signed_on", "hours", "said"),
    [
        (None, False, 7 * 24, [books.NOBODYS]),
        (None, False, 7 * 24 - 1, []),
        ("a1", False, 7 * 24, [books.WITH_WHO_IS_GONE]),
        ("a1", True, 7 * 24, []),
        ("a2", True, 7 * 24, [books.WITH_WHO_IS_GONE]),
    ],
)
def test_what_is_overdue_and_nobody_works_on(
    agent: str | None, signed_on: bool, hours: float, said: list[books.Kind]
) -> None:
    clocks = Desk()
    clocks.hear(opened())
    having = {"number": "00000001", "agent": None if agent is None else {"id": agent, "display_name": "A"}}
    ticket = {**having, "version": 1, "status": "new", "assignment_seq": 0}
    agents = {"a1": Agent("a1", "A1", signed_on=signed_on)}
    at = MONDAY + timedelta(hours=hours)
    kept = books.Books(at, {"t1": ticket}, {}, frozenset(), agents, {"t1": clocks.ticket}, {})
    found = {
        kind: how for kind, how in books.suspicions(kept).items() if kind[0] in (books.NOBODYS, books.WITH_WHO_IS_GONE)
    }
    assert [kind for kind, _ in found] == said
    assert all("general, due 20" in how for how in found.values())


def test_tickets_that_a_burst_held_are_shown() -> None:
    ticket = {"number": "10000001", "version": 1, "status": "new", "assignment_seq": 0, "agent": None, "held": True}
    seen = [books.suspicions(books.Books(NOW, {"t1": ticket}, {}, frozenset(), {}, {}, {})) for _ in range(2)]
    assert [finding.what for finding in books.findings(*seen) if finding.where == "intake"] == [
        "1 held as part of a burst of equal submissions, so no agent gets them: ticket 10000001 (new)."
    ]


def test_nothing_left_lying() -> None:
    assert [*books.unsent("intake", 0, None), *books.stuck("sla", 0, None, 0), *books.untold(0, None)] == []


@pytest.fixture
def unready() -> Iterator[str]:
    """A service that says it cannot work, on a machine whose clock is an hour late."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.end_headers()
            self.wfile.write(b"database away\n")

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string((datetime.now(UTC) - timedelta(hours=1)).timestamp())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_service_that_is_not_ready(unready: str) -> None:
    found = list(services.check({"HEALTH_SLA_2": unready}, timedelta()))
    assert said(iter(found), "service sla 2") == ["error: It is not ready: database away."]
    assert said(iter(found), "clock of service sla 2")[0].endswith("behind the database's.")


def test_the_command_line_stands_on_no_green_threads() -> None:
    """Eventlet says at each import that it is deprecated, to whoever types the command."""
    modules = ["deploy.cli.main", *(f"services.{service}.repository" for service in SERVICES)]
    program = f"import sys, {', '.join(modules)}; print('eventlet' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("False\n", "")


def test_a_wrong_declaration_is_named_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Service("greeter", (OwnQueue("greeter.news"),))
    monkeypatch.setattr(examining, "DECLARED", (*DECLARED, wrong))
    [found] = examining.examine(Settings({}, None))
    assert (found.level, found.where) == ("error", "declarations")
    assert found.what.startswith("Nothing comes into the queue greeter.news")
