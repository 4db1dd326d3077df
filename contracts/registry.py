"""Every message type of the wire contract: its kind, its data, who sends it and who answers.

Everything else derives from this table: permissions (permissions.py), documents (deploy/documents/), the class that a
service reads a message as. docs/changing-the-desk.md says how to add a type.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from contracts import (
    accounts,
    agents,
    articles,
    attachments,
    categories,
    notifications,
    outcomes,
    sla,
    tickets,
)
from contracts.names import AGENTS, CHANNELS, DESK, EVENTS, INTAKE, LIVE, QUESTIONS, SERVICES, role_of
from contracts.payload import Payload, PayloadSchema, schema_of
from contracts.services import Inlet
from contracts.values import dataclass

Kind = Literal["command", "question", "event", "outcome", "agent_message", "channel_message", "live_message"]
Sender = str
"""Who may send a type: one of `ROLES`, or a service by its name."""

ROLES = ("channel", "agent", "operator")
"""Any channel, any agent, the operator."""

Form = type[Payload]

STAFF = "staff."
"""Prefix of the routing key of an agent's question."""


@dataclass(frozen=True)
class MessageType:
    """One type of message, of one kind: `ticket.opened` is an event and, with other data, an outcome; `ticket.view` is
    a command, answered like any other, and a question, answered only at its `reply_to`."""

    kind: Kind
    type: str
    data: Form
    """The class of its `data` (`payload.read`)."""
    senders: frozenset[Sender]
    """Who may send it: any channel, any agent, the operator, services by name."""
    answered_by: str | None = None
    """The service that answers a command or a question; None for other kinds."""

    @property
    def schema(self) -> PayloadSchema:
        """The judge: `load(data)` gives the payload, or raises marshmallow's ValidationError."""
        return schema_of(self.data)

    @cached_property
    def exchanges(self) -> tuple[str, ...]:
        """Where senders publish it; a command of channels and agents has two exchanges."""
        return tuple(INLETS[inlet] for inlet in self.inlets) if self.kind == "command" else _EXCHANGES[self.kind]

    @property
    def inlets(self) -> tuple[Inlet, ...]:
        """Where a command comes in, by its sender."""
        found: set[Inlet] = {"channels" if sender == "channel" else "desk" for sender in self.senders}
        return tuple(sorted(found, reverse=True))

    @property
    def keys(self) -> frozenset[str]:
        """The routing keys of a command or a question."""
        return frozenset(self._key(sender == "agent") for sender in self.senders)

    def key_of(self, user: str) -> str:
        """The routing key with which that broker user sends it."""
        return self._key(self.kind == "question" and role_of(user) == "agent")

    def _key(self, by_agent: bool) -> str:
        return STAFF + self.type if by_agent and self.kind == "question" else self.type

    def may_be_sent_by(self, user: str) -> bool:
        """Whether that broker user may send it. (The domain checks that `data.agent_id` is the sender's own.)"""
        return (user if user in SERVICES else role_of(user)) in self.senders


INLETS: Mapping[Inlet, str] = {"channels": INTAKE, "desk": DESK}
"""The exchanges at which commands come in."""

_EXCHANGES: Mapping[Kind, tuple[str, ...]] = {
    "question": (QUESTIONS,),
    "event": (EVENTS,),
    "outcome": (AGENTS, CHANNELS),
    "agent_message": (AGENTS,),
    "channel_message": (CHANNELS,),
    "live_message": (LIVE,),
}

OUTCOMES_OF_ALL: Mapping[str, Form] = {"command.accepted": outcomes.Accepted, "command.rejected": outcomes.Rejected}
"""The outcomes that every service gives."""


def _all() -> list[MessageType]:
    types: list[MessageType] = []

    def add(kind: Kind, senders: tuple[Sender, ...], payloads: Mapping[str, type[Payload]]) -> None:
        types.extend(MessageType(kind, name, each, frozenset(senders)) for name, each in payloads.items())

    def add_commands(senders: tuple[Sender, ...], by: str, payloads: Mapping[str, type[Payload]]) -> None:
        types.extend(MessageType("command", name, each, frozenset(senders), by) for name, each in payloads.items())

    def add_questions(senders: tuple[Sender, ...], by: str, payloads: Mapping[str, type[Payload]]) -> None:
        types.extend(MessageType("question", name, each, frozenset(senders), by) for name, each in payloads.items())

    def add_views(senders: tuple[Sender, ...], by: str, payloads: Mapping[str, type[Payload]]) -> None:
        """Types that were commands before there were questions: services answer them either way."""
        add_commands(senders, by, payloads)
        add_questions(senders, by, payloads)

    add_commands(
        ("channel",),
        "intake",
        {
            "account.open_temporary": accounts.OpenTemporary,
            "account.confirm_contact": accounts.ConfirmContact,
            "account.set_preferences": accounts.SetPreferences,
            "account.merge": accounts.MergeAccounts,
            "ticket.submit": tickets.Submit,
            "ticket.reply": tickets.Reply,
            "ticket.edit": tickets.Edit,
            "ticket.accept_solution": tickets.RequesterTicket,
            "ticket.escalate": tickets.Escalate,
            "ticket.change_agent": tickets.ChangeAgent,
            "ticket.answer_consent": tickets.AnswerConsent,
        },
    )
    add_commands(("channel", "agent"), "intake", {"attachment.upload": attachments.Upload})
    add_views(("channel", "agent"), "intake", {"ticket.list": tickets.ListTickets, "ticket.view": tickets.ViewTicket})
    add_questions(("channel",), "intake", {"account.view": accounts.ViewAccount})
    add_questions(("channel", "agent"), "intake", {"catalogue.view": categories.ViewCatalogue})
    add_commands(("channel", "agent", "operator"), "intake", {"attachment.download": attachments.Download})
    add_questions(("channel", "agent"), "intake", {"attachment.download": attachments.Download})
    add_commands(
        ("channel", "operator"),
        "intake",
        {"account.export": accounts.ExportAccount, "account.erase": accounts.EraseAccount},
    )
    add_commands(
        ("operator",),
        "intake",
        {"attachment_keys.rotate": attachments.RotateKeys, "erasures.confirm_swept": accounts.ConfirmSwept},
    )
    add_commands(("operator",), "notifications", {"notifications.resend": notifications.Resend})
    add_commands(
        ("agent",),
        "intake",
        {
            "ticket.start_work": tickets.AgentTicket,
            "ticket.ask_info": tickets.AgentText,
            "ticket.suggest_solution": tickets.SuggestSolution,
            "ticket.add_note": tickets.AgentText,
            "ticket.ask_consent": tickets.AgentReason,
            "ticket.close": tickets.AgentReason,
            "ticket.reclassify": tickets.Reclassify,
            "ticket.transfer": tickets.Transfer,
            "ticket.link": tickets.LinkTo,
            "ticket.merge_into": tickets.LinkTo,
            "ticket.assign_to": tickets.AssignTo,
            "ticket.take_away": tickets.Supervise,
            "ticket.reopen": tickets.Supervise,
            "ticket.release": tickets.Release,
            "requester.block": accounts.Block,
            "requester.unblock": accounts.Unblock,
            "ticket.redact": tickets.Redact,
        },
    )
    add_commands(
        ("agent",),
        "routing",
        {
            "agent.sign_on": agents.SignOn,
            "agent.heartbeat": agents.Agent,
            "agent.sign_off": agents.SignOff,
            "agent.pause": agents.Pause,
            "agent.resume": agents.Pause,
        },
    )
    add_commands(("routing",), "intake", {"ticket.assign": tickets.Assign, "ticket.unassign": tickets.Unassign})
    add_commands(("sla",), "intake", {"ticket.auto_close": tickets.AutoClose})
    add_commands(
        ("agent", "operator"),
        "knowledge",
        {
            "article.save": articles.SaveArticle,
            "article.translate": articles.TranslateArticle,
            "article.restore": articles.RestoreArticle,
            "article.publish": articles.PublishArticle,
            "article.withdraw": articles.WithdrawArticle,
            "article.move": articles.MoveArticle,
            "article.attach": articles.AttachFile,
            "article.detach": articles.DetachFile,
        },
    )
    add_commands(
        ("channel",),
        "knowledge",
        {"article.opened": articles.ArticleOpened, "article.helped": articles.ArticleHelped},
    )
    add_questions(
        ("channel", "agent"),
        "knowledge",
        {
            "article.search": articles.SearchArticles,
            "article.suggest": articles.SuggestArticles,
            "article.view": articles.ViewArticle,
            "article.categories": articles.ListCategories,
            "article.download": articles.DownloadFile,
        },
    )
    add_questions(("channel", "agent", "operator"), "knowledge", {"article.list": articles.ListArticles})
    add_questions(("agent",), "knowledge", {"article.versions": articles.ListVersions})

    add(
        "outcome",
        ("intake",),
        {
            "ticket.opened": tickets.TicketOutcome,
            "ticket.duplicate": tickets.Duplicate,
            "ticket.similar": tickets.Similar,
            "ticket.reopened": tickets.TicketOutcome,
            "account.temporary_opened": accounts.TemporaryOpenedOutcome,
            "ticket.listed": tickets.Listed,
            "ticket.viewed": tickets.Viewed,
            "account.viewed": accounts.AccountViewed,
            "catalogue.viewed": categories.CatalogueViewed,
            "account.exported": accounts.Exported,
            "attachment.stored": attachments.Stored,
            "attachment.content": attachments.Content,
        },
    )
    add(
        "outcome",
        ("knowledge",),
        {
            "article.found": articles.ArticlesFound,
            "article.viewed": articles.ArticleViewed,
            "article.categorised": articles.ArticleCategories,
            "article.versioned": articles.ArticleVersions,
            "article.content": articles.ArticleFilePart,
        },
    )
    add("event", ("intake",), {f"ticket.{what}": tickets.TicketEvent for what in _PLAIN_TICKET_EVENTS})
    add(
        "event",
        ("intake",),
        {
            "ticket.unassigned": tickets.LostAgent,
            "ticket.transferred": tickets.LostAgent,
            "ticket.merged": tickets.Joined,
            "ticket.redacted": tickets.Redacted,
            "ticket.linked": tickets.Joined,
            "draft.filed": tickets.DraftFiled,
            "account.temporary_opened": accounts.TemporaryOpened,
            "account.temporary_expired": accounts.TemporaryExpired,
            "account.erased": accounts.AccountErased,
            "account.contact_changed": accounts.ContactChanged,
            "account.preferences_changed": accounts.PreferencesChanged,
            "requester.blocked": accounts.Blocked,
            "requester.unblocked": accounts.Unblocked,
        },
    )
    add(
        "event",
        ("routing",),
        {
            "agent.signed_on": agents.SignedOn,
            "agent.signed_off": agents.SignedOff,
            "agent.paused": agents.Paused,
            "agent.resumed": agents.Paused,
        },
    )
    add(
        "event",
        ("sla",),
        {
            "sla.armed": sla.Armed,
            "sla.warning": sla.Fired,
            "sla.breached": sla.Fired,
            "sla.met": sla.Fired,
            "sla.closing_soon": sla.ClosingSoon,
        },
    )
    add(
        "event",
        ("notifications",),
        {"notification.sent": notifications.Delivered, "notification.failed": notifications.Delivered},
    )
    add(
        "event",
        ("knowledge",),
        {"article.published": articles.ArticleEvent, "article.withdrawn": articles.ArticleEvent},
    )

    add(
        "agent_message",
        ("intake",),
        {
            "ticket.assigned": tickets.AssignedToAgent,
            "ticket.unassigned": tickets.LostAgent,
            "ticket.linked": tickets.Joined,
        },
    )
    add("agent_message", ("intake",), {"ticket.redacted": tickets.Redacted})
    add("agent_message", ("intake",), {f"ticket.{what}": tickets.TicketEvent for what in _TOLD_TO_AGENTS})
    add("agent_message", ("sla",), {"sla.warning": sla.FiredToAgent, "sla.breached": sla.FiredToAgent})
    add("agent_message", ("notifications",), {"notification.message": notifications.Message})
    add("channel_message", ("notifications",), {"notification.message": notifications.Message})

    add("live_message", ("intake",), {"ticket.changed": tickets.TicketChanged})

    # Last: every service that answers commands or questions sends these outcomes.
    answering = tuple(sorted({each.answered_by for each in types if each.answered_by is not None}))
    add("outcome", answering, OUTCOMES_OF_ALL)
    return types


_PLAIN_TICKET_EVENTS = (
    "opened",
    "note_added",
    "edited",
    "assigned",
    "work_started",
    "info_requested",
    "solution_suggested",
    "customer_replied",
    "reclassified",
    "escalated",
    "consent_requested",
    "consent_answered",
    "closed",
    "reopened",
    "held",
    "released",
)
_TOLD_TO_AGENTS = (
    "customer_replied",
    "edited",
    "escalated",
    "consent_answered",
    "reopened",
    "closed",
    "note_added",
    "reclassified",
    "held",
)
"""The last three come from supervisors' work: a supervisor noted or reclassified, or a held ticket waits for one."""

TYPES: Mapping[tuple[Kind, str], MessageType] = MappingProxyType({(each.kind, each.type): each for each in _all()})
"""All types, by kind and name."""

TICKET_EVENTS = tuple(name for kind, name in TYPES if kind == "event" and name.startswith("ticket."))
"""The events about a ticket, all that `ticket.#` matches; the data of each is a `TicketEvent`."""


def command(type: str) -> MessageType | None:
    """The command of that name; None if the contract has no such type."""
    return TYPES.get(("command", type))


def question(type: str) -> MessageType | None:
    """The question (on `helpdesk.questions`) of that name; None if the contract has no such type."""
    return TYPES.get(("question", type))


def event(type: str) -> MessageType | None:
    """The event (on `helpdesk.events`) of that name; None if the contract has no such type."""
    return TYPES.get(("event", type))


def outcome(type: str) -> MessageType | None:
    """The outcome of that name; None if the contract has no such type."""
    return TYPES.get(("outcome", type))
