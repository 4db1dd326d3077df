"""What each broker user may do, by RabbitMQ's own way of checking, against what the registry says of each type.

`tests/integration/test_permissions.py` asks the real broker with a few names; here it is all of them, and names that
are nearly one of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from contracts.names import (
    AGENTS,
    CHANNELS,
    CONSOLE,
    DEAD,
    DESK,
    EVENT_LOG,
    EVENTS,
    HELPCENTER,
    INTAKE,
    LIVE,
    OPERATOR,
    QUESTIONS,
    SERVICES,
)
from contracts.permissions import access
from contracts.registry import TYPES
from contracts.topology import EXCHANGES, QUEUES

USERS = (*SERVICES, "web", HELPCENTER, "agent.a7", CONSOLE, OPERATOR)
ADDRESSES = ("web.", "agent.a7.", "agent.b-8.")
"""How the routing key of a message to a channel or to an agent begins."""

NAMES = sorted({each.type for each in TYPES.values()})
NUMBER = "00004217"
SENT = [
    *NAMES,
    *(f"staff.{name}" for name in NAMES),
    *(f"{name}.{NUMBER}" for name in NAMES),
    *(address + name for address in ADDRESSES for name in NAMES),
]
KEYS = sorted({*SENT, *(odd for key in SENT for odd in (f"x{key}", f"{key}x", f"{key}.x", key.replace(".", "-")))})


def found(pattern: str, names: Iterable[str]) -> set[str]:
    """Those in which RabbitMQ finds the pattern."""
    return {name for name in names if re.search(pattern, name)}


def may_publish(user: str, exchange: str) -> set[str]:
    """The routing keys; where a user has no pattern for those of an exchange, all of them are allowed."""
    may = access(user)
    if not found(may.write, [exchange]):
        return set()
    topic = may.topics.get(exchange)
    return set(KEYS) if topic is None else found(topic.write, KEYS)


def should_publish(user: str, exchange: str) -> set[str]:
    if exchange == DEAD and user in SERVICES:
        return set(KEYS)
    own_doors = {
        "web": {INTAKE, QUESTIONS},
        HELPCENTER: {INTAKE, QUESTIONS},
        "agent.a7": {DESK, QUESTIONS},
        OPERATOR: {INTAKE, DESK, QUESTIONS},
    }
    if exchange not in own_doors.get(user, EXCHANGES):
        return set()
    types = [each for each in TYPES.values() if exchange in each.exchanges]
    if user == OPERATOR and exchange != QUESTIONS:  # in the names of those who sent them
        return {each.type for each in types if each.kind == "command"}
    keys = {each.key_of(user) for each in types if each.may_be_sent_by(user)}
    if exchange == LIVE:
        return {f"{key}.{NUMBER}" for key in keys}
    if exchange == CHANNELS:
        return {f"{name}.{key}" for name in ("web", "xweb", "staff", "xstaff") for key in keys}
    if exchange == AGENTS:
        return {f"agent.{name}.{key}" for name in ("a7", "b-8") for key in keys}
    return keys


@pytest.mark.parametrize("user", [*SERVICES, "web", HELPCENTER, "agent.a7", OPERATOR])
def test_each_publishes_what_the_registry_says_and_nothing_else(user: str) -> None:
    assert {exchange: may_publish(user, exchange) for exchange in EXCHANGES} == {
        exchange: should_publish(user, exchange) for exchange in EXCHANGES
    }


def test_the_console_publishes_what_an_agent_may() -> None:
    assert {exchange: may_publish(CONSOLE, exchange) for exchange in EXCHANGES} == {
        exchange: should_publish("agent.a7", exchange) for exchange in EXCHANGES
    }


QUEUE_NAMES = (
    *(queue.name for queue in QUEUES),
    *("web.outcomes", "web.replies.7", "web", "webx.outcomes", "xweb.outcomes"),
    *("helpcenter.outcomes", "helpcenter.live.7"),
    *("agent.a7.inbox", "agent.a7", "agent.a70.inbox", "agentxa7.inbox", "agent.b-8.inbox"),
    *("console.page.7", "consolex.page", "operator.replies", "operatorx.replies", "amq.gen-1"),
)
OWN = {
    "web": {"web.outcomes", "web.replies.7"},
    HELPCENTER: {"helpcenter.outcomes", "helpcenter.live.7"},
    "agent.a7": {"agent.a7.inbox"},
    CONSOLE: {"console.page.7"},
    OPERATOR: {"operator.replies"},
}
HOME = {
    "web": {CHANNELS},
    HELPCENTER: {CHANNELS, LIVE},
    "agent.a7": {AGENTS},
    CONSOLE: {AGENTS},
    OPERATOR: {EVENTS, DEAD, EVENT_LOG},
}


@pytest.mark.parametrize("user", USERS)
def test_each_declares_and_binds_their_own_queues_and_services_none(user: str) -> None:
    may = access(user)
    assert found(may.configure, [*QUEUE_NAMES, *EXCHANGES]) == OWN.get(user, set())
    assert found(may.write, QUEUE_NAMES) - {DEAD} == OWN.get(user, set()), "an exchange has that name, too"


@pytest.mark.parametrize("user", USERS)
def test_each_reads_their_own_queues_and_binds_them_where_they_are_spoken_to(user: str) -> None:
    own = {name for name in QUEUE_NAMES if name.startswith(f"{user}.")} if user in SERVICES else OWN[user]
    assert found(access(user).read, [*QUEUE_NAMES, *EXCHANGES]) == own | HOME.get(user, set())


def test_replies_go_by_the_default_exchange_from_services_alone() -> None:
    assert {user for user in USERS if found(access(user).write, ["amq.default"])} == set(SERVICES)


BOUND = (
    "#",
    "*.#",
    "web.#",
    "web.ticket.opened",
    "webx.#",
    "agent.#",
    "agent.a7.#",
    "agent.a70.#",
    "agentxa7.#",
    "ticket.#",
    "ticket.changed.#",
)


@pytest.mark.parametrize(
    ("user", "exchange", "keys"),
    [
        ("web", CHANNELS, {"web.#", "web.ticket.opened"}),
        (HELPCENTER, LIVE, {"ticket.changed.#"}),
        ("agent.a7", AGENTS, {"agent.a7.#"}),
        (CONSOLE, AGENTS, {"agent.#", "agent.a7.#", "agent.a70.#"}),
        (OPERATOR, DEAD, set(BOUND)),
    ],
)
def test_nobody_binds_what_is_said_to_another(user: str, exchange: str, keys: set[str]) -> None:
    assert found(access(user).topics[exchange].read, BOUND) == keys


def test_the_operator_follows_all_events_but_those_about_people() -> None:
    events = {each.type for each in TYPES.values() if each.kind == "event"}
    patterns = ["#", "*.#", "ticket.#", "account.#", "ticketx.#", "x.ticket.opened"]
    follows = found(access(OPERATOR).topics[EVENTS].read, [*events, *patterns])
    assert follows == {key for key in events if not key.startswith(("account.", "requester."))} | {"ticket.#"}


@pytest.mark.parametrize("user", USERS)
def test_the_console_and_the_operator_alone_may_write_in_others_names(user: str) -> None:
    assert access(user).tags == (("impersonator",) if user in (CONSOLE, OPERATOR) else ())


@pytest.mark.parametrize("user", SERVICES)
def test_a_service_binds_nothing(user: str) -> None:
    assert {topic.read for topic in access(user).topics.values()} == {"^$"}
