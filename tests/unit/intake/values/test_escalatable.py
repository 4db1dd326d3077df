"""News of sla about an escalation is outdated once a merge shows that the requester has waited longer."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from services.intake.domain.values.escalatable import Escalatable
from tests.unit.intake.desk import MORNING

EARLIER = MORNING - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("told", "is_so", "outdated"),
    [
        (MORNING, EARLIER, True),
        (MORNING, MORNING, False),
        (EARLIER, MORNING, False),
        (None, EARLIER, False),
        (MORNING, None, False),
    ],
)
def test_it_is_outdated_if_the_requester_has_waited_longer(
    told: datetime | None, is_so: datetime | None, outdated: bool
) -> None:
    assert Escalatable("t1", 1, MORNING, 1, told).is_outdated(is_so) is outdated
