"""Logs: one JSON object a line, whatever a sender wrote."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chassis.telemetry import JsonLines, log_as_json

NOISY = ("pymongo", "amqp", "nameko", "kombu")


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(categories=("L", "C", "Z"))))
def test_whatever_a_sender_wrote_can_be_logged(written: str) -> None:
    record = logging.makeLogRecord({"msg": "dead-lettered", "reason": written, "errors": {written: [written]}})
    line = JsonLines("intake").format(record)
    assert json.loads(line)["message"] == "dead-lettered"
    assert "\n" not in line


def test_a_line_says_when_how_bad_who_and_what_with_all_that_was_given() -> None:
    given = {"msg": "dead-%s", "args": ("lettered",), "name": "services.x", "levelname": "WARNING", "queue": "q"}
    record = logging.makeLogRecord({**given, "created": 0.25, "msecs": 250.0})
    line = json.loads(JsonLines("intake").format(record))
    assert line.pop("time")[-7:] == ":00.250"
    assert line == {
        "level": "WARNING",
        "service": "intake",
        "logger": "services.x",
        "message": "dead-lettered",
        "queue": "q",
    }


def test_an_error_is_in_its_line_with_where_it_was_raised() -> None:
    try:
        raise ValueError("undecidable")
    except ValueError:
        record = logging.makeLogRecord({"msg": "dead-lettered", "exc_info": sys.exc_info()})
    error = json.loads(JsonLines("intake").format(record))["error"]
    assert error.startswith("Traceback")
    assert error.endswith("ValueError: undecidable")


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """Whatever a test does to logging."""
    loggers = [logging.getLogger(name) for name in (None, *NOISY)]
    levels, handlers = [logger.level for logger in loggers], logging.root.handlers[:]
    yield
    logging.root.handlers[:] = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.mark.usefixtures("logging_restored")
@pytest.mark.parametrize(("level", "of_libraries"), [("DEBUG", "WARNING"), ("ERROR", "ERROR")])
def test_what_a_process_logs_is_json_on_standard_error_and_libraries_say_less(
    level: str, of_libraries: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    log_as_json("intake", level)
    assert logging.root.level == getattr(logging, level)
    assert {logging.getLogger(name).level for name in NOISY} == {getattr(logging, of_libraries)}
    logging.getLogger("services.x").error("a line")
    line = json.loads(written.getvalue())
    assert (line["service"], line["level"], line["message"]) == ("intake", "ERROR", "a line")
