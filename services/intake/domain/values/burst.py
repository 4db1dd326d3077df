"""A burst: equal submissions by many accounts. Its rules are in abuse/bursts.py; the page is docs/abuse.md."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from contracts.values import dataclass


@dataclass(frozen=True, slots=True)
class Burst:
    """Equal submissions: of many accounts, and held, or of so many that they may become it. `at`: when the
    last one was filed, or a supervisor released them."""

    id: str
    at: datetime
    status: Literal["counting", "held", "released"]
    revision: int = 1
