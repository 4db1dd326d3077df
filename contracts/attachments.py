"""Attachments: files that are too large for a message, sent and fetched in parts. Owner: intake.

Small ones come in the command that they belong to (common.py). The page is docs/contracts.md.
"""

from __future__ import annotations

from contracts import common
from contracts.fields import Base64, Text, Whole, Words
from contracts.payload import Part, Payload

MAX_PARTS = 1_000
"""Parts of one file; how large a file may be is the operator's setting, and less."""


MAX_PARTS_OF_AN_ARCHIVE = 1_000_000
"""Parts of all that is kept of an account, in one archive: 256 GiB."""


class Upload(common.FromChannel):
    """Command `attachment.upload`: one part of a file, in any order, each of `common.MAX_ATTACHMENT` bytes at most.

    `upload` is the sender's own name for the file, the same in all its parts. An agent says for which ticket it is, as
    `number`: one that they have or may have.
    """

    one_of = ("requester", "agent_id")

    requester = common.requester(optional=True)
    agent_id = common.agent_id(optional=True)
    number = common.ticket_number(optional=True)
    upload = Words(64)
    name = common.shown_name()
    media_type = common.claimed_type()
    part = Whole(1, MAX_PARTS)
    parts = Whole(1, MAX_PARTS)
    content = Base64(common.MAX_ATTACHMENT)


class Download(common.FromChannel):
    """Command `attachment.download`: one part of a file of a ticket, by the requester or by an agent who may see it.
    Without `number`: of the archive of an `account.export`, by the same account, or by the operator who names it."""

    one_of = ("requester", "agent_id", "account")

    requester = common.requester(optional=True)
    agent_id = common.agent_id(optional=True)
    account = Part(common.NamedAccount, optional=True)
    number = common.ticket_number(optional=True)
    ref = Text(200)
    part = Whole(1, MAX_PARTS_OF_AN_ARCHIVE, optional=True)


class Stored(Payload):
    """Outcome `attachment.stored`: all parts are there, and `attachment` may be named in a command."""

    attachment = Part(common.AttachmentRef)


class Content(Payload):
    """Outcome `attachment.content`: one part of the file, the first where none was asked for. An archive has no
    `number`."""

    number = common.ticket_number(optional=True)
    attachment = Part(common.AttachmentRef)
    part = Whole(1, MAX_PARTS_OF_AN_ARCHIVE)
    parts = Whole(1, MAX_PARTS_OF_AN_ARCHIVE)
    content = Base64(common.MAX_ATTACHMENT)
