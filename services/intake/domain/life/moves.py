"""The life of a ticket as one table: which command, by whom, from which status to which, announced by which event.

Only this module knows which status follows which. The functions that decide ask it, and deploy/documents/ draws the
table and the diagram of docs/ticket-life.md from it. Who somebody is, and what else a command requires, is elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from contracts.statuses import DESKS_TURN, OPEN, STATUSES, Status
from contracts.values import dataclass
from services.chassis.decision import Answer
from services.intake.domain import answers
from services.intake.domain.values.ticket import Ticket, next_version

By = Literal[
    "requester",
    "operator",
    "moderator",
    "its agent",
    "an agent who may have it",
    "the other ticket's agent",
    "a supervisor",
    "routing",
    "sla",
]


@dataclass(frozen=True, slots=True)
class Move:
    """One row. `to`: for each status in which the command may come, the one that follows; in any other it is
    `wrong_status`. `again`: the ticket enters the status even if it is in it: a second suggestion restarts the 7 days.
    `also`: what else must be true, in words for the page."""

    commands: tuple[str, ...]
    by: tuple[By, ...]
    to: Mapping[Status, Status]
    event: str
    again: bool = False
    also: str = ""


def _to(status: Status, *before: Status) -> dict[Status, Status]:
    return dict.fromkeys(before, status)


def _as_it_is(*before: Status) -> dict[Status, Status]:
    return {status: status for status in before}


_WAITS_AGAIN = {**_as_it_is(*OPEN), "assigned": "new"}
"""What was only assigned waits as it did before (as `reopened`, if it was ever closed: see `status_after`)."""
_REQUESTER_WROTE = {**_to("needs_reply", *OPEN), "new": "new"}
_THEIRS: tuple[By, ...] = ("its agent",)
_THEIRS_OR_SUPERVISED: tuple[By, ...] = ("its agent", "a supervisor")
_WHOSE_IT_MAY_BE: tuple[By, ...] = ("an agent who may have it", "a supervisor")
_SUPERVISED: tuple[By, ...] = ("a supervisor",)

ASSIGN = Move(
    ("ticket.assign",),
    ("routing",),
    {**_as_it_is(*OPEN), "new": "assigned", "reopened": "assigned"},
    "ticket.assigned",
    also="no agent has it",
)
UNASSIGN = Move(("ticket.unassign",), ("routing",), _WAITS_AGAIN, "ticket.unassigned", also="an agent has it")
CHANGE_AGENT = Move(("ticket.change_agent",), ("requester",), _WAITS_AGAIN, "ticket.unassigned", also="an agent has it")
GIVE_BACK = Move(("ticket.transfer",), _THEIRS, _WAITS_AGAIN, "ticket.transferred", also="without `to_agent`")
HAND_OVER = Move(
    ("ticket.transfer",),
    _THEIRS,
    _as_it_is(*OPEN),
    "ticket.transferred",
    also="to an agent who is there and may have it, and whom the requester has not changed away from last",
)
GIVE = Move(
    ("ticket.assign_to",),
    _SUPERVISED,
    {**_as_it_is(*OPEN), "new": "assigned", "reopened": "assigned"},
    "ticket.assigned",
    also="no agent has it; to an agent who may get it as by `ticket.transfer`",
)
GIVE_ON = Move(
    ("ticket.assign_to",),
    _SUPERVISED,
    _as_it_is(*OPEN),
    "ticket.transferred",
    also="an agent has it; to another, as by `ticket.transfer`",
)
TAKE_AWAY = Move(("ticket.take_away",), _SUPERVISED, _WAITS_AGAIN, "ticket.unassigned", also="an agent has it")
START_WORK = Move(
    ("ticket.start_work",),
    _THEIRS,
    _to("work_in_progress", "assigned", "needs_reply", "reopened"),
    "ticket.work_started",
)
ASK_INFO = Move(("ticket.ask_info",), _THEIRS, _to("need_more_info", *OPEN), "ticket.info_requested", again=True)
SUGGEST = Move(
    ("ticket.suggest_solution",), _THEIRS, _to("solution_suggested", *OPEN), "ticket.solution_suggested", again=True
)
REPLY = Move(("ticket.reply",), ("requester",), _REQUESTER_WROTE, "ticket.customer_replied")
NOTE_BY_REQUESTER = Move(
    ("ticket.submit", "ticket.reply"), ("requester",), _REQUESTER_WROTE, "ticket.note_added", also="the issue is open"
)
NOTE_AUTOMATIC = Move(
    ("ticket.submit", "ticket.reply"),
    ("requester",),
    _as_it_is(*STATUSES),
    "ticket.note_added",
    also="a machine wrote it, or it repeats itself",
)
NOTE_BY_AGENT = Move(("ticket.add_note",), _WHOSE_IT_MAY_BE, _as_it_is(*OPEN), "ticket.note_added")
EDIT = Move(("ticket.edit",), ("requester",), _as_it_is(*OPEN), "ticket.edited")
RECLASSIFY = Move(("ticket.reclassify",), _THEIRS_OR_SUPERVISED, _as_it_is(*OPEN), "ticket.reclassified")
ASK_CONSENT = Move(("ticket.ask_consent",), _THEIRS, _as_it_is(*OPEN), "ticket.consent_requested")
ANSWER_CONSENT = Move(
    ("ticket.answer_consent",), ("requester",), _as_it_is(*OPEN), "ticket.consent_answered", also="they were asked"
)
ESCALATE = Move(
    ("ticket.escalate",),
    ("requester", "moderator"),
    _as_it_is(*DESKS_TURN),
    "ticket.escalated",
    also="not escalated yet, and the desk has not replied for the time of the rule",
)
HOLD = Move(
    ("ticket.submit",),
    ("requester",),
    _as_it_is(*OPEN),
    "ticket.held",
    also="on the tickets that others filed with the same words within minutes: nobody has them, and they make a burst",
)
RELEASE = Move(("ticket.release",), ("a supervisor",), _as_it_is(*OPEN), "ticket.released", also="it is held")
LINK = Move(("ticket.link",), _WHOSE_IT_MAY_BE, _as_it_is(*OPEN), "ticket.linked")
MERGE = Move(
    ("ticket.merge_into",),
    _THEIRS_OR_SUPERVISED,
    _to("closed", *OPEN),
    "ticket.merged",
    also="the other is open and of the same person",
)
ACCEPT = Move(("ticket.accept_solution",), ("requester",), _to("closed", *OPEN), "ticket.closed")
CLOSE = Move(("ticket.close",), _THEIRS_OR_SUPERVISED, _to("closed", *OPEN), "ticket.closed")
AUTO_CLOSE = Move(
    ("ticket.auto_close",),
    ("sla",),
    _to("closed", "solution_suggested"),
    "ticket.closed",
    also="nobody replied for 7 days",
)
REOPEN = Move(
    ("ticket.reply", "ticket.submit"),
    ("requester",),
    _to("reopened", "closed"),
    "ticket.reopened",
    also="closed no more than 7 days ago, not merged, and the issue is not open in another ticket",
)
REOPEN_BY_SUPERVISOR = Move(
    ("ticket.reopen",),
    _SUPERVISED,
    _to("reopened", "closed"),
    "ticket.reopened",
    also="under the same conditions as when the requester reopens it",
)

REDACT = Move(
    ("ticket.redact",), ("a supervisor",), _as_it_is(*STATUSES), "ticket.redacted", also="the entry has words"
)

_BY_ERASURE: tuple[By, ...] = ("requester", "operator")
ERASE_OPEN = Move(("account.erase",), _BY_ERASURE, _to("closed", *OPEN), "ticket.closed", also="it is the account's")
ERASE_CLOSED = Move(
    ("account.erase",), _BY_ERASURE, _to("closed", "closed"), "ticket.edited", also="it is the account's, in portions"
)

_BY_ACCOUNT = ("account.confirm_contact", "account.merge")
MOVE = Move(
    _BY_ACCOUNT,
    ("requester",),
    _as_it_is(*STATUSES),
    "ticket.edited",
    also="it now belongs to the one person behind these accounts",
)
MERGE_PERSONS = Move(
    _BY_ACCOUNT,
    ("requester",),
    _to("closed", *OPEN),
    "ticket.merged",
    also="that person has the issue open in an older ticket",
)
_BY_MERGE = ("ticket.merge_into", *_BY_ACCOUNT)
TAKE_IN = Move(
    _BY_MERGE,
    ("the other ticket's agent", "a supervisor", "requester"),
    _as_it_is(*OPEN),
    "ticket.linked",
    also="on the ticket that goes on, where the merged one waited for its requester",
)
TAKE_IN_UNANSWERED = Move(
    _BY_MERGE,
    ("the other ticket's agent", "a supervisor", "requester"),
    _REQUESTER_WROTE,
    "ticket.linked",
    also="on the ticket that goes on, where the merged one awaited the desk",
)

TABLE = (
    ASSIGN,
    UNASSIGN,
    CHANGE_AGENT,
    GIVE_BACK,
    HAND_OVER,
    GIVE,
    GIVE_ON,
    TAKE_AWAY,
    START_WORK,
    ASK_INFO,
    SUGGEST,
    REPLY,
    NOTE_BY_REQUESTER,
    NOTE_AUTOMATIC,
    NOTE_BY_AGENT,
    EDIT,
    RECLASSIFY,
    ASK_CONSENT,
    ANSWER_CONSENT,
    ESCALATE,
    HOLD,
    RELEASE,
    LINK,
    MERGE,
    ACCEPT,
    CLOSE,
    AUTO_CLOSE,
    REOPEN,
    REOPEN_BY_SUPERVISOR,
    MOVE,
    MERGE_PERSONS,
    TAKE_IN,
    TAKE_IN_UNANSWERED,
    REDACT,
    ERASE_OPEN,
    ERASE_CLOSED,
)


def refusal(move: Move, ticket: Ticket) -> Answer | None:
    """`wrong_status`, if the table has no way from the ticket's status."""
    return None if ticket.status in move.to else answers.wrong_status(ticket)


def status_after(move: Move, ticket: Ticket) -> Status:
    """Where the move leads. A ticket that was ever closed is never `new` again: it waits as `reopened`.

    Raises KeyError where the table has no way.
    """
    status = move.to[ticket.status]
    return "reopened" if status == "new" and ticket.reopen_count else status


def opened_again(ticket: Ticket) -> dict[str, Any]:
    """What changes in a reopened ticket, besides its status. Its earlier escalation is over."""
    return {"escalated": False, "closed_at": None, "close_reason": None, "reopen_count": ticket.reopen_count + 1}


def moved(move: Move, ticket: Ticket, now: datetime, **changed: Any) -> Ticket:
    """The ticket's next version, after the move. `changed`: what else changes. Raises KeyError as `status_after`."""
    status = status_after(move, ticket)
    if "agent" in changed or status == "closed":
        # Permission to log in was given to this agent for an open ticket, and ends with either.
        changed.setdefault("consent", None)
    if status == "closed":
        changed.setdefault("filed", None)
    if status == "closed" or changed.get("agent") is not None:
        changed.setdefault("burst", None)
    return next_version(ticket, now, status, again=move.again, **changed)
