"""Attachments: files that are too large for a message, sent and fetched in parts. Owner: intake.

Small ones come in the command that they belong to (common.py). The page is docs/contracts.md.
"""

from __future__ import annotations

from typing import Annotated

from contracts.common import (
    AgentId,
    AttachmentRef,
    ClaimedType,
    FileName,
    FromChannel,
    NamedAccount,
    Requester,
    TicketNumber,
)
from contracts.common import Content as FileContent
from contracts.fields import Text, Whole, Words
from contracts.payload import Payload

MAX_PARTS = 1_000
"""Parts of one file; how large a file may be is the operator's setting, and less."""


MAX_PARTS_OF_AN_ARCHIVE = 1_000_000
"""Parts of all that is kept of an account, in one archive: 256 GiB."""


class Upload(FromChannel):
    """Command `attachment.upload`: one part of a file, in any order, each of `common.MAX_ATTACHMENT` bytes at most.

    `upload` is the sender's own name for the file, the same in all its parts. An agent says for which ticket it is, as
    `number`: one that they have or may have.
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
    """Command `attachment.download`: one part of a file of a ticket, by the requester or by an agent who may see it.
    Without `number`: of the archive of an `account.export`, by the same account, or by the operator who names it."""

    one_of = ("requester", "agent_id", "account")

    requester: Requester | None = None
    agent_id: AgentId | None = None
    account: NamedAccount | None = None
    number: TicketNumber | None = None
    ref: Annotated[str, Text(200).rule]
    part: Annotated[int, Whole(1, MAX_PARTS_OF_AN_ARCHIVE).rule] | None = None


class RotateKeys(Payload):
    """Command `attachment_keys.rotate`, of the operator: the keys of all files are wrapped by the master key of this
    id, which wraps those of new files. It takes effect in portions."""

    key: Annotated[str, Text(32, pattern="[a-z0-9][a-z0-9._-]*", like="the id of a master key").rule]


class Stored(Payload):
    """Outcome `attachment.stored`: all parts are there, and `attachment` may be named in a command."""

    attachment: AttachmentRef


class Content(Payload):
    """Outcome `attachment.content`: one part of the file, the first where none was asked for. An archive has no
    `number`."""

    number: TicketNumber | None = None
    attachment: AttachmentRef
    part: Annotated[int, Whole(1, MAX_PARTS_OF_AN_ARCHIVE).rule]
    parts: Annotated[int, Whole(1, MAX_PARTS_OF_AN_ARCHIVE).rule]
    content: FileContent
