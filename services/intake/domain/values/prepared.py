"""What was found out before a turn for the messages that it decides: whose secrets are right, what became of files.

It is slow, so it is done once, outside the transaction (before_turn.py). The page is docs/intake.md.
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
    """Of secrets, codes and files. By message key, unless it says otherwise."""

    verified: frozenset[tuple[str, str]] = frozenset()
    """Temporary accounts' ids, each with the secret that came with it and was right."""
    try_again_at: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """Those that were not looked at, because there were too many, and when they will be."""
    secret_hashes: Mapping[str, str] = field(default_factory=dict)
    """The hash of the secret that an `account.open_temporary` gets."""
    open_again_at: Mapping[str, datetime] = field(default_factory=dict)
    """Those whose channel opens too many accounts, and when it may again."""
    right_codes: frozenset[tuple[str, int, str]] = frozenset()
    """Account, version of its address, and the code that came and was right."""
    codes_again_at: Mapping[str, datetime] = field(default_factory=dict)
    """Accounts of which no more codes were looked at, and when they will be."""
    brought: Mapping[str, Sequence[FileTaken]] = field(default_factory=dict)
    """What became of the attachments of a command."""
    uploaded: Mapping[str, PartTaken] = field(default_factory=dict)
    """What became of a part of a file that came."""
    contents: Mapping[str, bytes | None] = field(default_factory=dict)
    """Parts of files that are asked for; None where one cannot be read."""
    archives: Mapping[str, File] = field(default_factory=dict)
    """The archive that an `account.export` is answered with, as far as there is one."""
    verdicts: Mapping[str, Verdict | None] = field(default_factory=dict)
    """What the scanner said of a file, by the key of the timer that has it asked."""
    rewrapped: Mapping[str, Rewrapped | None] = field(default_factory=dict)
    """The portion of a rotation of master keys, by the key of its timer; None: this instance could not wrap it."""


NOTHING = Prepared()
"""Of messages for which nothing is found out before."""
