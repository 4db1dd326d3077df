"""What a sender says and what answers it, without any network: envelopes, exchanges, and what is sent again when."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import contracts
from contracts.agents import SignOn
from contracts.common import AccountRequester
from contracts.envelope import Event, NotAnEvent, parse
from contracts.names import DESK, INTAKE, QUESTIONS
from contracts.outcomes import Rejected
from contracts.tickets import RequesterTicket, TicketEvent, TicketOutcome, ViewTicket
from contracts.topology import LARGEST_TAKEN
from services.client import core
from services.client.core import ASK_AGAIN, SEND_AGAIN, Sending, UnderWay
from services.client.errors import CommandRejected, NotTaken, UnexpectedOutcome

ANA = AccountRequester(account_id="ana", display_name="Ana", tier="standard")
EXAMPLES = Path(contracts.__file__).parent / "examples"
ABOUT = RequesterTicket(requester=ANA, number="10000001")


@pytest.mark.parametrize(
    ("user", "type_", "data", "exchange", "source"),
    [
        ("web", "ticket.accept_solution", ABOUT, INTAKE, "/channels/web"),
        ("web", "attachment.upload", {}, INTAKE, "/channels/web"),
        ("agent.a1", "attachment.upload", {}, DESK, "/agents/a1"),
        ("agent.a1", "ticket.close", {"number": "10000001"}, DESK, "/agents/a1"),
        ("operator", "account.export", {}, DESK, "/operators/operator"),
        ("routing", "ticket.assign", {}, DESK, "/services/routing"),
    ],
)
def test_a_command_goes_to_the_exchange_of_its_sender(
    user: str, type_: str, data: Any, exchange: str, source: str
) -> None:
    sending = core.command(user, type_, data, subject="10000001")
    event = parse(sending.body)
    assert (sending.exchange, sending.routing_key, event.type, event.source) == (exchange, type_, type_, source)
    assert (event.id, event.subject) == (sending.id, "10000001")
    assert sending.all_properties == {"message_id": sending.id, "content_type": "application/cloudevents+json"}
    assert sending.again_after == SEND_AGAIN


def test_data_is_written_as_the_contract_has_it() -> None:
    sending = core.command("web", "ticket.accept_solution", ABOUT, id_="mine")
    assert parse(sending.body).id == sending.id == "mine"
    assert parse(sending.body).data == {
        "requester": {"account_id": "ana", "display_name": "Ana", "tier": "standard"},
        "number": "10000001",
    }


def test_each_command_has_an_id_of_its_own() -> None:
    assert (
        core.command("web", "ticket.accept_solution", ABOUT).id
        != core.command("web", "ticket.accept_solution", ABOUT).id
    )


@pytest.mark.parametrize(("user", "key"), [("web", "ticket.view"), ("agent.a1", "staff.ticket.view")])
def test_a_question_overtakes_commands_and_is_asked_again_when_the_desk_has_dropped_it(user: str, key: str) -> None:
    sending = core.question(user, "ticket.view", ViewTicket(requester=ANA, number="10000001"))
    assert (sending.exchange, sending.routing_key) == (QUESTIONS, key)
    assert sending.again_after == ASK_AGAIN


@pytest.mark.parametrize(
    ("user", "type_", "data", "error", "words"),
    [
        ("web", "ticket.close", {}, ValueError, "ticket.close is not a command of web"),
        ("web", "ticket.opened", {}, ValueError, "ticket.opened is not a command of web"),
        ("casebus_admin", "ticket.submit", {}, ValueError, "casebus_admin is no channel, no agent and not"),
        ("web", "ticket.submit", ABOUT, TypeError, "ticket.submit carries Submit, not RequesterTicket"),
        ("web", "ticket.submit", {"body": "x" * LARGEST_TAKEN}, NotTaken, "the broker takes 16 MiB at most"),
    ],
)
def test_what_cannot_be_right_is_not_sent(user: str, type_: str, data: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        core.command(user, type_, data)


def test_an_id_has_room_in_amqp() -> None:
    with pytest.raises(ValueError, match="255 bytes"):
        core.command("web", "ticket.submit", {}, id_="é" * 128)


def test_an_agent_says_that_they_come_are_there_and_go() -> None:
    me = SignOn(agent_id="a1", display_name="Ada", capacity=5, skills=["*"])
    said = [core.sign_on(me), core.heartbeat(me), core.sign_off(me, release=True)]
    assert [parse(event.body).type for event in said] == ["agent.sign_on", "agent.heartbeat", "agent.sign_off"]
    assert [parse(event.body).data.get("release") for event in said] == [None, None, True]
    assert {parse(event.body).data["agent_id"] for event in said} == {"a1"}


# What comes back


def example(name: str) -> Any:
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def body(type_: str, data: Any, cause: str = "c1") -> bytes:
    head = {"specversion": "1.0", "id": "o1", "source": "/services/intake", "time": "2026-01-01T00:00:00Z"}
    return json.dumps({**head, "type": type_, "causationid": cause, "data": data}).encode()


def test_an_outcome_is_of_the_contracts_class() -> None:
    outcome = core.heard("web", json.dumps(example("outcome.ticket.opened")).encode())
    assert isinstance(outcome, core.Outcome)
    assert outcome.expect(TicketOutcome).ticket.version == 1
    assert outcome.rejected is None
    with pytest.raises(UnexpectedOutcome, match=r"The outcome is ticket\.opened"):
        outcome.expect(Rejected)


def test_a_rejection_is_raised_with_its_errors() -> None:
    outcome = core.heard(
        "web", body("command.rejected", {"code": "conflict", "message": "It has moved on.", "errors": {}})
    )
    assert isinstance(outcome, core.Outcome)
    assert outcome.rejected == Rejected(code="conflict", message="It has moved on.", errors={})
    with pytest.raises(CommandRejected, match="It has moved on") as error:
        outcome.expect(TicketOutcome)
    assert (error.value.code, error.value.errors) == ("conflict", {})


def test_a_newer_desk_is_still_heard_as_json() -> None:
    heard = core.heard("web", body("ticket.teleported", {"number": "1"}))
    assert heard.event.data == {"number": "1"}
    with pytest.raises(UnexpectedOutcome, match=r"no outcome ticket\.teleported"):
        _ = heard.data
    with pytest.raises(UnexpectedOutcome, match=r"command\.rejected is not as this version"):
        _ = core.heard("web", body("command.rejected", {"code": "unheard_of", "message": "?"})).data


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"id":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"\xff", b""])
def test_what_nobody_can_read_is_no_event(body: bytes) -> None:
    with pytest.raises(NotAnEvent):
        core.heard("web", body)


def test_what_is_an_outcome_and_a_message_to_agents_is_told_by_its_entry() -> None:
    told = example("agent_message.ticket.reopened")
    message = core.heard("agent.a1", json.dumps(told).encode())
    assert not isinstance(message, core.Outcome)
    assert isinstance(message.data, TicketEvent)
    outcome = core.heard("agent.a1", body("ticket.reopened", {"ticket": told["data"]["ticket"]}))
    assert isinstance(outcome, core.Outcome)
    assert outcome.expect(TicketOutcome).ticket.number == told["data"]["ticket"]["number"]


def test_a_notification_is_no_outcome() -> None:
    message = core.heard("web", json.dumps(example("channel_message.notification.message")).encode())
    assert not isinstance(message, core.Outcome)


# What is under way


def sending(id_: str) -> Sending:
    return Sending(id_, "ticket.submit", INTAKE, "ticket.submit", b"{}")


def published(under_way: UnderWay, window: int = 1000, now: float = 0.0) -> list[str]:
    """The ids of what is published until nothing is to be."""
    ids = []
    while (number := under_way.next(window)) is not None:
        ids.append(under_way.sending(number).id)
        under_way.published(number, now)
    return ids


def given_to(under_way: UnderWay, *ids: str, awaited: bool = True) -> list[int]:
    return [under_way.add(sending(id_), awaited=awaited, deadline=math.inf) for id_ in ids]


def test_it_goes_in_order_and_no_more_than_the_window_are_unconfirmed() -> None:
    under_way = UnderWay()
    numbers = given_to(under_way, *"abcde", awaited=False)
    assert published(under_way, window=2) == ["a", "b"]
    assert under_way.unconfirmed == 5
    assert [under_way.confirmed(number) for number in numbers[:2]] == [True, True]
    assert published(under_way, window=2) == ["c", "d"]
    assert len(under_way) == 3


def test_a_loss_sends_again_what_was_not_confirmed_or_not_answered() -> None:
    under_way = UnderWay()
    first, second, third = given_to(under_way, *"abc")
    (told,) = given_to(under_way, "told", awaited=False)
    published(under_way)
    under_way.confirmed(second)
    under_way.confirmed(told)
    under_way.lost()
    assert published(under_way) == ["a", "b", "c"], "the outcome of b is lost with the connection"
    under_way.answered(first)
    under_way.confirmed(third)
    under_way.lost()
    assert published(under_way) == ["b", "c"]


def test_what_has_no_outcome_is_sent_again_in_time_and_given_up_at_its_deadline() -> None:
    under_way = UnderWay()
    number = under_way.add(sending("a"), awaited=True, deadline=100)
    published(under_way, now=10)
    assert under_way.look(10 + SEND_AGAIN) == []
    assert published(under_way) == [], "not before it was confirmed"
    under_way.confirmed(number)
    assert under_way.look(9.9 + SEND_AGAIN) == []
    assert published(under_way) == []
    assert under_way.look(10 + SEND_AGAIN) == []
    assert published(under_way, now=70) == ["a"]
    assert under_way.look(99.9) == []
    assert under_way.look(100) == [number]
    under_way.forget(number)
    assert (len(under_way), under_way.awaiting("a")) == (0, None)
    assert under_way.confirmed(number) is False, "the confirm may come later"


def test_who_waits_longer_prolongs_it() -> None:
    under_way = UnderWay()
    number = under_way.add(sending("a"), awaited=True, deadline=10)
    under_way.prolong(number, 5)
    assert under_way.look(9) == []
    under_way.prolong(number, 20)
    assert under_way.look(19) == []
    assert under_way.look(20) == [number]


def test_the_one_that_the_broker_refuses_is_found_by_sending_each_alone() -> None:
    under_way = UnderWay()
    numbers = given_to(under_way, "a", "bad", "c", awaited=False)
    published(under_way)
    assert under_way.refused_one() is None
    under_way.lost()
    (later,) = given_to(under_way, "d", awaited=False)
    assert published(under_way) == ["a"]
    under_way.confirmed(numbers[0])
    assert published(under_way) == ["bad"]
    assert under_way.refused_one() == numbers[1]
    under_way.not_taken(numbers[1])
    under_way.lost()
    assert published(under_way) == ["c"]
    under_way.confirmed(numbers[2])
    assert published(under_way) == ["d"]
    assert under_way.confirmed(later)
    assert len(under_way) == 0


def test_an_outcome_that_comes_once_more_is_known_for_a_while() -> None:
    under_way = UnderWay()
    for number in given_to(under_way, *map(str, range(core.REMEMBERED))):
        under_way.answered(number)
    assert under_way.was_answered("0")
    (number,) = given_to(under_way, "more")
    under_way.answered(number)
    assert not under_way.was_answered("0")
    assert under_way.was_answered("more")


def test_the_outcome_of_what_is_only_published_is_heard_though_its_id_was_answered_before() -> None:
    under_way = UnderWay()
    (number,) = given_to(under_way, "again")
    under_way.answered(number)
    given_to(under_way, "again", awaited=False)
    assert not under_way.was_answered("again")


@given(st.lists(st.sampled_from(["give", "publish", "confirm", "answer", "lose", "refuse", "look"]), max_size=60))
def test_nothing_is_forgotten_before_it_is_done(steps: list[str]) -> None:
    """Whatever happens in whatever order: in the end everything unanswered can be published and answered."""
    under_way = UnderWay()
    flying: list[int] = []
    left: set[int] = set()
    for place, step in enumerate(steps):
        if step == "give":
            left.add(under_way.add(sending(f"m{place}"), awaited=True, deadline=math.inf))
        elif step == "publish" and (number := under_way.next(2)) is not None:
            under_way.published(number, place)
            flying.append(number)
        elif step == "confirm" and flying:
            assert not under_way.confirmed(flying.pop(0))
        elif step == "answer" and left:
            number = min(left)
            under_way.answered(number)
            left.discard(number)
        elif step in ("lose", "refuse"):
            if step == "refuse":
                under_way.refused_one()
            under_way.lost()
            flying.clear()
        elif step == "look":
            assert under_way.look(place + SEND_AGAIN) == []
    assert len(under_way) == len(left)
    under_way.lost()
    seen = set()
    while (number := under_way.next(1000)) is not None:
        under_way.published(number, 0)
        under_way.confirmed(number)
        seen.add(number)
    assert seen == left


def test_events_made_by_hand_go_as_they_are() -> None:
    event = Event("e1", "ticket.submit", "/channels/game", parse(body("x", {})).time, [])
    made = core.by_hand(event, INTAKE, "ticket.submit", properties={"user_id": "game"})
    assert made.all_properties["user_id"] == "game"
    assert parse(made.body) == event
