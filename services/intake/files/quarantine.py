"""Asks the scanner about a stored file; the domain decides what follows. The page is docs/attachments.md."""

from __future__ import annotations

import logging

from services.intake.domain.values.file import Clean, Harmful, Verdict
from services.intake.files.contents import Missing, opened
from services.intake.files.keeping import Keeping, file_of
from services.intake.files.keys import KeyUnknown
from services.intake.files.scanner import Scanner, ScannerAway
from services.intake.files.sealing import Tampered

log = logging.getLogger(__name__)


def scan(keeping: Keeping, scanner: Scanner | None, ref: str) -> Verdict | None:
    """The verdict on a file in quarantine, or None: not judged yet. Without a scanner every file is clean."""
    found = keeping.records.find_one({"_id": ref})
    file = None if found is None else file_of(found)
    if file is None or file.state != "quarantined":
        return None
    if scanner is None:
        return Clean()
    try:
        name = scanner.finds(opened(keeping, file, part) for part in range(1, file.parts + 1))
    except (ScannerAway, KeyUnknown, Missing, Tampered) as error:
        log.warning("a file stays in quarantine", extra={"file": file.blob, "why": str(error)})
        return None
    if name is None:
        return Clean()
    log.warning("the scanner found something", extra={"file": file.blob, "what": name})
    return Harmful()
