"""A burst: equal submissions by many accounts. Its rules are in abuse/bursts.py; the page is docs/abuse.md."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from contracts.values import dataclass


@dataclass(frozen=True, slots=True)
class Burst:
    """Equal submissions of many accounts. `counting`: they may become a burst; `held`: they are one; `released`: a
    supervisor let them go. `at`: when the last was filed, or the supervisor released them."""

    id: str
    at: datetime
    status: Literal["counting", "held", "released"]
    revision: int = 1
