"""The checker can fail on a real desk: it finds an intake whose chassis breaks a promise and dies where that matters.

The same deaths of a sound chassis leave everything in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.system.checker import nothing_said_differently, one_outcome_a_command, versions_without_gaps
from tests.system.client import command, submission
from tests.system.evidence import Evidence
from tests.system.house import House

SUBMISSIONS = 200


@pytest.mark.parametrize(
    ("how", "guarantee", "sentence"),
    [
        ("acknowledges first", one_outcome_a_command, "has 0 outcomes"),
        ("stores nothing outgoing", versions_without_gaps, "is at version 1, its events are []"),
        ("publishes first", nothing_said_differently, "with 2 different bodies"),
    ],
)
def test_a_broken_promise_is_found(
    house: House, how: str, guarantee: Callable[[Evidence], Iterator[str]], sentence: str
) -> None:
    evidence = after_a_death_in_the_middle(house, how)
    found = list(guarantee(evidence))
    assert any(sentence in complaint for complaint in found), found


@pytest.mark.parametrize("how", ["not, and dies before the commit", "not, and dies after the commit"])
def test_the_same_death_breaks_no_promise_of_ours(house: House, how: str) -> None:
    evidence = after_a_death_in_the_middle(house, how)
    assert len(evidence.tickets) == SUBMISSIONS
    for guarantee in (one_outcome_a_command, versions_without_gaps, nothing_said_differently):
        assert list(guarantee(evidence)) == []


def after_a_death_in_the_middle(house: House, how: str) -> Evidence:
    """An intake that is broken in this way gets work and dies in the middle of it. Returns what there is when a sound
    one has done the rest, and stopped."""
    house.desk.runner = "tests.system.broken"
    house.desk.settings["CASEBUS_BROKEN"] = how
    house.start(routing=0, sla=0, notifications=0)
    house.desk.runner = "services.chassis.run"
    house.send(
        "web", [command("web", "ticket.submit", submission(f"account-{n}", "order-1")) for n in range(SUBMISSIONS)]
    )
    house.ledger.wait(lambda: house.desk.pid("intake") is None, "the intake has died")
    house.desk.start("intake")
    house.ledger.wait(lambda: not house.ready("intake.commands")["intake.commands"], "the queue is empty")
    # What the dead one had published and not removed yet is the sweeper's, after 10 s.
    house.ledger.wait(lambda: not house.database("intake")["outbox"].count_documents({}), "the outbox is empty")
    assert house.terminate(("intake", 1)) == [0]
    house.wait_for_messages()
    evidence = house.evidence()
    assert (evidence.outboxes["intake"], evidence.queues["intake.commands"]) == (0, 0)
    return evidence
