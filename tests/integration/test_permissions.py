"""What each broker user may and may not do, tried on the real broker, one operation at a time.

No service runs here: what is published stays in its queue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from urllib.parse import urlsplit

import amqp
import pytest

from contracts.topology import (
    AGENTS,
    BY_TYPE,
    CHANNELS,
    CONSOLE,
    DEAD,
    DESK,
    EVENT_LOG,
    EVENTS,
    INTAKE,
    LIVE,
    QUESTIONS,
    UNKNOWN,
    definitions,
)
from deploy.local.desk import Desk
from deploy.local.stack import Stack

Operation = Callable[[amqp.Channel], None]

_NAMES = count()


def publish(exchange: str, key: str, user_id: str | None = None) -> Operation:
    def operation(channel: amqp.Channel) -> None:
        properties = {} if user_id is None else {"user_id": user_id}
        channel.confirm_select()
        channel.basic_publish_confirm(amqp.Message(b"{}", **properties), exchange=exchange, routing_key=key)

    operation.__name__ = f"publish {key or '(empty)'} to {exchange or '(default)'} as {user_id or 'nobody'}"
    return operation


def a_name_like(own: str) -> str:
    """A queue name that nobody has: RabbitMQ 4.3 deletes an exclusive queue a moment after its connection is closed."""
    return f"{own}.{next(_NAMES)}"


def declare(queue: str) -> Operation:
    def operation(channel: amqp.Channel) -> None:
        channel.queue_declare(queue, auto_delete=True, exclusive=True)

    operation.__name__ = f"declare {queue}"
    return operation


def declare_exchange(name: str) -> Operation:
    def operation(channel: amqp.Channel) -> None:
        channel.exchange_declare(name, "topic")
        channel.exchange_delete(name)

    operation.__name__ = f"declare the exchange {name}"
    return operation


def passive(queue: str) -> Operation:
    def operation(channel: amqp.Channel) -> None:
        channel.queue_declare(queue, passive=True)

    operation.__name__ = f"look at {queue}"
    return operation


def bind(own: str, exchange: str, key: str) -> Operation:
    """Declare a queue of a name that the user may declare, and bind it."""

    def operation(channel: amqp.Channel) -> None:
        queue = a_name_like(own)
        channel.queue_declare(queue, auto_delete=True, exclusive=True)
        channel.queue_bind(queue, exchange, key)

    operation.__name__ = f"bind {own} to {exchange} by {key}"
    return operation


def bind_exchange(own: str, exchange: str, key: str) -> Operation:
    """The same, by way of an exchange of the user's own."""

    def operation(channel: amqp.Channel) -> None:
        channel.exchange_declare(own, "topic")
        channel.exchange_bind(own, exchange, key)

    operation.__name__ = f"bind the exchange {own} to {exchange} by {key}"
    return operation


def _leave(_: amqp.Message) -> None:
    """Not acknowledged: it goes back when the connection closes."""


def consume(queue: str) -> Operation:
    def operation(channel: amqp.Channel) -> None:
        channel.basic_qos(0, 1, False)
        channel.basic_consume(queue, no_ack=queue.startswith("amq."), callback=_leave)

    operation.__name__ = f"consume {queue}"
    return operation


ALLOWED = [
    ("web", publish(INTAKE, "ticket.submit", "web")),
    ("web", publish(INTAKE, "ticket.view", "web")),
    ("web", publish(QUESTIONS, "ticket.view", "web")),
    ("web", publish(QUESTIONS, "ticket.list", "web")),
    ("agent.a1", publish(QUESTIONS, "staff.ticket.view", "agent.a1")),
    ("console", publish(QUESTIONS, "staff.attachment.download", "agent.a1")),
    ("intake", consume("intake.questions")),
    ("intake", consume("intake.assignments")),
    ("web", passive("web.outcomes")),
    ("web", consume("web.outcomes")),
    ("web", consume("amq.rabbitmq.reply-to")),
    ("web", declare("web.replies.1")),
    ("web", bind("web.mine", CHANNELS, "web.#")),
    ("web", bind("web.mine", CHANNELS, "web.notification.message")),
    ("helpcenter", bind("helpcenter.live", LIVE, "ticket.changed.#")),
    ("helpcenter", publish(INTAKE, "ticket.submit", "helpcenter")),
    ("intake", publish(LIVE, "ticket.changed.00004217", "intake")),
    ("agent.a1", publish(DESK, "agent.sign_on", "agent.a1")),
    ("agent.a1", publish(DESK, "ticket.suggest_solution", "agent.a1")),
    ("agent.a1", consume("agent.a1.inbox")),
    ("agent.a1", bind("agent.a1.mine", AGENTS, "agent.a1.#")),
    ("intake", publish(EVENTS, "ticket.opened", "intake")),
    ("intake", publish(CHANNELS, "web.ticket.opened", "intake")),
    ("intake", publish(AGENTS, "agent.a1.ticket.assigned", "intake")),
    ("intake", publish("", "web.outcomes", "intake")),
    ("intake", publish(DEAD, "intake.commands", "intake")),
    ("intake", passive("intake.commands")),
    ("intake", consume("intake.commands")),
    ("routing", publish(DESK, "ticket.assign", "routing")),
    ("routing", publish(EVENTS, "agent.signed_on", "routing")),
    ("routing", publish(AGENTS, "agent.a1.command.accepted", "routing")),
    ("routing", consume("routing.outcomes")),
    ("sla", publish(DESK, "ticket.auto_close", "sla")),
    ("sla", publish(EVENTS, "sla.armed", "sla")),
    ("sla", publish(AGENTS, "agent.a1.sla.warning", "sla")),
    ("notifications", publish(EVENTS, "notification.sent", "notifications")),
    ("notifications", publish(CHANNELS, "web.notification.message", "notifications")),
    ("notifications", publish(AGENTS, "agent.a1.notification.message", "notifications")),
    ("console", publish(DESK, "ticket.close", "agent.a1")),
    ("console", publish(DESK, "agent.sign_on", "agent.nobody-yet")),
    ("console", bind("console.mine", AGENTS, "agent.a1.#")),
    ("operator", publish(INTAKE, "ticket.submit", "web")),
    ("operator", publish(DESK, "ticket.assign", "routing")),
    ("operator", consume(DEAD)),
    ("operator", consume(EVENT_LOG)),
    ("operator", publish(QUESTIONS, "article.list", "operator")),
    ("operator", bind("operator.mine", EVENTS, "ticket.#")),
]

FORBIDDEN = [
    # A name that is not the user's own.
    ("web", publish(INTAKE, "ticket.submit", "app")),
    ("web", publish(INTAKE, "ticket.submit", "intake")),
    ("agent.a1", publish(DESK, "ticket.close", "agent.a10")),
    ("intake", publish(EVENTS, "ticket.opened", "routing")),
    # Types and exchanges that are not the role's.
    ("web", publish(INTAKE, "ticket.assign", "web")),
    ("web", publish(INTAKE, "no.such.type", "web")),
    ("web", publish(INTAKE, "ticket.submit.x", "web")),
    ("web", publish(QUESTIONS, "staff.ticket.view", "web")),
    ("web", publish(QUESTIONS, "ticket.submit", "web")),
    ("web", publish(QUESTIONS, "ticket.view", "agent.a1")),
    ("web", publish(BY_TYPE[INTAKE], "ticket.submit", "web")),
    ("web", publish(UNKNOWN, "ticket.submit", "web")),
    ("agent.a1", publish(QUESTIONS, "ticket.view", "agent.a1")),
    ("agent.a1", publish(BY_TYPE[DESK], "ticket.assign", "agent.a1")),
    ("console", publish(QUESTIONS, "ticket.view", "agent.a1")),
    ("console", publish(QUESTIONS, "ticket.view", "web")),
    ("routing", publish(QUESTIONS, "ticket.view", "routing")),
    ("operator", publish(QUESTIONS, "ticket.view", "web")),
    ("operator", publish(QUESTIONS, "article.search", "operator")),
    ("operator", publish(QUESTIONS, "staff.article.list", "operator")),
    ("web", consume("intake.questions")),
    ("web", bind("web.mine", QUESTIONS, "#")),
    ("console", bind("console.mine", QUESTIONS, "staff.#")),
    ("web", publish(DESK, "ticket.close", "web")),
    ("web", publish(EVENTS, "ticket.opened", "web")),
    ("web", publish(CHANNELS, "web.ticket.opened", "web")),
    ("web", publish(CHANNELS, "app.ticket.opened", "web")),
    ("web", publish(AGENTS, "agent.a1.ticket.assigned", "web")),
    ("web", publish(DEAD, "intake.commands", "web")),
    ("web", publish("", "intake.commands", "web")),
    ("web", publish("", "web.outcomes", "web")),
    ("agent.a1", publish(DESK, "ticket.assign", "agent.a1")),
    ("agent.a1", publish(DESK, "ticket.auto_close", "agent.a1")),
    ("agent.a1", publish(INTAKE, "ticket.submit", "agent.a1")),
    ("agent.a1", publish("", "intake.commands", "agent.a1")),
    ("routing", publish(DESK, "ticket.auto_close", "routing")),
    ("routing", publish(DESK, "ticket.close", "routing")),
    ("routing", publish(EVENTS, "ticket.opened", "routing")),
    ("sla", publish(DESK, "ticket.assign", "sla")),
    ("sla", publish(CHANNELS, "web.ticket.opened", "sla")),
    ("notifications", publish(DESK, "ticket.assign", "notifications")),
    ("intake", publish(INTAKE, "ticket.submit", "intake")),
    ("console", publish(DESK, "ticket.assign", "routing")),
    ("console", publish(DESK, "ticket.auto_close", "sla")),
    ("console", publish(INTAKE, "ticket.submit", "web")),
    ("operator", publish(EVENTS, "ticket.opened", "intake")),
    ("operator", publish(DESK, "no.such.type", "agent.a1")),
    # Others' binding keys, and keys that include others'.
    *[
        ("web", bind("web.mine", CHANNELS, key))
        for key in ("#", "*.#", "app.#", "web", "webx.#", "web-shop.#", "#.web.#", "*.ticket.opened")
    ],
    *[
        ("agent.a1", bind("agent.a1.mine", AGENTS, key))
        for key in ("#", "agent.#", "agent.*.#", "agent.a10.#", "agent.a2.#", "agent.a1")
    ],
    ("web", bind_exchange("web.x", CHANNELS, "#")),
    ("web", bind_exchange("web.x", EVENTS, "web.#")),
    ("agent.a1", bind_exchange("agent.a1.x", AGENTS, "agent.#")),
    ("web", bind("web.mine", EVENTS, "#")),
    ("web", bind("web.mine", INTAKE, "#")),
    ("web", bind("web.mine", DEAD, "#")),
    ("agent.a1", bind("agent.a1.mine", DESK, "#")),
    ("agent.a1", bind("agent.a1.mine", CHANNELS, "agent.a1.#")),
    ("console", bind("console.mine", AGENTS, "#")),
    ("console", bind("console.mine", CHANNELS, "web.#")),
    ("operator", bind("operator.mine", EVENTS, "#")),
    ("operator", bind("operator.mine", EVENTS, "account.contact_changed")),
    ("operator", bind("operator.mine", CHANNELS, "web.#")),
    # Others' queues and exchanges.
    ("web", consume("game.outcomes")),
    ("web", consume("intake.commands")),
    ("web", consume(DEAD)),
    ("web", consume(EVENT_LOG)),
    ("agent.a1", consume("agent.a10.inbox")),
    ("agent.a1", consume("routing.commands")),
    ("routing", consume("intake.commands")),
    ("console", consume("agent.a1.inbox")),
    ("operator", consume("web.outcomes")),
    ("web", declare("app.mine")),
    ("web", declare("web-shop.mine")),
    ("web", declare("webx")),
    ("agent.a1", declare("agent.a10.mine")),
    ("agent.a1", declare("agent.mine")),
    ("intake", declare("intake.mine")),
    ("intake", declare_exchange("intake.x")),
    ("web", declare_exchange("helpdesk.x")),
    ("operator", declare_exchange("helpdesk.x")),
]


def _name(case: object) -> str:
    return str(getattr(case, "__name__", case))


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[Desk]:
    """One desk for all cases: they leave nothing behind that another case would meet."""
    own = stack.other_desk("permissions")
    own.prepare()
    broker = stack.broker
    broker.management.post("/definitions", definitions(own.name, {CONSOLE: broker.password(CONSOLE)}))
    yield own
    own.remove()


@pytest.fixture
def channel_of(desk: Desk) -> Iterator[Callable[[str], amqp.Channel]]:
    """Opens a channel of a connection of its own, as a broker user."""
    connections: list[amqp.Connection] = []

    def open_channel(user: str) -> amqp.Channel:
        url = urlsplit(desk.amqp_url(user))
        connection = amqp.Connection(
            f"{url.hostname}:{url.port}", userid=user, password=url.password, virtual_host=url.path[1:]
        )
        connection.connect()
        connections.append(connection)
        return connection.channel()

    yield open_channel
    for connection in connections:
        connection.close()


@pytest.mark.parametrize(("user", "operation"), ALLOWED, ids=_name)
def test_each_role_may_do_its_work(user: str, operation: Operation, channel_of: Callable[[str], amqp.Channel]) -> None:
    operation(channel_of(user))


@pytest.mark.parametrize(("user", "operation"), FORBIDDEN, ids=_name)
def test_no_role_may_do_more(user: str, operation: Operation, channel_of: Callable[[str], amqp.Channel]) -> None:
    with pytest.raises((amqp.exceptions.AccessRefused, amqp.exceptions.PreconditionFailed)) as refused:
        operation(channel_of(user))
    assert refused.value.code in (403, 406)


def test_what_nobody_is_there_to_hear_comes_back_to_the_service(channel_of: Callable[[str], amqp.Channel]) -> None:
    """Not by an alternate exchange to the dead letters: it may hold what must be stored nowhere (decision 0006)."""
    intake, operator = channel_of("intake"), channel_of("operator")
    dead = operator.queue_declare(DEAD, passive=True).message_count
    message = amqp.Message(b"{}", user_id="intake")
    with pytest.raises(amqp.exceptions.ChannelError, match="NO_ROUTE"):
        intake.basic_publish_confirm(message, CHANNELS, "no-such-channel.ticket.opened", mandatory=True)
    assert operator.queue_declare(DEAD, passive=True).message_count == dead
