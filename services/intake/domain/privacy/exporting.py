"""`account.export`: a person gets a copy of all that the desk keeps of their account, to download.

files/archive.py makes the archive beside the turns, by a timer in a lane of its own; until it is ready, the command
waits. The page is docs/privacy.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from contracts.accounts import ExportAccount, Exported
from contracts.attachments import Download
from services.chassis.decision import Answer, Arm, Decision, Message, Timer, rejected
from services.intake.domain import answers
from services.intake.domain.attachments.downloads import part_of
from services.intake.domain.state import View
from services.intake.domain.values.file import archives_of, reference

LANE = "export"

KEPT = timedelta(hours=24)
"""How long an archive may be downloaded; until then, another export gets the same archive."""

ASK_AGAIN = timedelta(minutes=1)
CANNOT_BE_READ = "This archive cannot be opened. Please ask for another one."


class ExportTimer(Timer):
    """Makes the archive of an account."""

    kind = "account_export"


def making(key: str, now: datetime) -> Arm:
    """The one timer that makes the archive of an account."""
    return Arm(f"{ExportTimer.kind}:{key}", ExportTimer(due=now), key, lane=LANE)


def exported(view: View, message: Message[ExportAccount], key: str, now: datetime) -> Decision:
    """The outcome of `account.export`, once the archive is there."""
    file = view.prepared.archives.get(message.key)
    if file is None:
        sentence = "The archive is not ready yet. Please ask again in a minute."
        return Decision(answer=rejected("rate_limited", sentence, retry_at=now + ASK_AGAIN))
    attachment = reference(file, f"casebus-{file.at:%Y-%m-%d}.zip", file.media_type)
    told = Exported(attachment=attachment, until=file.at + KEPT)
    return Decision(answer=Answer("account.exported", told, key.partition(":")[2]))


def download_archive(view: View, message: Message[Download], key: str, _: datetime) -> Decision:
    """`attachment.download` without a number: one part of the account's archive."""
    file = view.files.get(message.data.ref)
    if file is None or file.owner != archives_of(key) or file.state != "stored":
        return Decision(answer=answers.invalid({"ref": ["There is no such archive. Ask for one with account.export."]}))
    attachment = reference(file, f"casebus-{file.at:%Y-%m-%d}.zip", file.media_type)
    return part_of(view, message, file, attachment, key.partition(":")[2], CANNOT_BE_READ)
