"""What the operator sets for what requesters write. The pages are docs/automatic.md and docs/abuse.md."""

from __future__ import annotations

from datetime import timedelta

from contracts.values import dataclass

TICKET_MESSAGES, REQUESTER_MESSAGES, REPEATED_WITHIN = 60, 120, timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Limits:
    """The operator's limits for requesters: messages in an hour to one `ticket`, and of one `requester` in all; and how
    long the same words count as a repetition (`repeat`)."""

    ticket: int = TICKET_MESSAGES
    requester: int = REQUESTER_MESSAGES
    repeat: timedelta = REPEATED_WITHIN
    burst_accounts: int = 0
    burst_within: timedelta = timedelta(minutes=10)
    """How many accounts have to file the same within that time to make a burst; 0: there are no bursts."""


USUAL = Limits()
