"""Bad input of every kind, among good: each gets the contract's answer, none harms its neighbours, none is lost."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from amqp.exceptions import AccessRefused, PreconditionFailed

from contracts.envelope import CONTENT_TYPE
from contracts.names import DESK, INTAKE
from contracts.topology import LARGEST_TAKEN
from tests.system.client import command, submission
from tests.system.house import House

LONG = "x" * 70_000
GOOD = {
    **submission("ada", "order-1"),
    "subcategory": "crash",
    "fields": {"version": "7.1"},
    "refers_to": "10000001",
    "distinct_from": ["10000001"],
}
REPLY = {"requester": GOOD["requester"], "number": "99999999", "body": "Hello?"}
AGENTS_ANSWER = {"agent_id": "a1", "number": "99999999", "body": "Try again."}
SIGN_ON = {"agent_id": "a1", "display_name": "Ann", "capacity": 5, "skills": ["*"]}
REQUIRED = {
    "ticket.submit": (GOOD, ("requester", "category", "subject", "body")),
    "ticket.reply": (REPLY, ("requester", "number", "body")),
    "ticket.suggest_solution": (AGENTS_ANSWER, ("agent_id", "number", "body")),
    "agent.sign_on": (SIGN_ON, ("agent_id", "display_name", "capacity", "skills")),
}


def wrong_fields() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Type, field at fault, data: each required field missing, each field of the wrong type, each text too long."""
    for type_, (good, required) in REQUIRED.items():
        for name in required:
            yield type_, name, {other: value for other, value in good.items() if other != name}
        for name, value in good.items():
            yield type_, name, {**good, name: 42 if not isinstance(value, int) else "many"}
            yield type_, name, {**good, name: None if name in required else [LONG]}
            if isinstance(value, str):
                yield type_, name, {**good, name: LONG}
                yield type_, name, {**good, name: ""}


def test_every_wrong_field_is_named_and_no_neighbour_is_harmed(house: House) -> None:
    """All of it at once, a good submission after each: the same turns hold good and bad."""
    house.start()
    expected: dict[str, tuple[str, str]] = {}
    batches: dict[str, list[tuple[str, bytes]]] = {"web": [], "agent.a1": []}
    cases = list(wrong_fields())
    for type_, name, data in cases:
        user = "agent.a1" if "agent_id" in REQUIRED[type_][0] else "web"
        id_ = uuid.uuid4().hex
        expected[id_] = (user, name)
        batches[user].append(command(user, type_, data, id_))
    good = [command("game", "ticket.submit", submission(f"neighbour-{n}", "order-1")) for n in range(len(cases))]
    agent = house.sign_on("a1", capacity=3)
    house.send_at_once([*batches.items(), ("game", good)])
    evidence = house.assert_clean()

    assert len(cases) > 60
    for id_, (user, name) in expected.items():
        outcome = house.ledger.outcome(user, id_)
        assert outcome is not None
        data = outcome.event["data"]
        assert (outcome.type, data.get("code")) == ("command.rejected", "invalid"), (name, outcome.event)
        assert any(fault.split(".")[0] == name for fault in data["errors"]), (name, data)
    assert len(evidence.tickets) == len(good)
    assert agent.user == "agent.a1"


HALF = "(half a character)"


def halved(command: tuple[str, bytes]) -> tuple[str, bytes]:
    """With half a character, as JSON escapes it, in place of `HALF`: no encoder of ours would write it."""
    return command[0], command[1].replace(HALF.encode(), rb"\ud83d")


def test_each_other_fault_has_its_code(house: House) -> None:
    house.start()
    opened = house.ask("web", command("web", "ticket.submit", submission("ada", "order-1")))
    number = opened["data"]["ticket"]["number"]
    visitor = house.ask("web", command("web", "account.open_temporary", {"display_name": "Guest"}))["data"]
    house.sign_on("a1", capacity=1)
    house.sign_on("a2", capacity=1, skills=["billing"])
    house.ledger.wait(
        lambda: any(message.type == "ticket.assigned" for message in house.ledger.heard), "the ticket with a1"
    )

    ada, bo = GOOD["requester"], submission("bo", "order-1")["requester"]
    wrong = {"temporary": {"account_id": visitor["account_id"], "secret": visitor["secret"][::-1]}}
    nobody = {"temporary": {"account_id": "nobody", "secret": visitor["secret"]}}
    answer = {"agent_id": "a1", "number": number, "body": "Try again."}
    new = submission("ada", "order-2")
    faults = [
        ("web", "ticket.submit", [], "invalid", {}),
        ("web", "ticket.submit", "text", "invalid", {}),
        ("web", "ticket.submit", {**new, "category": "lost-umbrellas"}, "unknown_category", {}),
        ("web", "ticket.submit", {**new, "subcategory": "umbrellas"}, "invalid", {}),
        ("web", "ticket.submit", {**new, "fields": {"device": "Fridge"}}, "invalid", {}),
        ("web", "ticket.submit", {**new, "requester": wrong}, "unauthenticated", {}),
        ("web", "ticket.submit", {**new, "requester": nobody}, "unauthenticated", {}),
        ("web", "ticket.submit", {**new, "refers_to": "99999999"}, "unknown_ticket", {}),
        ("web", "ticket.reply", {**REPLY, "requester": ada}, "unknown_ticket", {}),
        ("web", "ticket.reply", {**REPLY, "number": number, "requester": bo}, "forbidden", {}),
        ("web", "ticket.view", {"requester": bo, "number": number}, "forbidden", {}),
        ("web", "ticket.answer_consent", {"requester": ada, "number": number, "granted": True}, "wrong_status", {}),
        ("web", "ticket.change_agent", {"requester": bo, "number": number, "reason": "?"}, "forbidden", {}),
        ("web", "ticket.submit", new, "forbidden", {"source": "/channels/game"}),
        ("web", "ticket.submit", new, "invalid", {"type": "ticket.teleport"}),
        ("web", "ticket.submit", new, "invalid", {"type": "ticket.assign"}),
        ("web", "ticket.submit", new, "invalid", {"subject": "x" * 201}),
        ("web", "ticket.submit", new, "invalid", {"subject": HALF}),
        ("web", "ticket.submit", {**new, "subject": HALF}, "invalid", {}),
        ("web", "ticket.submit", {**new, "fields": {"order": HALF}}, "invalid", {}),
        ("web", "ticket.submit", {**new, "requester": {**ada, "display_name": HALF}}, "invalid", {}),
        ("agent.a1", "ticket.suggest_solution", {**answer, "number": "99999999"}, "unknown_ticket", {}),
        ("agent.a1", "ticket.suggest_solution", {**answer, "expected_version": 1}, "conflict", {}),
        ("agent.a1", "ticket.suggest_solution", {**answer, "agent_id": "a2"}, "forbidden", {}),
        ("agent.a2", "ticket.suggest_solution", {**answer, "agent_id": "a2"}, "forbidden", {}),
        ("agent.a1", "agent.sign_on", {**SIGN_ON, "agent_id": "a2"}, "forbidden", {}),
        ("agent.a1", "ticket.start_work", {"agent_id": "a1", "number": "99999999"}, "unknown_ticket", {}),
    ]
    asked = []
    for user, type_, data, code, claims in faults:
        (id_,) = house.send(user, [halved(command(user, type_, data, **claims))])
        asked.append((user, id_, type_, claims, code))
    house.wait_for_outcomes()
    got = [(*question[2:4], house.ledger.outcome(*question[:2]).event["data"].get("code")) for question in asked]  # type: ignore[union-attr]
    assert got == [question[2:] for question in asked]
    fields = {"no\0such": "x", "$set": "y", HALF: "z"}
    odd = {**new, "unknown": {"$set": ["\0", HALF]}, "fields": fields, "body": "\0 😀 \u202e"}
    assert house.ask("web", halved(command("web", "ticket.submit", odd)))["type"] == "ticket.opened"
    first, _ = house.assert_clean().tickets
    assert first["version"] == 2


def test_what_nobody_can_be_answered_for_is_dead_lettered_whole(house: House) -> None:
    house.start(routing=0, sla=0, notifications=0)
    good = command("web", "ticket.submit", submission("ada", "order-1"))
    bodies = {
        "text": b"Hello, desk!",
        "nothing": b"",
        "no object": b"[]",
        "no event": b'{"hello": "desk"}',
        "not UTF-8": b'{"specversion": "1.0", "id": "\xff"}',
        "half": good[1][:-1],
        "nested": b"[" * 100_000,
        "another version": good[1].replace(b'"1.0"', b'"0.3"'),
        "no type": good[1].replace(b'"type"', b'"tripe"'),
    }
    with house.bus("web") as bus:
        for what, body in bodies.items():
            bus.publish(INTAKE, "ticket.submit", body, message_id=what, content_type=CONTENT_TYPE)
            bus.settle()
            house.send("web", [command("web", "ticket.submit", submission("ada", f"after {what}"))])
        bus.publish(INTAKE, "ticket.submit", good[1], message_id="nobody's", user_id=None)
        bus.settle()
    house.wait_for_outcomes()
    assert {outcome.type for outcome in house.ledger.heard} == {"ticket.opened"}

    house.bad = {*bodies, "nobody's"}
    house.start()
    evidence = house.assert_clean()
    assert all(dead.reason.endswith("(intake.commands)") for dead in evidence.dead)


def test_a_body_of_10_mb_is_answered_and_slows_nobody(house: House) -> None:
    house.start(routing=0, sla=0, notifications=0)
    large = submission("ada", "order-1", body="x" * 10_000_000)
    house.send_at_once(
        [
            ("web", [command("web", "ticket.submit", large, id_=f"large {number}") for number in range(5)]),
            (
                "game",
                [command("game", "ticket.submit", submission(f"bo {number}", "order-1")) for number in range(100)],
            ),
        ]
    )
    house.wait_for_outcomes()
    outcomes = [house.ledger.outcome("web", f"large {number}") for number in range(5)]
    assert [outcome.event["data"]["code"] for outcome in outcomes if outcome] == ["too_large"] * 5
    house.start()
    assert len(house.assert_clean().tickets) == 100


@pytest.mark.parametrize(
    ("exchange", "type_", "claimed", "refusal"),
    [
        (INTAKE, "ticket.submit", "game", PreconditionFailed),
        (INTAKE, "ticket.teleport", "web", AccessRefused),
        (INTAKE, "ticket.assign", "web", AccessRefused),
        (DESK, "ticket.close", "web", AccessRefused),
    ],
)
def test_the_broker_itself_refuses(
    house: House, exchange: str, type_: str, claimed: str, refusal: type[Exception]
) -> None:
    """A forged user_id (406), and what a channel may not write (403): the sender's AMQP channel is closed."""
    _, body = command("web", type_, submission("ada", "order-1"))
    with house.bus("web") as bus:
        bus.publish(exchange, type_, body, user_id=claimed, message_id="forged")
        with pytest.raises(refusal):
            bus.settle(10)
    assert house.ready("intake.commands") == {"intake.commands": 0}


def test_the_broker_takes_no_message_that_would_be_too_large_to_hold(house: House) -> None:
    _, body = command("web", "ticket.submit", submission("ada", "order-1", body="x" * LARGEST_TAKEN))
    with house.bus("web") as bus:
        bus.publish(INTAKE, "ticket.submit", body, message_id="huge")
        with pytest.raises(PreconditionFailed):
            bus.settle(10)
    assert house.ready("intake.commands") == {"intake.commands": 0}
