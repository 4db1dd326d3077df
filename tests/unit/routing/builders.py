"""Values for the tests of routing, with what a test does not care about filled in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from contracts import registry
from contracts.payload import read, stored
from contracts.tickets import Assign, TicketEvent
from services.chassis.decision import Decision, Message, Timer
from services.routing.domain.ageing import aged
from services.routing.domain.decide import decide
from services.routing.domain.rules import conclude
from services.routing.domain.state import Agent, Terms, Ticket, View
from tests.unit.said import assert_of_the_contract

NOW = datetime(2024, 5, 6, 9, 0, tzinfo=UTC)
SKILLS = {"safety": "safety", "billing": "billing", "credits": "billing", "technical": "technical"}

_ids = count(1)


def at(seconds: float) -> datetime:
    """This many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


def an_agent(id_: str = "a1", **more: Any) -> Agent:
    values: dict[str, Any] = {
        "capacity": 5,
        "skills": ("*",),
        "signed_on": True,
        "watched": True,
        "idle_since": NOW,
        "last_seen": NOW,
    }
    return Agent(id_, display_name=id_.upper(), **{**values, **more})


def a_ticket(number: int = 1, **more: Any) -> Ticket:
    values: dict[str, Any] = {
        "version": 1,
        "status": "new",
        "assignment_seq": 0,
        "reopen_count": 0,
        "skill": "billing",
        "priority": 3,
        "escalated": False,
        "tier": "standard",
        "language": None,
        "opened_at": at(number),
        "closed_at": None,
        "agent": None,
    }
    return aged(Ticket(id=f"t{number}", number=f"{number:08}", **{**values, **more}), Terms().ageing, NOW)


def a_snapshot(number: int = 1, version: int = 1, agent: str | None = None, **more: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": f"t{number}",
        "number": f"{number:08}",
        "version": version,
        "status": "new",
        "status_since": at(number),
        "status_version": 1,
        "assignment_seq": 0,
        "contact_version": 0,
        "reopen_count": 0,
        "category": "billing",
        "subcategory": None,
        "priority": 3,
        "escalated": False,
        "requester": {"id": "p1", "kind": "account", "display_name": "P", "tier": "standard"},
        "channel": "web",
        "subject": "Lost",
        "issue_key": None,
        "language": None,
        "opened_at": at(number),
        "first_agent_message_at": None,
        "last_agent_message_at": None,
        "last_customer_message_at": at(number),
        "closed_at": None,
        "close_reason": None,
        "agent": {"id": agent, "display_name": agent.upper()} if agent else None,
    }
    return {**values, **more}


def event(snapshot: dict[str, Any], type_: str = "ticket.note_added") -> Message[Any]:
    return Message(f"e{next(_ids)}", type_, "intake", stored(TicketEvent, {"ticket": snapshot}), snapshot["number"])


def outcome(type_: str, of: str) -> Message[Any]:
    data = {"code": "conflict", "message": "No.", "errors": {}} if type_ == "command.rejected" else {}
    kind = registry.outcome(type_)
    assert kind is not None
    return Message(f"o{next(_ids)}", type_, "intake", read(kind.data, data).data, causationid=of)


def accepted(command_id: str) -> Message[Any]:
    return outcome("command.accepted", command_id)


def refused(command_id: str) -> Message[Any]:
    return outcome("command.rejected", command_id)


def command(type_: str, agent_id: str = "a1", sender: str | None = None, **data: Any) -> Message[Any]:
    kind = registry.command(type_)
    assert kind is not None
    loaded = read(kind.data, {"agent_id": agent_id, **data}).data
    return Message(f"c{next(_ids)}", type_, sender or f"agent.{agent_id}", loaded, agent_id)


def timer(fired: Timer, agent_id: str = "a1") -> Message[Timer]:
    """The timer of an agent, as it fires."""
    return Message(f"t{next(_ids)}", fired.type_(), "routing", fired, agent_id)


def sign_on(agent_id: str = "a1", capacity: int = 5, skills: Iterable[str] = ("*",), **more: Any) -> Message[Any]:
    data = {"display_name": agent_id.upper(), "capacity": capacity, "skills": list(skills), **more}
    return command("agent.sign_on", agent_id, **data)


def a_view(*values: Agent | Ticket) -> View:
    """A view in which the agents carry the load that the tickets make."""
    tickets = [value for value in values if isinstance(value, Ticket)]
    view = View(SKILLS, [value for value in values if isinstance(value, Agent)])
    for ticket in tickets:
        view.apply(ticket)
    return View(SKILLS, view.agents.values(), view.tickets.values(), view.pool)


def take(view: View, decision: Decision) -> Decision:
    """The decision, applied to the view; what it says is held to the contract."""
    assert_of_the_contract("routing", decision)
    for change in decision.changes:
        view.apply(change)
    return decision


def turn(view: View, *messages: Message[Any], now: datetime = NOW) -> list[Decision]:
    """One turn over the view: the decision for each message, then the conclusion."""
    return [*(take(view, decide(view, message, now)) for message in messages), take(view, conclude(view, now))]


def assignments(decision: Decision) -> dict[int, str]:
    """Who is told to get what: ticket number (as a whole number) → agent."""
    told = [say.data for say in decision.said if isinstance(say.data, Assign)]
    return {int(data.number): data.agent.id for data in told}


def recount(tickets: Iterable[Ticket]) -> Counter[str]:
    """The load of each agent, counted over the tickets by the words of the rules."""
    load: Counter[str] = Counter()
    for ticket in tickets:
        if ticket.agent is not None:
            if ticket.status in ("new", "assigned", "work_in_progress", "needs_reply", "reopened"):
                load[ticket.agent] += 1
        elif ticket.reservation is not None and not ticket.reservation.refused:
            load[ticket.reservation.agent] += 1
    return load
