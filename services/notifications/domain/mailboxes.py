"""Mailboxes to which no requester's mail goes: the desk's own, and those that nobody reads. Pure.

A mail to an address that a channel reads for the desk would come back as a request and be answered, in an endless loop.
The page is docs/notifications.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from contextlib import suppress

OWN = "the desk's own address"
UNREAD = "an address that nobody reads"

_UNREAD = frozenset({"mailerdaemon", "noreply", "donotreply", "bounce", "bounces"})
"""Local parts from which programs write (RFC 3834, section 2), without the characters that people put between the
words."""


def mailbox(address: str) -> str:
    """The mailbox that an address leads to, as addresses are compared: without case, without a tag (`desk+tag@`), the
    domain as the network knows it."""
    local, _, domain = unicodedata.normalize("NFKC", address).casefold().strip().rpartition("@")
    domain = domain.rstrip(".")
    with suppress(UnicodeError):  # a domain that the network cannot know stays as it is written
        domain = domain.encode("idna").decode()
    return f"{local.partition('+')[0] or local}@{domain}"


def why_never(address: str, own: Collection[str]) -> str | None:
    """Why no requester gets mail at this address; None: they may. `own`: the desk's mailboxes."""
    wanted = mailbox(address)
    if wanted in own:
        return OWN
    return UNREAD if re.sub(r"[._-]", "", wanted.partition("@")[0]) in _UNREAD else None
