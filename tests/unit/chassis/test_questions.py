"""Answering questions, on fakes: only at `reply_to`, at most once, and nothing is stored."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.topology import ASKED_WITHIN, INTAKE, QUESTIONS
from services.chassis import telemetry
from services.chassis.database import Conflict, DatabaseAway
from services.chassis.decision import Answer, Decision, Message, Say
from services.chassis.questions import AT_ONCE, Questions
from services.chassis.reading import LARGEST, Delivery
from services.chassis.rules import Preparation, Rules
from services.chassis.unit_of_work import Write
from tests.fakes import FakePublisher, toy

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
REQUESTER = {"account_id": "ann", "display_name": "Ann", "tier": "standard"}


class Nothing:
    def apply(self, change: Any) -> None:
        raise AssertionError("a question changes nothing")


@dataclass
class Repository:
    trouble: list[Exception] = field(default_factory=list)
    loaded: list[int] = field(default_factory=list)

    def load(self, messages: Sequence[Message[Any]], now: datetime) -> Nothing:
        self.loaded.append(len(messages))
        if self.trouble:
            raise self.trouble.pop(0)
        if any(message.data.number == "66666666" for message in messages):
            raise RuntimeError("cannot load")
        return Nothing()

    def writes(self, view: Nothing) -> list[Write]:
        raise AssertionError("a question is stored nowhere")


def decide(view: Nothing, message: Message[Any], now: datetime) -> Decision:
    match message.data.number:
        case "00000000":
            raise ValueError("cannot decide")
        case "00000001":
            return Decision(answer=Answer("command.rejected", toy(code="forbidden")), waits=timedelta(seconds=3))
        case "00000002":
            return Decision(answer=Answer("ticket.viewed", toy()), said=[Say("x", "x", "x", toy())])
    return Decision(answer=Answer("ticket.viewed", toy(number=message.data.number)))


def question(number: str = "10000001", user: str = "web", **properties: Any) -> Delivery:
    staff = user.startswith("agent.")
    who = {"agent_id": user.removeprefix("agent.")} if staff else {"requester": REQUESTER}
    event = {
        "specversion": "1.0",
        "id": f"q-{number}",
        "type": "ticket.view",
        "source": f"/agents/{who['agent_id']}" if staff else f"/channels/{user}",
        "time": "2026-01-05T12:00:00Z",
        "data": {**who, "number": number},
    }
    given = {"user_id": user, "reply_to": f"{user}.replies", "correlation_id": "c1", **properties}
    key = "staff.ticket.view" if staff else "ticket.view"
    return Delivery("intake.questions", QUESTIONS, key, json.dumps(event).encode(), given)


@dataclass
class Bench:
    repository: Repository = field(default_factory=Repository)
    publisher: FakePublisher = field(default_factory=FakePublisher)
    put_off: set[str] = field(default_factory=set)

    def run(self, *deliveries: Delivery) -> list[Delivery]:
        rules = Rules(self.repository, decide, prepare=self._prepare)
        return Questions("intake", rules, lambda: NOW, self.publisher).run(deliveries)

    def _prepare(self, messages: Sequence[Message[Any]], now: datetime) -> Preparation[Any]:
        return Preparation(self.repository.load, self.put_off)

    def answers(self) -> list[tuple[str, str]]:
        return [(message.routing_key, json.loads(message.body)["type"]) for message in self.publisher.published]

    def codes(self) -> list[Any]:
        return [json.loads(message.body)["data"].get("code") for message in self.publisher.published]


def counted(became: str) -> float:
    return telemetry.QUESTIONS.labels(became)._value.get()  # type: ignore[no-any-return]


def test_a_question_is_answered_at_its_reply_to_alone() -> None:
    bench = Bench()
    assert bench.run(question(), question("10000002", "agent.a1")) == []
    assert bench.answers() == [("web.replies", "ticket.viewed"), ("agent.a1.replies", "ticket.viewed")]
    for message in bench.publisher.published:
        assert (message.exchange, message.mandatory, message.correlation_id) == ("", False, "c1")
    assert json.loads(bench.publisher.published[0].body)["causationid"] == "q-10000001"


@pytest.mark.parametrize(
    ("user", "reply_to", "is_answered"),
    [
        ("web", "web.replies.1", True),
        ("web", "amq.rabbitmq.reply-to.g1h2.x==", True),
        ("agent.a1", "agent.a1.inbox", True),
        ("agent.a1", "console.page.7", True),
        ("web", "console.page.7", False),
        ("web", "app.outcomes", False),
        ("web", "webx.replies", False),
        ("web", "intake.commands", False),
        ("agent.a1", "agent.a10.inbox", False),
        ("agent.a1", "console", False),
        ("web", "amq.rabbitmq.reply-to", False),
        ("web", "", False),
        ("web", None, False),
    ],
)
def test_a_question_without_a_reply_to_of_its_senders_is_dropped(
    user: str, reply_to: str | None, is_answered: bool
) -> None:
    bench = Bench()
    before = counted("no reply_to")
    bench.run(question(user=user, reply_to=reply_to))
    assert [key for key, _ in bench.answers()] == ([reply_to] if is_answered else [])
    assert counted("no reply_to") - before == (not is_answered)


def changed(delivery: Delivery, key: str | None = None, **to: Any) -> Delivery:
    event = {**json.loads(delivery.body), **to}
    delivery.body = json.dumps(event).encode()
    delivery.routing_key = key or delivery.routing_key
    return delivery


@pytest.mark.parametrize(
    ("delivery", "code"),
    [
        (changed(question(), data={}), "invalid"),
        (changed(question(), time=None), "invalid"),
        (changed(question(), type="ticket.submit"), "invalid"),
        (changed(question(), type="ticket.teleport"), "invalid"),
        (changed(question(), key="ticket.list"), "invalid"),
        (changed(question(), key="staff.ticket.view"), "invalid"),
        (changed(question(user="agent.a1"), key="ticket.view"), "invalid"),
        (changed(question(), source="/channels/app"), "forbidden"),
        (question(message_id="another"), "invalid"),
    ],
)
def test_an_invalid_question_is_rejected_there(delivery: Delivery, code: str) -> None:
    bench = Bench()
    delivery.came_at = time.monotonic()  # not when the table was made
    bench.run(question("10000008"), delivery, question("10000009"))
    assert bench.codes() == [None, code, None]


def test_what_is_too_large_is_rejected_and_what_cannot_be_read_is_dropped() -> None:
    bench = Bench()
    huge, garbage = question(message_id="huge"), question()
    huge.body, garbage.body = b"x" * (LARGEST + 1), b"?"
    nobodys, command = question(user_id=None), question()
    command.exchange = INTAKE
    before = counted("unreadable")
    assert bench.run(huge, garbage, nobodys, command, question()) == []
    assert bench.codes() == ["too_large", None]
    assert counted("unreadable") - before == 3


def test_a_question_that_another_service_answers_is_unsupported() -> None:
    publisher = FakePublisher()
    rules: Rules[Nothing] = Rules(Repository(), decide)
    Questions("sla", rules, lambda: NOW, publisher).run([question()])
    assert json.loads(publisher.published[0].body)["data"]["code"] == "unsupported"


@pytest.mark.parametrize("number", ["00000000", "66666666", "00000002"])
def test_one_that_raises_is_dropped_alone(number: str) -> None:
    """Also if a rule does more than answer: then it is not a question."""
    bench = Bench()
    before = counted("failed")
    assert bench.run(*(question(f"1000000{n}") for n in range(5)), question(number), question("10000009")) == []
    assert len(bench.answers()) == 6
    assert counted("failed") - before == 1


def test_while_the_database_is_away_none_is_answered_and_none_waits() -> None:
    bench = Bench(Repository([DatabaseAway("x")]))
    before = counted("database away")
    assert bench.run(question(), question("10000002")) == []
    assert (bench.answers(), bench.repository.loaded) == ([], [2])
    assert counted("database away") - before == 2


def test_what_changes_while_it_is_read_is_read_again_without_half_of_the_others() -> None:
    bench = Bench(Repository([Conflict("x"), Conflict("x")]))
    before = counted("overtaken")
    assert bench.run(*(question(f"1000000{n}") for n in range(4))) == []
    assert (len(bench.answers()), bench.repository.loaded) == (4, [4, 2, 1, 1, 2])
    bench = Bench(Repository([Conflict("x")]))
    assert bench.run(question()) == []
    assert (bench.answers(), counted("overtaken") - before) == ([], 1)


def test_an_answer_that_the_broker_does_not_take_is_lost() -> None:
    bench = Bench(publisher=FakePublisher(away=1))
    assert bench.run(question()) == []
    assert bench.answers() == []


def test_one_that_came_before_or_waited_too_long_is_dropped() -> None:
    """It may have been answered; and the sender has given up."""
    bench = Bench()
    again, late = question(), question()
    again.redelivered = True
    late.came_at = time.monotonic() - ASKED_WITHIN / 1000 - 0.01
    assert bench.run(again, late) == []
    assert bench.repository.loaded == []


def test_one_that_waits_for_news_or_for_its_turn_is_looked_at_again() -> None:
    bench = Bench(put_off={"web\x1fq-10000002"})
    waits, later = question("00000001"), question("10000002")
    assert bench.run(waits, later, question()) == [waits, later]
    assert bench.answers() == [("web.replies", "ticket.viewed")]
    waits.came_at -= 3
    assert bench.run(waits) == []
    assert bench.codes() == [None, "forbidden"]


def test_a_turn_waits_again_for_what_stood_beside_one_that_raised() -> None:
    """Once each, although it was decided twice."""
    bench = Bench()
    waits = question("00000001")
    assert bench.run(waits, question("00000000")) == [waits]


def test_many_are_answered_some_at_a_time() -> None:
    bench = Bench()
    bench.run(*(question(f"{10_000_000 + number}") for number in range(2 * AT_ONCE + 1)))
    assert bench.repository.loaded == [AT_ONCE, AT_ONCE, 1]
    assert len(bench.answers()) == 2 * AT_ONCE + 1
