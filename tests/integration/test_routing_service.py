"""Routing and intake as processes on the real bus: several routing instances at once give every ticket to one agent."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from pymongo import MongoClient

from contracts.names import EVENTS
from deploy.cli.bus import Bus
from deploy.local.desk import Desk
from deploy.local.rabbitmq import ADMIN
from services.chassis.unit_of_work import Document
from services.routing.repository import agent_of, ticket_of
from tests.system.client import Agent, Ledger, Listener, command, publish, submission
from tests.unit.routing.builders import recount


@contextmanager
def listening(*listeners: Listener) -> Iterator[None]:
    try:
        yield
    finally:
        for listener in listeners:
            listener.close()


def submit(desk: Desk, ledger: Ledger, count: int) -> None:
    with Bus(desk.amqp_url("web")) as bus:
        publish(bus, [command("web", "ticket.submit", submission(f"u{n}", f"i{n}")) for n in range(count)], ledger)


def solve(ticket: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Answers two tickets of three; the third keeps its place."""
    return None if int(ticket["number"]) % 3 == 0 else ("ticket.suggest_solution", {"body": "Try again."})


def test_three_instances_share_the_work_and_the_books_stay_right(desk: Desk) -> None:
    desk.start_all([("intake", 1), ("routing", 1), ("routing", 2), ("routing", 3)])
    ledger = Ledger()
    team = [Agent(desk.amqp_url(f"agent.a{n}"), f"a{n}", ledger, capacity=12, answer=solve) for n in range(1, 6)]
    web = Listener(desk.amqp_url("web"), "web", "web.outcomes", ledger.note_heard)
    with (
        listening(web, *(one.listener for one in team)),
        MongoClient[Document](desk.admin_mongo_url, tz_aware=True) as mongo,
    ):
        submit(desk, ledger, 120)
        intake, routing = mongo[f"{desk.db_prefix}_intake"], mongo[f"{desk.db_prefix}_routing"]

        def everyone_has_an_agent() -> bool:
            return intake["tickets"].count_documents({"agent": {"$ne": None}}) == 120

        def routing_has_heard_it_all() -> bool:
            versions = {row["_id"]: row["version"] for row in intake["tickets"].find({}, {"version": 1})}
            return versions == {row["_id"]: row["version"] for row in routing["tickets"].find({}, {"version": 1})}

        def agents_are_done() -> bool:
            left = [row["number"] for row in intake["tickets"].find({"status": {"$ne": "solution_suggested"}})]
            return all(int(number) % 3 == 0 for number in left)

        ledger.wait(everyone_has_an_agent, "an agent for each ticket")
        ledger.wait(agents_are_done, "the agents' answers")
        ledger.wait(lambda: not ledger.unanswered(), "an outcome for each command")
        ledger.wait(routing_has_heard_it_all, "all events in routing")
        known = [ticket_of(row) for row in routing["tickets"].find()]
        stored = {row["_id"]: agent_of(row).load for row in routing["agents"].find()}
    # A message to an agent may come twice, with one id.
    told = {heard.event["id"]: heard.event for heard in ledger.heard if heard.type == "ticket.assigned"}
    assert Counter(event["subject"] for event in told.values()) == Counter(ticket.number for ticket in known)
    assert all(ticket.reservation is None for ticket in known)
    assert {ticket.assignment_seq for ticket in known} == {1}
    assert Counter(stored) == recount(known)  # as Counters, so that an agent without load needs no entry
    assert max(stored.values()) <= 12
    assert sum(stored.values()) == sum(int(ticket.number) % 3 == 0 for ticket in known)


def test_a_released_ticket_goes_to_the_next_agent(desk: Desk) -> None:
    desk.start_all([("intake", 1), ("routing", 1)])
    ledger = Ledger()
    first = Agent(desk.amqp_url("agent.a1"), "a1", ledger, capacity=1)

    def assigned_to(agent: str) -> bool:
        return any(heard.user == f"agent.{agent}" and heard.type == "ticket.assigned" for heard in ledger.heard)

    with listening(first.listener):
        submit(desk, ledger, 1)
        ledger.wait(lambda: assigned_to("a1"), "the ticket for a1")
        second = Agent(desk.amqp_url("agent.a2"), "a2", ledger, capacity=1)
        with listening(second.listener), Bus(desk.amqp_url("agent.a1")) as bus:
            leave = command("agent.a1", "agent.sign_off", {"agent_id": "a1", "release": True})
            publish(bus, [leave], ledger)
            ledger.wait(lambda: assigned_to("a2"), "the ticket for a2")


def test_an_agent_of_whom_nothing_is_heard_goes_offline_once_and_the_ticket_to_one_who_beats(desk: Desk) -> None:
    desk.settings |= {"CASEBUS_AWAY_AFTER": "1", "CASEBUS_OFFLINE_AFTER": "2"}
    desk.start_all([("intake", 1), ("routing", 1), ("routing", 2)])
    ledger = Ledger()
    events: list[dict[str, Any]] = []

    def assigned_to(agent: str) -> bool:
        return any(heard.user == f"agent.{agent}" and heard.type == "ticket.assigned" for heard in ledger.heard)

    with Bus(desk.amqp_url(ADMIN)) as bus:
        queue = bus.channel.queue_declare("", exclusive=True).queue
        bus.channel.queue_bind(queue, EVENTS, "agent.#")
        bus.consume(queue, lambda message: events.append(json.loads(message.body)))
        silent = Agent(desk.amqp_url("agent.a1"), "a1", ledger, capacity=1, beats=math.inf)
        with listening(silent.listener):
            submit(desk, ledger, 1)
            ledger.wait(lambda: assigned_to("a1"), "the ticket for a1")
            other = Agent(desk.amqp_url("agent.a2"), "a2", ledger, capacity=1, beats=0.2)
            with listening(other.listener):
                ledger.wait(lambda: assigned_to("a2"), "the ticket for a2")
                other.stop_beating()
        bus.drain(0.5)
    told = [(event["type"], event["data"]["agent_id"], event["data"].get("reason")) for event in events]
    assert [one for one in told if one[1] == "a1"] == [
        ("agent.signed_on", "a1", None),
        ("agent.signed_off", "a1", "offline"),
    ]
    came, went = (datetime.fromisoformat(event["data"]["at"]) for event in events if event["data"]["agent_id"] == "a1")
    assert 2 <= (went - came).total_seconds() < 3, "within a second of being due"
