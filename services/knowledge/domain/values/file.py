"""A file of an article: a raster picture or a PDF, by its content. It comes and is stored in parts."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from contracts.values import dataclass

UPLOADS_KEPT = timedelta(days=2)

is_file_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}").fullmatch
"""A name that a text can show (`file:clock.png`) and that is harmless wherever it is saved."""

_BEGINNINGS = (
    (re.compile(rb"\x89PNG\r\n\x1a\n").match, "image/png"),
    (re.compile(rb"\xff\xd8\xff").match, "image/jpeg"),
    (re.compile(rb"GIF8[79]a").match, "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL).match, "image/webp"),
    (re.compile(rb"%PDF-").match, "application/pdf"),
)


@dataclass(frozen=True, slots=True)
class File:
    """A file that an article has. `id` finds its parts."""

    id: str
    name: str
    media_type: str
    size: int
    sha256: str
    parts: int


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a file, whether the article has the file yet or not."""

    file: str
    number: int
    content: bytes
    at: datetime
    revision: int = 1

    @property
    def key(self) -> str:
        """Its id in the database."""
        return part_key(self.file, self.number)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of which parts are missing; `key` is the file's id. Each part that comes changes it: so two instances that
    take the last two parts at once conflict, and the one that decides again sees that the file is whole."""

    key: str
    forget_at: datetime
    revision: int = 1


def part_key(file: str, number: int) -> str:
    """The id of a part."""
    return f"{file}/{number}"


def kind_of(content: bytes) -> str | None:
    """The media type of what begins like this; None if articles have no such files."""
    return next((media_type for begins, media_type in _BEGINNINGS if begins(content)), None)
