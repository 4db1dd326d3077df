"""Routing and intake as processes on the real bus: several routing instances at once give every ticket to one agent."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from contracts.names import EVENTS
from deploy.local.desk import Desk
from deploy.local.rabbitmq import ADMIN
from services.chassis.database import Document
from services.client.blocking import Client
from services.client.bus import Bus
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
    with Client(desk.amqp_url("web")) as web:
        publish(web, [command("web", "ticket.submit", submission(f"u{n}", f"i{n}")) for n in range(count)], ledger)


def solve(ticket: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Answers two tickets of three; the third keeps its place."""
    return None if int(ticket["number"]) % 3 == 0 else ("ticket.suggest_solution", {"body": "Try again."})


def test_three_instances_share_the_work_and_the_books_stay_right(desk: Desk) -> None:
    desk.start_all([("intake", 1), ("routing", 1), ("routing", 2), ("routing", 3)])
    ledger = Ledger()
    team = [Agent(desk.amqp_url(f"agent.a{n}"), f"a{n}", ledger, capacity=12, answer=solve) for n in range(1, 6)]
    web = Listener(desk.amqp_url("web"), "web", "web.outcomes", ledger.note_heard)
    with (
        listening(web, *team),
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


STAFF = """members:
  - {agent_id: a1, roles: [agent], teams: [desk], skills: ["*"]}
  - {agent_id: a2, roles: [agent], teams: [desk], skills: ["*"]}
  - {agent_id: a3, roles: [supervisor], teams: [desk]}
"""


def test_a_ticket_is_released_waits_for_who_has_paused_and_is_given_on_by_a_supervisor(
    desk: Desk, tmp_path: Path
) -> None:
    (tmp_path / "staff.yaml").write_text(STAFF, encoding="utf-8")
    desk.settings["CASEBUS_STAFF"] = str(tmp_path / "staff.yaml")
    desk.start_all([("intake", 1), ("routing", 1)])
    ledger = Ledger()
    agents = [Agent(desk.amqp_url("agent.a1"), "a1", ledger, capacity=1)]
    lead = Listener(desk.amqp_url("agent.a3"), "agent.a3", "agent.a3.inbox", ledger.note_heard)

    def heard(agent: str, type_: str) -> int:
        found = {
            message.event["id"]
            for message in ledger.heard
            if (message.user, message.event["type"]) == (f"agent.{agent}", type_)
        }
        return len(found)

    def told(agent: str, type_: str, times: int = 1) -> None:
        ledger.wait(lambda: heard(agent, type_) == times, f"{type_} for {agent}")

    def ask(agent: str, type_: str, **data: Any) -> Mapping[str, Any]:
        with Client(desk.amqp_url(f"agent.{agent}")) as tool:
            (id_,) = publish(tool, [command(f"agent.{agent}", type_, {"agent_id": agent, **data})], ledger)
        ledger.wait(lambda: ledger.outcome(f"agent.{agent}", id_) is not None, f"the outcome of {type_}")
        outcome = ledger.outcome(f"agent.{agent}", id_)
        assert outcome is not None
        return dict(outcome.event["data"])

    with (
        listening(lead, agents[0]),
        MongoClient[Document](desk.admin_mongo_url, tz_aware=True) as mongo,
    ):
        intake, routing = mongo[f"{desk.db_prefix}_intake"], mongo[f"{desk.db_prefix}_routing"]
        submit(desk, ledger, 1)
        told("a1", "ticket.assigned")
        number = str(next(iter(intake["tickets"].find()))["number"])
        agents.append(Agent(desk.amqp_url("agent.a2"), "a2", ledger, capacity=1))
        with listening(agents[1]):
            told("a2", "command.accepted")
            assert "code" not in ask("a2", "agent.pause")
            ledger.wait(lambda: intake["agents"].count_documents({"_id": "a2", "paused": True}) == 1, "the pause")
            refused = ask("a3", "ticket.assign_to", number=number, to_agent="a2")
            assert (refused["code"], list(refused["errors"])) == ("invalid", ["to_agent"])

            ask("a1", "agent.sign_off", release=True)
            ledger.wait(lambda: routing["tickets"].count_documents({"waiting": True}) == 1, "the released ticket")
            ask("a2", "agent.resume")
            told("a2", "ticket.assigned")

            ask("a1", "agent.sign_on", display_name="A1", capacity=1, skills=["*"])
            ledger.wait(lambda: intake["agents"].count_documents({"signed_on": True}) == 2, "the news of a1")
            assert ask("a2", "ticket.assign_to", number=number, to_agent="a1")["code"] == "forbidden"
            given = ask("a3", "ticket.assign_to", number=number, to_agent="a1", reason="Theirs before.")
            assert given["ticket"]["agent"]["id"] == "a1"
            told("a1", "ticket.assigned", times=2)
            told("a2", "ticket.unassigned")
            assert ask("a3", "ticket.take_away", number=number)["ticket"]["agent"] is None
            told("a2", "ticket.assigned", times=2)
            (ticket,) = map(ticket_of, routing["tickets"].find())
            stored = {row["_id"]: agent_of(row).load for row in routing["agents"].find()}
            assert Counter(stored) == recount([ticket])
    assert heard("a1", "ticket.assigned") == 2, "whom it was taken from has it no more"


def test_an_agent_of_whom_nothing_is_heard_goes_offline_once_and_the_ticket_to_one_who_beats(desk: Desk) -> None:
    desk.settings |= {"CASEBUS_AWAY_AFTER": "1", "CASEBUS_OFFLINE_AFTER": "2"}
    desk.start_all([("intake", 1), ("routing", 1), ("routing", 2)])
    ledger = Ledger()
    events: list[dict[str, Any]] = []

    def of(type_: str) -> list[tuple[str, str]]:
        """Which agent was told this about which ticket. A message may come twice, with one id."""
        told = {heard.event["id"]: heard for heard in ledger.heard if heard.type == type_}
        return [(heard.user, heard.event["subject"]) for heard in told.values()]

    with Bus(desk.amqp_url(ADMIN)) as bus:
        queue = bus.channel.queue_declare("", exclusive=True).queue
        bus.channel.queue_bind(queue, EVENTS, "agent.#")
        bus.consume(queue, lambda message: events.append(json.loads(message.body)))
        silent = Agent(desk.amqp_url("agent.a1"), "a1", ledger, capacity=1, beats=math.inf)
        with listening(silent):
            submit(desk, ledger, 1)
            ledger.wait(lambda: len(of("ticket.assigned")) == 1, "the ticket for a1")
            ((_, number),) = of("ticket.assigned")
            other = Agent(desk.amqp_url("agent.a2"), "a2", ledger, capacity=1, beats=0.2)
            with listening(other):
                ledger.wait(lambda: len(of("ticket.assigned")) == 2, "the ticket for a2")
                ledger.wait(lambda: len(of("ticket.unassigned")) == 1, "that a1 has it no more")
                other.stop_beating()
        bus.drain(0.5)
    assert of("ticket.assigned") == [("agent.a1", number), ("agent.a2", number)]
    assert of("ticket.unassigned") == [("agent.a1", number)]
    told = [(event["type"], event["data"]["agent_id"], event["data"].get("reason")) for event in events]
    assert [event for event in told if event[1] == "a1"] == [
        ("agent.signed_on", "a1", None),
        ("agent.signed_off", "a1", "offline"),
    ]
    came, went = (datetime.fromisoformat(event["data"]["at"]) for event in events if event["data"]["agent_id"] == "a1")
    assert 2 <= (went - came).total_seconds() < 3, "within a second of being due"
