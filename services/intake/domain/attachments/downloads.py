"""Gives files back, a part at a time, to those who may see the entry that names them.

Nothing changes and nothing is remembered. The page is docs/attachments.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from contracts.attachments import Content, Download
from contracts.file_forms import AttachmentRef
from contracts.snapshot import TicketAgent, Visibility
from services.chassis.decision import Answer, Decision, Message, rejected
from services.intake.domain import answers
from services.intake.domain.accounts.caller import Caller
from services.intake.domain.attachments.attaching import HARMFUL
from services.intake.domain.needs import EntriesNaming, FileOf, Need
from services.intake.domain.state import View
from services.intake.domain.values.file import File
from services.intake.domain.values.ticket import Ticket

NOT_OF_THIS_CASE = "This case has no such file."
NOT_LOOKED_AT = "The virus scanner has not checked this file yet. Please try again later."
CANNOT_BE_READ = "This file cannot be opened. Please try again later, or ask the help desk about it."


def download(view: View, message: Message[Download], _: Caller, ticket: Ticket, __: datetime) -> Decision:
    """`attachment.download` of a requester: one part of a file that a public entry of the ticket names."""
    return _download(view, message, ticket, frozenset({"public"}))


def download_as_agent(view: View, message: Message[Download], _: TicketAgent, ticket: Ticket, __: datetime) -> Decision:
    """`attachment.download` of an agent: as a requester's, also of what internal entries name."""
    return _download(view, message, ticket, frozenset({"public", "internal"}))


def _download(view: View, message: Message[Download], ticket: Ticket, visible: frozenset[Visibility]) -> Decision:
    data = message.data
    named = (
        attachment
        for entry in view.history(ticket)
        if entry.visibility in visible
        for attachment in entry.attachments
        if attachment.ref == data.ref
    )
    reference, file = next(named, None), view.files.get(data.ref)
    if reference is None or file is None:
        return Decision(answer=answers.invalid({"ref": [NOT_OF_THIS_CASE]}))
    if file.state == "infected":
        return Decision(answer=rejected("wrong_status", HARMFUL))
    if file.state == "quarantined":
        return Decision(answer=rejected("wrong_status", NOT_LOOKED_AT))
    return part_of(view, message, file, reference, ticket.number, CANNOT_BE_READ, number=ticket.number)


def part_of(
    view: View,
    message: Message[Download],
    file: File,
    attachment: AttachmentRef,
    subject: str,
    cannot_be_read: str,
    number: str | None = None,
) -> Decision:
    """The answer with the part of a stored file that `attachment.download` asks for. `cannot_be_read`: the sentence for
    a file that does not open. `number`: of the ticket that names it."""
    part = message.data.part or 1
    if part > file.parts:
        parts = "1 part" if file.parts == 1 else f"{file.parts} parts"
        return Decision(answer=answers.invalid({"part": [f"This file has {parts}."]}))
    content = view.prepared.contents.get(message.key)
    if content is None:
        return Decision(answer=rejected("wrong_status", cannot_be_read))
    told = Content(number=number, attachment=attachment, part=part, parts=file.parts, content=content)
    return Decision(answer=Answer("attachment.content", told, subject))


def download_needed(known: View, message: Message[Download]) -> Iterable[Need]:
    """The file, and the entries of the ticket that name it."""
    yield FileOf(message.data.ref)
    ticket = known.ticket(message.data.number or "")
    if ticket is not None:
        yield EntriesNaming(ticket.id, message.data.ref)
