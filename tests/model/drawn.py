"""What the machine draws from: who exists, what they file, what happens to whom, and the moments on which rules turn.

The page is docs/testing.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.model.cases import ESCALATED_AFTER, WEEK, Case
from tests.model.desk import FAULTS, Fault

CHANNELS = ("web", "app")
ACCOUNTS: tuple[Mapping[str, Any], ...] = (
    {"account_id": "ada", "display_name": "Ada", "tier": "standard"},
    {"account_id": "vip", "display_name": "Vera", "tier": "vip", "email": "vera@example.org"},
    {"account_id": "ada", "display_name": "Ada Lovelace", "tier": "standard"},
)
AGENTS: Mapping[str, Mapping[str, Any]] = {
    "a1": {"capacity": 3, "skills": ["*"]},
    "a2": {"capacity": 1, "skills": ["*"]},
    "a3": {"capacity": 2, "skills": ["*"], "tiers": ["vip"]},
}
"""What they say on signing on; staff.yaml allows some of them less."""
NOT_OF_STAFF = "a9"
DIRECTING = ("s1", "m1", "a2", "s1", "m1", "a2", "s1", "m1", "a2", "s1", "a1", NOT_OF_STAFF)
"""Mostly supervisors, and some who are not."""
CATEGORIES = ("safety", "billing", "billing", "ban", "general")
SUBJECTS = ("The door is stuck", "the  DOOR is stuck!", "Where did my seven credits go", "A rude letter")
ISSUE_KEYS = (None, None, None, "order-1", "order-2")
NO_TICKET = "99999999"
SAID_AGAIN = ("I am away until 14:05.", "i am  away until 15:30!", "> Your case is closed\nI am away until 09:00")
"""All the same to whatever compares words."""
SOON = tuple(timedelta(milliseconds=ms) for ms in (-1, 0, 1))

places = st.integers(0, 11)
"""Which of the things that are there, counted round."""
then = st.sampled_from(("deliver", "overtaken", "settle", "wait", "wait", *FAULTS))
"""What becomes of a command at once; or what happens to the instance that it is delivered to."""
instances = st.integers(0, 1)
faults: st.SearchStrategy[Fault] = st.one_of(st.just(""), st.just(""), st.sampled_from(FAULTS))


def moments_of(case: Case) -> list[datetime]:
    """When a rule turns for it: closing, reopening, reminding, escalating."""
    found = [case.closed_at + WEEK] if case.closed_at is not None else []
    if case.status == "solution_suggested":
        found += [case.status_since + WEEK, case.status_since + WEEK - timedelta(days=1)]
    if case.unanswered_since is not None:
        found.append(case.unanswered_since + ESCALATED_AFTER[case.tier])
    return found
