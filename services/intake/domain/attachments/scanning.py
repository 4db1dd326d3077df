"""A virus scanner checks files, if the operator runs one: each file is in quarantine until the scanner finds it clean.

Intake asks the scanner once a ticket names the file, because nobody can download it before that. files/quarantine.py
asks, before the turn. The page is docs/attachments.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from contracts.snapshot import Visibility
from services.chassis.decision import Arm, Decision, Message, Timer
from services.intake.domain.life.recording import and_then, recorded
from services.intake.domain.needs import FileOf, Need, TicketOf
from services.intake.domain.state import View
from services.intake.domain.values.file import Clean, File, Harmful
from services.intake.domain.values.file_name import safe_name
from services.intake.domain.values.history import service_as_author
from services.intake.domain.values.ticket import Ticket, next_version

LANE = "scanner"
"""A lane of its own, so that nothing else waits for a slow scanner."""

FIRST_RETRY = timedelta(seconds=1)
LONGEST_RETRY = timedelta(minutes=10)

SERVICE = service_as_author()


class ScanTimer(Timer):
    """Asks the scanner about a file of the ticket of this number, which has this name there. `tries`: how often it was
    asked in vain; `internal`: the entry that names the file is."""

    kind = "file_scan"

    number: str
    name: str
    tries: int
    internal: bool = False


def asking(ticket: Ticket, files: Iterable[tuple[File, str]], now: datetime, *, is_public: bool = True) -> list[Arm]:
    """The timers that ask about those of a ticket's new files (each with its name) that are in quarantine.

    `is_public`: whether the entry that names them is public; what the scanner finds is told to nobody else.
    """
    return [
        _asks(file.ref, ScanTimer(due=now, number=ticket.number, name=name, tries=0, internal=not is_public))
        for file, name in files
        if file.state == "quarantined"
    ]


def scanned(view: View, message: Message[ScanTimer], now: datetime) -> Decision:
    """The scanner's verdict on a file: if clean, people may download it; if harmful, they may not, and the ticket's
    history says so.

    If the scanner is away, intake asks again after longer and longer pauses, without end.
    """
    ref, data = message.subject or "", message.data
    file, ticket = view.files.get(ref), view.ticket(data.number)
    if file is None or ticket is None or file.state == "stored":
        return Decision()
    verdict = view.prepared.verdicts.get(message.key)
    if file.state == "infected" or isinstance(verdict, Harmful):
        found = [] if file.state == "infected" else [replace(file, state="infected", version=file.version + 1)]
        name = safe_name(data.name)
        text = f"The virus scanner found something harmful in {name}: the file can no longer be opened."
        visibility: Visibility = "internal" if data.internal else "public"
        following = next_version(ticket, now)
        noted = recorded(message, following, "ticket.note_added", SERVICE, text, now, visibility=visibility)
        return and_then(noted, Decision(found))
    if isinstance(verdict, Clean):
        return Decision([replace(file, state="stored", version=file.version + 1)])
    pause = min(FIRST_RETRY * 2 ** min(data.tries, 10), LONGEST_RETRY)
    again = ScanTimer(due=now + pause, number=data.number, name=data.name, tries=data.tries + 1, internal=data.internal)
    return Decision(timers=[_asks(ref, again)])


def _asks(ref: str, timer: ScanTimer) -> Arm:
    # Where an internal entry and a public one name the file, each gets its own note.
    return Arm(scan_id(ref, timer.number, internal=timer.internal), timer, ref, lane=LANE)


def scan_id(ref: str, number: str, *, internal: bool) -> str:
    """Id of the timer that asks about a file of an entry of the ticket of that number."""
    return f"scan:{ref}:{number}{':internal' if internal else ''}"


def scan_needed(_known: View, message: Message[ScanTimer]) -> Iterable[Need]:
    """The file, and the ticket that names it."""
    yield FileOf(message.subject or "")
    yield TicketOf(message.data.number)
