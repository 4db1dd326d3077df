"""What has to be read for a decision, as values. The repository reads them together for all messages of a turn.

Each door and each line of the table names its own needs (taken.py). The repository asks them, with what is known so
far, until they name nothing new: so a need that depends on a ticket is named once that ticket is known. Nothing here
reads anything. The page is docs/intake.md, "What a turn reads".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from contracts.values import dataclass
from services.chassis.decision import Message
from services.intake.domain.state import View
from services.intake.domain.values.pages import AgentPageAsked, PageAsked

D_contra = TypeVar("D_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class NewNumber:
    """A ticket number that is not used yet, for the message of this key."""

    key: str


@dataclass(frozen=True, slots=True)
class TicketOf:
    """The ticket of this number, and those that it goes on in."""

    number: str


@dataclass(frozen=True, slots=True)
class AccountOf:
    """The account of this key."""

    key: str


@dataclass(frozen=True, slots=True)
class OpenTickets:
    """All that this person has open."""

    person: str


@dataclass(frozen=True, slots=True)
class WrittenLately:
    """All that this person has open, or filed within the hour."""

    person: str


@dataclass(frozen=True, slots=True)
class ClosedTickets:
    """The newest closed tickets of this person, as many as move with an account."""

    person: str


@dataclass(frozen=True, slots=True)
class FiledAlike:
    """What was filed lately with these words, and the burst that they have made."""

    words: str


@dataclass(frozen=True, slots=True)
class BurstOf:
    """The burst of this id."""

    id: str


@dataclass(frozen=True, slots=True)
class HeldIn:
    """As many of the tickets held in this burst as one turn releases."""

    burst: str


@dataclass(frozen=True, slots=True)
class Sharing:
    """The accounts with this address that its confirmation looks at."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class SomeSharing:
    """Enough of the accounts with this address to tell whether anybody else has it."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class CodeMailedTo:
    """When a code was last mailed to this address."""

    email: str


@dataclass(frozen=True, slots=True)
class AgentOf:
    """What is known of the agent of this id."""

    id: str


@dataclass(frozen=True, slots=True)
class EscalatableOf:
    """From when on the ticket of this id may be escalated."""

    ticket_id: str


@dataclass(frozen=True, slots=True)
class ArticleOf:
    """Whether the article of this id is internal."""

    id: str


@dataclass(frozen=True, slots=True)
class HistoryOf:
    """The opening, and the newest `limit` bytes, of the history of a ticket at `version`; all of it has `size`
    bytes."""

    ticket_id: str
    version: int
    size: int
    limit: int


@dataclass(frozen=True, slots=True)
class PartOfHistory:
    """As `HistoryOf`, but the entries before a version, or those after one."""

    ticket_id: str
    version: int
    size: int
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class EntryAt:
    """The entry of a version."""

    ticket_id: str
    version: int


@dataclass(frozen=True, slots=True)
class EntriesNaming:
    """The entries of a ticket that name a file."""

    ticket_id: str
    ref: str


@dataclass(frozen=True, slots=True)
class EntryAndEdits:
    """The entry of this id, and all edits of its ticket, which may repeat it."""

    ticket_id: str
    entry_id: str


@dataclass(frozen=True, slots=True)
class FileOf:
    """The file of this reference."""

    ref: str


@dataclass(frozen=True, slots=True)
class UnnamedFiles:
    """The files of an account that no entry names."""

    owner: str


@dataclass(frozen=True, slots=True)
class PersonOf:
    """All accounts of the person who has the account of this key."""

    key: str


@dataclass(frozen=True, slots=True)
class EndingOf:
    """What decides whether a temporary account may end, and where its name stands. `person`: who has its tickets."""

    key: str
    person: str


@dataclass(frozen=True, slots=True)
class NextPortionOf:
    """The erasure of this id, and what it erases next."""

    erasure_id: str


@dataclass(frozen=True, slots=True)
class ErasureOf:
    """The erasure of this id."""

    id: str


@dataclass(frozen=True, slots=True)
class Traces:
    """Where else the words of an entry stand that a supervisor redacts: files, answers, archives."""

    number: str
    entry_id: str


@dataclass(frozen=True, slots=True)
class LastRotation:
    """The last rotation of master keys."""


Need = (
    NewNumber
    | TicketOf
    | AccountOf
    | OpenTickets
    | WrittenLately
    | ClosedTickets
    | FiledAlike
    | BurstOf
    | HeldIn
    | Sharing
    | SomeSharing
    | CodeMailedTo
    | AgentOf
    | EscalatableOf
    | ArticleOf
    | HistoryOf
    | PartOfHistory
    | EntryAt
    | EntriesNaming
    | EntryAndEdits
    | FileOf
    | UnnamedFiles
    | PersonOf
    | EndingOf
    | NextPortionOf
    | ErasureOf
    | Traces
    | LastRotation
    | PageAsked
    | AgentPageAsked
)


class Needs(Protocol[D_contra]):
    """What a message needs, given what is `known`."""

    def __call__(self, known: View, message: Message[D_contra], /) -> Iterable[Need]:
        """Names needs; one that is named again is read once."""


def nothing(_known: View, _message: Message[Any]) -> Iterable[Need]:
    """For a message that is decided by its own data alone."""
    return ()
