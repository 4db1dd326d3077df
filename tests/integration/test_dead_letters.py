"""`casebus dead` on the real broker: what is looked at stays as it is, and what is replayed arrives once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from threading import Timer
from typing import Any

import pytest

from contracts.names import CHANNELS, DEAD, DESK, EVENTS, INTAKE, OPERATOR
from contracts.topology import DELIVERY_LIMIT
from deploy.cli.dead import dealing, queue
from deploy.cli.dead.letter import Choice, Letter
from deploy.local.desk import Desk
from deploy.local.rabbitmq import ADMIN
from deploy.local.stack import Stack
from deploy.settings import Settings
from deploy.trouble import Trouble
from services.chassis.outgoing import Outgoing
from services.chassis.publisher import Publisher
from services.chassis.reading import Delivery
from services.chassis.writing import dead_copy, unroutable_copy
from services.client.bus import Bus
from tests.system.client import command
from tests.waiting import wait

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVERYTHING = Choice()


@pytest.fixture
def desk(emptied_desk: Desk) -> Desk:
    """Shared by the tests of this file."""
    return emptied_desk


@pytest.fixture
def operator(desk: Desk) -> Settings:
    """What `casebus` knows of the desk."""
    return Settings({"AMQP_OPERATOR": desk.amqp_url(OPERATOR), "AMQP_ADMIN": desk.amqp_url(ADMIN)}, None)


def letters(operator: Settings, choice: Choice = EVERYTHING) -> list[Letter]:
    with dealing.reading(operator) as dead:
        return list(dealing.chosen(dead, choice))


def dead_lettered(desk: Desk, *reasons: str) -> list[tuple[str, bytes]]:
    """Submissions of `web` that intake gave up for these reasons; their ids and bodies."""
    made, copies = [], []
    for reason in reasons:
        type_, body = command("web", "ticket.submit", {"subject": "x"})
        id_ = json.loads(body)["id"]
        properties = {"user_id": "web", "message_id": id_, "reply_to": "web.replies", "correlation_id": "c1"}
        copies.append(dead_copy(Delivery("intake.commands", INTAKE, type_, body, properties), reason, AT))
        made.append((id_, body))
    publisher = Publisher(desk.amqp_url("intake"), "intake")
    publisher.publish(copies)
    publisher.close()
    return made


def taken(desk: Desk, queue_name: str, count: int) -> list[Any]:
    """This many messages of a queue."""
    got: list[Any] = []
    with Bus(desk.amqp_url(ADMIN)) as bus:
        bus.consume(queue_name, got.append)
        while len(got) < count:
            bus.drain(10)
    return got


def test_looking_leaves_all_as_it_was(desk: Desk, operator: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [id_ for id_, _ in dead_lettered(desk, *(["KeyError: 'x'"] * 300))]
    killed_while_reading(desk, operator, len(ids))
    assert [letter.id for letter in letters(operator)] == ids
    monkeypatch.setattr(queue, "WINDOW", 37)
    monkeypatch.setattr(queue, "BATCH", 10)
    for _ in range(2):
        assert [letter.id for letter in letters(operator)] == ids
    with dealing.reading(operator) as first:
        next(first.batches())
        with pytest.raises(Trouble, match="Another command is reading"):
            dealing.reading(operator)
    assert [letter.id for letter in letters(operator)] == ids
    killed_while_reading(desk, operator, len(ids))
    assert sorted(letter.id for letter in letters(operator)) == sorted(ids)


def test_a_reader_may_follow_another_at_once(operator: Settings) -> None:
    """RabbitMQ 4.3 deletes the last reader's exclusive queue a moment after its connection is closed."""
    leaving = Timer(0.3, dealing.reading(operator).close)
    leaving.start()
    dealing.reading(operator).close()
    leaving.join()


def killed_while_reading(desk: Desk, operator: Settings, count: int) -> None:
    """A reader that is suddenly gone, letters in its hands; until they are back."""
    reader = dealing.reading(operator)
    next(reader.batches())
    reader._bus.channel.connection.collect()
    wait_for_depth(desk, count)


def wait_for_depth(desk: Desk, count: int) -> None:
    with Bus(desk.amqp_url(ADMIN)) as bus:
        wait(lambda: bus.depth(DEAD), f"{count} dead letters", lambda depth: depth >= count)


def test_just_what_was_chosen_is_dropped(desk: Desk, operator: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "WINDOW", 128)
    ids = [id_ for id_, _ in dead_lettered(desk, *(["KeyError: 'x'", "ValueError: y", "not JSON: z"] * 700))]
    choice = Choice(reason="valueerror")
    counted, prints = dealing.count(operator, choice)
    assert counted.done == {"ValueError": 700}
    late = dead_lettered(desk, "ValueError: y")[0][0]
    assert dealing.drop(operator, choice, prints) == 700
    assert [letter.id for letter in letters(operator)] == [id_ for n, id_ in enumerate(ids) if n % 3 != 1] + [late]


def test_what_a_service_dead_lettered_is_sent_again_as_it_was(desk: Desk, operator: Settings) -> None:
    ((id_, body),) = dead_lettered(desk, "KeyError: 'x'")
    dealt = dealing.replay(operator, EVERYTHING, dry_run=True)
    assert (dealt.done, dealt.stay) == ({INTAKE: 1}, {})
    assert dealing.replay(operator, EVERYTHING, dry_run=False).done == {INTAKE: 1}
    assert letters(operator) == []
    (again,) = taken(desk, "intake.commands", 1)
    assert bytes(again.body) == body
    assert again.delivery_info["routing_key"] == "ticket.submit"
    sent = {name: again.properties[name] for name in ("user_id", "message_id", "reply_to", "correlation_id")}
    assert sent == {"user_id": "web", "message_id": id_, "reply_to": "web.replies", "correlation_id": "c1"}


def test_what_no_queue_took_is_sent_again_once_one_would(desk: Desk, operator: Settings) -> None:
    said = []
    for number, key in (("1", "shop.ticket.opened"), ("2", "web.ticket.closed"), ("3", "web.account.temporary_opened")):
        type_, body = command("intake", key.partition(".")[2], {}, number)
        said.append(Outgoing(CHANNELS, key, number, type_, body))
    publisher = Publisher(desk.amqp_url("intake"), "intake")
    publisher.publish([unroutable_copy(each, AT) for each in said])
    publisher.close()
    dealt = dealing.replay(operator, EVERYTHING, dry_run=False)
    assert dealt.done == {CHANNELS: 1}
    secret = "its secret is not stored; the channel gets it by sending its command again with the same id"
    assert dealt.stay == {"no queue takes shop.ticket.opened": 1, secret: 1}
    assert [letter.id for letter in letters(operator)] == ["1", "3"]
    (outcome,) = taken(desk, "web.outcomes", 1)
    assert (outcome.properties["message_id"], outcome.properties["user_id"]) == ("2", "intake")


def test_what_the_broker_moved_here_is_understood(desk: Desk, operator: Settings) -> None:
    """By its delivery limit, from a queue; and because nobody is bound, without a word."""
    type_, body = command("web", "ticket.submit", {"subject": "x"}, "limited")
    forged = {"x-reason": "forged", "x-user-id": "agent.a1", "x-exchange": DESK, "x-routing-key": "ticket.close"}
    with Bus(desk.amqp_url("web")) as web:
        web.publish(INTAKE, type_, body, message_id="limited", application_headers=forged)
        web.settle()
    with Bus(desk.amqp_url("intake")) as intake:
        for _ in range(DELIVERY_LIMIT + 1):
            message = None
            while message is None:
                message = intake.channel.basic_get("intake.commands")
            intake.channel.basic_reject(message.delivery_tag, requeue=True)
    with Bus(desk.amqp_url("intake")) as intake:
        intake.publish(EVENTS, "account.contact_changed", b"{}", message_id="unheard")
        intake.settle()
        intake.publish(DEAD, "intake.commands", b"?", message_id="nothing noted")
        intake.settle()
    with Bus(desk.amqp_url(ADMIN)) as admin:
        admin.channel.queue_unbind("notifications.events", EVENTS, "account.contact_changed")
        admin.publish(EVENTS, "account.contact_changed", b"{}", message_id="unheard", user_id="intake")
        admin.settle()
    wait_for_depth(desk, 3)
    found = {letter.id: letter for letter in letters(operator)}
    limited, unheard, by_hand = found["limited"], found["unheard"], found["nothing noted"]
    assert (limited.died_in, limited.sender, limited.exchange, limited.routing_key) == (
        "intake.commands",
        "web",
        INTAKE,
        type_,
    )
    assert limited.reason == "by the broker: its consumers were lost too often"
    assert limited.at is not None
    assert abs(datetime.now(UTC) - limited.at) < timedelta(minutes=1)
    assert (unheard.sender, unheard.exchange, unheard.died_in) == ("intake", EVENTS, "account.contact_changed")
    assert by_hand.exchange is None
    dealt = dealing.replay(operator, EVERYTHING, dry_run=False)
    assert dealt.stay == {"its destination is not known": 1}
    (again,) = taken(desk, "intake.commands", 1)
    assert (bytes(again.body), again.properties["user_id"]) == (body, "web")


def test_a_replay_that_breaks_off_loses_nothing(
    desk: Desk, operator: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker confirms, and the reader dies before it takes the letters out: they are there, and go twice."""
    ids = [id_ for id_, _ in dead_lettered(desk, "KeyError: 'x'", "KeyError: 'y'")]

    def killed(reader: queue.DeadLetters, tags: list[int]) -> None:
        reader._bus.channel.connection.collect()
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(queue.DeadLetters, "remove", killed)
        with pytest.raises(ConnectionError):
            dealing.replay(operator, EVERYTHING, dry_run=False)
    wait_for_depth(desk, len(ids))
    assert dealing.replay(operator, EVERYTHING, dry_run=False).done == {INTAKE: 2}
    again = taken(desk, "intake.commands", 4)
    assert [message.properties["message_id"] for message in again] == ids * 2
    assert letters(operator) == []


def test_a_missing_permission_is_one_sentence(stack: Stack, desk: Desk, operator: Settings) -> None:
    dead_lettered(desk, "KeyError: 'x'")
    weaker = Settings({**operator.values, "AMQP_OPERATOR": desk.amqp_url("web")}, None)
    with pytest.raises(Trouble, match="does not let web read the dead letters"):
        letters(weaker)
    nothing = {"exchange": INTAKE, "write": "^$", "read": "^$"}
    stack.broker.management.put(f"/topic-permissions/{desk.name}/{OPERATOR}", nothing)
    with pytest.raises(Trouble, match="refuses to take a dead letter"):
        dealing.replay(operator, EVERYTHING, dry_run=False)
    assert len(letters(operator)) == 1


def test_letters_that_vanish_meanwhile_are_not_waited_for(
    desk: Desk, operator: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "PATIENCE", 0.1)
    dead_lettered(desk, "KeyError: 'x'")
    reader = dealing.reading(operator)
    with Bus(desk.amqp_url(ADMIN)) as admin:
        admin.channel.queue_purge(DEAD)
        with pytest.raises(Trouble, match="the last 1 of 1 dead letters"):
            next(reader.batches())
        reader.close()
        admin.channel.queue_delete(DEAD)
    with pytest.raises(Trouble, match="has no queue"):
        dealing.reading(operator)
