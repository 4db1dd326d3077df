"""Each service's rules, with whatever passes the schemas: nothing but a decision comes out, and everything that it says
belongs to the contract and can be stored and published."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import bson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import registry
from contracts.payload import document
from services.chassis.decision import Arm, Message
from services.intake.documents import account_document, entry_document, ticket_document
from services.knowledge.documents import document_of
from services.notifications.domain.decide import decide as notify
from services.notifications.domain.state import Outcome, Policy
from services.notifications.domain.state import View as Notified
from services.notifications.domain.telling import FOR_WEBHOOKS
from services.notifications.mailer import Mail, read_sender, write
from services.notifications.templates import Templates
from services.routing.domain.presence import AwayTimer, OfflineTimer
from tests import odd_input
from tests.unit.intake.desk import CATALOGUE, Desk
from tests.unit.knowledge.base import Base
from tests.unit.notifications.builders import a_contact_change
from tests.unit.routing import builders as routing
from tests.unit.said import assert_may_be_said, assert_of_the_contract
from tests.unit.sla import stories as sla

ACCOUNTS = ("ann", "bob", "\0", "temporary:ann", "a" * 200)
NOBODYS_FILE = {"name": "a", "media_type": "text/plain", "ref": "r", "sha256": "0" * 64, "size": 1}
KNOWN: Mapping[str, Sequence[Any]] = {
    "number": [f"{10_000_001 + n}" for n in range(4)] + ["99999999"],
    "refers_to": ["10000001", "10000002", "99999999"],
    "distinct_from": [["10000001"], ["10000001"] * 20],
    "category": [*CATALOGUE.categories, "gone"],
    "subcategory": ["card", "refund", "\0"],
    "fields": [{"order": "1"}, {}],
    "subject": ["Card", "card!", "\u200b", "\0"],
    "body": ["Where is it?", "\0", "x" * 20_000],
    "account_id": ACCOUNTS,
    "agent_id": ["a1", "a2"],
    "attachments": [[], [{"name": "a", "media_type": "text/plain", "content": "aGk="}], [NOBODYS_FILE]],
    "skills": [["*"], ["billing"], ["gone"], ["\0"] * 100],
}
SENDERS = ("web", "game", "agent.a1", "agent.a2")
EDITING = ("web", "game", "agent.mara", "agent.jo", "agent.al", "agent.zoe", "operator")
SNAPSHOT: Mapping[str, Sequence[Any]] = {
    **KNOWN,
    "id": ["t1", "t2", "\0"],
    "channel": ["web", "game"],
    "version": list(range(1, 9)),
    "assignment_seq": [0, 1, 2],
    "reopen_count": [0, 1, 2**53],
}
SERVER = read_sender("Help desk <desk@example.org>")


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_intake(seed: int) -> None:
    """50 commands of anybody on one state; `Desk.send` holds what is said to the contract."""
    play_intake(Random(seed))


def play_intake(dice: Random) -> set[str]:
    """What the answers were."""
    answers = set()
    desk = Desk(secrets={(account_id, "right") for account_id in ACCOUNTS})
    commands = [kind for kind in registry.TYPES.values() if kind.answered_by == "intake"]
    senders = (*SENDERS, "routing", "sla", "operator")
    for _ in range(50):
        kind = dice.choice(commands) if dice.random() < 0.6 else registry.TYPES["command", "ticket.submit"]
        data = odd_input.data(dice, kind.schema, {**KNOWN, "secret": ["right", "\0"]})
        sender = dice.choice([sender for sender in senders if kind.may_be_sent_by(sender)])
        heard = desk.send(kind.type, data, sender)
        assert_of_the_contract("intake", heard.decision)
        answers.add(heard.type)
        desk.later(hours=dice.choice((0, 1, 200)))
    for ticket in desk.state.tickets.values():
        bson.encode(ticket_document(ticket))
    for entry in desk.state.written_entries.values():
        bson.encode(entry_document(entry))
    for account in desk.state.accounts.values():
        bson.encode(account_document(account))
    return answers


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_routing(seed: int) -> None:
    """Turns of agents' commands, ticket events and outcomes: what anybody is told belongs to the contract, and nobody
    is overloaded."""
    play_routing(Random(seed))


def play_routing(dice: Random) -> set[str]:
    """What was said."""
    types = set()
    view, now, asked = routing.a_view(), routing.NOW, ["none"]
    for _ in range(12):
        messages = [routing_message(dice, asked) for _ in range(dice.randint(0, 5))]
        late = now - timedelta(seconds=dice.choice((0, 1, 40)))
        messages += [
            routing.timer(dice.choice((AwayTimer, OfflineTimer))(due=late), agent)
            for agent in dice.sample([*view.agents, "a1"], 1)
        ]
        for decision in routing.turn(view, *messages, now=now):
            asked += [say.id for say in decision.said if say.id]
            types |= {say.type for say in decision.said}
        assert {agent.id: agent.load for agent in view.agents.values() if agent.load} == routing.recount(
            view.tickets.values()
        )
        now += timedelta(seconds=dice.choice((0, 1, 40)))
    return types


def routing_message(dice: Random, asked: Sequence[str]) -> Message[Any]:
    """A command of an agent, a ticket event or an outcome."""
    type_ = dice.choice(("agent.sign_on", "agent.heartbeat", "agent.sign_off", "event", "event", "outcome"))
    id_ = f"m{dice.random()}"
    if type_ == "event":
        return a_ticket_event(dice)
    if type_ == "outcome":
        return Message(
            id_, dice.choice(("command.accepted", "command.rejected")), "intake", {}, None, id_, dice.choice(asked)
        )
    kind = registry.TYPES["command", type_]
    return Message(
        id_, type_, dice.choice(SENDERS), kind.schema.load(odd_input.data(dice, kind.schema, KNOWN)), None, id_
    )


SET = "account.preferences_changed"


def a_ticket_event(dice: Random) -> Message[Any]:
    """Any of the ticket events, with any ticket that the schema takes."""
    types = [type_ for kind, type_ in registry.TYPES if kind == "event" and type_.startswith("ticket.")]
    return an_event_of(dice, dice.choice(types))


def an_event_of(dice: Random, type_: str) -> Message[Any]:
    """An event of that type, with any data that the schema takes."""
    schema = registry.TYPES["event", type_].schema
    id_ = f"e{dice.random()}"
    return Message(id_, type_, "intake", schema.load(odd_input.data(dice, schema, SNAPSHOT)), None, f"intake\x1f{id_}")


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_sla(seed: int) -> None:
    """Versions of tickets in any order and state, and the timers that they arm."""
    play_sla(Random(seed))


def play_sla(dice: Random) -> set[str]:
    """What was said."""
    types = set()
    desk = sla.Desk()
    for _ in range(15):
        event = a_ticket_event(dice)
        said = desk.take(event, sla.MONDAY)
        if desk.armed and dice.random() < 0.5:
            arm = dice.choice(list(desk.armed.values()))
            said = [*said, *desk.fire_one(arm, arm.timer.due)]
        for say in said:
            assert_may_be_said("sla", say)
            types.add(say.type)
    for arm in desk.armed.values():
        bson.encode({"about": arm.about, "data": document(arm.timer)})
    return types


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_notifications(seed: int) -> None:
    """What people are told of any ticket: in our words, and as a mail."""
    play_notifications(Random(seed))


def play_notifications(dice: Random) -> set[str]:
    """By which ways people were told."""
    view = Notified(Templates(), Policy(webhooks={"all": frozenset(FOR_WEBHOOKS)}, has_manager=True))
    for _ in range(15):
        message = a_ticket_event(dice)
        if dice.random() < 0.3:
            requester = dice.choice(ACCOUNTS)
            address = dice.choice(("a@b", None, "é\u202e@\U0001f4a9"))
            change = a_contact_change(dice.randint(0, 3), address, requester, code=dice.choice((None, "1", "\0")))
            message = replace(change, id=f"c{dice.random()}")
        elif dice.random() < 0.3:
            message = an_event_of(dice, dice.choice(("sla.warning", "sla.breached", "sla.closing_soon", SET)))
        decision = notify(view, message, sla.MONDAY)
        assert_of_the_contract("notifications", decision)
        for change in decision.changes:
            view.apply(change)
        for arm in (each for each in decision.timers if isinstance(each, Arm)):
            due = Message("t", arm.timer.type_(), "notifications", arm.timer, arm.about)
            view.outcomes = {(arm.about, 1): Outcome(dice.choice(("accepted", "deferred", "refused")), "\0")}
            assert_of_the_contract("notifications", notify(view, due, sla.MONDAY))
    ways = set()
    for delivery in view.deliveries.values():
        if delivery.channel == "email" and delivery.title:
            mail = Mail(delivery.id, "a@b.example", delivery.number, delivery.title, delivery.text, sla.MONDAY)
            sent = write(mail, SERVER).as_bytes()
            assert sent.split(b"\r\n\r\n")[0].count(b"\r\nTo:") == 1
            ways.add("mail")
        elif delivery.channel != "email":
            ways.add(delivery.channel)
    return ways


ARTICLES: Mapping[str, Sequence[Any]] = {
    "article_id": ["a", "b", "no-such", "\0"],
    "expected_version": [None, None, 1, 2],
    "version": [None, 1, 2, 3],
    "category": ["desk", "billing", "gone", "\0"],
    "language": ["en", "de", None, "tlh"],
    "title": ["A parcel", "\0", "\u200bx"],
    "body": [
        "Where is my parcel?\n",
        "[x](article:a) ![y](file:z)\n",
        "<b>",
        "#" * 100,
        "> " * 1_000,
        "\0",
        "x" * 100_000,
    ],
    "summary": [None, "Short."],
    "words": ["parcel", "", "\0", "parc", "(" * 1_000, None],
    "session": ["s1", "s2", "\0"],
    "draft": ["f1", "f2", None, True, False],
    "channel": ["web", "game", ""],
    "page": [None, 1, 2, 100_000],
    "state": [None, None, "draft"],
    "related": [[], ["a", "b"]],
    "ids": [[], [], ["a", "no-such"]],
}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_knowledge(seed: int) -> None:
    """Commands of editors and readers, questions, and news of drafts; `Base` holds what is said to the contract."""
    play_knowledge(Random(seed))


def play_knowledge(dice: Random) -> set[str]:
    """What the answers were."""
    answers = set()
    base = Base()
    base.write("a")
    base.save("b")
    kinds = [kind for kind in registry.TYPES.values() if kind.answered_by == "knowledge"]
    kinds += 4 * [registry.TYPES["command", "article.save"], registry.TYPES["command", "article.publish"]]
    kinds += 4 * [registry.TYPES["question", "article.view"]]
    for _ in range(40):
        kind = dice.choice(kinds)
        senders = [sender for sender in EDITING if kind.may_be_sent_by(sender)]
        sender = dice.choice(senders)
        data = odd_input.data(dice, kind.schema, ARTICLES)
        if dice.random() < 0.9:  # most speak in their own name
            data["agent_id"] = sender.removeprefix("agent.") if sender.startswith("agent.") else None
        message = Message(f"m{dice.random()}", kind.type, sender, kind.schema.load(data))
        answer = base.decided(message).answer
        assert answer is not None
        answers.add(answer.type)
        if dice.random() < 0.2:
            base.decided(an_event_of(dice, "draft.filed"))
        base.later(hours=dice.choice((0, 1, 30)))
        base.fire()
    for values in base.state.current.values():
        for value in values.values():
            bson.encode(document_of(value))
    return answers


PLAYED: Mapping[Callable[[Random], set[str]], set[str]] = {
    play_intake: {"ticket.opened", "account.temporary_opened", "command.accepted", "command.rejected"},
    play_routing: {"agent.signed_on", "ticket.assign", "ticket.unassign"},
    play_sla: {"sla.armed", "sla.warning", "sla.breached", "sla.closing_soon", "ticket.auto_close"},
    play_notifications: {"mail"},
    play_knowledge: {"command.accepted", "command.rejected", "article.found", "article.viewed", "article.categorised"},
}


@pytest.mark.parametrize("play", PLAYED)
def test_what_is_drawn_comes_to_something(play: Callable[[Random], set[str]]) -> None:
    """Otherwise the tests above would hold nothing, or only refusals, to the contract."""
    dice = Random(1)
    reached = set[str]().union(*(play(dice) for _ in range(5)))
    assert PLAYED[play] - reached == set(), "no longer drawn: let it play more often"
