"""Background jobs of a service, beside its turns: check whether a file has changed, remove what nobody needs.

Every instance runs every chore, each in a thread of its own. So a chore must be harmless if two instances run it at
once, or if it is cut off anywhere. The page is docs/turn.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from contracts.values import dataclass
from services.chassis.database import Conflict, DatabaseAway, reaching_database
from services.chassis.patience import Stopping

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """`do` runs every `every` seconds, for the first time that long after the start. `name` is for the log.

    If it raises anything other than a lost race, or a database or broker that is away, the process ends.
    """

    name: str
    every: float
    do: Callable[[], object]

    def once(self) -> None:
        """Do it now, or leave it for the next time if the database or the broker is away."""
        try:
            with reaching_database():
                self.do()
        except (DatabaseAway, Conflict, Stopping) as error:
            log.warning("a chore failed; it is repeated later", extra={"chore": self.name, "error": str(error)})
