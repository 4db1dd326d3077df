"""How often codes are mailed to an address: once in ten minutes, whatever the number of accounts that have it.

Anybody may open accounts with somebody else's address, and end them again: so it is remembered of the address, not of
an account, and without the address. The page is docs/accounts.md.
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
    """Stands for the address, which it does not say."""
    at: datetime
    revision: int = 1


def mailed_id(email: str) -> str:
    """By which it is remembered that a code was mailed there; in capitals it is the same address."""
    return derived_id("mailbox", mailbox(email))


def next_code_at(last: CodeMailed | None, now: datetime) -> datetime | None:
    """From when on another code may be mailed where the `last` one was; None: now. A moment that lies further ahead
    than ten minutes was said by a clock that has been set back since, and holds nobody up."""
    if last is None or abs(now - last.at) >= MAILED_EVERY:
        return None
    return last.at + MAILED_EVERY


def mailed(last: CodeMailed | None, email: str, now: datetime) -> CodeMailed:
    """What is remembered from now on: a code goes to this address. Two that are mailed at once change the same one, so
    the second is decided again."""
    return CodeMailed(mailed_id(email), now, 1 if last is None else last.revision + 1)
