"""What a sender of commands keeps: which outcomes came for what, and how long they took."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from contracts.envelope import Event, parse
from deploy.cli.sender import Sender, latencies, percentile


class FakeBus:
    """Keeps what is published; `deliver` hands a message to the consumer."""

    def __init__(self, user: str) -> None:
        self.user = user
        self.published: list[tuple[str, str, Event, dict[str, Any]]] = []
        self.deliver: Any = None

    def publish(self, exchange: str, routing_key: str, body: bytes, **properties: Any) -> None:
        self.published.append((exchange, routing_key, parse(body), properties))

    def own_queue(self, *bindings: tuple[str, str]) -> str:
        self.bindings = bindings
        return f"{self.user}.own"

    def consume(self, queue: str, on_message: Any, *, acknowledge: bool = True) -> None:
        self.queue = queue
        self.deliver = on_message


def outcome(causation: str, type_: str = "ticket.opened", id_: str = "o1", **data: Any) -> Any:
    body = {
        "specversion": "1.0",
        "id": id_,
        "type": type_,
        "source": "/services/intake",
        "time": "2026-01-01T00:00:00Z",
        "causationid": causation,
        "data": data,
    }
    return SimpleNamespace(body=json.dumps(body).encode())


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus("web")


@pytest.fixture
def sender(bus: FakeBus) -> Sender:
    sender = Sender(bus)  # type: ignore[arg-type]
    sender.listen()
    return sender


def test_a_command_is_an_event_of_its_sender(bus: FakeBus, sender: Sender) -> None:
    id_ = sender.send("ticket.submit", {"subject": "x"}, subject="10000001")
    exchange, key, event, properties = bus.published[0]
    assert (exchange, key, event.type) == ("helpdesk.intake", "ticket.submit", "ticket.submit")
    assert (event.id, event.source, event.subject) == (id_, "/channels/web", "10000001")
    assert properties == {"message_id": id_, "content_type": "application/cloudevents+json"}
    assert bus.bindings == (("helpdesk.channels", "web.#"),)


def test_an_agent_writes_to_the_desk(bus: FakeBus) -> None:
    bus.user = "agent.a1"
    Sender(bus).send("agent.sign_on", {})  # type: ignore[arg-type]
    assert bus.published[0][0] == "helpdesk.desk"
    assert bus.published[0][2].source == "/agents/a1"


def test_a_private_sender_names_its_queue_in_each_command(bus: FakeBus) -> None:
    sender = Sender(bus)  # type: ignore[arg-type]
    sender.listen_privately()
    id_ = sender.send("ticket.view", {})
    assert bus.bindings == ()
    assert (bus.published[0][3]["reply_to"], bus.published[0][3]["correlation_id"]) == ("web.own", id_)


def test_a_command_waits_until_its_first_outcome_and_counts_once(bus: FakeBus, sender: Sender) -> None:
    id_ = sender.send("ticket.submit", {})
    sender.send("ticket.submit", {}, id_=id_)
    assert sender.waiting == 1
    for _ in range(2):  # the same outcome again, as after a crash
        bus.deliver(outcome(id_, ticket={"number": "10000001"}))
    assert sender.waiting == 0
    assert list(sender.sent[id_].answers) == ["o1"]
    assert sender.sent[id_].answer.number == "10000001"  # type: ignore[union-attr]
    bus.deliver(outcome(id_, id_="o2"))
    assert list(sender.sent[id_].answers) == ["o1", "o2"]
    assert sender.outcomes == {"ticket.opened": 1}


def test_a_rejection_is_labelled_with_its_code(bus: FakeBus, sender: Sender) -> None:
    bus.deliver(outcome(sender.send("ticket.submit", {}), "command.rejected", code="invalid"))
    assert sender.outcomes == {"command.rejected (invalid)": 1}


def test_what_answers_nothing_of_ours_goes_to_the_listener(bus: FakeBus) -> None:
    heard: list[Event] = []
    sender = Sender(bus, heard.append)  # type: ignore[arg-type]
    sender.listen()
    id_ = sender.send("ticket.submit", {})
    bus.deliver(outcome("somebody else's"))
    bus.deliver(outcome(id_, "notification.message", kind="receipt"))
    assert [event.type for event in heard] == ["ticket.opened", "notification.message"]
    assert sender.waiting == 1


def test_only_channels_agents_and_the_operator_send() -> None:
    with pytest.raises(ValueError, match="casebus_admin is no channel, no agent and not the operator"):
        Sender(FakeBus("casebus_admin"))  # type: ignore[arg-type]


def test_latencies_are_ascending_and_leave_out_what_has_no_outcome(bus: FakeBus, sender: Sender) -> None:
    first, _, third = (sender.send("ticket.submit", {}) for _ in range(3))
    bus.deliver(outcome(third))
    bus.deliver(outcome(first))
    found = latencies(sender.sent.values())
    assert len(found) == 2
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, 0.0), ([7.0], 0.99, 7.0), ([1.0, 2.0, 3.0, 4.0], 0.5, 3.0), ([1.0, 2.0], 1.0, 2.0)],
)
def test_percentile(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected
