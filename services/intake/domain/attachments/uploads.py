"""A large file comes in parts; when the last one is there, it may be named in a command.

files/parts.py has taken each part before the turn; here the sender gets the answer. The page is
docs/attachments.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from contracts.attachments import Stored, Upload
from contracts.snapshot import TicketAgent
from services.chassis.decision import Answer, Decision, Message, rejected
from services.intake.domain import answers
from services.intake.domain.accounts.caller import Caller
from services.intake.domain.attachments.attaching import HARMFUL, too_many
from services.intake.domain.needs import FileOf, Need
from services.intake.domain.state import View
from services.intake.domain.values.file import Awaited, Brought, Contradicted, TooMany, Unfit, reference
from services.intake.domain.values.ticket import Ticket


def upload(view: View, message: Message[Upload], _: Caller, __: datetime) -> Decision:
    """`attachment.upload` of a requester: accepted until all parts are there, then `attachment.stored`."""
    return _upload(view, message)


def upload_as_agent(view: View, message: Message[Upload], _: TicketAgent, __: Ticket, ___: datetime) -> Decision:
    """`attachment.upload` of an agent, for a ticket."""
    return _upload(view, message)


def _upload(view: View, message: Message[Upload]) -> Decision:
    match view.prepared.uploaded[message.key]:
        case Awaited():
            return Decision(answer=answers.done())
        case Contradicted(problem):
            return Decision(answer=rejected("conflict", problem))
        case TooMany() as found:
            return Decision(answer=too_many(found))
        case Unfit(field, problem) as unfit:
            return Decision(answer=rejected(unfit.code, problem, {field: [problem]}))
        case brought:
            file = view.files[brought.ref]
            if file.state == "infected":
                return Decision(answer=rejected("invalid", HARMFUL, {"content": [HARMFUL]}))
            stored = Stored(attachment=reference(file, brought.name, brought.media_type))
            return Decision(answer=Answer("attachment.stored", stored))


def upload_needed(known: View, message: Message[Upload]) -> Iterable[Need]:
    """The file, if this was its last part."""
    uploaded = known.prepared.uploaded.get(message.key)
    if isinstance(uploaded, Brought):
        yield FileOf(uploaded.ref)
