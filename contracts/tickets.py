"""Tickets: commands of channels, agents and services, their outcomes, the events. Owner: intake.

The page is docs/contracts.md.
"""

from __future__ import annotations

from contracts import common
from contracts.fields import Answers, Choice, Errors, Flag, Hint, ListOf, Moment, Score, Text, Whole, Words
from contracts.payload import Part, Payload

CODES = (
    "invalid",
    "unauthenticated",
    "forbidden",
    "unknown_ticket",
    "unknown_category",
    "conflict",
    "wrong_status",
    "closed_too_long",
    "too_early",
    "unsupported",
    "too_large",
    "rate_limited",
)


# Commands of channels


class Submit(common.FromChannel):
    """Command `ticket.submit`: a request for help. `automatic`: a machine wrote it."""

    requester = common.requester()
    category = common.category()
    subcategory = common.category(optional=True)
    fields = Answers(optional=True)  # type: ignore[assignment]  # the wire's name; marshmallow's is set on instances
    subject = Words(common.MAX_SUBJECT)
    body = Words(common.MAX_BODY)
    issue_key = Words(common.MAX_SUBJECT, optional=True)
    refers_to = common.ticket_number(optional=True)
    distinct_from = ListOf(common.ticket_number(), common.MAX_LINKS, optional=True)
    attachments = common.attachments(optional=True)
    language = Hint(common.nearest_language())
    automatic = Flag(optional=True)


class RequesterTicket(common.FromChannel):
    """A requester about one of their tickets: command `ticket.accept_solution`."""

    requester = common.requester()
    number = common.ticket_number()


class Reply(RequesterTicket):
    """Command `ticket.reply`: words, files, or both. `automatic`: a machine wrote it, say an out-of-office reply."""

    any_of = ("body", "attachments")

    body = Text(common.MAX_BODY, 0, optional=True)
    attachments = common.attachments(optional=True)
    automatic = Flag(optional=True)


class Edit(RequesterTicket):
    """Command `ticket.edit`: a new subject, a new body, or both."""

    subject = Words(common.MAX_SUBJECT, optional=True)
    body = Words(common.MAX_BODY, optional=True)


class Moderator(Payload):
    """A moderator of the community."""

    id = common.named()


class Escalate(common.FromChannel):
    """Command `ticket.escalate`, by the requester or by a moderator."""

    one_of = ("requester", "moderator")

    requester = common.requester(optional=True)
    moderator = Part(Moderator, optional=True)
    number = common.ticket_number()
    reason = common.reason(optional=True)


class ChangeAgent(RequesterTicket):
    """Command `ticket.change_agent`."""

    reason = common.reason()


class AnswerConsent(RequesterTicket):
    """Command `ticket.answer_consent`: may the agent log in to the requester's account?"""

    granted = Flag()


class ListTickets(common.FromChannel):
    """Command `ticket.list`: the requester's tickets, or the agent's, newest first, 20 a page.

    Of an agent's, without `status`, those that are open.
    """

    one_of = ("requester", "agent_id")

    requester = common.requester(optional=True)
    agent_id = common.agent_id(optional=True)
    status = Choice(common.STATUSES, optional=True)
    page = Whole(1, 100_000, optional=True)


class View(common.FromChannel):
    """Command `ticket.view`: by the requester through a channel, by an agent on the desk.

    Of a long history it shows the newest entries that fit, or with `before` those before that version, or with `after`
    the oldest after that version. The values to give are in the answer to an earlier view.
    """

    one_of = ("requester", "agent_id")

    requester = common.requester(optional=True)
    agent_id = common.agent_id(optional=True)
    number = common.ticket_number()
    before = Whole(1, optional=True)
    after = Whole(optional=True)


# Commands of agents


class AgentTicket(Payload):
    """An agent about a ticket: command `ticket.start_work`."""

    agent_id = common.agent_id()
    number = common.ticket_number()
    expected_version = Whole(1, optional=True)


class AgentText(AgentTicket):
    """Commands `ticket.ask_info` and `ticket.add_note` (internal, as are its files)."""

    body = Words(common.MAX_BODY)
    attachments = common.attachments(optional=True)


class SuggestSolution(AgentText):
    """Command `ticket.suggest_solution`; `articles` are ids of the knowledge base."""

    articles = ListOf(common.named(), common.MAX_ARTICLES, optional=True)


class AgentReason(AgentTicket):
    """Commands `ticket.close` and `ticket.ask_consent`."""

    reason = common.reason()


class Redact(AgentTicket):
    """Command `ticket.redact`, of supervisors: what was written in one entry goes, and its files. `subject`: the
    ticket's subject goes too, where it holds the same."""

    entry_id = common.identity()
    reason = Text(common.MAX_REASON)
    subject = Flag(optional=True)


class Reclassify(AgentTicket):
    """Command `ticket.reclassify`."""

    category = common.category()
    subcategory = common.category(optional=True)


class Transfer(AgentReason):
    """Command `ticket.transfer`: to an agent, or to whom routing finds."""

    to_agent = common.agent_id(optional=True)


class LinkTo(AgentTicket):
    """Commands `ticket.link` and `ticket.merge_into`: `number` is the ticket acted on, `to_number` the other one.

    Without `to_number`, `number` is the other one, and the event's `subject` the ticket acted on.
    """

    to_number = common.ticket_number(optional=True)


# Commands of supervisors


class Supervise(AgentTicket):
    """Commands `ticket.take_away` and `ticket.reopen`."""

    reason = Text(common.MAX_REASON, optional=True)


class AssignTo(Supervise):
    """Command `ticket.assign_to`: the ticket goes to that agent, whoever has it."""

    to_agent = common.agent_id()


class Release(AgentTicket):
    """Command `ticket.release`; with `burst`, of all tickets that are held with this one."""

    burst = Flag(optional=True)


# Commands of services


class Assign(Payload):
    """Command `ticket.assign` from routing; `assignment_seq` is that of the snapshot that routing decided from.

    `valid_until`: after it the place that was kept at the agent may be another ticket's, so it is refused.
    """

    number = common.ticket_number()
    agent = Part(common.TicketAgent)
    assignment_seq = Whole()
    reason = Text(common.MAX_REASON)
    valid_until = Moment(optional=True)


class Unassign(Payload):
    """Command `ticket.unassign` from routing."""

    number = common.ticket_number()
    assignment_seq = Whole()
    reason = Text(common.MAX_REASON)


class AutoClose(Payload):
    """Command `ticket.auto_close` from sla; `status_version`: when the ticket entered `solution_suggested`."""

    number = common.ticket_number()
    status_version = Whole(1)


# Outcomes


class TicketOutcome(Payload):
    """Outcomes `ticket.opened` and `ticket.reopened`; `hints` as in `command.accepted`; `left_out`: files of the
    command that were not taken."""

    ticket = Part(common.Snapshot)
    hints = Errors(optional=True)
    left_out = common.left_out()


class Duplicate(TicketOutcome):
    """Outcome `ticket.duplicate`: what was written became the note `note_id` of the open ticket."""

    note_id = common.identity()


class Candidate(common.Snapshot):
    """An open ticket that is like the one submitted; `score` 1 is the same."""

    score = Score()


class Similar(Payload):
    """Outcome `ticket.similar`: nothing was filed; `hints` as in `command.accepted`."""

    hints = Errors(optional=True)
    candidates = ListOf(Part(Candidate), 20, 1)


class Listed(Payload):
    """Outcome `ticket.listed`: one page of the requester's tickets, or the agent's, newest first."""

    tickets = ListOf(Part(common.Snapshot), 20)
    page = Whole(1)
    pages = Whole()


class Viewed(Payload):
    """Outcome `ticket.viewed`: the ticket, and of its history what the asker may see (the newest that fits).

    `before` is there while there are older entries than these (the opening, which stands first, apart), `after` while
    there are newer ones: a `ticket.view` with the same field and value shows them.
    """

    ticket = Part(common.Snapshot)
    history = common.history()
    truncated = Flag(optional=True)
    before = Whole(1, optional=True)
    after = Whole(optional=True)


class Accepted(Payload):
    """Outcome `command.accepted`, with the ticket where the command was about one.

    `hints` names what has no effect now or was passed over, by field: sentences. `left_out`: files of the command that
    were not taken.
    """

    ticket = Part(common.Snapshot, optional=True)
    hints = Errors(optional=True)
    left_out = common.left_out()


class Rejected(Payload):
    """Outcome `command.rejected`.

    `message` is a sentence for a person. A `conflict` has the present `ticket` where the sender may see it.
    """

    code = Choice(CODES)
    message = Text(2_000)
    errors = Errors()
    eligible_at = Moment(optional=True)
    retry_at = Moment(optional=True)
    ticket = Part(common.Snapshot, optional=True)


# Events, and what agents are told


class TicketEvent(Payload):
    """A ticket event: the ticket as it stands, and the entry that its history got."""

    ticket = Part(common.Snapshot)
    entry = Part(common.Entry, optional=True)


class LostAgent(TicketEvent):
    """`ticket.unassigned` and `ticket.transferred`: `previous_agent` is who had the ticket."""

    previous_agent = Part(common.TicketAgent, optional=True)


class Joined(TicketEvent):
    """Events `ticket.linked` and `ticket.merged`: `to_number` is the other ticket. `waits_since`: a ticket that awaited
    the desk was merged into this one, and since then its requester waits for an answer."""

    to_number = common.ticket_number(optional=True)
    waits_since = Moment(optional=True)


class Redacted(TicketEvent):
    """Event and agent message `ticket.redacted`: what `entry.redacts` names has no words any more; with
    `subject` the ticket's subject was taken out too. None of it is in the event."""

    entry = Part(common.Entry)
    subject = Flag()


class AssignedToAgent(TicketEvent):
    """Agent message `ticket.assigned`: with the conversation so far; `truncated` where it is more than 64 KiB."""

    history = common.history()
    truncated = Flag(optional=True)
