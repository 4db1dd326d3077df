"""What was found out for a turn's messages before the turn: whose secrets are right, what became of files.

That is slow, so preparing.py does it once, outside the transaction. The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime

from contracts.values import dataclass
from services.intake.domain.values.file import File, FileTaken, PartTaken, Verdict
from services.intake.domain.values.rotation import Rewrapped


@dataclass(frozen=True, slots=True)
class Prepared:
    """About secrets, codes and files. By message key, unless a field says otherwise."""

    verified: frozenset[tuple[str, str]] = frozenset()
    """Ids of temporary accounts, each with the right secret that came with it."""
    try_again_at: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """Secrets that were not checked, because there were too many, and when they may come again."""
    secret_hashes: Mapping[str, str] = field(default_factory=dict)
    """The hash of the secret that an `account.open_temporary` gets."""
    open_again_at: Mapping[str, datetime] = field(default_factory=dict)
    """Commands whose channel opens too many accounts, and when it may open another."""
    right_codes: frozenset[tuple[str, int, str]] = frozenset()
    """Account, version of its address, and the right code that came."""
    codes_again_at: Mapping[str, datetime] = field(default_factory=dict)
    """Accounts whose codes were not checked, because there were too many, and when they may come again."""
    brought: Mapping[str, Sequence[FileTaken]] = field(default_factory=dict)
    """What became of the attachments of a command."""
    uploaded: Mapping[str, PartTaken] = field(default_factory=dict)
    """What became of a part of a file that came."""
    contents: Mapping[str, bytes | None] = field(default_factory=dict)
    """Parts of files that were asked for; None if it cannot be read."""
    archives: Mapping[str, File] = field(default_factory=dict)
    """The archive for the answer to an `account.export`, if there is one."""
    verdicts: Mapping[str, Verdict | None] = field(default_factory=dict)
    """What the scanner said of a file, by the key of the timer that asked it."""
    rewrapped: Mapping[str, Rewrapped | None] = field(default_factory=dict)
    """The portion of a rotation of master keys, by the key of its timer; None: this instance could not wrap it."""


NOTHING = Prepared()
"""For messages that need nothing found out before."""
