"""Nonces of forms: a form is one command, however often it is sent.

A form gets a nonce when it is rendered: random bytes, the time, and an HMAC of both with its owner under the server's
key. The command's id is an HMAC of owner and nonce. So the same form always gives the same id, a browser chooses none,
and the nonce of another person's form means nothing. Pure. The page is docs/helpcenter.md.
"""

from __future__ import annotations

import base64
import hmac
from binascii import Error as NotBase64
from datetime import UTC, datetime, timedelta
from typing import Literal

KEPT = timedelta(days=13)
"""How long a form may be sent: a day less than the desk remembers the ids of commands, so that none has a second
effect."""

RANDOM = 16
"""Bytes."""

_TIME, _MAC = 8, 16

Judged = Literal["good", "too old", "not ours"]


def made(key: bytes, owner: str, now: datetime, random: bytes) -> str:
    """A nonce for a form of `owner` (the key of an account, or of a session without one). `random`: `RANDOM` bytes."""
    stamped = random + int(now.timestamp() * 1000).to_bytes(_TIME, "big")
    return _written(stamped + _mac(key, owner, stamped))


def judged(key: bytes, owner: str, nonce: str, now: datetime) -> Judged:
    """Whether this nonce of a form that came may be used: ours, of this owner, and not too old."""
    try:
        raw = base64.b64decode(nonce + "=" * (-len(nonce) % 4), altchars=b"-_", validate=True)
    except (NotBase64, ValueError):
        return "not ours"
    stamped, mac = raw[:-_MAC], raw[-_MAC:]
    # Base64 has several ways to write the last bits, and a command's id is made of what is written.
    if (
        len(stamped) != RANDOM + _TIME
        or nonce != _written(raw)
        or not hmac.compare_digest(mac, _mac(key, owner, stamped))
    ):
        return "not ours"
    at = datetime.fromtimestamp(int.from_bytes(stamped[RANDOM:], "big") / 1000, UTC)
    return "good" if now - at < KEPT else "too old"


def command_id(key: bytes, owner: str, nonce: str) -> str:
    """The id of the command that this form sends: 32 hex digits."""
    return hmac.digest(key, f"command\0{owner}\0{nonce}".encode(), "sha256").hex()[:32]


def _written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _mac(key: bytes, owner: str, stamped: bytes) -> bytes:
    return hmac.digest(key, b"nonce\0" + owner.encode() + b"\0" + stamped, "sha256")[:_MAC]
