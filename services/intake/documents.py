"""How tickets, entries, accounts and news are stored: values to documents and back; also documents of older versions.

The page is docs/intake.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from services.chassis.unit_of_work import Document
from services.intake.domain.accounts import Account
from services.intake.domain.agents import KnownAgent
from services.intake.domain.file_names import safe_name
from services.intake.domain.history import Author, Entry
from services.intake.domain.mailing import CodeMailed
from services.intake.domain.state import Burst, Erasure, Escalatable
from services.intake.domain.tickets import SNAPSHOT, Agent, Requester, Ticket, fields_of

OWN_FIELDS = (
    "person",
    "key",
    "opening",
    "requester_left",
    "awaiting_version",
    "waits_since",
    "body_version",
    "history_size",
    "attached",
    "said",
    "said_at",
    "said_times",
    "wrote_since",
    "wrote",
    "automatic",
    "filed",
    "burst",
    "erased",
)
STORED = (*SNAPSHOT[1:], *OWN_FIELDS)
"""A ticket's fields, but for its id."""

LATER_FIELDS = frozenset(
    {
        "consent",
        "changed_from",
        "requester_left",
        "awaiting_version",
        "waits_since",
        "merged_into",
        "body_version",
        "attached",
        "said",
        "said_at",
        "said_times",
        "wrote_since",
        "wrote",
        "automatic",
        "filed",
        "burst",
        "erased",
    }
)
"""Those that documents of older versions lack. They are stored where they differ from their defaults: nearly all say
nothing of nearly every ticket."""

ALWAYS = tuple(name for name in STORED if name not in LATER_FIELDS)
DEFAULTS = {one.name: one.default for one in fields(Ticket) if one.name in LATER_FIELDS}

COUNTED = frozenset({"paused", "wrote"})
"""Fields of flat dataclasses that say nothing while they are false or 0, and that no query asks for."""


def ticket_document(ticket: Ticket) -> Document:
    """A ticket as it is stored; `open_key` is there only while it is open."""
    document: Document = {name: getattr(ticket, name) for name in ALWAYS}
    for name, default in DEFAULTS.items():
        if (value := getattr(ticket, name)) != default:
            document[name] = value
    document |= {
        "_id": ticket.id,
        "requester": fields_of(ticket.requester),
        "agent": None if ticket.agent is None else fields_of(ticket.agent),
        "links": list(ticket.links),
    }
    if ticket.held:
        document["held"] = True
    if ticket.open_key is not None:
        document["open_key"] = ticket.open_key
    return document


def ticket_of(document: Mapping[str, Any]) -> Ticket:
    """The inverse of `ticket_document`."""
    names = (name for name in STORED if name in document or name not in LATER_FIELDS)
    values = {name: document[name] for name in names}
    values |= {
        "id": document["_id"],
        "requester": Requester(**document["requester"]),
        "agent": None if document["agent"] is None else Agent(**document["agent"]),
        "links": tuple(document["links"]),
    }
    return Ticket(**values)


def entry_document(entry: Entry) -> Document:
    """An entry as it is stored."""
    document = fields_of(entry) | {"_id": entry.id, "author": fields_of(entry.author)}
    del document["id"]
    return document


def entry_of(document: Mapping[str, Any]) -> Entry:
    """The inverse of `entry_document`."""
    values = values_by(document, "id", Entry) | {"author": Author(**document["author"])}
    attachments = document["details"].get("attachments")
    if attachments:  # of an older version, which took names as they came
        named = [{**one, "name": safe_name(one["name"])} for one in attachments]
        values["details"] = {**document["details"], "attachments": named}
    return Entry(**values)


def account_document(account: Account) -> Document:
    """An account as it is stored."""
    return document_by(account, "key")


def account_of(document: Mapping[str, Any]) -> Account:
    """The inverse of `account_document`."""
    return Account(**values_by(document, "key", Account))


def agent_document(agent: KnownAgent) -> Document:
    """What is known of an agent, as it is stored."""
    return document_by(agent, "id")


def agent_of(document: Mapping[str, Any]) -> KnownAgent:
    """The inverse of `agent_document`."""
    lists = {name: tuple(document[name]) for name in ("skills", "languages", "tiers")}
    return KnownAgent(**values_by(document, "id", KnownAgent) | lists)


def escalatable_document(one: Escalatable) -> Document:
    """From when on a ticket may be escalated, as it is stored."""
    return {
        "_id": one.ticket_id,
        "status_version": one.status_version,
        "at": one.at,
        "revision": one.revision,
    }


def escalatable_of(document: Mapping[str, Any]) -> Escalatable:
    """The inverse of `escalatable_document`."""
    return Escalatable(document["_id"], document["status_version"], document["at"], document.get("revision"))


def erasure_document(one: Erasure) -> Document:
    """An erasure as it is stored."""
    return document_by(one, "id")


def erasure_of(document: Mapping[str, Any]) -> Erasure:
    """The inverse of `erasure_document`."""
    lists = {"accounts": tuple(document["accounts"]), "read_to": tuple(document["read_to"])}
    lists |= {"entries": tuple(document.get("entries", ()))}
    return Erasure(**values_by(document, "id", Erasure) | lists)


def mailed_document(one: CodeMailed) -> Document:
    """When a code was mailed to an address, as it is stored."""
    return document_by(one, "id")


def mailed_of(document: Mapping[str, Any]) -> CodeMailed:
    """The inverse of `mailed_document`."""
    return CodeMailed(**values_by(document, "id", CodeMailed))


def burst_document(one: Burst) -> Document:
    """A burst, as it is stored."""
    return document_by(one, "id")


def burst_of(document: Mapping[str, Any]) -> Burst:
    """The inverse of `burst_document`."""
    return Burst(**values_by(document, "id", Burst))


def document_by(value: Any, key: str) -> Document:
    """The fields of a flat dataclass, the one named `key` as `_id`.

    A default that says nothing is left out, so that a release which does not know such a field reads nearly all that
    this one has stored: older ones fail at more than they know.
    """
    document: Document = {}
    for name, one in value.__dataclass_fields__.items():
        held = getattr(value, name)
        if held != one.default or not (held is None or held == "" or name in COUNTED):
            document[name] = held
    document["_id"] = document.pop(key)
    return document


def values_by(document: Mapping[str, Any], key: str, kind: type[Any]) -> dict[str, Any]:
    """The inverse of `document_by`: what the dataclass `kind` is made of. What another release has stored besides is
    passed over."""
    values = {**document, key: document["_id"]}
    return {name: values[name] for name in kind.__dataclass_fields__ if name in values}
