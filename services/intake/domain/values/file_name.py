"""The name of a file: as its sender shows it, but safe to read and to save a file under.

Applied wherever a name comes in, and to names that older versions stored. The page is docs/attachments.md.
"""

from __future__ import annotations

import re

from contracts.blank import is_blank

LONGEST = 255
"""Bytes of UTF-8 in a name: what file systems take."""

FALLBACK = "file"
"""Replaces a name that shows nothing."""

_DRIVE = re.compile("[A-Za-z]:(?=.)")
_NOT_SHOWN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Control characters; embeddings, overrides and isolates, which show letters in a different order (UAX #9); and code
points that are not characters."""
_SPACE = re.compile(r"\s+")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|(?:com|lpt)[0-9¹²³])(?=\.|$)", re.IGNORECASE)
"""Names of devices, which Windows keeps to itself with any ending."""
_LONGEST_ENDING = 20


def safe_name(name: str) -> str:
    """The name without path, control characters and changes of direction; never blank, and no longer than `LONGEST`.

    What is safe already stays as it is.
    """
    name = _SPACE.sub(" ", _NOT_SHOWN.sub("", name))
    name = next((stripped for part in reversed(re.split(r"[/\\]", name)) if (stripped := part.strip())), "")
    name = _DRIVE.sub("", name, count=1) if _DRIVE.match(name) else name
    name = name.replace(":", "_").strip().rstrip(". ")  # a stream of NTFS; ends that Windows cuts off
    stem, _, ending = name.rpartition(".")
    if is_blank(name) or (stem and is_blank(stem)):
        name = f"{FALLBACK}.{ending}" if stem and not is_blank(ending) else FALLBACK
    if _RESERVED.match(name):
        name = f"_{name}"
    return name if len(name.encode()) <= LONGEST else _shortened(name)


def _shortened(name: str) -> str:
    """The beginning of a long name, and its ending."""
    stem, dot, ending = name.rpartition(".")
    end = f"…{dot}{ending}" if stem and len(ending) <= _LONGEST_ENDING else "…"
    kept = (stem if len(end) > 1 else name).encode()[: LONGEST - len(end.encode())]
    return kept.decode(errors="ignore").rstrip() + end
