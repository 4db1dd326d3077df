"""Intake's rules in memory: commands go in as a channel writes them, and everything said is held to the contract."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from contracts import registry
from contracts.attachments import Content
from contracts.by_language import Worded
from contracts.catalogue import Catalogue, Category, Question, Target
from contracts.file_forms import AttachmentContent, AttachmentNamed, Unusable
from contracts.names import AGENTS, EVENTS, LIVE
from contracts.payload import Payload, document, encode
from contracts.tickets import TicketChanged
from services.chassis.decision import Answer, Decision, Message, Say
from services.intake.domain.accounts.caller import account_named, owner_of_files
from services.intake.domain.accounts.expiry import ENTRIES_AT_ONCE, TICKETS_AT_ONCE
from services.intake.domain.decide import decide
from services.intake.domain.state import View
from services.intake.domain.values.account import Account, AccountEndTimer, AccountWritten, Ending
from services.intake.domain.values.agent import KnownAgent
from services.intake.domain.values.file import Awaited, Brought, File, FileTaken, PartTaken, TooMany, Unfit
from services.intake.domain.values.limits import Limits
from services.intake.domain.values.pages import AgentPageAsked, Page, PageAsked
from services.intake.domain.values.ticket import Ticket, TicketWritten
from services.intake.domain.values.whose import ERASED
from services.intake.files.media import judged
from tests.unit.intake.asked import read_for
from tests.unit.said import assert_of_the_contract

MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TARGET = Target(1, 1)
FREE = Limits(100_000, 100_000)


def category(id_: str, priority: int = 3, one_open_per: Any = "issue") -> Category:
    """A category with two subcategories and four questions, one of them for `safety` required."""
    targets = {"standard": TARGET, "vip": TARGET}
    subcategories = {"card": Worded("Card"), "refund": Worded("Refund")}
    questions = (
        Question("order", "Which order?", "text", required=id_ == "safety"),
        Question("amount", "How much?", "number"),
        Question("paid-by", "How?", "choice", choices={"card": Worded("Card"), "cash": Worded("Cash")}),
        Question("seen-on", "When?", "date"),
    )
    return Category(
        id_,
        id_.capitalize(),
        priority,
        id_,
        targets,
        subcategories,
        questions,
        one_open_per,
    )


CATALOGUE = Catalogue(
    {
        known.id: known
        for known in (
            category("safety", 1),
            category("billing"),
            category("technical", 5),
            category("access", 2, "category"),
            category("general", 6, "requester"),
        )
    }
)


def account(id_: str = "ann", **more: Any) -> dict[str, Any]:
    """A requester whom the channel has authenticated."""
    return {"account_id": id_, "display_name": id_.capitalize(), "tier": "standard", **more}


def temporary(id_: str, secret: str) -> dict[str, Any]:
    """A requester with a temporary account."""
    return {"temporary": {"account_id": id_, "secret": secret}}


def submission(requester: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The data of a `ticket.submit`."""
    return {
        "requester": requester or account(),
        "category": "billing",
        "subject": "Card does not arrive",
        "body": "I ordered my card two weeks ago and it is not here.",
        **more,
    }


REASONED = ("ticket.close", "ticket.transfer", "ticket.ask_consent")
SPOKEN = ("ticket.ask_info", "ticket.suggest_solution", "ticket.add_note")


if TYPE_CHECKING:

    class PlainSay(Say):
        """What was said, its data plain."""

        data: Any

    class Plain(Decision):
        """A decision, what it says as plain data."""

        said: Sequence[PlainSay]

else:
    Plain = Decision


@dataclass(frozen=True)
class Heard:
    """What one command brought."""

    decision: Plain
    type: str
    data: Mapping[str, Any]

    @property
    def code(self) -> str | None:
        """The code of a rejection."""
        return self.data.get("code")

    @property
    def ticket(self) -> Mapping[str, Any]:
        """The ticket in the answer."""
        ticket: Mapping[str, Any] = self.data["ticket"]
        return ticket

    def events(self) -> list[str]:
        """Types of the events, in order."""
        return [say.type for say in self.decision.said if say.exchange == EVENTS]

    def live(self) -> list[tuple[str, int, list[str]]]:
        """The tickets whose pages are told, each with its version and the ids of the accounts."""
        told = [say.data for say in self.decision.said if say.exchange == LIVE]
        return [(each["number"], each["version"], [who["account_id"] for who in each["accounts"]]) for each in told]

    def event(self) -> PlainSay:
        """The one event about a ticket."""
        (event,) = [say for say in self.decision.said if say.exchange == EVENTS and say.type.startswith("ticket.")]
        return event

    def to_agents(self) -> list[str]:
        """Routing keys of what agents hear."""
        return [say.routing_key for say in self.decision.said if say.exchange == AGENTS]


@dataclass
class Desk:
    """Intake with a clock that only the test moves. Secrets that are right stand in `secrets`; how much requesters may
    write is not limited, unless the test says so."""

    now: datetime = MORNING
    secrets: set[tuple[str, str]] = field(default_factory=set)
    catalogue: Catalogue = CATALOGUE
    sent: int = 0
    unfit: dict[str, Unfit | TooMany] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    uploaded: PartTaken = field(default_factory=Awaited)
    limits: Limits = FREE

    def __post_init__(self) -> None:
        numbers = deque(f"{10_000_001 + place}" for place in range(2_000))
        everybody = [KnownAgent(id_, id_.upper(), ("*",)) for id_ in ("a1", "a2", "a3")]
        self.state = View(self.catalogue, numbers=numbers, agents=everybody, limits=self.limits)

    def prepare(self, **found: Any) -> None:
        """What is found out before the next turns."""
        self.state.prepared = replace(self.state.prepared, **found)

    def later(self, **time: float) -> None:
        """Move the clock."""
        self.now += timedelta(**time)

    def send(self, type_: str, data: Mapping[str, Any], sender: str = "web", subject: str | None = None) -> Heard:
        """Load the data by its schema, decide, hold what is said to the contract, apply it."""
        self.sent += 1
        kind = registry.command(type_) or registry.question(type_)
        assert kind is not None
        id_ = f"m{self.sent}"
        message = Message(id_, type_, sender, kind.schema.load(dict(data)), subject, f"{sender}\x1f{id_}")
        self.prepare(
            verified=frozenset(self.secrets),
            secret_hashes={message.key: "hash"},
            right_codes=frozenset(
                (account.key, account.contact_version, code_for(account.key, account.contact_version))
                for account in self.state.accounts.values()
            ),
            brought={message.key: self._brought(message)},
            uploaded={message.key: self.uploaded},
            contents={message.key: self.contents.get(getattr(message.data, "ref", ""))},
        )
        self._find_page(type_, data)
        decision = self.decide(message)
        assert decision.answer is not None
        return Heard(self.take(decision), decision.answer.type, document(decision.answer.data))

    def _brought(self, message: Message[Any]) -> list[FileTaken]:
        """Keep the files that it brings, but those whose name is in `unfit`."""
        owner, brought = owner_of_files(message) or "", list[FileTaken]()
        for sent in getattr(message.data, "attachments", ()):
            if isinstance(sent, Unusable):
                brought.append(Unfit("content", sent.fault, sent.too_large))
                continue
            is_named = isinstance(sent, AttachmentNamed)
            ref = sent.ref if is_named else self.keep(owner, sent.content, self._judged(sent))
            brought.append(self.unfit.get(sent.name) or Brought(sent.name, sent.media_type, ref))
        return brought

    @staticmethod
    def _judged(sent: AttachmentContent) -> str:
        found = judged(sent.media_type, sent.content)
        return found if isinstance(found, str) else "text/plain"

    def keep(self, owner: str, content: bytes, media_type: str = "text/plain", **more: Any) -> str:
        """A file that is there; returns its reference."""
        digest = sha256(content).hexdigest()
        ref = sha256((owner + digest).encode()).hexdigest()[:32]
        self.contents[ref] = content
        size = len(content)
        file = File(ref, owner, media_type, size, digest, 262_144, ref, "first", b"", self.now, "stored")
        if ref not in self.state.files or more:
            self.state.files[ref] = replace(file, **more)
        return ref

    def submit(self, requester: Mapping[str, Any] | None = None, sender: str = "web", **more: Any) -> Heard:
        """`ticket.submit`."""
        return self.send("ticket.submit", submission(requester, **more), sender)

    def reply(
        self, number: str, requester: Mapping[str, Any] | None = None, body: str = "Hello?", **more: Any
    ) -> Heard:
        """`ticket.reply`."""
        return self.send("ticket.reply", {"requester": requester or account(), "number": number, "body": body, **more})

    def assign(self, number: str, agent: str = "a1", seq: int | None = None, **more: Any) -> Heard:
        """`ticket.assign`, of the seq that stands unless another is given."""
        seq = self.ticket(number).assignment_seq if seq is None else seq
        data = {"agent": {"id": agent, "display_name": agent.upper()}, "assignment_seq": seq, "reason": "least loaded"}
        return self.send("ticket.assign", {"number": number, **data, **more}, "routing")

    def unassign(self, number: str, seq: int | None = None) -> Heard:
        """`ticket.unassign`, of the seq that stands unless another is given."""
        seq = self.ticket(number).assignment_seq if seq is None else seq
        data = {"number": number, "assignment_seq": seq, "reason": "agent left"}
        return self.send("ticket.unassign", data, "routing")

    def agent(self, type_: str, number: str, agent: str = "a1", subject: str | None = None, **more: Any) -> Heard:
        """A command of an agent, with the text that it needs."""
        text = {"reason": "done"} if type_ in REASONED else {"body": "Please try again."} if type_ in SPOKEN else {}
        data = {"agent_id": agent, "number": number, **text, **more}
        return self.send(type_, data, f"agent.{agent}", subject)

    def requester(self, type_: str, number: str, requester: Mapping[str, Any] | None = None, **more: Any) -> Heard:
        """A command of the requester about a ticket."""
        return self.send(type_, {"requester": requester or account(), "number": number, **more})

    def hear(self, type_: str, data: Mapping[str, Any], sender: str) -> Decision:
        """An event of another service."""
        self.sent += 1
        kind = registry.event(type_)
        assert kind is not None
        loaded = kind.schema.load(on_the_wire(data))
        id_ = f"m{self.sent}"
        decision = self.decide(Message(id_, type_, sender, loaded, None, f"{sender}\x1f{id_}"))
        for change in decision.changes:
            self.state.apply(change)
        return decision

    def end_due(self, account_id: str, due: datetime | None = None) -> Plain:
        """The timer of a temporary account fires, with what the repository would find of its tickets."""
        key = f"temporary:{account_id}"
        own = [ticket for ticket in self.state.tickets.values() if ticket.requester.account == key]
        closed = [ticket.closed_at for ticket in own if ticket.closed_at is not None]
        named = [ticket for ticket in own if ticket.requester.display_name != ERASED][:TICKETS_AT_ONCE]
        entries = [
            entry
            for ticket in named
            for entry in self.state.history(ticket)
            if entry.author.kind == "requester" and entry.author.display_name != ERASED
        ][:ENTRIES_AT_ONCE]
        is_open = any(ticket.is_open for ticket in own)
        found = Ending(is_open, max(closed, default=None), [ticket.id for ticket in named], entries)
        self.state.endings = {key: found}
        self.sent += 1
        id_ = f"account_end:{key}:{self.sent}"
        timer = AccountEndTimer(due=due or self.now)
        message = Message(id_, timer.type_(), "intake", timer, key, f"timer\x1f{id_}")
        return self.take(self.decide(message))

    def decide(self, message: Message[Any]) -> Decision:
        """Decide it by what it has asked for, and hold what is said to the contract."""
        decision = decide(read_for(self.state, message, self.now), message, self.now)
        assert_of_the_contract("intake", decision)
        spoken: list[Say | Answer] = [*decision.said]
        if decision.answer is not None:
            spoken.append(decision.answer)
        for said in spoken:
            if said.type != "command.rejected":
                assert said.subject == subject_of(said.data, message), said
        return decision

    def take(self, decision: Decision) -> Plain:
        """Apply it; returns the decision with what is said as plain data. A decision may write an account twice, as one
        version: the second time takes nothing back. Whatever a requester sees otherwise than before is told to their
        pages, and nothing else is."""
        seen = {number: self.seen(number) for number in self._touched(decision)}
        before, written = dict(self.state.accounts), dict[str, Account]()
        for change in decision.changes:
            if isinstance(change, AccountWritten):
                key = change.account.key
                was = before.get(key) or Account(key, 0, None, 0)
                assert change.account.version == was.version + 1
                for name in Account.__dataclass_fields__ if key in written else ():
                    changed = getattr(written[key], name) != getattr(was, name)
                    assert not changed or getattr(change.account, name) != getattr(was, name), (key, name)
                written[key] = change.account
            self.state.apply(change)
        live = {(say.data.number, say.data.version) for say in decision.said if isinstance(say.data, TicketChanged)}
        changed = {number for number in self._touched(decision) if self.seen(number) != seen.get(number)}
        assert {number for number, _ in live} == changed
        assert all((number, self.ticket(number).version) in live for number in changed), "the newest is among them"
        return as_plain(decision)

    def _touched(self, decision: Decision) -> list[str]:
        """The numbers of those tickets that get a new version and that the desk knows."""
        ids = [change.ticket.id for change in decision.changes if isinstance(change, TicketWritten)]
        return [self.state.tickets[id_].number for id_ in ids if id_ in self.state.tickets]

    def seen(self, number: str) -> tuple[Any, ...]:
        """What pages show of a ticket, and to whom."""
        ticket = self.ticket(number)
        if ticket.person.startswith("erased:"):
            return ()
        public = [
            (entry.kind, entry.text, entry.details, entry.attachments)
            for entry in self.state.history(ticket)
            if entry.visibility == "public"
        ]
        facts = [
            *(ticket.status, ticket.agent, ticket.subject, ticket.category, ticket.subcategory, ticket.escalated),
            *(ticket.consent, ticket.merged_into, ticket.closed_at, ticket.close_reason, ticket.reopen_count),
        ]
        filed_by = ticket.person if ticket.erased else ticket.requester.account
        return ({ticket.person, filed_by}, *facts, *public)

    def armed(
        self, number: str, escalatable_at: datetime, status_version: int | None = None, revision: int = 1
    ) -> Decision:
        """`sla.armed` for the status in which the ticket is."""
        ticket = self.ticket(number)
        data = {
            "number": number,
            "ticket_id": ticket.id,
            "status_version": status_version or ticket.status_version,
            "target": "first_reply",
            "due_at": self.now,
            "warn_at": self.now,
            "escalatable_at": escalatable_at,
            "calendar_version": "1",
            "revision": revision,
            "unanswered_since": ticket.unanswered_since,
        }
        return self.hear("sla.armed", data, "sla")

    def auto_close(self, number: str, status_version: int) -> Heard:
        """`ticket.auto_close`."""
        return self.send("ticket.auto_close", {"number": number, "status_version": status_version}, "sla")

    def accept(self, number: str, requester: Mapping[str, Any] | None = None) -> Heard:
        """`ticket.accept_solution`."""
        return self.send("ticket.accept_solution", {"requester": requester or account(), "number": number})

    def view(self, number: str, requester: Mapping[str, Any] | None = None) -> Heard:
        """`ticket.view` of a requester."""
        return self.send("ticket.view", {"requester": requester or account(), "number": number})

    def ticket(self, number: str) -> Ticket:
        """The ticket as it stands."""
        ticket = self.state.ticket(number)
        assert ticket is not None
        return ticket

    def opened(self, *, status: str = "new", requester: Mapping[str, Any] | None = None, **more: Any) -> str:
        """The number of a ticket brought to `status`."""
        number: str = self.submit(requester, **more).ticket["number"]
        if status != "new":
            self.assign(number)
        match status:
            case "needs_reply":
                self.reply(number, requester)
            case "work_in_progress":
                self.agent("ticket.start_work", number)
            case "need_more_info":
                self.agent("ticket.ask_info", number)
            case "solution_suggested":
                self.agent("ticket.suggest_solution", number)
            case "closed":
                self.agent("ticket.close", number)
            case "reopened":
                self.agent("ticket.close", number)
                self.reply(number, requester)
        assert self.ticket(number).status == status
        return number

    def put(self, number: str, **changed: Any) -> None:
        """Change a ticket behind the rules' back, to a case that is long to reach."""
        ticket = replace(self.ticket(number), **changed)
        self.state.tickets[ticket.id] = ticket

    def _find_page(self, type_: str, data: Mapping[str, Any]) -> None:
        """Stand in for the repository's query."""
        if type_ == "ticket.list" and "agent_id" in data:
            listed = AgentPageAsked(data["agent_id"], data.get("status"), data.get("page", 1))
            of_agent = [
                ticket.id
                for ticket in self.state.tickets.values()
                if ticket.agent is not None and ticket.agent.id == listed.agent
                if (ticket.is_open if listed.status is None else ticket.status == listed.status)
            ][::-1]
            self.state.pages = {listed: Page(tuple(of_agent[:20]), -(-len(of_agent) // 20))}
        elif type_ == "ticket.list":
            temporary = data["requester"].get("temporary")
            key = f"temporary:{temporary['account_id']}" if temporary else f"account:{data['requester']['account_id']}"
            known = self.state.accounts.get(key)
            person = key if known is None else known.person
            asked = PageAsked(key, person, data.get("status"), data.get("page", 1))
            found = [ticket.id for ticket in self.state.tickets.values() if ticket.person == person][::-1]
            self.state.pages = {asked: Page(tuple(found[:20]), -(-len(found) // 20))}


def subject_of(data: Payload, message: Message[Any]) -> str | None:
    """What a message of this data is about: the number of the ticket or the id of the account that it tells of; of one
    that tells of neither, the account of the command about an account."""
    ticket = getattr(data, "ticket", None)
    told = getattr(data, "number", None) or getattr(data, "account_id", None) if ticket is None else ticket.number
    if told is not None or not (message.type.startswith(("account.", "requester.")) or isinstance(data, Content)):
        return told
    named = getattr(message.data, "account", None) or message.data
    key = account_named(message) or f"account:{getattr(named, 'account_id', '')}"
    return key.partition(":")[2] or None


def code_for(key: str, contact_version: int) -> str:
    """The code that confirms an account's address, in these tests."""
    return f"{key}/{contact_version}"


def as_plain(decision: Decision) -> Plain:
    """The decision, what it says as plain data."""
    plain: Plain = replace(decision, said=tuple(_plain(say, document(say.data)) for say in decision.said))  # type: ignore[assignment]
    return plain


def _plain(say: Say, data: Any) -> Say:
    return replace(say, data=data)


def on_the_wire(data: Payload | Mapping[str, Any]) -> Any:
    """Data as a consumer reads it."""
    return orjson.loads(encode(data))
