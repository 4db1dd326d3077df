"""All that can be asked of one ticket, and a desk on which any two of it meet: for the tests of all pairs.

Each command is made from the ticket as its sender knows it, which another command may have changed meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from contracts import registry
from contracts.names import EVENTS
from contracts.outcomes import Rejected
from contracts.staff import Member, Staff
from contracts.tickets import DraftFiled, Redact, Similar, TicketEvent
from services.chassis.decision import Decision, Message
from services.intake.domain.life.moves import TABLE, status_after
from services.intake.domain.state import View
from services.intake.domain.values.agent import KnownAgent
from services.intake.domain.values.escalatable import Escalatable
from services.intake.domain.values.history import Entry
from services.intake.domain.values.ticket import Ticket, TicketWritten
from tests.unit.intake.desk import CATALOGUE, MORNING, Desk, account, submission
from tests.unit.said import as_a

AGENTS = tuple(KnownAgent(id_, id_.upper(), ("*",)) for id_ in ("a1", "a2"))
NOW = MORNING.replace(hour=12)
_IN_TEAM = {"teams": frozenset({"desk"}), "skills": ("*",)}
STAFF = Staff(
    {
        "a1": Member("a1", frozenset({"agent"}), **_IN_TEAM),  # type: ignore[arg-type]
        "a2": Member("a2", frozenset({"agent"}), **_IN_TEAM),  # type: ignore[arg-type]
        "lead": Member("lead", frozenset({"supervisor"}), frozenset({"desk"}), "Lea"),
    }
)

Data = dict[str, Any]


@dataclass(frozen=True)
class Meeting:
    """Two open issues of one person, both with a1: `ticket`, in some status, and `other`; and their histories."""

    ticket: Ticket
    other: Ticket
    entries: tuple[Entry, ...]

    @property
    def opening(self) -> Entry:
        """How the ticket began."""
        return next(entry for entry in self.entries if (entry.ticket_id, entry.version) == (self.ticket.id, 1))

    def view(self) -> View:
        """As a turn loads it. The desk has had its time, so that the ticket may be escalated."""
        due = [Escalatable(self.ticket.id, self.ticket.status_version, MORNING)]
        numbers = deque(["10000900"])
        view = View(CATALOGUE, numbers=numbers, agents=AGENTS, staff=STAFF)
        view.know(self.ticket, self.other, *self.entries, *due)
        return view


def meeting(status: str, name: str = "ann") -> Meeting:
    """With the ticket in this status (`held`: new, in a burst), and permission to log in asked for."""
    desk = Desk()
    number = desk.opened(status="new" if status == "held" else status, requester=account(name), subject="Card lost")
    more = {"subject": "App slow", "category": "access", "distinct_from": [number]}
    other = desk.opened(status="assigned", requester=account(name), **more)
    ticket = replace(desk.ticket(number), consent="asked", burst="b" if status == "held" else None)
    return Meeting(ticket, desk.ticket(other), tuple(desk.state.written_entries.values()))


def _by_requester(type_: str, **more: Any) -> Callable[[Meeting], tuple[str, str, Data]]:
    return lambda m: (
        "web",
        type_,
        {"requester": account(m.ticket.requester.id), "number": m.ticket.number, **more},
    )


def _by_agent(type_: str, agent: str = "a1", **more: Any) -> Callable[[Meeting], tuple[str, str, Data]]:
    return lambda m: (f"agent.{agent}", type_, {"agent_id": agent, "number": m.ticket.number, **more})


def _submission(m: Meeting, **more: Any) -> tuple[str, str, Data]:
    return "web", "ticket.submit", submission(account(m.ticket.requester.id), subject="Card lost", draft="f1", **more)


def _of_routing(type_: str, **more: Any) -> Callable[[Meeting], tuple[str, str, Data]]:
    return lambda m: (
        "routing",
        type_,
        {"number": m.ticket.number, "assignment_seq": m.ticket.assignment_seq, "reason": "load", **more},
    )


COMMANDS: Mapping[str, Callable[[Meeting], tuple[str, str, Data]]] = {
    "submit": _submission,
    "refer": lambda m: _submission(m, refers_to=m.ticket.number),
    "reply": _by_requester("ticket.reply", body="Hello?", draft="f1"),
    "edit": _by_requester("ticket.edit", body="In other words"),
    "accept": _by_requester("ticket.accept_solution"),
    "change_agent": _by_requester("ticket.change_agent", reason="Another, please"),
    "answer_consent": _by_requester("ticket.answer_consent", granted=True),
    "escalate": _by_requester("ticket.escalate"),
    "moderator": lambda m: ("web", "ticket.escalate", {"moderator": {"id": "mod1"}, "number": m.ticket.number}),
    "start_work": _by_agent("ticket.start_work"),
    "ask_info": _by_agent("ticket.ask_info", body="Which card?"),
    "suggest": _by_agent("ticket.suggest_solution", body="Try again"),
    "note": _by_agent("ticket.add_note", "a2", body="They have called"),
    "ask_consent": _by_agent("ticket.ask_consent", reason="To see it"),
    "reclassify": _by_agent("ticket.reclassify", category="safety"),
    "reclassify_alike": _by_agent("ticket.reclassify", category="access"),
    "hand_over": _by_agent("ticket.transfer", to_agent="a2", reason="Knows cards"),
    "give_back": _by_agent("ticket.transfer", reason="On leave"),
    "link": lambda m: _by_agent("ticket.link", "a2", to_number=m.other.number)(m),
    "merge": lambda m: _by_agent("ticket.merge_into", to_number=m.other.number)(m),
    "take_in": lambda m: (
        "agent.a1",
        "ticket.merge_into",
        {"agent_id": "a1", "number": m.other.number, "to_number": m.ticket.number},
    ),
    "close": _by_agent("ticket.close", reason="Done"),
    "assign_to": _by_agent("ticket.assign_to", "lead", to_agent="a2"),
    "take_away": _by_agent("ticket.take_away", "lead", reason="On leave"),
    "reopen": _by_agent("ticket.reopen", "lead"),
    "close_as_lead": _by_agent("ticket.close", "lead", reason="Done"),
    "release": _by_agent("ticket.release", "lead"),
    "redact": lambda m: _by_agent("ticket.redact", "lead", entry_id=m.opening.id, reason="A card number")(m),
    "assign": _of_routing("ticket.assign", agent={"id": "a2", "display_name": "A2"}),
    "unassign": _of_routing("ticket.unassign"),
    "auto_close": lambda m: (
        "sla",
        "ticket.auto_close",
        {"number": m.ticket.number, "status_version": m.ticket.status_version},
    ),
}
"""Every command that changes a ticket, by a short name; some in two forms. `reclassify_alike` makes the ticket the same
issue as the other one."""

BY_ACCOUNTS = frozenset({"account.confirm_contact", "account.merge", "account.erase"})
"""Commands that change the tickets of an account: the first two meet all others in tests/integration/test_pairs.py, and
what an erasure meets is in tests/integration/test_erasure.py."""

OF_NO_TICKET = frozenset(
    {
        "ticket.list",
        "ticket.view",
        "attachment.upload",
        "attachment.download",
        "attachment_keys.rotate",
        "account.open_temporary",
        "account.set_preferences",
        "account.export",
        "requester.block",
        "requester.unblock",
        "erasures.confirm_swept",
    }
)
"""Commands that change no ticket."""

PAIRS = tuple((first, second) for first in COMMANDS for second in COMMANDS)


def message(name: str, at: Meeting, id_: str, **more: Any) -> Message[Any]:
    """The command as it comes out of its schema."""
    sender, type_, data = COMMANDS[name](at)
    kind = registry.command(type_)
    assert kind is not None
    assert kind.may_be_sent_by(sender)
    return Message(id_, type_, sender, kind.schema.load({**data, **more}), None, f"{sender}\x1f{id_}")


def refusal(name: str, ticket: Ticket, other: Ticket, sent: Message[Any]) -> str | None:
    """The code of the refusal that is right for the tickets as they stand; None if the command takes effect.

    A model of its own, that knows the table and nothing of the functions which decide.
    """
    data, open_ = sent.data, ticket.status != "closed"
    acted = other if name == "take_in" else ticket
    if sent.sender == "agent.a1" and (acted.agent is None or acted.agent.id != "a1"):
        return "forbidden"
    match name:
        case "submit" | "refer" | "reply":
            return None
        case "assign":
            fits = open_ and ticket.agent is None and ticket.assignment_seq == data.assignment_seq
            fits = fits and ticket.burst is None
            return None if fits else "conflict"
        case "unassign":
            fits = open_ and ticket.agent is not None and ticket.assignment_seq == data.assignment_seq
            return None if fits else "conflict"
        case "auto_close":
            fits = ticket.status == "solution_suggested" and ticket.status_version == data.status_version
            return None if fits else "conflict"
    goes = any(sent.type in move.commands and acted.status in move.to for move in TABLE)
    if not goes:
        return "wrong_status"
    match name:
        case "merge" if other.status == "closed":
            return "wrong_status"
        case "take_in" if not open_:
            return "wrong_status"
        case "change_agent" | "take_away" if ticket.agent is None:
            return "wrong_status"
        case "assign_to" if ticket.agent is not None and ticket.agent.id == "a2":
            return "invalid"
        case "assign_to" if ticket.requester_left == "a2":
            return "conflict"
        case "reopen" if ticket.merged_into is not None:
            return "wrong_status"
        case "answer_consent" if ticket.consent != "asked":
            return "wrong_status"
        case "escalate" | "moderator" if ticket.escalated:
            return "wrong_status"
        case "reclassify" if ticket.category == "safety":
            return "invalid"
        case "reclassify_alike" if ticket.category == "access":
            return "invalid"
        case "reclassify_alike" if other.status != "closed":
            return "conflict"
        case "release" if ticket.burst is None:
            return "wrong_status"
        case "edit" if ticket.body_version != 1:
            return "invalid"
        case "link" if other.number in ticket.links:
            return "conflict"
    return None


def check(decision: Decision, sent: Message[Any], before: Mapping[str, Ticket]) -> None:
    """One answer; what was refused changes nothing; else each ticket is one version on by the table, with one event;
    and a form from which something came to a ticket is told of once."""
    assert decision.answer is not None
    redacts_nothing = isinstance(sent.data, Redact) and not decision.changes
    if redacts_nothing or isinstance(decision.answer.data, Rejected | Similar):
        assert not decision.changes
        assert not decision.said
        return
    written = [change for change in decision.changes if isinstance(change, TicketWritten)]
    said = [say for say in decision.said if say.exchange == EVENTS]
    events = [say for say in said if say.type.startswith("ticket.")]
    assert written
    draft = getattr(sent.data, "draft", None)
    assert [as_a(TicketEvent, say.data).draft for say in events] == [draft, *[None] * (len(events) - 1)]
    filed = [as_a(DraftFiled, say.data) for say in said if say not in events]
    assert [(each.channel, each.draft) for each in filed] == ([] if draft is None else [(sent.sender, draft)])
    tickets = [as_a(TicketEvent, say.data).ticket for say in events]
    assert [(ticket.id, ticket.version) for ticket in tickets] == [
        (change.ticket.id, change.ticket.version) for change in written
    ]
    for change, event in zip(written, events, strict=True):
        after, entry = change.ticket, change.entry
        assert (entry.ticket_id, entry.version, f"ticket.{entry.kind}") == (after.id, after.version, event.type)
        was = before.get(after.id)
        if was is None:
            assert (event.type, after.version, after.status) == ("ticket.opened", 1, "new")
            continue
        assert after.version == was.version + 1
        ways = [move for move in TABLE if sent.type in move.commands and event.type == move.event]
        assert after.status in {status_after(move, was) for move in ways if was.status in move.to}
        assert after.assignment_seq == was.assignment_seq + (after.agent != was.agent)
        assert (after.status_version == after.version) or (after.status == was.status)
