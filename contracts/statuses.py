"""The statuses of a ticket, in which of them it is the desk's turn to act, and how long the last two last.

Intake decides which command leads from one to another (docs/ticket-life.md).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, get_args

Status = Literal[
    "new",
    "assigned",
    "work_in_progress",
    "needs_reply",
    "need_more_info",
    "solution_suggested",
    "reopened",
    "closed",
]

STATUSES: tuple[Status, ...] = get_args(Status)

OPEN: tuple[Status, ...] = tuple(status for status in STATUSES if status != "closed")

DESKS_TURN: tuple[Status, ...] = ("new", "assigned", "work_in_progress", "needs_reply", "reopened")
"""A ticket in one of these awaits the desk: it is open, and the desk waits for nothing from its requester. It counts as
its agent's load, and the clock of its next reply runs."""

CLOSES_AFTER = timedelta(days=7)
"""How long after a suggested solution a ticket closes if its requester does not reply (docs/rules.md, "The life of a
ticket")."""

REOPENS_WITHIN = timedelta(days=7)
"""How long after its closing a ticket may be reopened, this very moment included."""
