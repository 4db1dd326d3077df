"""Whose each field is: the desk's own, or something of a person, which goes when they are erased.

Erasure, redaction and the end of a temporary account derive from these tables. They drop a field that no table has, and
tests/unit/intake/values/test_whose.py names it. The page is docs/privacy.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal, TypeVar

from contracts.payload import Payload
from contracts.snapshot import Author, EntryDetails, TicketRequester
from contracts.values import dataclass
from services.intake.domain.values.ticket import Ticket

P = TypeVar("P", bound=Payload)

ERASED = "erased"
"""Replaces the display name of a requester whose account has ended, and the words of one who had them erased."""

Whose = Literal["desk", "link", "person", "words", "quoted", "derived"]
"""`desk`: it stays. `link`: it leads to the person. `person`: it says who they are. `words`: somebody wrote it, or it
shows what somebody wrote; `quoted`: so does an entry of the history; `derived`: computed from what somebody wrote."""

ENDED: frozenset[Whose] = frozenset({"person"})
"""What goes when a temporary account ends."""

WITHOUT_CONTENT: frozenset[Whose] = ENDED | {"link"}
"""What goes when a person is erased."""

WITH_CONTENT: frozenset[Whose] = WITHOUT_CONTENT | {"words", "quoted", "derived"}
"""What goes when a person is erased with all that was written."""


@dataclass(frozen=True, slots=True)
class Field:
    """`left`: what replaces a value that goes. `stays`: values that the desk itself writes there."""

    whose: Whose
    left: Any = None
    stays: Collection[Any] = ()


Table = Mapping[str, Field]


def _desks(*names: str) -> dict[str, Field]:
    return dict.fromkeys(names, Field("desk"))


REQUESTER: Table = {
    "id": Field("link"),  # whoever removes it says what replaces it
    "display_name": Field("person", ERASED),
    **_desks("kind", "tier"),
}
"""Of `TicketRequester`."""

AUTHOR: Table = {"id": Field("link"), "display_name": Field("person", ERASED), **_desks("kind")}
"""Of `Author`, if it is the requester."""

TICKET: Table = {
    **_desks("id", "number", "version", "status", "status_since", "status_version", "assignment_seq"),
    **_desks("category", "subcategory", "priority", "escalated", "channel", "language", "agent", "opened_at"),
    **_desks("first_agent_message_at", "last_agent_message_at", "last_customer_message_at", "closed_at"),
    **_desks("reopen_count", "consent", "changed_from", "requester_left", "merged_into", "awaiting_version"),
    **_desks("waits_since", "body_version", "links", "history_size", "attached", "automatic", "held", "erased"),
    **_desks("said_times", "wrote_since", "wrote", "score"),
    "requester": Field("person"),  # by `REQUESTER`
    "person": Field("link"),  # whoever removes it says what replaces it
    "contact_version": Field("link", 0),
    "burst": Field("link"),
    "issue_key": Field("words"),
    "key": Field("words", ERASED),
    "subject": Field("quoted", ERASED),
    "close_reason": Field("quoted", ERASED, stays=(None, "accepted", "no_reply", "merged", ERASED)),
    "opening": Field("derived", ""),
    "said": Field("derived", ""),
    "said_at": Field("derived"),
    "filed": Field("derived"),
}
"""Of `Ticket`, `Snapshot` and `Candidate`."""

ENTRY: Table = {
    **_desks("id", "ticket_id", "version", "kind", "visibility", "at", "offset"),
    "author": Field("person"),  # by `AUTHOR`
    "text": Field("words", ERASED, stays=("",)),
    "attachments": Field("words", ()),
    "details": Field("words"),  # by `DETAILS`
}
"""Of a history's `Entry`."""

DETAILS: Table = {
    **_desks("refers_to", "to_number", "granted", "articles"),
    "fields": Field("words"),
    "changed": Field("words"),  # except `KEPT_CHANGES`
    "left_out": Field("words", ()),
    "redacts": Field("words"),
    "automatic": Field("words", False),
}
"""Of `EntryDetails`."""

KEPT_CHANGES = frozenset({"category", "subcategory", "priority"})
"""Fields of a ticket whose changes are the desk's own."""

FILE: Table = {
    **_desks("media_type", "ref", "sha256", "size", "code", "retry_at"),
    "name": Field("words", ERASED),
    "reason": Field("words", ERASED),
}
"""Of `AttachmentRef` and `LeftOut`."""

ANSWER: Table = {
    # Tickets by `TICKET`, files by `FILE`, if they are the person's.
    **_desks("ticket", "article", "candidates", "tickets", "left_out", "attachment"),
    # Sentences of ours, unless `errors` say what was sent; an account's id and the place of its secret.
    **_desks("code", "message", "eligible_at", "retry_at", "note_id", "account_id", "secret", "expires_at", "code_at"),
    **_desks("until", "page", "pages", "number", "part", "parts", "truncated", "before", "after"),
    **_desks("answer_due_at", "escalatable_at", "closes_at", "reopens_until", "categories", "confirmed"),
    **dict.fromkeys(("account", "person"), Field("link")),
    **dict.fromkeys(("display_name", "contact_email", "language", "notify", "quiet_hours"), Field("person")),
    "errors": Field("words", {}),
    "hints": Field("words", {}),
    "history": Field("words", []),
    "content": Field("words", ""),
}
"""Of the data of intake's outcomes, which it keeps for redelivery."""


def sifted(table: Table, values: Mapping[str, Any], goes: Collection[Whose]) -> dict[str, Any]:
    """The values by field, those that go replaced. A field that the table does not have is left out."""
    return {
        name: field.left if field.whose in goes and value not in field.stays else value
        for name, value in values.items()
        if (field := table.get(name)) is not None
    }


def requester_without(requester: TicketRequester, goes: Collection[Whose], id_: str) -> TicketRequester:
    """The requester of a ticket, as it is kept. `id_` replaces the id if that goes."""
    return _payload_without(REQUESTER, requester, goes, id_)


def author_without(author: Author, goes: Collection[Whose], id_: str) -> Author:
    """The author of an entry, as it is kept: people of the desk stay. `id_` replaces the id if that goes."""
    return _payload_without(AUTHOR, author, goes, id_) if author.kind == "requester" else author


def ticket_without(ticket: Ticket, goes: Collection[Whose], requester_id: str, person: str) -> Ticket:
    """The ticket, of the same version, as it is kept of an erased requester. `requester_id` and `person` replace those
    of the ticket if they go."""
    values = {name: getattr(ticket, name) for name in Ticket.__dataclass_fields__}
    left = sifted(TICKET, values, goes) | {"requester": requester_without(ticket.requester, goes, requester_id)}
    return Ticket(**left | {"person": person if "link" in goes else ticket.person, "erased": True})


def details_without_words(details: EntryDetails, changed: Mapping[str, Any]) -> EntryDetails:
    """The details of an entry without words. `changed`: what is left of its changes."""
    kept = {name: getattr(details, name) for name, field in DETAILS.items() if field.whose == "desk"}
    return EntryDetails(**kept, changed=changed or None)


def quoting(values: Mapping[str, Any], words: Collection[str]) -> set[str]:
    """The ticket's fields that repeat one of these words of an entry; also fields that the table does not have."""
    other = Field("quoted")
    return {
        name
        for name, value in values.items()
        if isinstance(value, str) and value in words and TICKET.get(name, other).whose == "quoted"
    }


def derived() -> dict[str, Any]:
    """What is left of the ticket's fields that are computed from words."""
    return {name: field.left for name, field in TICKET.items() if field.whose == "derived"}


def _payload_without(table: Table, payload: P, goes: Collection[Whose], id_: str) -> P:
    values = {name: getattr(payload, name) for name in payload.__struct_fields__}
    return type(payload)(**sifted(table, values, goes) | ({"id": id_} if "link" in goes else {}))
