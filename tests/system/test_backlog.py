"""What must not wait behind a backlog of people's commands, and types that no service knows, on a real broker and
database.

Nothing is measured in seconds: what matters is that it comes while others still wait.
"""

from __future__ import annotations

import json
from typing import Any

from contracts.envelope import CONTENT_TYPE
from contracts.names import DESK, INTAKE, QUESTIONS
from deploy.local.rabbitmq import ADMIN
from tests.system.client import command, submission
from tests.system.house import House

WAITING = 2_000


def ask(house: House, user: str, key: str, question: tuple[str, bytes]) -> str:
    """Ask on a queue of the user's own, which is listened to from now on; returns the question's id."""
    _, body = question
    id_: str = json.loads(body)["id"]
    with house.bus(user) as bus:
        queue = f"{user}.asked"
        bus.channel.queue_declare(queue, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
        bus.publish(
            QUESTIONS, key, body, message_id=id_, content_type=CONTENT_TYPE, reply_to=queue, correlation_id="c1"
        )
        bus.settle()
        assert bus.returned == []
    house.listen(user, queue)
    return id_


def answer(house: House, user: str, id_: str) -> Any:
    house.ledger.wait(lambda: house.ledger.outcome(user, id_) is not None, f"an answer to {id_}")
    heard = house.ledger.outcome(user, id_)
    assert heard is not None
    return heard.event


def test_a_question_and_an_assignment_wait_for_no_backlog(house: House) -> None:
    ann = {"account_id": "ann", "display_name": "Ann", "tier": "standard"}
    house.start(routing=0, sla=0, notifications=0)
    number = house.ask("web", command("web", "ticket.submit", submission("ann", "order-1")))["data"]["ticket"]["number"]
    house.terminate(("intake", 1))
    house.send("web", (command("web", "ticket.submit", submission(f"bo-{n}", "order-1")) for n in range(WAITING)))
    house.start(routing=0, sla=0, notifications=0)
    house.ledger.wait(lambda: len(house.ledger.unanswered()) < WAITING, "intake at work")
    house.listen("agent.a1", "agent.a1.inbox")
    assignment = {
        "number": number,
        "agent": {"id": "a1", "display_name": "A1"},
        "assignment_seq": 0,
        "reason": "least loaded",
    }
    type_, body = command("routing", "ticket.assign", assignment)
    with house.bus("routing") as bus:
        bus.publish(DESK, type_, body, message_id=json.loads(body)["id"], content_type=CONTENT_TYPE)
        bus.settle()
    asked = ask(house, "web", "ticket.view", command("web", "ticket.view", {"requester": ann, "number": number}))
    viewed = answer(house, "web", asked)
    assert (viewed["type"], viewed["data"]["ticket"]["number"]) == ("ticket.viewed", number)
    answer(house, "agent.a1", json.loads(body)["id"])
    assert len(house.ledger.unanswered()) > 0, "all commands were answered before"
    # A staff's question, and that it is answered by the new state.
    seen = command("agent.a1", "ticket.view", {"agent_id": "a1", "number": number})
    assert answer(house, "agent.a1", ask(house, "agent.a1", "staff.ticket.view", seen))["data"]["ticket"]["agent"]
    house.wait_for_outcomes()
    handled = house.database("intake")["handled"]
    assert handled.count_documents({"_id": {"$regex": asked}}) == 0


NOBODYS = [
    ("web", INTAKE, "ticket.teleport"),
    ("web", INTAKE, "article.save"),
    ("web", INTAKE, "agent.sign_on"),
    ("agent.a1", DESK, "agent.promote"),
    ("agent.a1", DESK, "ticket.submit"),
]


def test_a_type_that_nobody_has_bound_still_gets_one_answer(house: House) -> None:
    """Garbage under such a type goes to the dead letters, with the reason."""
    house.start()
    house.listen("agent.a1", "agent.a1.inbox")
    sent = [(user, exchange, *command(user, type_, {})) for user, exchange, type_ in NOBODYS]
    with house.bus(ADMIN) as bus:  # the broker refuses it from anybody who has only their own rights
        for user, exchange, type_, body in sent:
            id_ = json.loads(body)["id"]
            bus.publish(exchange, type_, body, message_id=id_, user_id=user, content_type=CONTENT_TYPE)
            bus.publish(exchange, type_, b"?", message_id=f"no {type_}", user_id=user, content_type=CONTENT_TYPE)
        bus.settle()
    for user, _, _, body in sent:
        data = answer(house, user, json.loads(body)["id"])["data"]
        assert (data["code"], list(data["errors"])) == ("invalid", ["type"])
    house.bad = {f"no {type_}" for _, _, type_ in NOBODYS}
    evidence = house.assert_clean()
    assert len(evidence.dead) == len(NOBODYS)
    assert all(dead.reason.endswith("(intake.unknown)") for dead in evidence.dead)
    assert len(house.ledger.heard) == len(NOBODYS)
