"""Files that requesters send: what of them comes into a ticket's history.

Before the turn each file was judged by its content, and kept (files/keeping.py); here is decided whether the command
may have it. The page is docs/attachments.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.chassis.decision import Answer, Decision, Message, rejected
from services.intake.domain.files import File, TooMany, Unfit, may_be, reference
from services.intake.domain.requesters import account_named
from services.intake.domain.scanning import asking
from services.intake.domain.state import State, TicketWritten

MOST_OF_A_TICKET = 100 * 1024 * 1024
"""Bytes of all files of one ticket."""

NO_SUCH_FILE = "There is no such file of yours."
HARMFUL = "The scanner found something harmful in this file."


@dataclass(frozen=True, slots=True)
class Attached:
    """The files of one command, and their references as its entry names them."""

    files: Sequence[File] = ()
    references: Sequence[dict[str, Any]] = ()

    @property
    def size(self) -> int:
        """Bytes, the same file twice counted once."""
        return sum({file.ref: file.size for file in self.files}.values())

    @property
    def details(self) -> dict[str, Any]:
        """What history keeps of them."""
        return {"attachments": self.references} if self.references else {}


def attached(state: State, message: Message) -> Attached | Answer:
    """The files that a requester's command brings; or what is wrong with them, each by its field."""
    given: Sequence[dict[str, Any]] = message.data.get("attachments") or ()
    if not given:
        return Attached()
    owner = account_named(message)
    faults: dict[str, list[str]] = {}
    too_large, files, references = False, [], []
    for place, (one, brought) in enumerate(zip(given, state.prepared.brought[message.key], strict=True)):
        if isinstance(brought, TooMany):
            return too_many(brought)
        if isinstance(brought, Unfit):
            faults[f"attachments.{place}.{brought.field}"] = [brought.problem]
            too_large = too_large or brought.too_large
            continue
        file = state.files.get(brought.ref)
        if file is None or file.owner != owner or file.state in ("writing", "removing"):
            faults[f"attachments.{place}.ref"] = [NO_SUCH_FILE]
        elif file.state == "infected":
            faults[f"attachments.{place}.{'content' if 'content' in one else 'ref'}"] = [HARMFUL]
        elif wrong := _otherwise(file, one):
            faults[f"attachments.{place}.{wrong}"] = ["That is not so of this file."]
        else:
            files.append(file)
            references.append(reference(file, brought.name, brought.media_type))
    if faults:
        return rejected("too_large" if too_large else "invalid", "Please correct the attached files.", faults)
    return Attached(files, references)


def too_many(found: TooMany) -> Answer:
    """`rate_limited`: first something has to be done with those that are there."""
    sentence = "Too many files have been begun and not finished. Please finish those first."
    if found.unnamed:
        sentence = "Too many files have been sent that no case names. Please name those first, or wait until they go."
    return rejected("rate_limited", sentence, retry_at=found.until)


def _otherwise(file: File, named: dict[str, Any]) -> str | None:
    """The field in which a command is wrong about a file that it names by its reference."""
    if "content" in named:
        return None
    if not may_be(file, named["media_type"]):
        return "media_type"
    return next((name for name in ("sha256", "size") if named[name] != getattr(file, name)), None)


def with_files(decision: Decision, attached: Attached, now: datetime) -> Decision:
    """The decision, whose entry names these files: they count for its ticket, and stay from now on.

    Refused with `too_large` if the ticket would have more than `MOST_OF_A_TICKET`.
    """
    written = next((change for change in decision.changes if isinstance(change, TicketWritten)), None)
    if written is None or not attached.files:
        return decision
    total = written.ticket.attached + attached.size
    if total > MOST_OF_A_TICKET:
        sentence = f"All files of a case may have {MOST_OF_A_TICKET // 1024**2} MiB together."
        return Decision(answer=rejected("too_large", sentence, {"attachments": [sentence]}))
    counted = replace(written, ticket=replace(written.ticket, attached=total))
    used = {file.ref: replace(file, used=True, version=file.version + 1) for file in attached.files if not file.used}
    changes = [counted if change is written else change for change in decision.changes]
    named = [(file, reference["name"]) for file, reference in zip(attached.files, attached.references, strict=True)]
    timers = asking(written.ticket, named, now)
    return replace(decision, changes=[*changes, *used.values()], timers=[*decision.timers, *timers])
