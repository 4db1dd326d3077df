"""By when the desk should reply to a ticket, and from when on it may be escalated, as sla has said. The page is
docs/ticket-life.md."""

from __future__ import annotations

from datetime import datetime

from contracts.values import dataclass


@dataclass(frozen=True, slots=True)
class Escalatable:
    """From when on (`at`) a ticket may be escalated, if it has awaited the desk since that `status_version` or
    before."""

    ticket_id: str
    status_version: int
    at: datetime
    revision: int | None = None
    """sla's own, by which later news is told from earlier; None: an older version stored it."""
    unanswered_since: datetime | None = None
    """When the requester wrote the message from which it counts; None: an older version stored it."""
    due_at: datetime | None = None
    """By when the desk should reply; None: an older version stored it."""

    def holds_for(self, awaits_since: int | None) -> bool:
        """Whether it is about the wait that began at this version of the ticket, and not about one before. None: the
        desk has answered, and nobody waits for it."""
        return awaits_since is not None and self.status_version >= awaits_since

    def is_outdated(self, unanswered_since: datetime | None) -> bool:
        """Whether sla has not heard yet that the requester has waited longer, because of a ticket merged into this
        one."""
        if self.unanswered_since is None or unanswered_since is None:
            return False
        return unanswered_since < self.unanswered_since
