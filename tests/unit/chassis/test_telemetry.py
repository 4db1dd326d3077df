"""Logs: one JSON object a line, whatever a sender wrote."""

from __future__ import annotations

import json
import logging

from hypothesis import given, settings
from hypothesis import strategies as st

from services.chassis.telemetry import JsonLines


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(categories=("L", "C", "Z"))))
def test_whatever_a_sender_wrote_can_be_logged(written: str) -> None:
    record = logging.makeLogRecord({"msg": "set aside", "reason": written, "errors": {written: [written]}})
    line = JsonLines("intake").format(record)
    assert json.loads(line)["message"] == "set aside"
    assert "\n" not in line
