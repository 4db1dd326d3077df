"""The encoding of a file: by its byte order mark or the operator, otherwise UTF-8, otherwise Windows-1252 with a
warning.

If the text looks like none of these, the operator has to name it: a wrong guess would be filed. The page is
docs/cli.md.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from deploy.trouble import Trouble

MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
ARCHIVES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b")
"""How .xlsx and .ods, old .xls, and .gz begin."""

CHUNK = 1 << 20

_WORD = re.compile(r"\w*[^\x00-\x7f]\w*")
_LETTER = "[\u0192\u0160\u0161\u0152\u0153\u017d\u017e\u0178\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff]"
_OTHER_SCRIPT = re.compile(
    f"\\w*(?:{_LETTER}{{3}}|[\u201a\u0192].[\u201a\u0192]|[a-z][\u00a3\u00a5\u00b9\u00b3\u00bf][a-z])\\w*"
)
"""What no Western European text has: three accented letters in a row (misread Cyrillic, Greek and others), a symbol
within a word (Polish), or the same low symbol again and again (Japanese)."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """A codec of Python, and a note on how it was found, if any."""

    name: str
    remark: str = ""


def encoding_of(path: Path, named: str | None) -> Encoding:
    """The encoding of the whole file. Raises Trouble (code 2) if it cannot be known or is not the named one."""
    if named is not None:
        return Encoding(_all_of(path, _known(named)))
    with path.open("rb") as file:
        head = file.read(1 << 16)
    for mark, name in MARKS:
        if head.startswith(mark):
            return Encoding(_all_of(path, name))
    if head.startswith(ARCHIVES):
        raise Trouble(f"{path}: a spreadsheet or an archive, not text. Save it as CSV and feed that.", 2)
    if b"\0" in head:
        raise Trouble(
            f"{path}: not text, or UTF-16 without a byte order mark: give --encoding utf-16-le or utf-16-be.", 2
        )
    line = _fault(path, "utf-8")
    if line is None:
        return Encoding("utf-8")
    wanted = "Say in which encoding it is: --encoding cp1250, cp1251, shift_jis, …"
    if _fault(path, "cp1252") is not None:
        raise Trouble(f"{path}, line {line}: neither UTF-8 nor Windows-1252. {wanted}", 2)
    sample, odd = _samples(path)
    if odd:
        raise Trouble(f"{path}, line {line}: not UTF-8, and read as Windows-1252 it says “{odd}”. {wanted}", 2)
    remark = f"{path} is not UTF-8 (line {line}): read as Windows-1252 (“{sample}”). --encoding says otherwise."
    return Encoding("cp1252", remark)


def _known(named: str) -> str:
    try:
        found = codecs.lookup(named)
        "".encode(found.name)  # a codec that is not for text does not have it
    except (LookupError, UnicodeError):
        raise Trouble(f"--encoding {named}: there is no such encoding.", 2) from None
    return "utf-8-sig" if found.name == "utf-8" else found.name


def _all_of(path: Path, name: str) -> str:
    line = _fault(path, name)
    if line is not None:
        raise Trouble(f"{path}, line {line}: not {name.removesuffix('-sig')} text.", 2)
    return name


def _fault(path: Path, name: str) -> int | None:
    """The line on which the file is not in this encoding."""
    decoder = codecs.getincrementaldecoder(name)()
    line = 1
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK)
            try:
                line += decoder.decode(chunk, final=not chunk).count("\n")
            except UnicodeError as error:
                return line + _lines_before(error)
            if not chunk:
                return None


def _lines_before(error: UnicodeError) -> int:
    return error.object.count(b"\n", 0, error.start) if isinstance(error, UnicodeDecodeError) else 0


def _samples(path: Path) -> tuple[str, str]:
    """The first word that is not pure ASCII, and the first that no Western European text has, if any."""
    first = ""
    with path.open(encoding="cp1252") as file:
        for text in iter(lambda: file.read(CHUNK), ""):
            odd = _OTHER_SCRIPT.search(text)
            if odd is not None:
                return first, odd[0][:40]
            if not first and (found := _WORD.search(text)) is not None:
                first = found[0][:40]
    return first, ""
