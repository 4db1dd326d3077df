"""A service that is told to stop (SIGTERM) under load handles what it was given and leaves the rest untouched."""

from __future__ import annotations

from contracts.names import SERVICES
from contracts.topology import queues_of
from deploy.local.rabbitmq import ADMIN
from tests.system.client import command, submission
from tests.system.house import House

LOAD = 600


def test_a_clean_stop_of_any_service_redelivers_nothing(house: House) -> None:
    """Each in turn, while messages keep coming; what is left in its queues has never been delivered."""
    house.start()
    house.sign_on("a1", capacity=100)
    for service in SERVICES:
        submissions = [submission(f"{service}-{number}", f"order-{number}") for number in range(LOAD)]
        before = len(house.ledger.heard)
        house.send("web", [command("web", "ticket.submit", data) for data in submissions])
        house.ledger.wait(lambda before=before: len(house.ledger.heard) > before + LOAD // 4, "the service is at work")  # type: ignore[misc]
        assert house.terminate((service, 1)) == [0]
        for queue in queues_of(service):
            assert delivered_before(house, queue) == [], f"{service} gave back messages of {queue}"
        house.desk.start(service)
    house.assert_clean()


def delivered_before(house: House, queue: str) -> list[str]:
    """Ids of the messages in a queue that were delivered to somebody who has not acknowledged them."""
    with house.bus(ADMIN) as bus:
        found = []
        while (message := bus.channel.basic_get(queue)) is not None:
            if message.delivery_info["redelivered"] or (message.headers or {}).get("x-delivery-count"):
                found.append(message.properties["message_id"])
        return found
