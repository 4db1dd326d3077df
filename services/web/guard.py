"""Whether a request may change something: it must come from one of our own pages.

Browsers say where a request comes from, in `Sec-Fetch-Site` (Fetch Metadata) or, older ones, in `Origin` (RFC 6454).
What says neither is refused: no page of ours sends it. Pure. The page is docs/helpcenter.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

SAFE = frozenset({"GET", "HEAD"})
"""Methods that change nothing (RFC 9110, 9.2.1), of those that pages have."""

_is_host = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?").fullmatch
"""A name or an address, perhaps with a port, and nothing else that would be part of a URL."""

DEFAULT_PORTS = {"http": 80, "https": 443}


def may_come_in(method: str, headers: Mapping[str, str], own: str) -> bool:
    """Whether a request with these headers (names in lower case) may be handled. `own`: our origin, as `origin_of`
    gives it."""
    if method in SAFE:
        return True
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return headers.get("origin") == own


def origin_of(url: str) -> str:
    """The origin of a URL, as browsers write it: `https://help.example`, with a port only if it is not the scheme's
    own. Raises ValueError for anything but http and https."""
    parts = urlsplit(url)
    host, port = parts.hostname, parts.port
    if parts.scheme not in DEFAULT_PORTS or not host:
        raise ValueError("not a URL of http or https")
    shown = f"[{host}]" if ":" in host else host.encode("idna").decode()
    return f"{parts.scheme}://{shown}" + ("" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}")


def is_ours(host: str, own: str) -> bool:
    """Whether a request's `Host` is that of our origin: a page is never made for another name."""
    if not _is_host(host):
        return False
    try:
        return origin_of(f"{urlsplit(own).scheme}://{host}") == own
    except ValueError:
        return False


def way_back(path: str) -> str:
    """Where to go after signing on: a path of ours, otherwise the home page. A browser takes `//host` and `/\\host` for
    another site, and drops tabs and line breaks."""
    if not path.startswith("/") or path[1:2] in ("/", "\\") or any(ord(character) < 0x21 for character in path):
        return "/"
    return path
