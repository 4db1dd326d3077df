"""What stands for the browser, device or sender from which a command came (`origin`, which channels may give).

Allowances are counted by it. What a channel sends is kept nowhere: a keyed digest stands for it, scoped to the channel,
and that stays no longer than what is counted. The page is docs/intake.md.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from contracts.blank import is_blank
from contracts.names import role_of
from services.chassis.decision import Message


class Origins:
    """Makes digests that nobody can tell an origin from without the key."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def of(self, message: Message[Any]) -> str:
        """What stands for the origin of a channel's command; empty where it gave none."""
        origin = getattr(message.data, "origin", None) or ""
        if is_blank(origin) or role_of(message.sender) != "channel":
            return ""
        text = "\x1f".join(("origin", message.sender, origin))
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()[:32]
