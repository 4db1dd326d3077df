"""A burst on a real database, filed through two instances at once, and released; and a block that both know of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pymongo import MongoClient

from deploy.local.desk import Desk
from tests.integration.test_intake import Command, ask, outcomes, publish
from tests.unit.intake.desk import account, submission
from tests.waiting import wait

MEMBERS = [
    {"agent_id": "a1", "roles": ["agent"], "teams": ["money"], "skills": ["billing"]},
    {"agent_id": "a2", "roles": ["supervisor"], "teams": ["money"]},
]
MOST = 10
SENT = 60


@pytest.fixture
def staffed(desk: Desk, tmp_path: Path) -> Desk:
    """A desk with a supervisor, a2, and two instances of intake."""
    file = tmp_path / "staff.yaml"
    file.write_text(yaml.safe_dump({"members": MEMBERS}), encoding="utf-8")
    desk.settings |= {"CASEBUS_STAFF": str(file), "CASEBUS_BURST_ACCOUNTS": str(MOST)}
    desk.start_all([("intake", 1), ("intake", 2)])
    return desk


def held(desk: Desk) -> int:
    with MongoClient[dict[str, Any]](desk.admin_mongo_url) as client:
        return client[f"{desk.db_prefix}_intake"]["tickets"].count_documents({"held": True})


def test_two_instances_hold_all_of_a_burst_and_a_supervisor_releases_it(staffed: Desk) -> None:
    desk = staffed
    sent: list[Command] = [(f"s{n}", "ticket.submit", submission(account(f"b{n}"))) for n in range(SENT)]
    for part in range(0, SENT, 6):
        publish(desk, "web", sent[part : part + 6])
    opened = outcomes(desk, "web", "web.outcomes", SENT)
    assert {row.type for row in opened} == {"ticket.opened"}
    assert held(desk) == SENT
    number = opened[0].data["ticket"]["number"]
    released = ask(desk, "agent.a2", "r", "ticket.release", {"agent_id": "a2", "number": number, "burst": True})
    assert released.type == "command.accepted"
    wait(lambda: held(desk) == 0, "released")
    publish(desk, "web", [("after", "ticket.submit", submission(account("c")))])
    (after,) = outcomes(desk, "web", "web.outcomes", 1)
    assert "held" not in after.data["ticket"]


def test_a_blocked_requester_is_blocked_in_every_instance_and_let_in_again(staffed: Desk) -> None:
    desk = staffed
    named = {"agent_id": "a2", "account_id": "ann"}
    assert ask(desk, "agent.a2", "b", "requester.block", {**named, "reason": "Threatens."}).type == "command.accepted"
    sent: list[Command] = [(f"s{n}", "ticket.submit", submission(account("ann"), issue_key=f"i{n}")) for n in range(10)]
    publish(desk, "web", sent)
    assert {outcome.data["code"] for outcome in outcomes(desk, "web", "web.outcomes", 10)} == {"forbidden"}
    assert ask(desk, "agent.a2", "u", "requester.unblock", named).type == "command.accepted"
    publish(desk, "web", [("after", "ticket.submit", submission(account("ann")))])
    assert outcomes(desk, "web", "web.outcomes", 1)[0].type == "ticket.opened"
