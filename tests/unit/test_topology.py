"""The topology as data: what is declared and bound, and that the definitions are what RabbitMQ imports."""

from __future__ import annotations

import base64
import hashlib

import pytest

from contracts.names import CONSOLE, OPERATOR, SERVICES
from contracts.permissions import access
from contracts.registry import TYPES, MessageType
from contracts.topology import (
    AGENTS,
    ALTERNATES,
    CHANNELS,
    DEAD,
    DESK,
    EVENT_LOG,
    EVENTS,
    EXCHANGES,
    INTAKE,
    QUESTIONS,
    QUEUES,
    UNKNOWN,
    agent_queue,
    channel_queue,
    channels_with_our_names,
    definitions,
    own_door,
    queues_of,
)
from tests.model.network import queues_reached

BY_NAME = {queue.name: queue for queue in QUEUES}


ALL_OF_SERVICES = [name for service in SERVICES for name in queues_of(service)]


@pytest.mark.parametrize("name", [name for name in ALL_OF_SERVICES if not name.endswith(".questions")])
def test_services_queues_lose_nothing(name: str) -> None:
    assert BY_NAME[name].arguments == {
        "x-queue-type": "quorum",
        "x-delivery-limit": 100,
        "x-dead-letter-exchange": DEAD,
        "x-dead-letter-routing-key": name,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def test_the_event_log_has_every_event_but_peoples_addresses() -> None:
    log = BY_NAME[EVENT_LOG]
    assert log.arguments["x-queue-type"] == "stream"
    assert log.arguments["x-max-age"] == "30D"
    assert {key for _, key in log.bindings} == {
        each.type
        for each in TYPES.values()
        if each.kind == "event" and each.type not in {"account.contact_changed", "account.preferences_changed"}
    }


def test_a_question_is_dropped_when_nobody_waits_for_it_any_more() -> None:
    """It is in no dead letter either: it may hold a secret, and is asked again."""
    of_questions = [name for name in ALL_OF_SERVICES if name.endswith(".questions")]
    assert "intake.questions" in of_questions
    for name in of_questions:
        assert BY_NAME[name].arguments == {
            "x-queue-type": "quorum",
            "x-message-ttl": 5000,
            "x-max-length": 1000,
            "x-overflow": "drop-head",
        }
    assert QUESTIONS not in ALTERNATES


ASKED = [each for each in TYPES.values() if each.kind in {"command", "question"}]


@pytest.mark.parametrize("each", ASKED, ids=lambda each: f"{each.kind} {each.type}")
def test_what_is_asked_reaches_one_queue_of_the_service_that_answers(each: MessageType) -> None:
    for exchange in each.exchanges:
        for key in each.keys:
            [queue] = queues_reached(exchange, key)
            assert queue in queues_of(each.answered_by or "sla")
            assert queue.endswith(".questions") == (each.kind == "question")


def test_every_event_reaches_a_queue() -> None:
    assert all(queues_reached(EVENTS, each.type) for each in TYPES.values() if each.kind == "event")
    assert queues_reached(EVENTS, "account.contact_changed") == {"notifications.events"}


@pytest.mark.parametrize(
    ("exchange", "type_", "queue"),
    [
        (INTAKE, "ticket.submit", "intake.commands"),
        (INTAKE, "ticket.view", "intake.commands"),
        (DESK, "ticket.auto_close", "intake.commands"),
        (DESK, "ticket.view", "intake.desk"),
        (DESK, "ticket.close", "intake.desk"),
        (DESK, "ticket.assign", "intake.assignments"),
        (DESK, "ticket.unassign", "intake.assignments"),
        (DESK, "notifications.resend", "notifications.commands"),
        (DESK, "agent.sign_on", "routing.commands"),
        (QUESTIONS, "ticket.view", "intake.questions"),
        (QUESTIONS, "staff.ticket.view", "intake.questions"),
        # Of no type that is sent there: answered all the same.
        (INTAKE, "ticket.teleport", "intake.unknown"),
        (INTAKE, "article.save", "intake.unknown"),
        (INTAKE, "agent.sign_on", "intake.unknown"),
        (INTAKE, "", "intake.unknown"),
        (DESK, "agent.promote", "intake.unknown"),
        (DESK, "ticket.submit", "intake.unknown"),
        (DESK, "ticket.assign.now", "intake.unknown"),
        (EVENTS, "account.teleported", DEAD),
    ],
)
def test_each_type_goes_where_it_waits_for_nothing_that_matters_less(exchange: str, type_: str, queue: str) -> None:
    assert queues_reached(exchange, type_) == {queue}


def test_a_question_that_nobody_answers_reaches_nobody() -> None:
    """It comes back to whoever sent it `mandatory`."""
    for key in ("ticket.submit", "ticket.teleport", "staff.ticket.teleport", "#"):
        assert queues_reached(QUESTIONS, key) == set()


def test_mailboxes_are_limited_and_never_refuse() -> None:
    for queue, name, binding, messages, size in (
        (channel_queue("web"), "web.outcomes", (CHANNELS, "web.#"), 100_000, 1024**3),
        (agent_queue("a7"), "agent.a7.inbox", (AGENTS, "agent.a7.#"), 10_000, 128 * 1024**2),
    ):
        assert (queue.name, queue.bindings) == (name, (binding,))
        assert queue.arguments == {
            "x-queue-type": "quorum",
            "x-max-length": messages,
            "x-max-length-bytes": size,
            "x-overflow": "drop-head",
        }


@pytest.mark.parametrize(
    ("user", "door"),
    [("web", (CHANNELS, "web")), ("agent.a7", (AGENTS, "agent.a7")), ("routing", None), ("operator", None)],
)
def test_senders_hear_back_at_their_own_door(user: str, door: tuple[str, str] | None) -> None:
    assert own_door(user) == door


def test_a_channel_that_has_a_name_of_ours_is_known_by_its_mailbox() -> None:
    """It was named before a release took the name."""
    bindings = [
        {"source": CHANNELS, "destination": "web.outcomes"},
        {"source": CHANNELS, "destination": "operator.outcomes"},
        {"source": CHANNELS, "destination": "console.outcomes"},
        {"source": EVENTS, "destination": "sla.outcomes"},
        {"source": CHANNELS, "destination": "helpdesk.replies"},
    ]
    assert channels_with_our_names(bindings) == ["console", "operator"]


def test_definitions_are_in_rabbitmqs_own_words() -> None:
    made = definitions("desk", {"web": "one"}, ["web"], ["a7"])
    assert made["vhosts"] == [{"name": "desk"}]
    assert [user | {"password_hash": ""} for user in made["users"]] == [
        {"name": "web", "password_hash": "", "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": []}
    ]
    may = access("web")
    assert made["permissions"] == [
        {"user": "web", "vhost": "desk", "configure": may.configure, "write": may.write, "read": may.read}
    ]
    assert made["topic_permissions"] == [
        {"user": "web", "vhost": "desk", "exchange": exchange, "write": topic.write, "read": topic.read}
        for exchange, topic in may.topics.items()
    ]
    lasting = {"vhost": "desk", "durable": True, "auto_delete": False}
    assert [{**each, "arguments": {}} for each in made["exchanges"]] == [
        {"name": name, "type": "topic", "internal": False, "arguments": {}, **lasting} for name in EXCHANGES
    ]
    queues = [*QUEUES, channel_queue("web"), agent_queue("a7")]
    assert made["queues"] == [{"name": each.name, "arguments": each.arguments, **lasting} for each in queues]
    to_queues = [(source, key, "queue", each.name) for each in queues for source, key in each.bindings]
    onward = [(outer, "#", "exchange", f"{outer}.types") for outer in (INTAKE, DESK)]
    assert made["bindings"] == [
        {
            "source": source,
            "vhost": "desk",
            "destination": destination,
            "destination_type": kind,
            "routing_key": key,
            "arguments": {},
        }
        for source, key, kind, destination in [*to_queues, *onward]
    ]


def test_definitions_hold_everything_and_hash_passwords_as_rabbitmq_does() -> None:
    made = definitions("desk", {"web": "pässword", "agent.a7": "two"}, ["web", "app"], ["a7"])
    assert {each["name"] for each in made["exchanges"]} == set(EXCHANGES)
    assert all(
        (each["arguments"] == {"alternate-exchange": DEAD}) == (each["name"] in (INTAKE, DESK, EVENTS, UNKNOWN))
        for each in made["exchanges"]
    )
    assert {each["name"] for each in made["queues"]} == {*BY_NAME, "web.outcomes", "app.outcomes", "agent.a7.inbox"}
    assert {each["vhost"] for kind in ("exchanges", "queues", "bindings", "permissions") for each in made[kind]} == {
        "desk"
    }
    web = made["users"][0]
    salted = base64.b64decode(web["password_hash"])
    assert salted[4:] == hashlib.sha256(salted[:4] + "pässword".encode()).digest()
    assert [each["name"] for each in made["users"]] == ["web", "agent.a7"]


@pytest.mark.parametrize(
    "name", ["intake", "agent", "amq", "helpdesk", "console", "operator", "Web", "we b", "web.x", "", "w" * 33]
)
def test_definitions_refuse_names_that_nobody_can_have(name: str) -> None:
    with pytest.raises(ValueError, match="no name for a channel"):
        definitions("/", {}, [name])
    with pytest.raises(ValueError, match="no id for an agent"):
        definitions("/", {}, agents=[f"{name}.x"])


@pytest.mark.parametrize("user", ["admin.x", "agent.", "agent.A7", "Web", "", "amq"])
def test_there_is_no_access_for_a_user_without_a_role(user: str) -> None:
    with pytest.raises(ValueError, match="no name for a broker user"):
        access(user)


@pytest.mark.parametrize("user", [*SERVICES, "web", "agent.a7", "console", "operator"])
def test_patterns_are_whitelists(user: str) -> None:
    """No lookahead: a binding key with `#` would pass it. Every pattern is anchored at its beginning."""
    may = access(user)
    patterns = [
        may.configure,
        may.write,
        may.read,
        *(part for topic in may.topics.values() for part in (topic.write, topic.read)),
    ]
    assert all(pattern.startswith("^") and "(?!" not in pattern and "(?=" not in pattern for pattern in patterns)


def test_the_console_and_the_operator_alone_write_under_others_names() -> None:
    names = (CONSOLE, OPERATOR, "web", "intake", "agent.a1")
    users = definitions("desk", dict.fromkeys(names, "secret"))["users"]
    assert {user["name"]: user["tags"] for user in users} == {
        CONSOLE: ["impersonator"],
        OPERATOR: ["impersonator"],
        "web": [],
        "intake": [],
        "agent.a1": [],
    }
