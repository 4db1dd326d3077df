"""From when on a ticket may be escalated, as sla has said. The page is docs/ticket-life.md."""

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

    def is_outdated(self, unanswered_since: datetime | None) -> bool:
        """Whether sla has not heard yet that the requester has waited longer, because of a ticket merged into this
        one."""
        if self.unanswered_since is None or unanswered_since is None:
            return False
        return unanswered_since < self.unanswered_since
