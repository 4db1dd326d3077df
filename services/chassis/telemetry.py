"""Logs as one JSON object a line, and the metrics that every service has. Nothing personal goes into either."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import orjson
from prometheus_client import Counter, Gauge, Histogram

MESSAGES = Counter("casebus_messages_handled_total", "Deliveries that a turn brought to their end.")
TURN_SIZE = Histogram("casebus_turn_messages", "Messages in a turn.", buckets=(0, 1, 2, 5, 10, 20, 50, 100, 150, 200))
TURN_SECONDS = Histogram(
    "casebus_turn_seconds",
    "Duration of a turn's phases.",
    ["phase"],
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
)
CONFLICTS = Counter("casebus_turn_conflicts_total", "Turns decided again because another instance was first.")
SET_ASIDE = Counter("casebus_set_aside_total", "Messages copied to helpdesk.dead.", ["why"])
QUESTIONS = Counter("casebus_questions_total", "Questions, by what became of them.", ["became"])
FAILURES = Counter("casebus_failures_total", "Tries of messages and timers that raised.", ["what"])
PAUSED = Gauge("casebus_paused", "1 while too many fail, so that one a minute is tried.", ["what"])
AWAY = Counter("casebus_away_total", "Pauses because broker or database were away.", ["what"])
TIMER_LATE = Histogram(
    "casebus_timer_late_seconds", "How late timers fired.", buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 30, 300)
)
SWEPT = Counter("casebus_outbox_swept_total", "Turns whose unsent messages the sweeper published.")
FILES_REFUSED = Gauge(
    "casebus_files_refused", "1 while a changed catalogue or calendars file is refused and the old one holds."
)

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, service, logger, message, and whatever was given as `extra`."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        line: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}",
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in STANDARD},
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(line, default=str).decode()
        except TypeError:  # a sender may have written half characters, or numbers of more than 64 bits
            return json.dumps(line, default=str)


def log_as_json(service: str, level: str) -> None:
    """Send all logging to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(service))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("pymongo", "amqp", "nameko", "kombu"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))
