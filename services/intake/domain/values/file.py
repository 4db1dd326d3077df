"""Files as intake knows them: what it keeps of each, and what became of those that a command brought.

The rules are in attachments/. The page is docs/attachments.md.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

from contracts.file_forms import AttachmentRef
from contracts.values import dataclass
from services.intake.domain.values.file_name import safe_name

FileState = Literal["writing", "stored", "quarantined", "infected", "removing"]


@dataclass(frozen=True, slots=True)
class File:
    """What is kept of a file. Its content lies elsewhere, as `blob`: in parts of `part_size` bytes (the last may be
    smaller), encrypted with `key`, which the master key `key_by` wraps."""

    ref: str
    owner: str
    """Whose it is: the account that sent it, as `account:<id>` or `temporary:<id>`; or the agent, `agent:<id>`."""
    media_type: str
    """What it is by its content; where that leaves a choice, as its first sender called it. Without parameters."""
    size: int
    sha256: str
    part_size: int
    blob: str
    key_by: str
    key: bytes
    at: datetime
    """When somebody last sent it, while no entry names it."""
    state: FileState
    used: bool = False
    """An entry names it, so it stays."""
    damaged: bool = False
    """Its content did not open at the last download."""
    version: int = 1
    channel: str = ""
    """Which brought it first; empty: an older version stored it."""
    origin: str = ""
    """A digest of the origin from which it first came, until an entry names it; empty: the channel gave none."""

    @property
    def parts(self) -> int:
        """How many parts its content has: an empty file has one."""
        return max(1, -(-self.size // self.part_size))


@dataclass(frozen=True, slots=True)
class Brought:
    """One attachment of a command, as the command calls it, and the reference under which it is kept."""

    name: str
    media_type: str
    ref: str


@dataclass(frozen=True, slots=True)
class Unfit:
    """A file that intake refuses: which of its fields is wrong, and how."""

    field: str
    problem: str
    too_large: bool = False

    @property
    def code(self) -> Literal["too_large", "invalid"]:
        """The code of the wire contract for it."""
        return "too_large" if self.too_large else "invalid"


@dataclass(frozen=True, slots=True)
class Awaited:
    """A part of a file is kept, and others are still to come."""


@dataclass(frozen=True, slots=True)
class Contradicted:
    """A part of a file contradicts an earlier part; a sentence says how."""

    problem: str


@dataclass(frozen=True, slots=True)
class TooMany:
    """The sender has too many unfinished uploads, or too many files that no entry names. The oldest of them goes at
    `until`, unless it is sent again."""

    until: datetime
    unnamed: bool = False


def archives_of(account: str) -> str:
    """Whose the archives of an account are (privacy/exporting.py): no files of its own, which a command could name."""
    return f"export:{account}"


FileTaken = Brought | Unfit | TooMany
"""What may become of one attachment of a command."""

PartTaken = Brought | Awaited | Unfit | Contradicted | TooMany
"""What may become of one part of a file; `Brought`, if with it all are there."""


@dataclass(frozen=True, slots=True)
class Clean:
    """The scanner found nothing in a file."""


@dataclass(frozen=True, slots=True)
class Harmful:
    """The scanner found something in a file."""


Verdict = Clean | Harmful


TEXT_TYPES = frozenset({"application/json", "text/csv", "text/markdown", "text/plain"})
"""Media types of text that has no characteristic beginning: the same content may be any of them."""


def essence(media_type: str) -> str:
    """A media type without its parameters, in lower case (RFC 9110, 8.3.1)."""
    return media_type.partition(";")[0].strip().lower()


def reference(file: File, name: str, media_type: str) -> AttachmentRef:
    """The file as the wire names it: by a safe name, and as its sender calls it if its content may be that."""
    named = essence(media_type)
    if named != file.media_type and not {named, file.media_type} <= TEXT_TYPES:
        media_type = file.media_type
    elif not _IS_MEDIA_TYPE(media_type):
        media_type = named
    return AttachmentRef(name=safe_name(name), media_type=media_type, ref=file.ref, sha256=file.sha256, size=file.size)


_IS_MEDIA_TYPE = re.compile("(?=.{3,127}$)[ -.0-~]+/[ -~]+").fullmatch
"""With its parameters, as the wire names one (contracts.file_forms.MediaType)."""
