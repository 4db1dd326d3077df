"""Digests of origins. An `origin`, which channels may give, is the browser, device or sender of a command.

Intake counts allowances by it, and never stores it: a keyed digest replaces it, different for each channel, and is kept
no longer than what it counts. The page is docs/intake.md.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from contracts.blank import is_blank
from contracts.common import FromChannel
from contracts.names import role_of
from services.chassis.decision import Message


class Origins:
    """Makes digests that reveal an origin to nobody without the key."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def of(self, message: Message[Any]) -> str:
        """The digest of the origin of a channel's command; empty where it gave none."""
        origin = (message.data.origin if isinstance(message.data, FromChannel) else None) or ""
        if is_blank(origin) or role_of(message.sender) != "channel":
            return ""
        text = "\x1f".join(("origin", message.sender, origin))
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()[:32]
