"""Tickets: commands of channels, agents and services, their outcomes and events. Owner: intake.

The page is docs/contracts.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from contracts.common import (
    MAX_ARTICLES,
    MAX_BODY,
    MAX_LINKS,
    AgentId,
    Body,
    Category,
    Draft,
    DraftHint,
    FromChannel,
    Identity,
    LanguageHint,
    Named,
    NamedAccount,
    Reason,
    Requester,
    Sentence,
    ShownName,
    Subject,
    TicketNumber,
)
from contracts.fields import Answers, Count, Moment, Ordinal, Score, Text, Whole
from contracts.file_forms import Attachments, FilesLeftOut
from contracts.outcomes import Outcome
from contracts.payload import Payload
from contracts.snapshot import Entry, History, Snapshot, TicketAgent
from contracts.statuses import Status

MAX_ACCOUNTS = 4
"""Accounts of one `ticket.changed`: who filed it and who has it, before and after."""

# Commands of channels


class Submit(FromChannel):
    """Command `ticket.submit`: a request for help. `automatic`: a machine wrote it."""

    requester: Requester
    category: Category
    subcategory: Category | None = None
    fields: Answers | None = None
    subject: Subject
    body: Body
    issue_key: Subject | None = None
    refers_to: TicketNumber | None = None
    distinct_from: Annotated[Sequence[TicketNumber], Meta(max_length=MAX_LINKS)] = ()
    attachments: Attachments = ()
    language: LanguageHint | None = None
    automatic: bool = False
    draft: DraftHint | None = None


class RequesterTicket(FromChannel):
    """Command `ticket.accept_solution`: a requester about one of their tickets."""

    requester: Requester
    number: TicketNumber


class Reply(RequesterTicket):
    """Command `ticket.reply`: words, files, or both. `automatic`: a machine wrote it, such as an out-of-office
    reply."""

    any_of = ("body", "attachments")

    body: Annotated[str, Text(MAX_BODY, 0).rule] = ""
    attachments: Attachments = ()
    automatic: bool = False
    draft: DraftHint | None = None


class Edit(RequesterTicket):
    """Command `ticket.edit`: a new subject, a new body, or both."""

    subject: Subject | None = None
    body: Body | None = None


class Moderator(Payload):
    """A moderator of the community."""

    id: Named


class Escalate(FromChannel):
    """Command `ticket.escalate`, by the requester or by a moderator."""

    one_of = ("requester", "moderator")

    requester: Requester | None = None
    moderator: Moderator | None = None
    number: TicketNumber
    reason: Reason | None = None


class ChangeAgent(RequesterTicket):
    """Command `ticket.change_agent`."""

    reason: Reason


class AnswerConsent(RequesterTicket):
    """Command `ticket.answer_consent`: may the agent log in to the requester's account?"""

    granted: bool


class ListTickets(FromChannel):
    """Command `ticket.list`: the requester's tickets, or the agent's, newest first, 20 a page.

    An agent's list without `status` has only open tickets.
    """

    one_of = ("requester", "agent_id")

    requester: Requester | None = None
    agent_id: AgentId | None = None
    status: Status | None = None
    page: Annotated[int, Whole(1, 100_000).rule] | None = None


class ViewTicket(FromChannel):
    """Command `ticket.view`: by the requester through a channel, by an agent on the desk.

    Of a long history it shows the newest entries that fit; with `before` those before that version; with `after`
    the oldest after that version. The answer to an earlier view has these values.
    """

    one_of = ("requester", "agent_id")

    requester: Requester | None = None
    agent_id: AgentId | None = None
    number: TicketNumber
    before: Ordinal | None = None
    after: Count | None = None


# Commands of agents


class AgentTicket(Payload):
    """Command `ticket.start_work`: an agent about a ticket."""

    agent_id: AgentId
    number: TicketNumber
    expected_version: Ordinal | None = None


class AgentText(AgentTicket):
    """Commands `ticket.ask_info` and `ticket.add_note` (a note and its files are internal)."""

    body: Body
    attachments: Attachments = ()


class SuggestSolution(AgentText):
    """Command `ticket.suggest_solution`; `articles` are ids of the knowledge base."""

    articles: Annotated[Sequence[Named], Meta(max_length=MAX_ARTICLES)] = ()


class AgentReason(AgentTicket):
    """Commands `ticket.close` and `ticket.ask_consent`."""

    reason: Reason


class Redact(AgentTicket):
    """Command `ticket.redact`, from supervisors: the words and files of one entry go. `subject`: the ticket's subject
    goes too."""

    entry_id: Identity
    reason: Sentence
    subject: bool = False


class Reclassify(AgentTicket):
    """Command `ticket.reclassify`."""

    category: Category
    subcategory: Category | None = None


class Transfer(AgentReason):
    """Command `ticket.transfer`: to an agent by name, or to an agent whom routing chooses."""

    to_agent: AgentId | None = None


class LinkTo(AgentTicket):
    """Commands `ticket.link` and `ticket.merge_into`: `number` is the ticket to act on, `to_number` the other one.

    Without `to_number`, `number` is the other one, and the event's `subject` the ticket to act on.
    """

    to_number: TicketNumber | None = None


# Commands of supervisors


class Supervise(AgentTicket):
    """Commands `ticket.take_away` and `ticket.reopen`."""

    reason: Sentence | None = None


class AssignTo(Supervise):
    """Command `ticket.assign_to`: the ticket goes to that agent, whoever has it."""

    to_agent: AgentId


class Release(AgentTicket):
    """Command `ticket.release`; with `burst`, for all tickets of its burst."""

    burst: bool = False


# Commands of services


class Assign(Payload):
    """Command `ticket.assign` from routing; `assignment_seq` is that of the snapshot that routing decided from.

    `valid_until`: later the reserved place may belong to another ticket, so intake refuses the command.
    """

    number: TicketNumber
    agent: TicketAgent
    assignment_seq: Count
    reason: Sentence
    valid_until: Moment | None = None


class Unassign(Payload):
    """Command `ticket.unassign` from routing."""

    number: TicketNumber
    assignment_seq: Count
    reason: Sentence


class AutoClose(Payload):
    """Command `ticket.auto_close` from sla; `status_version`: the version at which the ticket entered
    `solution_suggested`."""

    number: TicketNumber
    status_version: Ordinal


# Outcomes


class TicketOutcome(Outcome):
    """Outcomes `ticket.opened` and `ticket.reopened`; `left_out`: files that were left out of the command."""

    ticket: Snapshot
    left_out: FilesLeftOut = ()


class Duplicate(TicketOutcome):
    """Outcome `ticket.duplicate`: the submission became the note `note_id` of the open ticket."""

    note_id: Identity


class Candidate(Snapshot):
    """An open ticket that is like the submission; `score` 1: the same words."""

    score: Annotated[float, Score().rule]


class Similar(Outcome):
    """Outcome `ticket.similar`: nothing was filed."""

    candidates: Annotated[Sequence[Candidate], Meta(min_length=1, max_length=20)]


class Listed(Payload):
    """Outcome `ticket.listed`: one page of the requester's tickets, or the agent's, newest first."""

    tickets: Annotated[Sequence[Snapshot], Meta(max_length=20)]
    page: Ordinal
    pages: Count


class Viewed(Payload):
    """Outcome `ticket.viewed`: the ticket, and the part of its history that the asker may see (the newest that fits).

    It has `before` if there are older entries than these (apart from the opening, which comes first), and `after` if
    there are newer ones: a `ticket.view` with the same field and value shows them.

    While the desk has to act: `answer_due_at`, by when it should reply, and `escalatable_at`, from when the requester
    may escalate (if that is still possible). Each is missing until sla has announced it, a moment after the requester
    wrote. `closes_at`: when a suggested solution without a reply closes the ticket. `reopens_until`: the last moment at
    which a reply reopens it.
    """

    ticket: Snapshot
    history: History
    answer_due_at: Moment | None = None
    escalatable_at: Moment | None = None
    closes_at: Moment | None = None
    reopens_until: Moment | None = None
    truncated: bool = False
    before: Ordinal | None = None
    after: Count | None = None


# Events, and agent messages


class TicketEvent(Payload):
    """A ticket event: the ticket as it stands, and its new history entry. `draft`: the form from which it came."""

    ticket: Snapshot
    entry: Entry | None = None
    draft: Draft | None = None


class DraftFiled(Payload):
    """Event `draft.filed`: what was typed into this form of the channel has come to a ticket. `at`: when it did."""

    channel: ShownName
    draft: Draft
    at: Moment | None = None


class TicketChanged(Payload):
    """`ticket.changed`: the ticket has a new version, in which its requester sees something new. No words.

    `accounts`: those whose people see the ticket, and those who have just lost it. Whoever shows the ticket asks for it
    if `version` is newer than what they show.
    """

    accounts: Annotated[Sequence[NamedAccount], Meta(min_length=1, max_length=MAX_ACCOUNTS)]
    number: TicketNumber
    version: Ordinal
    status: Status


class LostAgent(TicketEvent):
    """`ticket.unassigned` and `ticket.transferred`: `previous_agent` is who had the ticket."""

    previous_agent: TicketAgent | None = None


class Joined(TicketEvent):
    """Events `ticket.linked` and `ticket.merged`: `to_number` is the other ticket. `waits_since`: a ticket that awaited
    the desk was merged into this one, and its requester has waited for an answer since then."""

    to_number: TicketNumber | None = None
    waits_since: Moment | None = None


class Redacted(TicketEvent):
    """Event and agent message `ticket.redacted`: the entry that `entry.redacts` names has lost its words and files;
    with `subject` the ticket has lost its subject too. The event contains none of it."""

    entry: Entry
    subject: bool


class AssignedToAgent(TicketEvent):
    """Agent message `ticket.assigned`, with the conversation so far; `truncated` if that is more than 64 KiB.
    `previous_agent`: who had the ticket before."""

    previous_agent: TicketAgent | None = None
    history: History
    truncated: bool = False
