"""The kind of a file, by its content. What its sender declares counts only where the content leaves a choice.

`puremagic` knows the beginnings of files. Text has none, so what reads as text is text, in any encoding. A page, a
script or a program is never accepted as something else. The page is docs/attachments.md.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Sequence

import puremagic

from contracts.values import dataclass
from services.intake.domain.values.file import TEXT_TYPES, essence

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
"""Media types that intake accepts unless the operator sets others: nothing that a browser would run (HTML, SVG,
scripts), no program, no archive that hides what is in it."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Why a file is refused: a sentence for a person."""

    reason: str


def judged(declared: str, head: bytes, taken: Collection[str] = TAKEN) -> str | NotTaken:
    """The media type under which to store a file that is declared as `declared` and begins with `head` (up to `HEAD`
    bytes); or why it is refused.

    `taken`: the accepted types. The operator has named those that are not in `TAKEN`: they need not be recognised.
    """
    declared = named(declared)
    if not head:
        return declared if declared in TEXT_TYPES and declared in taken else NotTaken("The file is empty.")
    matches = _matches(head)
    text = text_of(head, is_known=bool(matches))
    running = _running(head, text)
    if running is not None:
        return running if running in taken else _not_taken(running)
    found = _found(head, matches, is_text=text is not None)
    if text is not None:
        as_text = (declared if declared in TEXT_TYPES else _TEXT_CALLED.get(declared, TEXT), TEXT)
        last: tuple[str, ...] = (*as_text, UNKNOWN)
    else:
        last = (UNKNOWN,)
    own = [declared] if _is_the_operators(declared, taken) else []
    confirmed = [declared] if declared in found.possible else []
    chosen = (media_type for media_type in (*confirmed, *found.likely, *own, *last) if media_type in taken)
    known = confirmed or found.likely or ([TEXT] if text is not None else [])
    return next(chosen, None) or (_not_taken(known[0]) if known else NotTaken("Files of this kind are not accepted."))


def named(media_type: str) -> str:
    """A media type by its registered name, without parameters; `UNKNOWN` for an empty one."""
    plain = essence(media_type)
    return _ALIASES.get(plain, plain) or UNKNOWN


def text_of(head: bytes, *, is_known: bool = False) -> str | None:
    """The beginning of a text, which may be cut within a character; None if it is not text.

    UTF-8, UTF-16, UTF-32, and what has one or more bytes for a character and leaves ASCII as it is (Windows-1252,
    Shift-JIS …), which is read as Latin-1: nobody says which it is. A log has escape codes, and runs of zeros where a
    machine went down; else a text has few control characters. `is_known`: it begins as some other kind of file does.
    """
    for encoding in _encodings(head):
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError:
            continue
        shown = _ZEROS.sub("\0", text.strip("\0"))
        if not shown or len(_CONTROL.findall(shown)) * _LETTERS_A_CONTROL > len(shown):
            continue
        if "\0" in text and (is_known or "\n" not in text):
            continue
        if encoding == "latin-1" and is_known and not head[:4].isascii():
            continue
        return text
    return None


_CONTROL = re.compile(r"[\x00-\x06\x0e-\x19\x1c-\x1f\x7f]|[\ufffe\uffff]")
"""Characters that neither a text nor a log contains. (Bell, backspace, tabs, line ends, the end of a file in DOS and
escape do.)"""
_LETTERS_A_CONTROL = 50
_ZEROS = re.compile("\0+")

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def _encodings(head: bytes) -> Sequence[str]:
    """Those that the content may have, the likeliest first."""
    marked = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if head.startswith(mark)), None)
    if marked is not None:
        return [marked]
    if head.count(0) * 4 > len(head):  # every other byte of English in UTF-16
        even, odd = head[::2].count(0), head[1::2].count(0)
        if max(even, odd) > 4 * min(even, odd):
            return ["utf-16-le" if odd > even else "utf-16-be"]
    return ["utf-8", "latin-1"]


@dataclass(frozen=True, slots=True)
class _Found:
    """The media types that content may have: all `possible` ones, and the `likely` ones, the likeliest first."""

    possible: frozenset[str]
    likely: list[str]


_Matches = list[tuple[float, str]]


def _matches(head: bytes) -> _Matches:
    """Everything the library knows that begins like this, each with its confidence."""
    if any(head.startswith(mark) for mark, _ in _BYTE_ORDER_MARKS):
        return []
    try:
        return [(match.confidence, named(match.mime_type)) for match in puremagic.magic_string(head)]
    except (puremagic.PureError, ValueError):  # the library's words for: none that it knows, and empty
        return []


def _found(head: bytes, matches: _Matches, *, is_text: bool) -> _Found:
    possible = {media_type for _, media_type in matches} - {UNKNOWN}
    if is_text:
        # Many texts begin with two letters that stand for a picture; these two pictures are written in letters.
        possible |= {TEXT}
        return _Found(frozenset(possible), [media_type for media_type in _WRITTEN_IN_LETTERS if media_type in possible])
    inside = _inside(head)
    if inside is not None:
        if inside == _ARCHIVE and not any(_OF_OFFICE(name) for name in _names_in_archive(head)):
            possible = set(_ARCHIVE)
        return _Found(frozenset(possible | set(inside)), list(inside))
    best = max((confidence for confidence, _ in matches), default=0.0)
    likely = dict.fromkeys(media_type for confidence, media_type in matches if confidence == best)
    return _Found(frozenset(possible), [media_type for media_type in likely if media_type != UNKNOWN])


_WRITTEN_IN_LETTERS = ("application/pdf", "application/rtf")

_OFFICE = "application/vnd.openxmlformats-officedocument"
_MADE_OF = {
    b"word/": f"{_OFFICE}.wordprocessingml.document",
    b"xl/": f"{_OFFICE}.spreadsheetml.sheet",
    b"ppt/": f"{_OFFICE}.presentationml.presentation",
}
_OF_OFFICE = re.compile(
    rb"\[content_types\]\.xml|(?:_rels|docprops|docmetadata|customxml|word|xl|ppt)[/\\]|(?:content|styles)\.xml"
    rb"|meta-inf/manifest\.xml",
    re.IGNORECASE,
).match
"""What an office document may begin with. An archive that shows none of it is not an office document, whatever its
name: a program for Java or Android, for example."""
_ARCHIVE = ("application/zip",)
_WRITTEN_IN_ARCHIVE = re.compile(rb"application/(?:vnd\.(?:oasis|sun)\.[a-z0-9.+-]+|epub\+zip)").match
"""What the first file of an archive may say the whole archive is; it might say anything."""
_STREAMS = {
    "WordDocument": "application/msword",
    "Workbook": "application/vnd.ms-excel",
    "Book": "application/vnd.ms-excel",
    "PowerPoint Document": "application/vnd.ms-powerpoint",
}
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_FAMILY = {b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heic", b"msf1": "image/heic"}
_FAMILY |= {b"qt  ": "video/quicktime", b"M4A ": "audio/mp4", b"M4B ": "audio/mp4", b"avif": "image/avif"}
_FILE_IN_ARCHIVE = re.compile(rb"PK\x03\x04.{22}(..)(..)", re.DOTALL)


def _inside(head: bytes) -> tuple[str, ...] | None:
    """What an archive, an old office document or a film is, by what it is made of; None for all else, () where the
    beginning does not show it."""
    if head.startswith(_ZIP):
        names = _names_in_archive(head)
        written = _WRITTEN_IN_ARCHIVE(head[38:].split(_ZIP)[0]) if names[:1] == [b"mimetype"] else None
        if written is not None:
            return (written.group().decode(), *_ARCHIVE)
        made_of = {media_type for part, media_type in _MADE_OF.items() if any(name.startswith(part) for name in names)}
        return (*made_of, *_ARCHIVE) if len(made_of) == 1 else _ARCHIVE
    if head.startswith(_OLE):
        return tuple(
            dict.fromkeys(
                media_type for name, media_type in _STREAMS.items() if (name + "\0").encode("utf-16-le") in head
            )
        )
    if head[4:8] == b"ftyp":
        return (_FAMILY.get(head[8:12], "video/mp4"),)
    return None


def _names_in_archive(head: bytes) -> list[bytes]:
    found = _FILE_IN_ARCHIVE.finditer(head)
    return [head[at.end() : at.end() + int.from_bytes(at.group(1), "little")] for at in found]


def _running(head: bytes, text: str | None) -> str | None:
    """The media type of something that a browser or a machine would run; None for anything else."""
    as_utf8 = head if text is None else text.lstrip("\ufeff").encode(errors="replace")
    for beginning in (head, as_utf8):
        page = _PAGE.match(beginning) or _PAGE_IN_XML.match(beginning)
        if page is not None:
            return "image/svg+xml" if b"<svg" in page.group().lower() or b":svg" in page.group().lower() else HTML
        if _SCRIPT.match(beginning):
            return SCRIPT
    if text is not None:
        return None
    if _INSTALLER in head:
        return PROGRAM
    return next((media_type for start, media_type in _PROGRAMS if head.startswith(start)), None)


HTML = "text/html"
SCRIPT = "text/x-shellscript"
PROGRAM = "application/vnd.microsoft.portable-executable"

_PROGRAMS = (
    (b"MZ", PROGRAM),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "application/x-ms-shortcut"),
    (b"\x7fELF", "application/x-executable"),
    (b"\xca\xfe\xba\xbe", "application/x-mach-binary"),  # also a class of Java
    (b"\xfe\xed\xfa\xce", "application/x-mach-binary"),
    (b"\xfe\xed\xfa\xcf", "application/x-mach-binary"),
    (b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\x00asm", "application/wasm"),
    (b"dex\n", "application/vnd.android.dex"),
)
_INSTALLER = bytes.fromhex("84100c0000000000c000000000000046")
"""The media type of a Windows installer, which otherwise looks like an old office document."""

_BEFORE = rb"(?:\xef\xbb\xbf)?[\t\n\f\r ]*"
_TAGS = rb"html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|svg"
_PAGE = re.compile(_BEFORE + rb"<(?:(?:!doctype html|" + _TAGS + rb")[\s/>]|!--)", re.IGNORECASE)
_PAGE_IN_XML = re.compile(
    _BEFORE + rb"<(?:\?xml|!doctype svg).*<(?:[a-z]+:)?(?:svg|html)[\s/>]", re.IGNORECASE | re.DOTALL
)
"""What a browser takes for a page if nobody tells it what it is: the library knows few ways to write one.

Source: WHATWG, MIME Sniffing, "Identifying a resource with an unknown MIME type"; and SVG.
"""
_SCRIPT = re.compile(rb"(?:\xef\xbb\xbf)?(?:#! ?/|<\?php\b)", re.IGNORECASE)

_RUN = frozenset({HTML, SCRIPT, "application/xhtml+xml", "image/svg+xml", *(name for _, name in _PROGRAMS)})


def _is_the_operators(declared: str, taken: Collection[str]) -> bool:
    """Whether the operator has named the type, and content cannot show it."""
    return declared in taken and declared not in TAKEN | _RUN | {UNKNOWN}


def _not_taken(media_type: str) -> NotTaken:
    return NotTaken(f"Files of type {media_type} are not accepted.")


_TEXT_CALLED = {
    "application/csv": "text/csv",
    "application/vnd.ms-excel": "text/csv",  # what Windows says of a file named .csv
    "application/x-csv": "text/csv",
    "text/comma-separated-values": "text/csv",
    "text/json": "application/json",
    "text/x-csv": "text/csv",
    "text/x-markdown": "text/markdown",
}
"""What a text is that is declared like this."""

_ALIASES = {
    "application/excel": "application/vnd.ms-excel",
    "application/mspowerpoint": "application/vnd.ms-powerpoint",
    "application/x-gzip": "application/gzip",
    "application/x-msdos-program": PROGRAM,
    "application/x-msdownload": PROGRAM,
    "application/x-pdf": "application/pdf",
    "application/x-sh": SCRIPT,
    "application/x-zip-compressed": "application/zip",
    "audio/mp3": "audio/mpeg",
    "audio/vnd.wave": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "binary/octet-stream": UNKNOWN,
    "image/heif": "image/heic",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-ms-bmp": "image/bmp",
    "image/x-png": "image/png",
    "text/rtf": "application/rtf",
}
"""Names that senders and the library use instead of the registered ones."""
