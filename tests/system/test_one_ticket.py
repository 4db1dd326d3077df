"""One open ticket for an issue, one effect for an id, whatever comes at once."""

from __future__ import annotations

from collections import Counter

from tests.system.client import command, submission
from tests.system.house import House

CONNECTIONS = 8


def test_a_thousand_submissions_of_one_issue_at_once(house: House) -> None:
    """Over 8 connections to 3 intake instances: one ticket is opened, 999 are added to it, one receipt is given."""
    house.start(intake=3)
    submissions = [command("web", "ticket.submit", submission("ada", "order-1")) for _ in range(1000)]
    house.send_at_once([("web", submissions[start::CONNECTIONS]) for start in range(CONNECTIONS)])
    evidence = house.assert_clean()

    outcomes = Counter(heard.type for heard in evidence.heard if heard.event.get("causationid") in house.sent_ids)
    assert outcomes == {"ticket.opened": 1, "ticket.duplicate": 999}
    (ticket,) = evidence.tickets
    assert ticket["version"] == 1000
    assert [delivery["kind"] for delivery in evidence.deliveries] == ["receipt"]


def test_the_same_id_fifty_times(house: House) -> None:
    """Also with other bodies: one effect, and the same outcome each time, from whichever instance."""
    house.start(intake=2)
    bodies = [submission("ada", "order-1"), submission("ada", "order-2"), submission("bo", "order-1", category="no")]
    again = [command("web", "ticket.submit", bodies[number % 3], id_="one-intent") for number in range(50)]
    house.ask("web", again[0])
    house.send_at_once([("web", again[start::2]) for start in range(2)])
    house.ledger.wait(
        lambda: len([message for message in house.ledger.heard if message.type == "ticket.opened"]) == 51, "51 outcomes"
    )
    evidence = house.assert_clean()

    (ticket,) = evidence.tickets
    assert (ticket["version"], ticket["issue_key"]) == (1, "order-1")
    outcomes = [heard for heard in evidence.heard if heard.event.get("causationid") == "one-intent"]
    assert len({heard.body for heard in outcomes}) == 1
