"""From when on a ticket may be escalated, as sla has said. The page is docs/ticket-life.md."""

from __future__ import annotations

from datetime import datetime

from contracts.values import dataclass


@dataclass(frozen=True, slots=True)
class Escalatable:
    """From when on a ticket may be escalated, if it has awaited the desk since that `status_version` or before."""

    ticket_id: str
    status_version: int
    at: datetime
    revision: int | None = None
    """sla's, by which what it said sooner and what comes later are told apart; None: stored before there was one."""
    unanswered_since: datetime | None = None
    """The message of the requester from which it counts; None: stored before it was said."""

    def is_outdated(self, unanswered_since: datetime | None) -> bool:
        """Whether sla has yet to hear that the ticket's requester waits for longer, because of one merged into it."""
        if self.unanswered_since is None or unanswered_since is None:
            return False
        return unanswered_since < self.unanswered_since
