"""Accounts: what intake keeps of a requester, beside their tickets.

Who is asking, and what an address that comes with a command changes, is in requesters.py. The page is docs/intake.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Account:
    """What intake keeps of a requester: nothing of a channel's account but the address and its version."""

    person: str
    version: int
    contact_email: str | None
    contact_version: int
    """+1 each time the address changes; 0 while there is none."""
    display_name: str | None = None
    secret_hash: str | None = None
    opened_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccountWritten:
    """A new version of an account."""

    account: Account


def temporary_person(account_id: str) -> str:
    """The person behind a temporary account."""
    return f"temporary:{account_id}"
