"""Logs: one JSON object a line, whatever a sender wrote."""

from __future__ import annotations

import json
import logging
import sys

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


def test_a_line_says_when_how_bad_who_and_what_with_all_that_was_given() -> None:
    given = {"msg": "set %s", "args": ("aside",), "name": "services.x", "levelname": "WARNING", "queue": "q"}
    record = logging.makeLogRecord({**given, "created": 0.25, "msecs": 250.0})
    line = json.loads(JsonLines("intake").format(record))
    assert line.pop("time")[-7:] == ":00.250"
    assert line == {
        "level": "WARNING",
        "service": "intake",
        "logger": "services.x",
        "message": "set aside",
        "queue": "q",
    }


def test_an_error_is_in_its_line_with_where_it_was_raised() -> None:
    try:
        raise ValueError("undecidable")
    except ValueError:
        record = logging.makeLogRecord({"msg": "set aside", "exc_info": sys.exc_info()})
    error = json.loads(JsonLines("intake").format(record))["error"]
    assert error.startswith("Traceback")
    assert error.endswith("ValueError: undecidable")
