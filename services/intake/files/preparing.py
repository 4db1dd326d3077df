"""What has to do with files before a turn: kept, put together, read, scanned; and what the turn then knows of them.

Timers are prepared while a turn of messages may be in work, so neither touches what the other has found. The page is
docs/attachments.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from services.chassis.decision import Message
from services.intake.domain.files import Brought, File, PartTaken, Unfit, Verdict
from services.intake.files.keeping import Keeping, file_of
from services.intake.files.quarantine import scan
from services.intake.files.reading import read_part
from services.intake.files.scanner import Scanner
from services.intake.files.uploads import Uploads
from services.intake.secrets import InThreads

READ_A_TURN = 32
"""Parts of files read for one turn: 8 MiB."""

SCAN = "timer.file_scan"


def needs_files(message: Message) -> bool:
    """Whether something is to be done with files before it is decided."""
    return brings_files(message) or message.type in ("attachment.upload", "attachment.download", SCAN)


def brings_files(message: Message) -> bool:
    """Whether it is a requester's command with attachments."""
    return bool(message.data.get("attachments")) and "requester" in message.data


class FilesOfTurns:
    """What was found for the messages, and for the timers, that were prepared last: by message key, as `State` says."""

    def __init__(self, keeping: Keeping, scanner: Scanner | None, in_threads: InThreads) -> None:
        self._keeping = keeping
        self._uploads = Uploads(keeping)
        self._scanner = scanner
        self._in_threads = in_threads
        self.brought: Mapping[str, Sequence[Brought | Unfit]] = {}
        self.uploaded: Mapping[str, PartTaken] = {}
        self.contents: Mapping[str, bytes | None] = {}
        self.verdicts: Mapping[str, Verdict | None] = {}

    def prepare(
        self, messages: Sequence[Message], known: Callable[[Message], str | None], now: datetime
    ) -> Collection[str]:
        """Keep what came and read what is asked for; gives the keys of messages that are left for another turn.

        `known`: the account that sends a message, if it is sure that it does.
        """
        bringing = [
            (message, owner) for message in messages if brings_files(message) and (owner := known(message)) is not None
        ]
        files = [(owner, message.data["attachments"]) for message, owner in bringing]
        brought = self._in_threads(lambda one: self._keeping.bring(*one, now), files)
        self.brought = {message.key: each for (message, _), each in zip(bringing, brought, strict=True)}
        self.uploaded = {
            message.key: self._uploads.take(owner, message.sender, message.data, now)
            for message in messages
            if message.type == "attachment.upload" and (owner := known(message)) is not None
        }
        asked = [message for message in messages if message.type == "attachment.download"]
        self.contents = {
            message.key: read_part(self._keeping, message.data["ref"], message.data.get("part") or 1)
            for message in asked[:READ_A_TURN]
        }
        return {message.key for message in asked[READ_A_TURN:]}

    def scan(self, timers: Sequence[Message]) -> None:
        """Ask the scanner about the files of these timers."""
        self.verdicts = {timer.key: scan(self._keeping, self._scanner, timer.subject or "") for timer in timers}

    def named(self, messages: Sequence[Message]) -> list[File]:
        """The files that the messages bring or name."""
        refs = {one.ref for each in messages for one in self.brought.get(each.key, ()) if isinstance(one, Brought)}
        refs |= {one.ref for each in messages if isinstance(one := self.uploaded.get(each.key), Brought)}
        refs |= {each.data["ref"] for each in messages if each.type == "attachment.download"}
        refs |= {each.subject or "" for each in messages if each.type == SCAN}
        return [file_of(row) for row in self._keeping.records.find({"_id": {"$in": list(refs)}})] if refs else []
