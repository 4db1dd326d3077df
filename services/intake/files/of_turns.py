"""The work with files before a turn: store, assemble, read and scan them. The page is docs/attachments.md."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias, TypeGuard

from contracts.attachments import Download, Upload
from contracts.file_forms import AttachmentContent
from contracts.tickets import AgentText, Reply, Submit
from services.chassis.decision import Message, carrying, derived_id
from services.chassis.unit_of_work import ArmedBy, arm_once
from services.intake.credentials.secrets import InThreads
from services.intake.domain.attachments.rotating import KeyRotationTimer
from services.intake.domain.attachments.scanning import ScanTimer
from services.intake.domain.privacy.exporting import KEPT, ExportTimer, making
from services.intake.domain.values.file import File, Verdict, archives_of
from services.intake.domain.values.prepared import Prepared
from services.intake.domain.values.rotation import Rewrapped
from services.intake.files.archive import build
from services.intake.files.contents import read_part
from services.intake.files.keeping import Keeping, Room, Sender, file_of
from services.intake.files.parts import Uploads
from services.intake.files.quarantine import scan
from services.intake.files.rewrapping import rewrap
from services.intake.files.scanner import Scanner

READ_A_TURN = 32
"""Parts of files read for one turn: 8 MiB."""

Bringing: TypeAlias = Submit | Reply | AgentText
"""The commands that may have attachments."""


def needs_files(message: Message[Any]) -> bool:
    """Whether the message needs work with files before it is decided."""
    return brings_files(message) or isinstance(message.data, Upload | Download | ScanTimer)


def brings_files(message: Message[Any]) -> TypeGuard[Message[Bringing]]:
    """Whether it is a command with attachments."""
    return isinstance(message.data, Bringing) and bool(message.data.attachments)


def counts_files(message: Message[Any]) -> bool:
    """Whether it brings files, which count for its sender's limits."""
    return brings_files(message) or isinstance(message.data, Upload)


class FilesOfTurns:
    """Does the work with files for the messages and timers of a turn."""

    def __init__(self, keeping: Keeping, scanner: Scanner | None, in_threads: InThreads) -> None:
        self._keeping = keeping
        self._uploads = Uploads(keeping)
        self._scanner = scanner
        self._in_threads = in_threads

    def put_off(self, messages: Sequence[Message[Any]], senders: Mapping[str, Sender], room: Room) -> set[str]:
        """The keys of those that are left for another turn, because too many ask for files or bring some: files that
        this turn names no longer count in the next."""
        too_many = {message.key for message in _asking(messages)[READ_A_TURN:]}
        bringing = [message for message in messages if brings_files(message) and message.key in senders]
        return too_many | {
            message.key for message in bringing if not room.takes(senders[message.key], _contents(message))
        }

    def prepare(
        self,
        found: Prepared,
        messages: Sequence[Message[Any]],
        senders: Mapping[str, Sender],
        room: Room,
        now: datetime,
    ) -> Prepared:
        """Store what came, read what is asked for, and add that to what was `found`.

        `senders`: who sends the messages that bring files, by message key. A message whose sender is not certain is
        not in it.
        """
        bringing = [message for message in messages if brings_files(message) and message.key in senders]
        crowded = {sender: room.crowded(sender) for sender in {senders[message.key] for message in bringing}}
        brought = self._in_threads(
            lambda message: self._keeping.bring(
                senders[message.key], message.data.attachments, now, crowded[senders[message.key]]
            ),
            bringing,
        )
        return replace(
            found,
            brought={message.key: each for message, each in zip(bringing, brought, strict=True)},
            uploaded={
                message.key: self._uploads.take(senders[message.key], message.data, now)
                for message in carrying(messages, Upload)
                if message.key in senders
            },
            contents={
                message.key: read_part(self._keeping, message.data.ref, message.data.part or 1)
                for message in _asking(messages)
            },
        )

    def room(self, now: datetime) -> Room:
        """The room for the files of one turn."""
        return Room(self._keeping, now)

    def archive(self, key: str, now: datetime) -> File | None:
        """The account's archive, if one was made lately; else None, and a timer makes one."""
        recent = {"owner": archives_of(key), "state": "stored", "used": False, "at": {"$gt": now - KEPT}}
        row = self._keeping.records.find_one(recent)
        if row is None:
            arm_once(self._keeping.records.database, making(key, now), ArmedBy(uuid.uuid4().hex, "export"))
        return None if row is None else file_of(row)

    def make_archives(self, timers: Sequence[Message[ExportTimer]], now: datetime) -> None:
        """Make the archives of these timers."""
        for timer in timers:
            database = self._keeping.records.database
            build(self._keeping, database, timer.subject or "", derived_id("archive", timer.key), now)

    def rewrap(self, timers: Sequence[Message[KeyRotationTimer]]) -> dict[str, Rewrapped | None]:
        """The next portion of the rotation, by the key of its timer."""
        return {timer.key: rewrap(self._keeping.records.database, self._keeping.keys) for timer in timers}

    def scan(self, timers: Sequence[Message[ScanTimer]]) -> dict[str, Verdict | None]:
        """The scanner's verdicts on the files of these timers."""
        return {timer.key: scan(self._keeping, self._scanner, timer.subject or "") for timer in timers}


def _contents(message: Message[Bringing]) -> int:
    return sum(isinstance(sent, AttachmentContent) for sent in message.data.attachments)


def _asking(messages: Sequence[Message[Any]]) -> list[Message[Download]]:
    return carrying(messages, Download)
