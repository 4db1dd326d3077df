"""Turns values into documents for MongoDB, and documents back into values, also those of older versions.

The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from contracts.file_forms import AttachmentRef, LeftOut
from contracts.payload import document
from contracts.snapshot import Author, Change, EntryDetails, TicketAgent, TicketRequester
from services.chassis.database import Document, fields_of
from services.intake.domain.values.account import Account
from services.intake.domain.values.agent import KnownAgent
from services.intake.domain.values.article import KnownArticle
from services.intake.domain.values.burst import Burst
from services.intake.domain.values.erasure import Erasure
from services.intake.domain.values.escalatable import Escalatable
from services.intake.domain.values.file_name import safe_name
from services.intake.domain.values.history import PLAIN, Entry
from services.intake.domain.values.mailed_code import CodeMailed
from services.intake.domain.values.ticket import Ticket

ALWAYS = tuple(
    each.name for each in fields(Ticket) if each.default is MISSING or each.name in ("links", "history_size")
)
"""Fields that a ticket's document always has. The others came later and have a default: documents of older versions do
not have them, and new ones only where they differ from the default, which is rare."""

LATER = {each.name: each.default for each in fields(Ticket) if each.name not in ALWAYS}

PLAIN_FIELDS = ("ticket_id", "version", "kind", "visibility", "text", "at", "offset")
"""Fields of an entry that are stored as they are."""

COUNTED = frozenset({"paused", "wrote"})
"""Fields of flat dataclasses that are left out while they are false or 0; no query asks for them."""


def ticket_document(ticket: Ticket) -> Document:
    """A ticket as it is stored; `open_key` is there only while it is open."""
    stored: Document = {name: getattr(ticket, name) for name in ALWAYS}
    for name, default in LATER.items():
        if (value := getattr(ticket, name)) != default:
            stored[name] = value
    stored |= {
        "_id": stored.pop("id"),
        "requester": document(ticket.requester),
        "agent": None if ticket.agent is None else document(ticket.agent),
        "links": list(ticket.links),
    }
    if ticket.held:
        stored["held"] = True
    if ticket.open_key is not None:
        stored["open_key"] = ticket.open_key
    return stored


def ticket_of(stored: Mapping[str, Any]) -> Ticket:
    """The inverse of `ticket_document`."""
    values = fields_of(Ticket, stored, "id")
    values |= {
        "requester": TicketRequester(**stored["requester"]),
        "agent": None if stored["agent"] is None else TicketAgent(**stored["agent"]),
        "links": tuple(stored["links"]),
    }
    return Ticket(**values)


def entry_document(entry: Entry) -> Document:
    """An entry as it is stored."""
    details = document(entry.details)
    if entry.attachments:
        details["attachments"] = [document(named) for named in entry.attachments]
    stored: Document = {name: getattr(entry, name) for name in PLAIN_FIELDS}
    return stored | {"_id": entry.id, "author": document(entry.author), "details": details}


def entry_of(stored: Mapping[str, Any]) -> Entry:
    """The inverse of `entry_document`."""
    details = dict(stored["details"])
    # Older versions stored names as they came.
    attachments = tuple(
        AttachmentRef(**{**named, "name": safe_name(named["name"])}) for named in details.pop("attachments", ())
    )
    if "left_out" in details:
        details["left_out"] = [LeftOut(**file) for file in details["left_out"]]
    if details.get("changed"):
        details["changed"] = {name: Change(**change) for name, change in details["changed"].items()}
    known = {name: value for name, value in details.items() if name in EntryDetails.__struct_fields__}
    values = {name: stored[name] for name in PLAIN_FIELDS}
    author = Author(**stored["author"])
    return Entry(
        id=stored["_id"],
        author=author,
        attachments=attachments,
        details=EntryDetails(**known) if known else PLAIN,
        **values,
    )


def account_document(account: Account) -> Document:
    """An account as it is stored."""
    return document_by(account, "key")


def account_of(document: Mapping[str, Any]) -> Account:
    """The inverse of `account_document`."""
    return Account(**fields_of(Account, document, "key"))


def agent_document(agent: KnownAgent) -> Document:
    """What is known of an agent, as it is stored."""
    return document_by(agent, "id")


def agent_of(document: Mapping[str, Any]) -> KnownAgent:
    """The inverse of `agent_document`."""
    lists = {name: tuple(document[name]) for name in ("skills", "languages", "tiers")}
    return KnownAgent(**fields_of(KnownAgent, document, "id") | lists)


def escalatable_document(escalatable: Escalatable) -> Document:
    """From when on a ticket may be escalated, as it is stored."""
    return {
        "_id": escalatable.ticket_id,
        "status_version": escalatable.status_version,
        "at": escalatable.at,
        "revision": escalatable.revision,
        "unanswered_since": escalatable.unanswered_since,
        "due_at": escalatable.due_at,
    }


def escalatable_of(document: Mapping[str, Any]) -> Escalatable:
    """The inverse of `escalatable_document`."""
    return Escalatable(
        document["_id"],
        document["status_version"],
        document["at"],
        document.get("revision"),
        document.get("unanswered_since"),
        document.get("due_at"),
    )


def article_document(article: KnownArticle) -> Document:
    """Whether an article is internal, as it is stored."""
    return document_by(article, "id")


def article_of(document: Mapping[str, Any]) -> KnownArticle:
    """The inverse of `article_document`."""
    return KnownArticle(**fields_of(KnownArticle, document, "id"))


def erasure_document(erasure: Erasure) -> Document:
    """An erasure as it is stored."""
    return document_by(erasure, "id")


def erasure_of(document: Mapping[str, Any]) -> Erasure:
    """The inverse of `erasure_document`."""
    lists = {"accounts": tuple(document["accounts"]), "read_to": tuple(document["read_to"])}
    lists |= {"entries": tuple(document.get("entries", ()))}
    return Erasure(**fields_of(Erasure, document, "id") | lists)


def mailed_document(mailed: CodeMailed) -> Document:
    """When a code was mailed to an address, as it is stored."""
    return document_by(mailed, "id")


def mailed_of(document: Mapping[str, Any]) -> CodeMailed:
    """The inverse of `mailed_document`."""
    return CodeMailed(**fields_of(CodeMailed, document, "id"))


def burst_document(burst: Burst) -> Document:
    """A burst, as it is stored."""
    return document_by(burst, "id")


def burst_of(document: Mapping[str, Any]) -> Burst:
    """The inverse of `burst_document`."""
    return Burst(**fields_of(Burst, document, "id"))


def document_by(value: Any, key: str) -> Document:
    """The fields of a flat dataclass, the one named `key` as `_id`.

    An empty default is left out, so that a version without such a field can read nearly all that this one has stored:
    older versions fail at a field that they do not know.
    """
    document: Document = {}
    for name, field_ in value.__dataclass_fields__.items():
        held = getattr(value, name)
        if held != field_.default or not (held is None or held == "" or name in COUNTED):
            document[name] = held
    document["_id"] = document.pop(key)
    return document
