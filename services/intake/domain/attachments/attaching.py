"""Files that come with a command: which of them come into a ticket's history, and which are left out.

files/keeping.py has judged each file by its content and stored it before the turn; here it is decided whether the
command may have it. A file that it may not have is left out and named, and the command takes effect without it. The
page is docs/attachments.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from msgspec.structs import replace as altered

from contracts import snapshot as wire
from contracts.file_forms import MAX_ATTACHMENTS, AttachmentNamed, AttachmentRef, LeftOut, Sent
from contracts.names import AGENTS
from contracts.outcomes import Accepted, Code
from contracts.tickets import AgentText, Reply, Submit, TicketEvent, TicketOutcome
from contracts.values import dataclass
from services.chassis.decision import Answer, Decision, Message, Say, derived_id, rejected
from services.intake.domain.accounts.caller import owner_of_files
from services.intake.domain.attachments.scanning import asking
from services.intake.domain.life.recording import and_then, as_it_stands, recorded
from services.intake.domain.needs import FileOf, Need
from services.intake.domain.state import View
from services.intake.domain.values.file import Brought, File, TooMany, Unfit, reference
from services.intake.domain.values.file_name import safe_name
from services.intake.domain.values.history import entry_data, service_as_author, size
from services.intake.domain.values.ticket import TicketWritten, next_version

MOST_OF_A_TICKET = 100 * 1024 * 1024
"""Bytes of all files of one ticket."""

NO_SUCH_FILE = "You have no such file."
HARMFUL = "The scanner found something harmful in this file."
ANOTHER = "The uploaded file is a different one."
NO_ROOM = f"The files of a case may have at most {MOST_OF_A_TICKET // 1024**2} MiB together."
TOO_MANY = f"A message may have at most {MAX_ATTACHMENTS} files."

SERVICE = service_as_author()

WithFiles = Message[Submit] | Message[Reply] | Message[AgentText]
"""A command that may bring files."""

MOST_NAMED = 20
"""How many of the files that were left out the note names."""


@dataclass(frozen=True, slots=True)
class Attached:
    """The files of one command, each with its place in it: those that it may have, with their references, and those
    that are left out."""

    files: Sequence[tuple[int, File, AttachmentRef]] = ()
    left_out: Sequence[tuple[int, LeftOut]] = ()

    def within(self, room: int) -> Attached:
        """The same, with only those that fit into `room` bytes, in order; the same file twice counts once."""
        fitting: list[tuple[int, File, AttachmentRef]] = []
        left_out, taken = list(self.left_out), set[str]()
        for place, file, named in self.files:
            if file.ref not in taken and file.size > room:
                left_out.append((place, LeftOut(name=named.name, reason=NO_ROOM, code="too_large")))
                continue
            room -= 0 if file.ref in taken else file.size
            taken.add(file.ref)
            fitting.append((place, file, named))
        return Attached(fitting, sorted(left_out, key=lambda each: each[0]))

    @property
    def refusal(self) -> Answer:
        """The answer to a command that has nothing but files, all of them left out."""
        left_out = [file for _, file in self.left_out]
        code: Code = next((file.code for file in left_out if file.code != "invalid"), "invalid")
        faults = {f"attachments.{place}.content": [file.reason] for place, file in self.left_out}
        retry_at = next((file.retry_at for file in left_out if file.retry_at is not None), None)
        return rejected(code, f"Nothing was added: {said_of(left_out)}", faults, retry_at=retry_at)


def attached(view: View, message: WithFiles) -> Attached:
    """The files that a command brings, each taken or left out by itself."""
    given = message.data.attachments
    if not given:
        return Attached()
    owner = owner_of_files(message)
    files: list[tuple[int, File, AttachmentRef]] = []
    left_out: list[tuple[int, LeftOut]] = []
    for place, (sent, brought) in enumerate(zip(given, view.prepared.brought[message.key], strict=True)):
        name = safe_name(sent.name)
        if isinstance(brought, TooMany):
            reason = too_many_sentence(brought)
            left_out.append((place, LeftOut(name=name, reason=reason, code="rate_limited", retry_at=brought.until)))
            continue
        if isinstance(brought, Unfit):
            left_out.append((place, LeftOut(name=name, reason=brought.problem, code=brought.code)))
            continue
        file = view.files.get(brought.ref)
        fault = _fault(file, owner, sent)
        if file is None or fault is not None:
            left_out.append((place, LeftOut(name=name, reason=fault or NO_SUCH_FILE, code="invalid")))
        elif len(files) == MAX_ATTACHMENTS:
            left_out.append((place, LeftOut(name=name, reason=TOO_MANY, code="too_large")))
        else:
            files.append((place, file, reference(file, brought.name, brought.media_type)))
    return Attached(files, left_out)


def _fault(file: File | None, owner: str | None, sent: Sent) -> str | None:
    if file is None or file.owner != owner or file.state in ("writing", "removing"):
        return NO_SUCH_FILE
    if file.state == "infected":
        return HARMFUL
    if isinstance(sent, AttachmentNamed) and (sent.sha256, sent.size) != (file.sha256, file.size):
        return ANOTHER
    return None


def too_many(found: TooMany) -> Answer:
    """`rate_limited`: the sender has to use or finish earlier files first."""
    return rejected("rate_limited", too_many_sentence(found), retry_at=found.until)


def too_many_sentence(found: TooMany) -> str:
    """The same in words."""
    if found.unnamed:
        return "Too many files have been sent that no case uses. Please use those first, or wait until they expire."
    return "Too many uploads are unfinished. Please finish those first."


def said_of(left_out: Sequence[LeftOut]) -> str:
    """What was left out, in words, for those who see only the note."""
    lines = [f"{file.name}: {file.reason}" for file in left_out[:MOST_NAMED]]
    if len(left_out) > MOST_NAMED:
        lines.append(f"… and {len(left_out) - MOST_NAMED} more.")
    count = "1 file was" if len(left_out) == 1 else f"{len(left_out)} files were"
    return "\n".join((f"{count} left out.", *lines))


def with_files(decision: Decision, attached: Attached, message: WithFiles, now: datetime) -> Decision:
    """The decision with an entry that names those of these files that fit: they count for its ticket, and intake keeps
    them.

    The outcome, the entry and a note of the service say what is left out. The note is a version of its own, as visible
    as the entry, so everybody hears of it.
    """
    written = next((change for change in decision.changes if isinstance(change, TicketWritten)), None)
    if written is None or not (attached.files or attached.left_out):
        return decision
    attached = attached.within(MOST_OF_A_TICKET - written.ticket.attached)
    if not attached.files and not written.entry.text:
        return Decision(answer=attached.refusal)
    files = {file.ref: file for _, file, _ in attached.files}
    left_out = [file for _, file in attached.left_out]
    references = [named for _, _, named in attached.files]
    counted = _naming(written, references, left_out, sum(file.size for file in files.values()))
    used = [replace(file, used=True, origin="", version=file.version + 1) for file in files.values() if not file.used]
    by_name = [(file, named.name) for _, file, named in attached.files]
    asked = asking(counted.ticket, by_name, now, is_public=counted.entry.visibility == "public")
    entry = entry_data(counted.entry)
    decision = replace(
        decision,
        changes=[*(counted if change is written else change for change in decision.changes), *used],
        said=[_with_entry(say, entry) for say in decision.said],
        timers=[*decision.timers, *asked],
    )
    return _noted(decision, counted, left_out, message, now) if left_out else decision


def _naming(
    written: TicketWritten, files: Sequence[AttachmentRef], left_out: Sequence[LeftOut], more: int
) -> TicketWritten:
    """The same version, with these files in its entry and `more` bytes of files in its ticket."""
    details = altered(written.entry.details, left_out=left_out) if left_out else written.entry.details
    entry = replace(written.entry, attachments=files, details=details)
    history_size = entry.offset + size(entry)
    ticket = replace(written.ticket, attached=written.ticket.attached + more, history_size=history_size)
    return TicketWritten(ticket, entry)


def _with_entry(say: Say, entry: wire.Entry) -> Say:
    data = say.data
    is_said = isinstance(data, TicketEvent) and data.entry is not None and data.entry.id == entry.id
    return replace(say, data=altered(data, entry=entry)) if is_said else say


def _noted(
    decision: Decision, written: TicketWritten, left_out: Sequence[LeftOut], message: WithFiles, now: datetime
) -> Decision:
    """The decision, then the note that says what was left out; and people hear of the ticket as it is after the
    note."""
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
        replace(say, data=altered(say.data, ticket=stands))
        if say.exchange == AGENTS and say.subject == stands.number
        else say
        for say in decision.said
    ]
    answer = decision.answer
    if answer is not None and isinstance(answer.data, TicketOutcome | Accepted):
        answer = replace(answer, data=altered(answer.data, ticket=stands, left_out=left_out))
    return and_then(replace(decision, said=said, answer=answer), noted)


def files_needed(known: View, message: WithFiles) -> Iterable[Need]:
    """The files that a command brings or names."""
    for brought in known.prepared.brought.get(message.key, ()):
        if isinstance(brought, Brought):
            yield FileOf(brought.ref)
