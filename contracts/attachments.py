"""Attachments: files that are too large for a message go in parts, both ways. Owner: intake.

Small files come in the command that they belong to (file_forms.py). The page is docs/contracts.md.
"""

from __future__ import annotations

from typing import Annotated

from contracts.common import AgentId, FromChannel, NamedAccount, Requester, TicketNumber
from contracts.fields import Text, Whole, Words
from contracts.file_forms import AttachmentRef, ClaimedType, FileName
from contracts.file_forms import Content as FileContent
from contracts.payload import Payload

MAX_PARTS = 1_000
"""Parts of one file; the operator's setting for the largest file is lower."""


MAX_PARTS_OF_AN_ARCHIVE = 1_000_000
"""Parts of an account's archive: 256 GiB."""


class Upload(FromChannel):
    """Command `attachment.upload`: one part of a file, in any order, of 256 KiB each at most.

    `upload` is the sender's own name for the file, the same in all its parts. An agent gives the `number` of
    the ticket, which they have or may have.
    """

    one_of = ("requester", "agent_id")

    requester: Requester | None = None
    agent_id: AgentId | None = None
    number: TicketNumber | None = None
    upload: Annotated[str, Words(64).rule]
    name: FileName
    media_type: ClaimedType = ""
    part: Annotated[int, Whole(1, MAX_PARTS).rule]
    parts: Annotated[int, Whole(1, MAX_PARTS).rule]
    content: FileContent


class Download(FromChannel):
    """Command `attachment.download`: one part of a ticket's file, for the requester or an agent who may see it. Without
    `number`: one part of the archive of an `account.export`, for the same account, or the operator who names it."""

    one_of = ("requester", "agent_id", "account")

    requester: Requester | None = None
    agent_id: AgentId | None = None
    account: NamedAccount | None = None
    number: TicketNumber | None = None
    ref: Annotated[str, Text(200).rule]
    part: Annotated[int, Whole(1, MAX_PARTS_OF_AN_ARCHIVE).rule] | None = None


class RotateKeys(Payload):
    """Command `attachment_keys.rotate`, from the operator: intake rewraps the keys of all files with the master key of
    this id, which already wraps the keys of new files. It does so in portions."""

    key: Annotated[str, Text(32, pattern="[a-z0-9][a-z0-9._-]*", like="the id of a master key").rule]


class Stored(Payload):
    """Outcome `attachment.stored`: all parts have arrived, and a command may name `attachment`."""

    attachment: AttachmentRef


class Content(Payload):
    """Outcome `attachment.content`: one part of the file, by default the first. An archive has no `number`."""

    number: TicketNumber | None = None
    attachment: AttachmentRef
    part: Annotated[int, Whole(1, MAX_PARTS_OF_AN_ARCHIVE).rule]
    parts: Annotated[int, Whole(1, MAX_PARTS_OF_AN_ARCHIVE).rule]
    content: FileContent
