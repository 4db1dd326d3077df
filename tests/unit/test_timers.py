"""Timers as databases hold them: a release reads what the one before it armed, and stores it the same."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.names import SERVICES
from contracts.payload import document, stored
from services.chassis.decision import Timer, timers_of
from services.chassis.declared import module_of

DUE = datetime(2026, 1, 5, 12, tzinfo=UTC)

STORED: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("intake", "account_end"): [{}],
    ("intake", "account_erase"): [{}],
    ("intake", "account_export"): [{}],
    ("intake", "burst_release"): [{"agent_id": "lead"}],
    ("intake", "file_scan"): [
        {"number": "00000042", "tries": 3, "name": "bill.png"},
        {"number": "00000042", "tries": 0, "internal": True, "name": "bill.png"},
    ],
    ("intake", "key_rotation"): [{}],
    ("knowledge", "deflected"): [{}],
    ("notifications", "address_wait"): [{}],
    ("notifications", "send"): [{"attempt": 1}],
    ("routing", "away"): [{}],
    ("routing", "offline"): [{}],
    ("sla", "auto_close"): [{"status_version": 7}],
    ("sla", "breach"): [{"clock": "first_response:1"}],
    ("sla", "closing_soon"): [{"status_version": 7}],
    ("sla", "warning"): [{"clock": "first_response:1"}],
}
"""The data of timers as they are in databases, by service and kind. Whoever adds a timer adds it here; whoever adds a
field to one adds another document, and leaves those that are there."""


def kinds() -> dict[tuple[str, str], type[Timer]]:
    """Of all services."""
    for service in SERVICES:
        module_of(service)
    return {(service, timer.kind): timer for service in SERVICES for timer in timers_of(service)}


def test_every_timer_of_every_service_is_here() -> None:
    assert set(kinds()) == set(STORED)


@pytest.mark.parametrize(("service", "kind"), STORED)
def test_what_is_stored_is_read_and_stored_the_same(service: str, kind: str) -> None:
    timer = kinds()[service, kind]
    for data in STORED[service, kind]:
        assert document(stored(timer, {**data, "due": DUE})) == {**data, "due": DUE}
