"""Files that come with a command: what of them comes into a ticket's history, and what is left out.

Before the turn each file was judged by its content, and kept (files/keeping.py); here is decided whether the command
may have it. One that may not be had is left out and named, and the command goes on. The page is docs/attachments.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from contracts.common import MAX_ATTACHMENTS
from contracts.topology import AGENTS
from contracts.values import dataclass
from services.chassis.decision import Answer, Decision, Message, Say, derived_id, rejected
from services.intake.domain.file_names import safe_name
from services.intake.domain.files import File, TooMany, Unfit, reference
from services.intake.domain.history import Author, Entry, entry_data, size
from services.intake.domain.recording import and_then, as_it_stands, recorded
from services.intake.domain.requesters import owner_of_files
from services.intake.domain.scanning import asking
from services.intake.domain.state import State, TicketWritten
from services.intake.domain.tickets import next_version

MOST_OF_A_TICKET = 100 * 1024 * 1024
"""Bytes of all files of one ticket."""

NO_SUCH_FILE = "There is no such file of yours."
HARMFUL = "The scanner found something harmful in this file."
ANOTHER = "The file that was uploaded is another one."
NO_ROOM = f"All files of a case may have {MOST_OF_A_TICKET // 1024**2} MiB together."
TOO_MANY = f"A message may have {MAX_ATTACHMENTS} files."

SERVICE = Author("service", "intake")

MOST_NAMED = 20
"""Files that the note about those left out names."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is not taken: why, and by which code of the wire contract; `place`: which of the command's it is."""

    place: int
    name: str
    reason: str
    code: str = "invalid"
    retry_at: datetime | None = None

    @property
    def on_the_wire(self) -> dict[str, Any]:
        """As outcomes and entries carry it."""
        data = {"name": self.name, "reason": self.reason, "code": self.code}
        return data if self.retry_at is None else {**data, "retry_at": self.retry_at}


@dataclass(frozen=True, slots=True)
class Attached:
    """The files of one command: those that it may have, each with its place and its reference; and the others."""

    files: Sequence[tuple[int, File, dict[str, Any]]] = ()
    left_out: Sequence[LeftOut] = ()

    def within(self, room: int) -> Attached:
        """Those that fit into so many bytes, in order; the same file twice is counted once."""
        fitting: list[tuple[int, File, dict[str, Any]]] = []
        left_out, taken = list(self.left_out), set[str]()
        for place, file, named in self.files:
            if file.ref not in taken and file.size > room:
                left_out.append(LeftOut(place, named["name"], NO_ROOM, "too_large"))
                continue
            room -= 0 if file.ref in taken else file.size
            taken.add(file.ref)
            fitting.append((place, file, named))
        return Attached(fitting, sorted(left_out, key=lambda one: one.place))

    @property
    def refusal(self) -> Answer:
        """What is said of a command that is nothing but files, of which none is taken."""
        code = next((one.code for one in self.left_out if one.code != "invalid"), "invalid")
        faults = {f"attachments.{one.place}.content": [one.reason] for one in self.left_out}
        retry_at = next((one.retry_at for one in self.left_out if one.retry_at is not None), None)
        more = {} if retry_at is None else {"retry_at": retry_at}
        return rejected(code, f"Nothing was added: {said_of(self.left_out)}", faults, **more)


def attached(state: State, message: Message[Any]) -> Attached:
    """The files that a command brings, each by itself: taken or left out."""
    given: Sequence[dict[str, Any]] = message.data.get("attachments") or ()
    if not given:
        return Attached()
    owner = owner_of_files(message)
    files: list[tuple[int, File, dict[str, Any]]] = []
    left_out: list[LeftOut] = []
    for place, (one, brought) in enumerate(zip(given, state.prepared.brought[message.key], strict=True)):
        name = safe_name(one["name"])
        if isinstance(brought, TooMany):
            left_out.append(LeftOut(place, name, too_many_sentence(brought), "rate_limited", brought.until))
            continue
        if isinstance(brought, Unfit):
            left_out.append(LeftOut(place, name, brought.problem, brought.code))
            continue
        file = state.files.get(brought.ref)
        fault = _fault(file, owner, one)
        if file is None or fault is not None:
            left_out.append(LeftOut(place, name, fault or NO_SUCH_FILE))
        elif len(files) == MAX_ATTACHMENTS:
            left_out.append(LeftOut(place, name, TOO_MANY, "too_large"))
        else:
            files.append((place, file, reference(file, brought.name, brought.media_type)))
    return Attached(files, left_out)


def _fault(file: File | None, owner: str | None, named: dict[str, Any]) -> str | None:
    if file is None or file.owner != owner or file.state in ("writing", "removing"):
        return NO_SUCH_FILE
    if file.state == "infected":
        return HARMFUL
    if "content" not in named and (named["sha256"], named["size"]) != (file.sha256, file.size):
        return ANOTHER
    return None


def too_many(found: TooMany) -> Answer:
    """`rate_limited`: first something has to be done with those that are there."""
    return rejected("rate_limited", too_many_sentence(found), retry_at=found.until)


def too_many_sentence(found: TooMany) -> str:
    """The same in words."""
    if found.unnamed:
        return "Too many files have been sent that no case names. Please name those first, or wait until they go."
    return "Too many files have been begun and not finished. Please finish those first."


def said_of(left_out: Sequence[LeftOut]) -> str:
    """What was left out, in words for those who read no more of it than that."""
    lines = [f"{one.name}: {one.reason}" for one in left_out[:MOST_NAMED]]
    if len(left_out) > MOST_NAMED:
        lines.append(f"… and {len(left_out) - MOST_NAMED} more.")
    count = "1 file was" if len(left_out) == 1 else f"{len(left_out)} files were"
    return "\n".join((f"{count} not taken and left out.", *lines))


def with_files(decision: Decision, attached: Attached, message: Message[Any], now: datetime) -> Decision:
    """The decision, whose entry names these files, as far as they fit: they count for its ticket, and stay from now on.

    What is left out stands in the outcome, in the entry, and in words in a note of the service, as visible as the
    entry: a version of its own, which everybody hears of.
    """
    written = next((change for change in decision.changes if isinstance(change, TicketWritten)), None)
    if written is None or not (attached.files or attached.left_out):
        return decision
    attached = attached.within(MOST_OF_A_TICKET - written.ticket.attached)
    if not attached.files and not written.entry.text:
        return Decision(answer=attached.refusal)
    files = {file.ref: file for _, file, _ in attached.files}
    details: dict[str, Any] = {"attachments": [named for _, _, named in attached.files]} if files else {}
    left_out = [one.on_the_wire for one in attached.left_out]
    if left_out:
        details["left_out"] = left_out
    counted = _with_details(written, details, sum(file.size for file in files.values()))
    used = [replace(file, used=True, origin="", version=file.version + 1) for file in files.values() if not file.used]
    by_name = [(file, named["name"]) for _, file, named in attached.files]
    asked = asking(counted.ticket, by_name, now, is_public=counted.entry.visibility == "public")
    decision = replace(
        decision,
        changes=[*(counted if change is written else change for change in decision.changes), *used],
        said=[_with_entry(say, counted.entry) for say in decision.said],
        timers=[*decision.timers, *asked],
    )
    return _noted(decision, counted, attached.left_out, message, now) if left_out else decision


def _with_details(written: TicketWritten, details: dict[str, Any], more: int) -> TicketWritten:
    """The same, with more in its entry and so many bytes of files."""
    entry = replace(written.entry, details={**written.entry.details, **details})
    history_size = entry.offset + size(entry)
    ticket = replace(written.ticket, attached=written.ticket.attached + more, history_size=history_size)
    return TicketWritten(ticket, entry)


def _with_entry(say: Say, entry: Entry) -> Say:
    is_said = (say.data.get("entry") or {}).get("id") == entry.id
    return replace(say, data={**say.data, "entry": entry_data(entry)}) if is_said else say


def _noted(
    decision: Decision, written: TicketWritten, left_out: Sequence[LeftOut], message: Message[Any], now: datetime
) -> Decision:
    """The decision, the note that says what was left out after it, and in what people hear the ticket as it is then."""
    noted = recorded(
        message,
        next_version(written.ticket, now),
        "ticket.note_added",
        SERVICE,
        said_of(left_out),
        now,
        visibility=written.entry.visibility,
        id_=derived_id("left_out", message.key),
    )
    stands = as_it_stands(noted)
    said = [
        replace(say, data={**say.data, "ticket": stands})
        if say.exchange == AGENTS and say.subject == stands["number"]
        else say
        for say in decision.said
    ]
    answer = decision.answer
    if answer is not None:
        data = {**answer.data, "ticket": stands, "left_out": [one.on_the_wire for one in left_out]}
        answer = replace(answer, data=data)
    return and_then(replace(decision, said=said, answer=answer), noted)
