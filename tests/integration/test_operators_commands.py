"""What an operator changes is a command on the bus: accepted, the same when repeated, refused for anybody else.

The command line's own database user may write nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import amqp
import pytest
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from contracts.envelope import Event, serialise
from contracts.names import OPERATOR, SERVICES, source_of
from contracts.topology import DESK
from deploy.cli.doctor import database as doctor
from deploy.local.desk import Desk
from deploy.local.stack import Stack
from services.chassis.database import open_database
from services.chassis.unit_of_work import Store
from services.client.blocking import Client
from services.intake.documents import erasure_document
from services.intake.domain.values.erasure import Erasure
from services.intake.repository import INDEXES as INTAKES
from services.notifications.domain.state import Delivery
from services.notifications.repository import INDEXES as NOTIFICATIONS
from services.notifications.repository import to_document
from tests.integration.test_intake import outcomes
from tests.raw_amqp import open_channel

NOW = datetime.now(UTC).replace(microsecond=0)
DELIVERY = Delivery("d1", "e1", "receipt", "00000042", "r1", "email", "failed", NOW, person="account:r1", text="Hello")
ERASURE = Erasure("e1", 4, ("account:zoe",), content=False, at=NOW, done=True)


@pytest.fixture(scope="module")
def running(stack: Stack) -> Iterator[Desk]:
    """A desk with a delivery that has failed and an erasure that is done, on which intake and notifications run."""
    desk = stack.other_desk("operators")
    desk.prepare()
    try:
        planted(desk, "notifications", NOTIFICATIONS, "deliveries", to_document(DELIVERY))
        planted(desk, "intake", INTAKES, "erasures", erasure_document(ERASURE))
        desk.settings_of["notifications"] = {"CASEBUS_SMTP": "smtp://127.0.0.1:1"}
        desk.start_all([("intake", 1), ("notifications", 1)])
        yield desk
    finally:
        desk.remove()


def asked(desk: Desk, type_: str, data: Mapping[str, Any], id_: str) -> Event:
    """The outcome that the operator hears of this command."""
    with Client(desk.amqp_url(OPERATOR)) as client:
        return client.command(type_, data, id_=id_).event


def rows(desk: Desk, service: str, collection: str) -> list[dict[str, Any]]:
    with MongoClient[dict[str, Any]](desk.operator_mongo_url, tz_aware=True) as client:
        return list(client[f"{desk.db_prefix}_{service}"][collection].find())


def planted(desk: Desk, service: str, indexes: Any, collection: str, document: dict[str, Any]) -> None:
    """In the service's database, before it runs."""
    database = open_database(desk.mongo_url(service), f"{desk.name}_{service}", "tests")
    Store(database, service).prepare(indexes)
    database[collection].insert_one(document)
    database.client.close()


def sends(desk: Desk) -> Any:
    """Since when the deliveries are tried: the time of the command that had them sent again."""
    return [row.get("tried_since") for row in rows(desk, "notifications", "deliveries")]


def sweeps(desk: Desk) -> Any:
    return [(row["version"], row.get("swept_at")) for row in rows(desk, "intake", "erasures")]


def rotations(desk: Desk) -> Any:
    return [row["begun_at"] for row in rows(desk, "intake", "rotations")]


COMMANDS = [
    ("notifications.resend", {"deliveries": ["d1"]}, sends),
    ("erasures.confirm_swept", {"erasures": ["e1"]}, sweeps),
    ("attachment_keys.rotate", {"key": "local"}, rotations),
]


@pytest.mark.parametrize(("type_", "data", "effects"), COMMANDS)
def test_a_command_of_the_operator_is_done_once_and_refused_for_anybody_else(
    running: Desk, type_: str, data: Mapping[str, Any], effects: Callable[[Desk], Any]
) -> None:
    before = effects(running)
    refused = as_somebody_else(running, "agent.a1", type_, data)
    assert (refused.type, refused.data["code"]) == ("command.rejected", "forbidden")
    assert effects(running) == before
    first = asked(running, type_, data, f"o-{type_}")
    assert (first.type, first.data, first.causationid) == ("command.accepted", {}, f"o-{type_}")
    after = effects(running)
    assert after != before
    again = asked(running, type_, data, f"o-{type_}")
    assert (again.id, again.type) == (first.id, first.type)
    assert effects(running) == after


@pytest.mark.parametrize(
    ("type_", "data", "field"),
    [
        ("notifications.resend", {"deliveries": ["nobody"]}, "deliveries.0"),
        ("notifications.resend", {"deliveries": []}, "deliveries"),
        ("notifications.resend", {}, "deliveries"),
        ("erasures.confirm_swept", {"erasures": ["nobody"]}, "erasures.0"),
        ("attachment_keys.rotate", {"key": "another"}, "key"),
    ],
)
def test_what_is_not_there_is_said_by_field(running: Desk, type_: str, data: Mapping[str, Any], field: str) -> None:
    refused = asked(running, type_, data, uuid.uuid4().hex)
    assert (refused.data["code"], list(refused.data["errors"])) == ("invalid", [field])


def as_somebody_else(desk: Desk, user: str, type_: str, data: Mapping[str, Any]) -> Event:
    """Sent by the operator's connection in the name of an agent, whom the broker would not let send it."""
    event = Event(uuid.uuid4().hex, type_, source_of(user) or "", NOW, data)
    with open_channel(desk.amqp_url(OPERATOR)) as publishing:
        message = amqp.Message(serialise(event), user_id=user, message_id=event.id, delivery_mode=2)
        publishing.basic_publish_confirm(message, exchange=DESK, routing_key=type_)
    (outcome,) = outcomes(desk, user, f"{user}.inbox", 1)
    return outcome


def test_the_command_lines_database_user_reads_everything_and_writes_nothing(desk: Desk) -> None:
    desk.start_all((service, 1) for service in SERVICES)
    with MongoClient[dict[str, Any]](desk.operator_mongo_url) as client:
        for service in SERVICES:
            database = client[f"{desk.db_prefix}_{service}"]
            assert "handled" in database.list_collection_names()
            assert database["handled"].find_one() is None
            writes: tuple[Callable[[Collection[dict[str, Any]]], object], ...] = (
                lambda handled: handled.insert_one({"_id": "1"}),
                lambda handled: handled.update_one({"_id": "1"}, {"$set": {"a": 1}}, upsert=True),
                lambda handled: handled.delete_many({}),
                lambda handled: handled.create_index("a"),
                lambda handled: handled.drop(),
                lambda handled: handled.database["another"].insert_one({}),
                lambda handled: list(handled.aggregate([{"$out": "another"}])),
            )
            for write in writes:
                assert refusal(partial(write, database["handled"])) == "Unauthorized"
        for command in (
            {"createUser": "mallory", "pwd": "x", "roles": []},
            {"grantRolesToUser": f"{desk.db_prefix}_{OPERATOR}", "roles": ["root"]},
            {"updateRole": f"{desk.db_prefix}_{OPERATOR}", "roles": ["root"]},
        ):
            assert refusal(partial(client.admin.command, command)) == "Unauthorized"
        assert refusal(lambda: client.admin["system.users"].find_one()) == "Unauthorized"
        assert not [found for found in doctor.check(client, desk.db_prefix) if found.level != "ok"]
    with MongoClient[dict[str, Any]](desk.admin_mongo_url) as client:
        (found,) = [found for found in doctor.check(client, desk.db_prefix) if found.level != "ok"]
        assert (found.level, found.what) == ("warning", "It may write, although the command line only reads.")


def refusal(work: Callable[[], object]) -> object:
    with pytest.raises(OperationFailure) as raised:
        work()
    return (raised.value.details or {}).get("codeName")


def test_a_database_that_takes_no_writes_is_found_without_writing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "WAIT", 300)
    with (
        MongoClient[dict[str, Any]](desk.operator_mongo_url) as reading,
        MongoClient[dict[str, Any]](desk.admin_mongo_url) as root,
    ):
        assert not list(doctor._majority(reading, desk.db_prefix))
        root.admin.command("fsync", lock=True)
        try:
            (found,) = doctor._majority(reading, desk.db_prefix)
        finally:
            root.admin.command("fsyncUnlock")
        assert (found.level, "cannot write to a majority" in found.what) == ("error", True)
