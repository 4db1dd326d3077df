"""How much a requester may write holds for several instances at once, on a real database."""

from __future__ import annotations

from collections import Counter

import pytest

from deploy.local.desk import Desk
from tests.integration.test_intake import Command, outcomes, publish
from tests.unit.intake.desk import account, submission

MOST = 12


@pytest.fixture
def limited(desk: Desk) -> Desk:
    """A desk with two instances of intake that accept little."""
    desk.settings |= {"CASEBUS_REQUESTER_MESSAGES": str(MOST), "CASEBUS_TICKET_MESSAGES": str(MOST // 2)}
    desk.start_all([("intake", 1), ("intake", 2)])
    return desk


def test_limits_hold_over_several_instances(limited: Desk) -> None:
    """Each a flood of one requester: of new issues, of one issue, of what is filed and closed again."""
    desk = limited
    filed: list[Command] = [
        (f"a{n}", "ticket.submit", submission(account("ann"), issue_key=f"i{n}", body=f"Text {n}")) for n in range(60)
    ]
    noted: list[Command] = [
        (f"b{n}", "ticket.submit", submission(account("bob"), issue_key="one", body=f"Text {n}")) for n in range(60)
    ]
    publish(desk, "web", [command for pair in zip(filed, noted, strict=True) for command in pair])
    came = Counter(
        (outcome.causationid or "")[0] + said(outcome) for outcome in outcomes(desk, "web", "web.outcomes", 120)
    )
    # Both instances may have begun the hour at once: each knows nothing of the other's first message.
    assert came["aticket.opened"] in (MOST, MOST + 1)
    assert came["arate_limited"] == 60 - came["aticket.opened"]
    assert came == {**came, "bticket.opened": 1, "bticket.duplicate": MOST // 2 - 1, "brate_limited": 60 - MOST // 2}
    for place in range(MOST):
        publish(desk, "web", [(f"c{place}", "ticket.submit", submission(account("cy"), issue_key=f"i{place}"))])
        (opened,) = outcomes(desk, "web", "web.outcomes", 1)
        assert opened.type == "ticket.opened"
        closing = {"requester": account("cy"), "number": opened.data["ticket"]["number"]}
        publish(desk, "web", [(f"d{place}", "ticket.accept_solution", closing)])
        outcomes(desk, "web", "web.outcomes", 1)
    publish(desk, "web", [("e", "ticket.submit", submission(account("cy"), issue_key="one more"))])
    (last,) = outcomes(desk, "web", "web.outcomes", 1)
    assert said(last) == "rate_limited"
    assert last.data["retry_at"]


def said(outcome: object) -> str:
    """The type of an outcome, or the code of a refusal."""
    return str(outcome.data.get("code", outcome.type))  # type: ignore[attr-defined]
