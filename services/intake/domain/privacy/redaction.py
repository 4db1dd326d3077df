"""`ticket.redact`: a supervisor takes out what should never have been written, a card number or a password.

The words of one entry go, with its files, wherever the desk keeps them. The history keeps who removed them, when and
why. The page is docs/privacy.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import orjson
from msgspec.structs import replace as altered

from contracts.snapshot import Change, EntryDetails, TicketAgent
from contracts.tickets import Redact, Redacted
from services.chassis.decision import Decision, Disarm, Message, derived_id
from services.intake.domain import answers
from services.intake.domain.attachments.scanning import scan_id
from services.intake.domain.issues.key import is_of_text
from services.intake.domain.life import moves
from services.intake.domain.life.recording import accepting, and_then, recorded
from services.intake.domain.needs import EntryAndEdits, ErasureOf, Need, Traces
from services.intake.domain.privacy.erasing import removed
from services.intake.domain.state import View
from services.intake.domain.values.erasure import AnswerRewritten, EntryErased, Erasure
from services.intake.domain.values.history import Entry, agent_as_author
from services.intake.domain.values.ticket import Ticket, snapshot
from services.intake.domain.values.whose import KEPT_CHANGES, derived, details_without_words, quoting

REDACTED = "[redacted]"
"""Replaces what was taken out."""


def redact(view: View, message: Message[Redact], agent: TicketAgent, ticket: Ticket, now: datetime) -> Decision:
    """`ticket.redact`. A second one is harmless: it finds nothing to take out."""
    data = message.data
    entry = next((entry for entry in view.history(ticket) if entry.id == data.entry_id), None)
    if entry is None:
        return Decision(answer=answers.invalid({"entry_id": ["This case has no such entry."]}))
    subject = data.subject and ticket.subject != REDACTED
    after = without_words(entry)
    if after == entry and not subject:
        return Decision(answer=answers.accepted(snapshot(ticket)))
    words = _words_of(entry)
    entries = [after, *(_without(other, words) for other in view.history(ticket) if other.id != entry.id)]
    before = {written.id: written for written in view.history(ticket)}
    erased = [EntryErased(left) for left in entries if left != before[left.id]]
    changed = derived() | dict.fromkeys(_fields_quoting(ticket, words), REDACTED)
    if subject:
        key = f"redacted\x1f{ticket.id}" if is_of_text(ticket.key) else ticket.key
        changed |= {"subject": REDACTED, "key": key}
    recording = recorded(
        message,
        moves.moved(moves.REDACT, ticket, now, **changed),
        moves.REDACT.event,
        agent_as_author(agent),
        data.reason,
        now,
        visibility="internal",
        details=EntryDetails(redacts=entry.id),
        announcing=partial(Redacted, subject=subject),
    )
    files, timers = _files_of(view, entry, ticket.number)
    archives = [removed(view.files[ref]) for ref in view.archived.get(ticket.id, ())]
    kept = view.told_of.get(ticket.id, ())
    retold = ((answer, _retold(answer["body"], ticket.number, words, subject=subject)) for answer in kept)
    told = [AnswerRewritten({**answer, "body": body}) for answer, body in retold if body is not None]
    # Dead letters that hold the entry have to go as well.
    remembered = Erasure(derived_id("redaction", entry.id), 1, (), content=True, at=now, entries=(entry.id,), done=True)
    known = [] if remembered.id in view.erasures else [remembered]
    return accepting(and_then(recording, Decision([*erased, *files, *archives, *told, *known], timers=timers)))


def without_words(entry: Entry) -> Entry:
    """The entry, redacted: who, when and what kind of thing stay."""
    changed = {
        name: change if name in KEPT_CHANGES else Change(old=REDACTED, new=REDACTED)
        for name, change in (entry.details.changed or {}).items()
    }
    details = details_without_words(entry.details, changed)
    return replace(entry, text=REDACTED if entry.text else "", attachments=(), details=details)


def _words_of(entry: Entry) -> frozenset[str]:
    """What was written in the entry: edits before or after it may repeat that as their old or new words."""
    changed = entry.details.changed or {}
    edits = [change for name, change in changed.items() if name not in KEPT_CHANGES]
    words = {entry.text, *(change.old for change in edits), *(change.new for change in edits)}
    return frozenset(word for word in words if word and word != REDACTED)


def _fields_quoting(ticket: Ticket, words: Collection[str]) -> set[str]:
    """The ticket's fields that repeat what was written in the entry. The subject goes only on request."""
    return quoting({name: getattr(ticket, name) for name in Ticket.__dataclass_fields__}, words) - {"subject"}


def _without(entry: Entry, words: Collection[str]) -> Entry:
    """Another entry, an edit, without those of the words that it repeats."""
    changed = entry.details.changed or {}
    left = {
        name: Change(
            old=REDACTED if change.old in words else change.old, new=REDACTED if change.new in words else change.new
        )
        for name, change in changed.items()
    }
    return entry if left == changed else replace(entry, details=altered(entry.details, changed=left))


def _files_of(view: View, entry: Entry, number: str) -> tuple[list[Any], list[Disarm]]:
    """The files of the entry, except those that another entry names too."""
    refs = {named.ref for named in entry.attachments} - view.named_elsewhere
    files = [removed(view.files[ref]) for ref in sorted(refs) if ref in view.files]
    internal = entry.visibility == "internal"
    return files, [Disarm(scan_id(ref, number, internal=internal)) for ref in sorted(refs)]


def _retold(body: bytes, number: str, words: Collection[str], *, subject: bool) -> bytes | None:
    """An answer that is kept for redelivery, without these words of an entry, and without the `subject`; None if it
    shows neither."""
    event = orjson.loads(body)
    shown = False
    data = event["data"]
    for told in [data.get("ticket"), *(data.get("candidates") or ())]:
        if told is None or told["number"] != number:
            continue
        gone = quoting(told, words) - {"subject"} | ({"subject"} if subject else set())
        told |= dict.fromkeys(gone, REDACTED)
        shown = shown or bool(gone)
    return orjson.dumps(event) if shown else None


def redact_needed(known: View, message: Message[Redact]) -> Iterable[Need]:
    """The entry, what may repeat it, and where else its words stand."""
    data, ticket = message.data, known.ticket(message.data.number)
    if ticket is None:
        return
    yield EntryAndEdits(ticket.id, data.entry_id)
    if any(entry.id == data.entry_id for entry in known.history(ticket)):
        yield Traces(ticket.number, data.entry_id)
        yield ErasureOf(derived_id("redaction", data.entry_id))
