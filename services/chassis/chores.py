"""What a service does now and then beside its turns: look at a file that may have changed, remove what nobody needs.

Every instance does it, each chore in a thread of its own. So a chore may be done twice at once, and be cut off at any
place, without harm. The page is docs/turn.md.
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

    What it raises beyond a database or a broker that is away, or a lost race, ends the process.
    """

    name: str
    every: float
    do: Callable[[], object]

    def once(self) -> None:
        """Do it now, or leave it for the next time if something is away."""
        try:
            with reaching_database():
                self.do()
        except (DatabaseAway, Conflict, Stopping) as error:
            log.warning("a chore failed; it is repeated later", extra={"chore": self.name, "error": str(error)})
