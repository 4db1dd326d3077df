"""What kind of file something is, by its content and not by its name.

`puremagic` knows the beginnings of files; text has none, so what is UTF-8 without control characters is text. What
only calls itself something else is refused. The page is docs/attachments.md.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection

import puremagic

from services.intake.domain.files import TEXT_TYPES, essence

HEAD = 64 * 1024
"""Bytes from the beginning by which a file is known."""

TEXT = "text/plain"
UNKNOWN = "application/octet-stream"

TAKEN = frozenset(
    {
        "application/json",
        "application/msword",
        "application/pdf",
        "application/rtf",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        "application/vnd.oasis.opendocument.presentation",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "audio/mpeg",
        "audio/ogg",
        "audio/wav",
        "image/bmp",
        "image/gif",
        "image/heic",
        "image/jpeg",
        "image/png",
        "image/tiff",
        "image/webp",
        "text/csv",
        "text/markdown",
        TEXT,
        "video/mp4",
        "video/quicktime",
        "video/webm",
    }
)
"""Media types that are taken where the operator does not say otherwise: nothing that a browser would run (HTML, SVG,
scripts), no program, no archive that hides what is in it."""


def refusal(declared: str, head: bytes, taken: Collection[str] = TAKEN) -> str | None:
    """Why a file that says it is `declared` and begins with `head` (up to `HEAD` bytes) is not taken; None if it is."""
    declared = essence(declared)
    if declared not in taken:
        return f"Files of type {declared} are not taken."
    found = found_in(head)
    return None if (TEXT if declared in TEXT_TYPES else declared) in found else f"It is not {declared} by its content."


def found_in(head: bytes) -> frozenset[str]:
    """All media types that content which begins so may be."""
    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):  # the library's words for: none that it knows, and empty
        matches = []
    found = {_ALIASES.get(match.mime_type, match.mime_type) for match in matches} - {""}
    if _PAGE.match(head) or _PAGE_IN_XML.match(head):
        found.add("text/html")
    if is_text(head) and not found & _RUN_BY_BROWSERS:
        found.add(TEXT)
    return frozenset(found or {UNKNOWN})


def is_text(head: bytes) -> bool:
    """Whether it is UTF-8 without control characters but white space; it may be cut within a character."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return _CONTROL.search(text) is None


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")

_BEFORE = rb"(?:\xef\xbb\xbf)?[\t\n\f\r ]*"
_TAGS = rb"html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|svg"
_PAGE = re.compile(_BEFORE + rb"<(?:(?:!doctype html|" + _TAGS + rb")[\s/>]|!--)", re.IGNORECASE)
_PAGE_IN_XML = re.compile(_BEFORE + rb"<\?xml.*<(?:[a-z]+:)?(?:svg|html)[\s/>]", re.IGNORECASE | re.DOTALL)
"""What a browser takes for a page that is not told what it is: the library knows few ways to write it. Source: WHATWG,
MIME Sniffing, "Identifying a resource with an unknown MIME type"; and SVG."""

_RUN_BY_BROWSERS = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml"})

_ALIASES = {
    "application/excel": "application/vnd.ms-excel",
    "application/mspowerpoint": "application/vnd.ms-powerpoint",
    "image/heif": "image/heic",
    "image/x-ms-bmp": "image/bmp",
}
"""The library's names where the registry of media types has others."""
