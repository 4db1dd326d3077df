"""Checks attached files: whether the key file has all keys, which files could not be decrypted, and which the scanner
cannot finish. It changes nothing.

The page is docs/operating.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pymongo import MongoClient

from deploy.settings import Settings
from deploy.trouble import Trouble
from services.intake.domain.attachments.scanning import LANE
from services.intake.files.keeping import RECORDS
from services.intake.files.rewrapping import held_by

from ..keys import master_keys
from .finding import Finding, some

SCANS_IN_VAIN = 8
"""After this many attempts, in four minutes, the scanner is not only restarting."""


def check(client: MongoClient[dict[str, Any]], prefix: str, settings: Settings) -> Iterator[Finding]:
    """Files that cannot be read, and why. Raises pymongo's errors."""
    intake = client[f"{prefix}_intake"]
    damaged = [row["blob"] for row in intake[RECORDS].find({"damaged": True}, {"blob": 1}).limit(6)]
    if damaged:
        yield Finding(
            "error",
            "attachments",
            f"Files could not be decrypted when somebody asked for them: {some(damaged)}.",
            "Intake's log says why (`a file cannot be read`). Restore their key, or their content from a backup.",
        )
    in_vain = intake["timers"].find({"lane": LANE, "data.tries": {"$gte": SCANS_IN_VAIN}}, {"about": 1})
    unscanned = {timer["about"] for timer in in_vain}
    if unscanned:
        yield Finding(
            "warning",
            "attachments",
            f"{len(unscanned):,} are in quarantine after {SCANS_IN_VAIN} or more attempts to scan them.",
            "Intake's log says why (`a file stays in quarantine`). The scanner must accept files as large as"
            " CASEBUS_ATTACHMENT_MIB says (clamd: StreamMaxLength).",
        )
    try:
        keys = master_keys(settings)
    except Trouble as error:
        yield Finding(
            "warning", "attachment keys", f"They cannot be checked: {error}", "Set CASEBUS_ATTACHMENT_KEYS_FILE."
        )
        return
    missing = held_by(intake)
    for id_ in keys.keys:
        del missing[id_]
    if missing:
        yield Finding(
            "error",
            "attachment keys",
            f"The key file does not have {some(sorted(missing))}, which {missing.total():,} files need.",
            "Put the key back into the file. Without it, nobody can read these files again.",
        )
