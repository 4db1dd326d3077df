"""The values that a decision is made of."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts.outcomes import Rejected
from services.chassis.decision import Answer, derived_id, rejected

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
LATER = datetime(2026, 1, 6, tzinfo=UTC)


def test_a_refusal_says_all_that_it_is_given_and_nothing_else() -> None:
    errors = {"data.body": ["Missing."]}
    whole = Rejected(code="too_early", message="Wait.", errors=errors, eligible_at=NOW, retry_at=LATER)
    said = rejected("too_early", "Wait.", errors, eligible_at=NOW, retry_at=LATER)
    assert said == Answer("command.rejected", whole)
    assert rejected("forbidden", "No.") == Answer(
        "command.rejected", Rejected(code="forbidden", message="No.", errors={})
    )


def test_an_id_stays_the_same_in_every_release() -> None:
    """Tickets, entries and timers are stored under such ids: another one would make a second of each."""
    assert derived_id("entry", "t1", "7") == "791671f4bd7a2388b7b2ca5d62a0ffea"
