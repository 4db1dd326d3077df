"""The checker can fail: a desk in order has no problems, and each way of being out of order is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.system.articles import OF_ARTICLES
from tests.system.breaches import NOW, Breach, broken, event, silent
from tests.system.checker import GUARANTEES, one_effect_a_command, one_outcome_a_command, problems
from tests.system.evidence import Dead, Evidence, Heard, Sent

LATER = "2026-01-05T12:01:00+00:00"


def snapshot(number: int, version: int, status: str, agent: str | None, seq: int) -> dict[str, Any]:
    return {
        "id": f"t{number}",
        "number": f"{number:08}",
        "version": version,
        "status": status,
        "status_version": version,
        "assignment_seq": seq,
        "category": "technical",
        "subcategory": None,
        "priority": 5,
        "subject": "It crashes",
        "issue_key": f"order-{number}",
        "requester": {"kind": "account", "id": "ada"},
        "agent": {"id": agent, "display_name": "A"} if agent else None,
    }


def in_order() -> Evidence:
    """Ticket 1 waits for an agent who takes billing only; 2 is with a1; 3 has a suggested solution; 4 is closed."""
    stories: dict[int, list[tuple[str, str, str | None, int]]] = {
        1: [("opened", "new", None, 0)],
        2: [("opened", "new", None, 0), ("assigned", "assigned", "a1", 1)],
        3: [
            ("opened", "new", None, 0),
            ("assigned", "assigned", "a1", 1),
            ("solution_suggested", "solution_suggested", "a1", 1),
        ],
        4: [("opened", "new", None, 0), ("assigned", "assigned", "a1", 1), ("closed", "closed", "a1", 1)],
    }
    contact = {"account_id": "ada", "email": "ada@players.example"}
    found = Evidence(
        sent=[Sent("web", f"c{number}", "ticket.submit") for number in stories],
        events=[event("account.contact_changed", "contact", contact)],
        heard=[event("ticket.opened", f"o{number}", {}, "web", f"c{number}") for number in stories],
        agents=[agent("a1", 1, 1, "*"), agent("a2", 5, 0, "billing")],
        other_timers=[{"kind": kind, "about": id_} for id_, kind in (("a1", "away"), ("a2", "offline"))],
        outboxes={"intake": 0},
        queues={"intake.commands": 0},
        now=NOW,
    )
    for number, story in stories.items():
        for version, (what, status, agent_id, seq) in enumerate(story, 1):
            ticket = snapshot(number, version, status, agent_id, seq)
            id_ = f"e{number}.{version}"
            cause = f"c{number}" if version == 1 else f"c{id_}"
            found.events.append(event(f"ticket.{what}", id_, {"ticket": ticket}, cause=cause))
            found.entries.append({"ticket_id": ticket["id"], "version": version})
            tell(found, id_, "ada", "channel")
            tell(found, id_, "ada", "email")
            if what == "assigned":
                tell(found, id_, "a1", "agent")
            if what in ("assigned", "closed"):
                found.heard.append(event(f"ticket.{what}", f"a{id_}", {"ticket": ticket}, "agent.a1"))
        stored = {**ticket, "_id": ticket["id"], "status_since": NOW}
        routed = {name: ticket[name] for name in ("number", "version", "status", "assignment_seq")}
        routed |= {"_id": ticket["id"], "agent": agent_id, "skill": "technical", "language": None, "tier": "standard"}
        kinds = {"new": ("warning", "breach"), "assigned": ("warning", "breach")}.get(status, ())
        if status == "new":
            routed["waiting"] = True
        if status != "closed":
            stored["open_key"] = ticket["issue_key"]
        for kind, days in zip(kinds, (3, 4), strict=False):
            found.timers.append({"kind": kind, "about": ticket["id"], "due": NOW + timedelta(days=days), "data": {}})
        if kinds:
            armed: dict[str, Any] = {"ticket_id": ticket["id"], "status_version": version}
            armed |= {
                f"{name}_at": (NOW + timedelta(days=days)).isoformat() for name, days in (("warn", 3), ("due", 4))
            }
            found.events.append(event("sla.armed", f"armed{number}", armed))
        if status == "solution_suggested":
            for kind, days in (("closing_soon", 6), ("auto_close", 7)):
                due = NOW + timedelta(days=days)
                found.timers.append(
                    {"kind": kind, "about": ticket["id"], "due": due, "data": {"status_version": version}}
                )
        found.tickets.append(stored)
        found.routed.append(routed)
    return found


def agent(id_: str, capacity: int, load: int, skill: str) -> dict[str, Any]:
    return {
        "_id": id_,
        "signed_on": True,
        "away": False,
        "capacity": capacity,
        "load": load,
        "skills": [skill],
        "languages": [],
        "tiers": [],
    }


def tell(found: Evidence, event_id: str, recipient: str, channel: str) -> None:
    id_ = f"{event_id}:{recipient}:{channel}"
    delivery = {"_id": id_, "event_id": event_id, "recipient": recipient, "channel": channel, "status": "sent"}
    found.deliveries.append(delivery)
    if channel == "email":
        found.mails.append(id_)
    else:
        found.heard.append(event("notification.message", id_, {}, recipient))


def assigned(found: Evidence, number: int, version: int) -> None:
    """Another event `ticket.assigned`."""
    ticket = snapshot(number, version, "assigned", "a2", 2)
    found.events.append(event("ticket.assigned", f"e{number}.{version}", {"ticket": ticket}))


BREACHES: list[Breach] = [
    ("a command without outcome", lambda e: e.sent.append(Sent("web", "c9", "ticket.submit")), "has 0 outcomes"),
    ("two outcomes", lambda e: e.heard.append(event("ticket.duplicate", "x", {}, "web", "c1")), "has 2 outcomes"),
    (
        "an outcome told differently",
        lambda e: e.heard.append(event("ticket.opened", "o1", {"a": 1}, "web", "c1")),
        "c1",
    ),
    (
        "a command with two effects",
        lambda e: replace_event(e, "e2.2", causationid="ce3.2"),
        "ce3.2 took effect 2 times",
    ),
    (
        "a command answered as done that was lost",
        lambda e: replace_event(e, "e1.1", causationid="c9"),
        "took no effect",
    ),
    ("a command refused that took effect", lambda e: answered(e, "o1", "command.rejected"), "but took effect"),
    ("an event told differently", lambda e: assigned(e, 2, 2), "heard e2.2 with 2 different bodies"),
    ("two tickets for an issue", lambda e: e.tickets[1].update(issue_key="order-1"), "2 open tickets for 'order-1'"),
    ("two tickets of a number", lambda e: e.tickets[1].update(number="00000001"), "00000001 is there 2 times"),
    ("a closed ticket that holds its issue", lambda e: e.tickets[3].update(open_key="k"), "holds its issue"),
    ("an open ticket that does not", lambda e: e.tickets[0].pop("open_key"), "does not hold its issue"),
    ("a gap in the history", lambda e: e.entries.pop(2), "its history has [1]"),
    ("a version twice in the history", lambda e: e.entries.append(e.entries[0]), "its history has [1, 1]"),
    ("a version without event", lambda e: e.events.pop(1), "its events are []"),
    ("a version with two events", lambda e: e.events.append(replaced(e.events[1], "id", "other")), "has 2 events"),
    ("an event of a ticket that is lost", lambda e: e.tickets.pop(0), "which is not stored"),
    ("a ticket stored otherwise than told", lambda e: e.tickets[0].update(priority=1), "not what is stored"),
    ("a ticket with another's words", lambda e: e.tickets[0].update(subject="It is slow"), "not what is stored"),
    ("a ticket unknown to routing", lambda e: e.routed.pop(0), "routing does not know"),
    ("a ticket unknown to intake", lambda e: e.routed.append({**e.routed[0], "_id": "t9"}), "which intake has not"),
    ("disagreement of intake and routing", lambda e: e.routed[1].update(agent="a2"), "in routing"),
    ("a ticket forgotten by routing", lambda e: e.routed[0].pop("waiting"), "does not wait in routing"),
    ("an assigned ticket that waits", lambda e: e.routed[1].update(waiting=True), "00000002 waits in routing"),
    ("a reservation left over", lambda e: e.routed[0].update(reservation={"agent": "a1"}), "still reserved"),
    ("a ticket that could be taken", lambda e: e.agents[1].update(skills=["technical"]), "a2 has room for it"),
    ("a load that drifted", lambda e: e.agents[0].update(load=2), "has load 2, but 1"),
    ("an agent over capacity", lambda e: e.agents[0].update(capacity=0), "with a capacity of 0"),
    ("an agent over capacity for a while", lambda e: replace_event(e, "e3.3", time=LATER), "assigned 2 tickets"),
    ("an agent who was not told", lambda e: without(e, "heard", "ticket.assigned"), "did not hear ticket.assigned"),
    ("an agent told of another's", lambda e: e.events.pop(4), "which is not theirs"),
    ("an agent told twice", lambda e: heard_again(e, "ae2.2"), "in 2 messages"),
    ("a ticket to two agents", lambda e: assigned(e, 2, 3), "while a1 had it"),
    ("a clock that does not run", lambda e: e.timers.pop(0), "has the timers ['breach']"),
    ("two clocks", lambda e: e.timers.append(e.timers[0]), "has two timers warning"),
    (
        "a clock for a ticket that rests",
        lambda e: e.timers[0].update(about="t3"),
        "has the timers ['auto_close', 'closing_soon', 'warning']",
    ),
    ("a closing at the wrong time", lambda e: e.timers[-1].update(due=NOW + timedelta(days=8)), "has auto_close at"),
    ("a reminder at the wrong time", lambda e: e.timers[-2].update(due=NOW), "has closing_soon at"),
    ("a closing of another suggestion", lambda e: e.timers[-1].update(data={"status_version": 2}), "by version"),
    ("a timer for nothing", lambda e: e.timers[0].update(about="t9"), "armed for t9"),
    ("a timer that did not fire", lambda e: e.timers[0].update(due=NOW), "has been due since"),
    ("another deadline", lambda e: e.timers[1].update(due=NOW + timedelta(days=5)), "should be answered by"),
    ("nobody to miss heartbeats", lambda e: e.other_timers.pop(), "a2 has 0 timers for their heartbeats"),
    (
        "an account that is looked at twice",
        lambda e: e.other_timers.extend({"about": "temporary:z", "kind": "account_end", "due": NOW} for _ in range(2)),
        "temporary:z has 2 timers",
    ),
    (
        "an account that would never end",
        lambda e: e.tickets[-1].update(requester={"kind": "temporary", "id": "z"}, closed_at=NOW),
        "temporary:z is looked at None",
    ),
    ("a timer of another service", lambda e: e.other_timers.append(e.timers[0]), "for t1 is armed"),
    ("a deadline not announced", lambda e: without(e, "events", "sla.armed"), "should be answered"),
    ("a notification twice", lambda e: e.deliveries.append({**e.deliveries[0], "_id": "x"}), "delivered 2 times"),
    ("a notification missing", lambda e: e.deliveries.pop(0), "was not delivered"),
    ("a notification too many", lambda e: tell(e, "e0.0", "ada", "channel"), "not due"),
    ("a notification that failed", lambda e: e.deliveries[0].update(status="failed"), "is failed"),
    ("a notification not heard", lambda e: without(e, "heard", "notification.message"), "not heard by anybody"),
    ("a mail missing", lambda e: e.mails.pop(), "no mail in the catcher"),
    ("a mail too many", lambda e: e.mails.append("x"), "that nobody owed"),
    ("a mail twice", lambda e: e.mails.append(e.mails[0]), "is there 2 times"),
    ("a mail sent twice", lambda e: e.mail_arrivals.update({e.mails[0]: 2}), "came 2 times"),
    ("an outbox that is not empty", lambda e: e.outboxes.update(intake=1), "the outbox of intake has 1"),
    ("a queue that is not empty", lambda e: e.queues.update({"intake.commands": 3}), "intake.commands has 3"),
]


def replace_event(found: Evidence, id_: str, **values: str) -> None:
    """Change attributes of an event."""
    place = next(place for place, heard in enumerate(found.events) if heard.id == id_)
    for name, value in values.items():
        found.events[place] = replaced(found.events[place], name, value)


def answered(found: Evidence, id_: str, type_: str) -> None:
    """Another kind of outcome."""
    found.heard = [replaced(heard, "type", type_) if heard.id == id_ else heard for heard in found.heard]


def heard_again(found: Evidence, id_: str) -> None:
    """The same message under another id."""
    first = next(heard for heard in found.heard if heard.id == id_)
    found.heard.append(replaced(first, "id", "another"))


def replaced(heard: Heard, name: str, value: str) -> Heard:
    return replace(heard, body=json.dumps({**heard.event, name: value}).encode())


def without(found: Evidence, where: str, type_: str) -> None:
    setattr(found, where, [heard for heard in getattr(found, where) if heard.type != type_])


def test_a_desk_in_order_has_no_problems() -> None:
    assert problems(in_order()) == []


@pytest.mark.parametrize(("what", "break_it", "sentence"), BREACHES, ids=[what for what, _, _ in BREACHES])
def test_what_is_out_of_order_is_found(what: str, break_it: Callable[[Evidence], Any], sentence: str) -> None:
    found = problems(broken(in_order(), break_it))
    assert any(sentence in complaint for complaint in found), found


def test_every_guarantee_is_broken_by_one_of_these() -> None:
    """Every guarantee speaks at least once; test_articles.py breaks those of articles."""
    ours = [guarantee for guarantee in GUARANTEES if guarantee not in OF_ARTICLES]
    assert not silent(ours, in_order(), BREACHES)


def test_only_what_is_bad_may_be_dead() -> None:
    evidence = replace(in_order(), dead=[Dead("m1", "not JSON")])
    assert problems(evidence, {"m1"}) == []
    assert problems(evidence) == ["m1 is in helpdesk.dead: not JSON"]
    assert problems(evidence, {"m1", "m2"}) == ["m2 is bad, but not in helpdesk.dead"]


def test_what_an_agent_hears_of_their_ticket_is_no_outcome_of_their_command() -> None:
    """A supervisor who reopens a ticket that they have hears of it twice: the outcome, and what each holder hears."""
    accepted = event("command.accepted", "o", {}, "agent.a1", "r")
    told = event("ticket.reopened", "m", {"ticket": snapshot(4, 4, "reopened", "a1", 1), "entry": {}}, "agent.a1", "r")
    found = Evidence(sent=[Sent("agent.a1", "r", "ticket.reopen")], heard=[accepted, told])
    assert list(one_outcome_a_command(found)) == []
    twice = replace(found, heard=[accepted, told, event("command.accepted", "o2", {}, "agent.a1", "r")])
    assert list(one_outcome_a_command(twice)) == [
        "ticket.reopen r of agent.a1 has 2 outcomes: ['command.accepted', 'command.accepted']"
    ]


@pytest.mark.parametrize("left_out", [True, False])
def test_a_note_right_after_what_was_written_may_name_files_that_were_left_out_and_nothing_else(left_out: bool) -> None:
    found = replace(in_order(), events=[])
    entry = {"left_out": [{"name": "a.exe", "reason": "A program.", "code": "invalid"}]} if left_out else {}
    note = {"author": {"kind": "service", "id": "intake"}}
    for version, (type_, written) in enumerate([("ticket.opened", entry), ("ticket.note_added", note)], 1):
        data = {"ticket": snapshot(1, version, "new", None, 0), "entry": written}
        found.events.append(event(type_, f"e1.{version}", data, cause="c1"))
    assert bool(list(one_effect_a_command(found))) != left_out
