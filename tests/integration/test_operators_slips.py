"""What an operator may get wrong with the database: messages wait, or the service does not start; none is
dead-lettered."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pymongo import MongoClient

from contracts.topology import DEAD
from deploy.local import programs
from deploy.local.desk import Desk
from deploy.local.folder import Folder
from services.chassis.database import DatabaseRefuses, open_database
from services.chassis.turn import TRIES
from services.chassis.unit_of_work import Store
from tests.integration.test_hostile_senders import submit
from tests.integration.test_intake import PATIENCE, outcomes
from tests.raw_amqp import open_channel
from tests.waiting import wait


def test_messages_wait_for_a_user_who_may_not_write_any_more(desk: Desk) -> None:
    desk.start("intake")
    user = f"{desk.db_prefix}_intake"
    with MongoClient[dict[str, Any]](desk.admin_mongo_url) as root:
        root.admin.command("updateUser", user, roles=[])
        submit(desk, "web", "early")
        assert "refuses the service's user" in readiness(desk, 503)
        waited(desk, TRIES + 1)
        root.admin.command("updateUser", user, roles=[{"role": "readWrite", "db": user}])
    submit(desk, "web", "late")
    assert {event.causationid for event in outcomes(desk, "web", "web.outcomes", 2)} == {"early", "late"}
    assert readiness(desk, 200) == "ok"
    with open_channel(desk.amqp_url("casebus_admin")) as channel:
        assert channel.queue_declare(DEAD, passive=True).message_count == 0


def readiness(desk: Desk, status: int) -> str:
    """What /readyz says as soon as it has that status."""
    return told(desk, "/readyz", lambda found, _: found == status)


def waited(desk: Desk, times: int) -> None:
    """Wait until a turn has waited for the database this often."""
    count = re.compile(r'^casebus_away_total{what="database"} ([0-9.]+)$', re.MULTILINE)
    told(desk, "/metrics", lambda _, said: (found := count.search(said)) is not None and float(found[1]) >= times)


def told(desk: Desk, path: str, enough: Callable[[int, str], bool]) -> str:
    """What intake says there as soon as status and words are `enough`."""

    def ask() -> tuple[int, str]:
        connection = HTTPConnection(urlsplit(desk.health_url("intake")).netloc, timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode().strip()

    _, said = wait(ask, f"what is awaited at {path}", lambda answer: enough(*answer), patience=PATIENCE, every=0.1)
    return said


@pytest.fixture
def standalone(tmp_path: Path) -> Iterator[str]:
    """The URL of a database server that is not a replica set."""
    port = Folder(tmp_path / "ports").port("mongo")
    command = [
        programs.mongod(print),
        "--bind_ip",
        "127.0.0.1",
        "--port",
        str(port),
        "--dbpath",
        str(tmp_path),
        "--quiet",
    ]
    server = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL)
    try:
        yield f"mongodb://127.0.0.1:{port}/?directConnection=true"
    finally:
        server.kill()
        server.wait()


def test_a_database_without_transactions_is_refused_at_once(standalone: str) -> None:
    """Otherwise each message would fail by itself, and be dead-lettered as one that cannot be decided."""
    with pytest.raises(DatabaseRefuses, match="replica set"):
        Store(open_database(standalone, "casebus_intake", "test"), "intake").prepare({})
