"""How often codes are mailed to an address: once in ten minutes, whatever the number of accounts that have it.

Anybody may open accounts with somebody else's address, and end them again: so intake remembers it for the address, not
for an account, and stores a digest instead of the address. The page is docs/accounts.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from contracts.values import dataclass
from services.chassis.decision import derived_id
from services.intake.domain.values.account import mailbox

MAILED_EVERY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class CodeMailed:
    """When a code was last mailed to an address."""

    id: str
    """A digest of the address."""
    at: datetime
    revision: int = 1


def mailed_id(email: str) -> str:
    """The id under which intake remembers that a code was mailed there; capitals make no difference."""
    return derived_id("mailbox", mailbox(email))


def next_code_at(last: CodeMailed | None, now: datetime) -> datetime | None:
    """When another code may be mailed to the address of the `last` one; None: now. If the last one is more than ten
    minutes in the future, the clock has been set back since, and it does not count."""
    if last is None or abs(now - last.at) >= MAILED_EVERY:
        return None
    return last.at + MAILED_EVERY


def mailed(last: CodeMailed | None, email: str, now: datetime) -> CodeMailed:
    """What intake remembers from now on: a code goes to this address. Two turns that mail one at once conflict, and the
    second decides again."""
    return CodeMailed(mailed_id(email), now, 1 if last is None else last.revision + 1)
