"""A case as the rules speak of it, and the rules that are one sentence each: the values of the model (reference.py).

It shares no code with the services. The page is docs/testing.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

WEEK = timedelta(days=7)
REPEATED_WITHIN = timedelta(hours=72)
TEMPORARY_LASTS = timedelta(days=30)
MAILED_EVERY = timedelta(minutes=10)
ESCALATED_AFTER = {"standard": timedelta(days=5), "vip": timedelta(days=3)}
PRIORITY = {"safety": 1, "ban": 2, "billing": 3, "general": 6}
SKILL = {"safety": "safety", "ban": "safety", "billing": "billing", "general": "general"}
ONE_OPEN_PER = {"safety": "issue", "ban": "requester", "billing": "issue", "general": "category"}
ERASED = "erased"
DESKS_TURN = {"new", "assigned", "work_in_progress", "needs_reply", "reopened"}
STARTS_WORK = {"assigned", "needs_reply", "reopened"}

Data = Mapping[str, Any]


class Broken(AssertionError):
    """The desk did what its rules do not allow; the message says what."""


@dataclass
class Case:
    """A ticket, as the rules speak of it."""

    number: str
    account: str
    """Who filed it; `person` is for whom it counts."""
    person: str
    name: str
    tier: str
    category: str
    subject: str
    body: str
    issue_key: str | None
    key: str
    opened_at: datetime
    status_since: datetime
    unanswered_since: datetime | None
    wrote_at: datetime
    """When its requester last wrote."""
    said: str = ""
    """What its requester said last."""
    said_at: datetime | None = None
    said_times: int = 0
    """How often in a row, since it was filed."""
    automatic: bool = False
    """A machine filed it, and no person has written since."""
    status: str = "new"
    version: int = 1
    status_version: int = 1
    agent: str | None = None
    seq: int = 0
    changed_from: str | None = None
    requester_left: str | None = None
    """Whom the requester themselves changed away from last."""
    closed_at: datetime | None = None
    reopened: int = 0
    merged_into: str | None = None
    consent: str | None = None
    escalated: bool = False
    links: set[str] = field(default_factory=set)
    erased: bool = False
    """Its requester is gone: the account ended, or they had themselves erased."""
    reopened_as: int | None = None
    """Its `seq` when it was reopened last."""
    reclassified_as: int | None = None
    """Its `seq` when it was reclassified last."""

    @property
    def is_open(self) -> bool:
        """Open is every status but closed."""
        return self.status != "closed"

    def enter(self, status: str, now: datetime, again: bool = False) -> None:
        """Its next version, in that status."""
        self.version += 1
        if again or status != self.status:
            self.status, self.status_since, self.status_version = status, now, self.version

    def of_nobody(self) -> str:
        """The status in which it waits for an agent: what was only assigned is as it was before."""
        return ("reopened" if self.reopened else "new") if self.status == "assigned" else self.status

    def as_announced(self) -> dict[str, Any]:
        """What its snapshot has to say."""
        return {
            "number": self.number, "version": self.version, "status": self.status, "status_since": self.status_since,
            "status_version": self.status_version, "assignment_seq": self.seq, "category": self.category,
            "priority": PRIORITY[self.category], "escalated": self.escalated, "subject": self.subject,
            "issue_key": self.issue_key, "opened_at": self.opened_at, "closed_at": self.closed_at,
            "reopen_count": self.reopened, "last_customer_message_at": self.wrote_at,
            "changed_from": self.changed_from, "merged_into": self.merged_into,
            "consent": self.consent,
            "automatic": self.automatic or None, "erased": self.erased or None,
        }  # fmt: skip


@dataclass
class Verdict:
    """The codes with which a command may be refused; its outcome, if it takes effect, and what it does then."""

    codes: set[str] = field(default_factory=set)
    outcome: str | None = None
    effect: Callable[[], list[Case]] = list


def refused(*codes: str) -> Verdict:
    """It has no effect, for one of these reasons."""
    return Verdict(set(codes))


def may_reopen(case: Case, now: datetime) -> bool:
    """Up to and including 7 days after closing; a merged one never."""
    return case.merged_into is None and case.closed_at is not None and now - case.closed_at <= WEEK


def may_have(agent: Data, case: Case) -> bool:
    """Skilled for the category, and for the tier where they list any."""
    skilled = bool({"*", SKILL[case.category], case.category} & set(agent["skills"]))
    return skilled and case.tier in (agent.get("tiers") or ("standard", "vip"))


def issue(category: str, subject: str, issue_key: str | None) -> str:
    """What a person has open once."""
    match ONE_OPEN_PER[category]:
        case "requester":
            return "requester"
        case "category":
            return f"category:{category}"
    words = re.sub(r"\W+", " ", subject).strip().casefold()
    return f"issue:{issue_key}" if issue_key is not None else f"text:{category}:{words}"


def words_of(data: Data) -> str:
    """What a message says, without what makes no difference: quotes, times, dates, case and punctuation."""
    own = "\n".join(line for line in data["body"].splitlines() if not line.startswith(">"))
    return re.sub(r"\W+", " ", re.sub(r"\d\d:\d\d|\d{4}-\d\d-\d\d", "0", own)).strip().casefold()


def account_of(data: Data) -> str:
    """Whose command it is."""
    temporary = data["requester"].get("temporary")
    return f"temporary:{temporary['account_id']}" if temporary else f"account:{data['requester']['account_id']}"
