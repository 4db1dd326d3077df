"""A ticket as messages carry it: its snapshot, and its history.

The page is docs/contracts.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from msgspec import Meta

from contracts.common import (
    MAX_ARTICLES,
    MAX_BODY,
    MAX_SUBJECT,
    AgentId,
    Identity,
    KnownCategory,
    Language,
    RequesterKind,
    Sentence,
    ShownName,
    TicketNumber,
    Tier,
    Word,
)
from contracts.fields import Answers, Count, Id, Moment, Ordinal, Text
from contracts.file_forms import MAX_ATTACHMENTS, AttachmentRef, FilesLeftOut
from contracts.payload import Payload, kept
from contracts.statuses import Status

Consent = Literal["asked", "granted", "refused"]
AuthorKind = Literal["requester", "agent", "moderator", "service"]
Visibility = Literal["public", "internal"]
MAX_TEXT = 64 * 1024
"""Characters of an entry: a duplicate's subject and body become one note."""


class TicketRequester(Payload):
    """The requester in a ticket; `display_name` as it was at filing."""

    id: Identity
    kind: RequesterKind
    display_name: ShownName
    tier: Tier

    @property
    def account(self) -> str:
        """The key of their account: `account:<id>` or `temporary:<id>`."""
        return f"{self.kind}:{self.id}"


class TicketAgent(Payload):
    """The agent who has the ticket."""

    id: AgentId
    display_name: ShownName


class Snapshot(Payload):
    """The ticket as it stands after `version`. No body, no secret, no address.

    `consent`: the answer to the agent's last request to log in to the requester's account. `changed_from`: the agent
    whom the ticket was changed away from; routing never gives it back to them. `merged_into`: the ticket that goes on.
    `automatic`: a machine filed it, and no person has written to it since. `held`: it is part of a burst, so no agent
    gets it until a supervisor releases it. These two are left out when they are false. `erased`: its requester was
    erased.
    """

    id: Identity
    number: TicketNumber
    version: Ordinal
    status: Status
    status_since: Moment
    status_version: Ordinal
    assignment_seq: Count
    contact_version: Count
    category: KnownCategory
    subcategory: KnownCategory | None
    priority: Ordinal
    escalated: bool
    requester: TicketRequester
    channel: Annotated[str, Text(32).rule]
    subject: Annotated[str, Text(MAX_SUBJECT).rule]
    issue_key: Annotated[str, Text(MAX_SUBJECT).rule] | None
    language: Language | None
    agent: TicketAgent | None
    opened_at: Moment
    first_agent_message_at: Moment | None
    last_agent_message_at: Moment | None
    last_customer_message_at: Moment | None
    closed_at: Moment | None
    close_reason: Sentence | None
    reopen_count: Count
    consent: Consent | None = kept()
    changed_from: AgentId | None = kept()
    merged_into: TicketNumber | None = kept()
    automatic: bool = False
    held: bool = False
    erased: bool = False


class Author(Payload):
    """Who wrote an entry."""

    kind: AuthorKind
    id: Identity
    display_name: ShownName | None


class Change(Payload):
    """The old and the new value of a field of the ticket."""

    old: Annotated[str, Text(MAX_BODY, 0).rule] | None
    new: Annotated[str, Text(MAX_BODY, 0).rule] | None


class EntryDetails(Payload):
    """The details of an entry, besides its text and its files.

    `fields` and `refers_to` as the requester gave them, `articles` as the agent did, for requesters without internal
    ones; `changed` by field, for an edit, a reclassification and a change of agent (by their ids); `granted`, the
    answer to a request for consent; `to_number`, the other ticket of a link or a merge; `redacts`, the entry that was
    redacted; `left_out`, the files that came with it and were left out; `automatic`: a machine wrote it, so it moved
    nothing.
    """

    fields: Answers | None = None
    refers_to: TicketNumber | None = None
    articles: Annotated[Sequence[Identity], Meta(max_length=MAX_ARTICLES)] = ()
    changed: Annotated[Mapping[Id, Change], Meta(max_length=50)] | None = None
    granted: bool | None = None
    to_number: TicketNumber | None = None
    redacts: Identity | None = None
    left_out: FilesLeftOut = ()
    automatic: bool = False


class Entry(EntryDetails):
    """One entry of a ticket's history, with attachments by reference. Internal entries never go to channels."""

    id: Identity
    kind: Word
    author: Author
    visibility: Visibility
    text: Annotated[str, Text(MAX_TEXT, 0).rule] | None
    attachments: Annotated[Sequence[AttachmentRef], Meta(max_length=MAX_ATTACHMENTS)]
    at: Moment


History = Annotated[Sequence[Entry], Meta(max_length=100_000)]
"""Entries of a ticket's history, oldest first."""
