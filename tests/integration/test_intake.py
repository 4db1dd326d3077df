"""Intake as processes on a real broker and a real database: what its rules promise, enforced by the index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Thread
from typing import Any

import pytest
from pymongo import MongoClient

from contracts.envelope import Event, parse
from contracts.names import source_of
from contracts.topology import DESK, EVENTS, INTAKE
from deploy.local.desk import Desk
from deploy.local.stack import Stack
from services.chassis.database import Document
from services.client.blocking import Client
from services.client.core import by_hand
from services.intake.credentials.codes import Codes
from tests.raw_amqp import open_channel
from tests.unit.intake.desk import account, submission
from tests.waiting import wait

PATIENCE = 30.0
NOW = datetime.now(UTC)
Command = tuple[str, str, Mapping[str, Any]]
"""Id, type, data."""


def publish(desk: Desk, user: str, commands: Sequence[Command], exchange: str = INTAKE) -> None:
    """As that broker user, with its own permissions."""
    properties = {"reply_to": "routing.outcomes"} if user == "routing" else {}
    with Client(desk.amqp_url(user)) as client:
        confirms = []
        for id_, type_, data in commands:
            event = Event(id_, type_, source_of(user) or "", datetime.now(UTC), data)
            confirms.append(client.publish(by_hand(event, exchange, type_, properties=properties)))
        for confirmed in confirms:
            confirmed.result(PATIENCE)


def outcomes(desk: Desk, user: str, queue: str, count: int) -> list[Event]:
    """The next `count` messages of a queue; fails if they do not come."""
    found: list[Event] = []
    with open_channel(desk.amqp_url(user)) as channel:

        def come() -> int:
            while len(found) < count and (message := channel.basic_get(queue, no_ack=True)) is not None:
                body = message.body
                found.append(parse(body if isinstance(body, bytes) else body.encode()))
            return len(found)

        wait(come, f"{count} messages in {queue}", lambda came: came == count, patience=PATIENCE, every=0.02)
    return found


def ask(desk: Desk, user: str, id_: str, type_: str, data: Mapping[str, Any]) -> Event:
    """Send one command and await its outcome."""
    if user == "routing":
        publish(desk, user, [(id_, type_, data)], DESK)
        queue = "routing.outcomes"
    elif user.startswith("agent."):
        publish(desk, user, [(id_, type_, data)], DESK)
        queue = f"{user}.inbox"
    else:
        publish(desk, user, [(id_, type_, data)])
        queue = f"{user}.outcomes"
    while True:
        (event,) = outcomes(desk, user, queue, 1)
        if event.causationid == id_ and not (user.startswith("agent.") and "entry" in event.data):
            return event


@contextmanager
def database(desk: Desk) -> Iterator[Callable[[str], list[Document]]]:
    """All documents of one of intake's collections."""
    with MongoClient[Document](desk.admin_mongo_url) as client:
        yield lambda name: list(client[f"{desk.db_prefix}_intake"][name].find())


@pytest.mark.parametrize("instances", [3])
def test_many_submissions_of_one_issue_open_one_ticket(desk: Desk, instances: int) -> None:
    desk.start_all([("intake", n) for n in range(1, instances + 1)])
    commands: list[Command] = [(f"s{n}", "ticket.submit", submission(body=f"Words {n}")) for n in range(200)]
    publish(desk, "web", commands)
    heard = outcomes(desk, "web", "web.outcomes", len(commands))
    assert Counter(event.type for event in heard) == {"ticket.opened": 1, "ticket.duplicate": len(commands) - 1}
    assert Counter(event.causationid for event in heard) == {command[0]: 1 for command in commands}
    with database(desk) as documents:
        (ticket,) = documents("tickets")
        assert ticket["version"] == len(commands)
        assert sorted(entry["version"] for entry in documents("entries")) == list(range(1, len(commands) + 1))
        assert len({entry["text"] for entry in documents("entries")}) == len(commands)


def test_a_ticket_from_its_opening_to_its_reopening(desk: Desk) -> None:
    desk.start("intake")
    who = account(email="ann@example.org")
    opened = ask(desk, "web", "1", "ticket.submit", submission(who))
    assert opened.type == "ticket.opened"
    number = opened.data["ticket"]["number"]
    again = ask(desk, "web", "1", "ticket.submit", submission(who, subject="Other words"))
    assert (again.id, again.type, again.data) == (opened.id, opened.type, opened.data)

    agent = {"id": "a1", "display_name": "Ada"}
    assign = {"number": number, "agent": agent, "assignment_seq": 0, "reason": "least loaded"}
    assert ask(desk, "routing", "2", "ticket.assign", assign).type == "command.accepted"
    refused = ask(desk, "routing", "3", "ticket.assign", assign)
    assert (refused.data["code"], refused.data["ticket"]["assignment_seq"]) == ("conflict", 1)
    (told,) = outcomes(desk, "agent.a1", "agent.a1.inbox", 1)
    assert told.type == "ticket.assigned"
    assert [entry["text"] for entry in told.data["history"]] == [submission()["body"]]

    answer = {"agent_id": "a1", "number": number, "body": "It was sent again."}
    assert ask(desk, "agent.a1", "4", "ticket.suggest_solution", answer).type == "command.accepted"
    seen = ask(desk, "web", "5", "ticket.view", {"requester": who, "number": number})
    assert [entry["kind"] for entry in seen.data["history"]] == ["opened", "solution_suggested"]
    assert ask(desk, "web", "6", "ticket.accept_solution", {"requester": who, "number": number}).type == (
        "command.accepted"
    )
    replied = ask(desk, "web", "7", "ticket.reply", {"requester": who, "number": number, "body": "Not yet"})
    assert (replied.type, replied.data["ticket"]["status"]) == ("ticket.reopened", "reopened")
    listed = ask(desk, "web", "8", "ticket.list", {"requester": who, "status": "reopened"})
    assert [ticket["number"] for ticket in listed.data["tickets"]] == [number]
    assert (listed.data["page"], listed.data["pages"]) == (1, 1)


def test_a_temporary_account_is_let_in_by_its_secret_which_is_stored_nowhere(desk: Desk) -> None:
    desk.start("intake")
    opened = ask(desk, "web", "1", "account.open_temporary", {"contact_email": "zoe@example.org"})
    secret, id_ = opened.data["secret"], opened.data["account_id"]
    assert ask(desk, "web", "1", "account.open_temporary", {}).data["secret"] == secret
    right, wrong = ({"temporary": {"account_id": id_, "secret": given}} for given in (secret, "guess"))
    filed = ask(desk, "web", "2", "ticket.submit", submission(right))
    assert filed.type == "ticket.opened"
    number = filed.data["ticket"]["number"]
    for place, requester in enumerate((wrong, {"temporary": {"account_id": "nobody", "secret": secret}})):
        refused = ask(desk, "web", f"w{place}", "ticket.view", {"requester": requester, "number": number})
        assert refused.data["code"] == "unauthenticated"
    with database(desk) as documents:
        for name in ("accounts", "tickets", "entries", "handled", "outbox"):
            assert secret not in str(documents(name))
        assert documents("accounts")[0]["secret_hash"].startswith("$argon2id$")


def test_a_temporary_account_ends_after_its_last_ticket_and_its_name_is_nowhere(desk: Desk) -> None:
    desk.settings_of["intake"] = {"CASEBUS_TEMPORARY_DAYS": str(2 / 86_400)}
    desk.start_all([("intake", 1), ("intake", 2)])
    opened = ask(
        desk, "web", "1", "account.open_temporary", {"display_name": "Zoe", "contact_email": "zoe@example.org"}
    )
    zoe = {"temporary": {"account_id": opened.data["account_id"], "secret": opened.data["secret"]}}
    number = ask(desk, "web", "2", "ticket.submit", submission(zoe)).data["ticket"]["number"]
    seq = {"agent": {"id": "a1", "display_name": "Ada"}, "assignment_seq": 0, "reason": "least loaded"}
    ask(desk, "routing", "3", "ticket.assign", {"number": number, **seq})
    ask(desk, "agent.a1", "4", "ticket.close", {"agent_id": "a1", "number": number, "reason": "Done."})
    with database(desk) as documents:
        wait(
            lambda: documents("tickets")[0]["requester"]["display_name"],
            "the end of the account",
            lambda name: name == "erased",
            patience=PATIENCE,
        )
        for name in ("accounts", "tickets", "entries", "timers"):
            assert "Zoe" not in str(documents(name))
            assert "zoe@example.org" not in str(documents(name))
        assert sorted(entry["version"] for entry in documents("entries")) == [1, 2, 3, 4]
        assert documents("timers") == []
    assert ask(desk, "web", "5", "ticket.view", {"requester": zoe, "number": number}).data["code"] == "unauthenticated"


def test_accounts_that_confirm_one_address_at_once_are_one_person_with_one_open_ticket(
    stack: Stack, desk: Desk
) -> None:
    desk.start_all([("intake", n) for n in (1, 2, 3)])
    codes, accounts = Codes(stack.folder.secret("intake-key")), []
    for n in range(4):
        data = {"display_name": f"Zoe {n}", "contact_email": ("zoe@example.org", "Zoe@Example.Org")[n % 2]}
        opened = ask(desk, "web", f"o{n}", "account.open_temporary", data).data
        accounts.append({"temporary": {"account_id": opened["account_id"], "secret": opened["secret"]}})
        ask(desk, "web", f"s{n}", "ticket.submit", submission(accounts[-1]))
    ids = [owner["temporary"]["account_id"] for owner in accounts]
    confirming: list[Command] = [
        (f"c{n}", "account.confirm_contact", {"requester": owner, "code": codes.code(f"temporary:{ids[n]}", 1)})
        for n, owner in enumerate(accounts)
    ]
    filing: list[Command] = [(f"f{n}", "ticket.submit", submission(owner)) for n, owner in enumerate(accounts)]
    threads = [Thread(target=publish, args=(desk, "web", [command])) for command in (*confirming, *filing)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    heard = {event.causationid: event for event in outcomes(desk, "web", "web.outcomes", 8)}
    assert {heard[f"c{n}"].type for n in range(4)} == {"command.accepted"}
    with database(desk) as documents:
        persons = {document.get("joined") or document["_id"] for document in documents("accounts")}
        assert len(persons) == 1
        tickets = documents("tickets")
        assert {ticket["person"] for ticket in tickets} == persons
        assert [ticket["status"] for ticket in tickets if ticket["status"] != "closed"] == ["new"]
        assert sum(ticket["version"] for ticket in tickets) == len(documents("entries"))


def test_an_address_that_an_older_version_stored_is_found(stack: Stack, desk: Desk) -> None:
    desk.start("intake", 1)
    old, new = (
        ask(desk, "web", email, "account.open_temporary", {"contact_email": email}).data
        for email in ("Zoe@Example.org", "zoe@example.org")
    )
    kept = ("version", "contact_email", "contact_version", "display_name", "secret_hash", "opened_at", "expires_at")
    with MongoClient[Document](desk.admin_mongo_url) as client:
        accounts = client[f"{desk.db_prefix}_intake"]["accounts"]
        before = accounts.find_one({"_id": f"temporary:{old['account_id']}"}) or {}
        accounts.replace_one({"_id": before["_id"]}, {name: before.get(name) for name in kept})
        codes = Codes(stack.folder.secret("intake-key"))
        for owner in (old, new):
            requester = {"temporary": {"account_id": owner["account_id"], "secret": owner["secret"]}}
            code = codes.code(f"temporary:{owner['account_id']}", 1)
            ask(desk, "web", owner["account_id"], "account.confirm_contact", {"requester": requester, "code": code})
        after = accounts.find_one({"_id": f"temporary:{new['account_id']}"}) or {}
    assert after.get("joined") == before["_id"]


def test_a_merge_and_submissions_that_meet_leave_one_open_ticket(desk: Desk) -> None:
    desk.start_all([("intake", n) for n in (1, 2, 3)])
    commands: list[Command] = []
    for n in range(5):
        opened = ask(desk, "web", f"o{n}", "account.open_temporary", {"contact_email": f"z{n}@example.org"}).data
        gone = {"temporary": {"account_id": opened["account_id"], "secret": opened["secret"]}}
        ask(desk, "web", f"s{n}", "ticket.submit", submission(gone))
        ann = account(f"ann{n}")
        commands += [
            (f"m{n}", "account.merge", {"requester": ann, **gone}),
            (f"a{n}", "ticket.submit", submission(ann)),
            (f"z{n}", "ticket.submit", submission(gone, subject="Another matter", body="The app is slow.")),
        ]
    threads = [Thread(target=publish, args=(desk, "web", [command])) for command in commands]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    heard = {event.causationid or "": event for event in outcomes(desk, "web", "web.outcomes", len(commands))}
    with database(desk) as documents:
        tickets = documents("tickets")
        for n in range(5):
            assert heard[f"m{n}"].type == "command.accepted"
            # If it was filed before the account ended, it came along; otherwise nobody was let in.
            came = heard[f"z{n}"].type == "ticket.opened"
            assert came or heard[f"z{n}"].data["code"] == "unauthenticated"
            theirs = [ticket for ticket in tickets if ticket["person"] == f"account:ann{n}"]
            assert {their["requester"]["id"] for their in theirs} == {f"ann{n}"}
            assert Counter(their["subject"] for their in theirs if their["status"] != "closed") == {
                submission()["subject"]: 1,
                **({"Another matter": 1} if came else {}),
            }
        assert {ticket["person"].partition(":")[0] for ticket in tickets} == {"account"}
        assert sum(ticket["version"] for ticket in tickets) == len(documents("entries"))


def test_replies_and_answers_that_meet_leave_no_gap(desk: Desk) -> None:
    desk.start_all([("intake", 1), ("intake", 2)])
    who = account()
    numbers = []
    for n in range(4):
        opened = ask(desk, "web", f"o{n}", "ticket.submit", submission(who, issue_key=f"o{n}"))
        numbers.append(opened.data["ticket"]["number"])
        agent = {"id": "a1", "display_name": "Ada"}
        assign = {"number": numbers[-1], "agent": agent, "assignment_seq": 0, "reason": "least loaded"}
        ask(desk, "routing", f"a{n}", "ticket.assign", assign)
    replies: list[Command] = [
        (f"r{n}", "ticket.reply", {"requester": who, "number": numbers[n % 4], "body": f"Reply {n}"}) for n in range(80)
    ]
    answers: list[Command] = [
        (f"q{n}", "ticket.ask_info", {"agent_id": "a1", "number": numbers[n % 4], "body": f"Question {n}"})
        for n in range(80)
    ]
    publish(desk, "web", replies[:40])
    publish(desk, "agent.a1", answers, DESK)
    publish(desk, "web", replies[40:])
    assert {event.type for event in outcomes(desk, "web", "web.outcomes", 80)} == {"command.accepted"}
    with database(desk) as documents:
        wait(
            lambda: sum(ticket["version"] for ticket in documents("tickets")),
            "42 versions of each of four tickets",
            lambda versions: versions >= 4 * 42,
            patience=PATIENCE,
        )
        versions: dict[str, list[int]] = {}
        for entry in documents("entries"):
            versions.setdefault(entry["ticket_id"], []).append(entry["version"])
        assert {id_: sorted(each) for id_, each in versions.items()} == {
            ticket["_id"]: list(range(1, 43)) for ticket in documents("tickets")
        }


def test_agents_do_not_wait_behind_what_people_have_sent(desk: Desk) -> None:
    backlog: list[Command] = [(f"s{n}", "ticket.submit", submission(issue_key=str(n))) for n in range(2000)]
    publish(desk, "web", backlog)
    publish(desk, "agent.a1", [("a", "ticket.suggest_solution", {"agent_id": "a1", "number": 1, "body": "So"})], DESK)
    desk.start("intake")
    heard = outcomes(desk, "web", "web.outcomes", len(backlog))
    (told,) = outcomes(desk, "agent.a1", "agent.a1.inbox", 1)
    before = sum(event.time < told.time for event in heard)
    assert before < len(backlog) / 2, f"{before} of {len(backlog)} came first"


def test_a_ticket_goes_from_hand_to_hand_is_escalated_and_merged(desk: Desk) -> None:
    """News of agents and of deadlines come by the bus, and a command that needs them waits until they do."""
    desk.start_all([("intake", 1), ("intake", 2)])
    who = account()
    filed = (submission(who, issue_key=key) for key in ("1", "2"))
    number, other = (
        ask(desk, "web", f"o{n}", "ticket.submit", data).data["ticket"]["number"] for n, data in enumerate(filed)
    )
    agent = {"id": "a1", "display_name": "Ada"}
    assign = {"number": number, "agent": agent, "assignment_seq": 0, "reason": "least loaded"}
    assigned = ask(desk, "routing", "1", "ticket.assign", assign).data["ticket"]
    mine = {"agent_id": "a1", "number": number}

    publish(desk, "agent.a2", [("n", "ticket.add_note", {"agent_id": "a2", "number": number, "body": "Hi"})], DESK)
    signed_on = {"agent_id": "a2", "display_name": "Bea", "capacity": 3, "skills": ["*"], "at": NOW}
    publish(desk, "routing", [("on", "agent.signed_on", signed_on)], EVENTS)
    (noted,) = outcomes(desk, "agent.a2", "agent.a2.inbox", 1)
    assert (noted.type, noted.data["ticket"]["version"]) == ("command.accepted", 3)

    publish(desk, "web", [("e", "ticket.escalate", {"requester": who, "number": number})])
    armed = {
        "number": number,
        "ticket_id": assigned["id"],
        "status_version": assigned["status_version"],
        "target": "first_reply",
        **dict.fromkeys(("due_at", "warn_at", "escalatable_at"), NOW),
        "calendar_version": "1",
    }
    publish(desk, "sla", [("armed", "sla.armed", armed)], EVENTS)
    (escalated,) = outcomes(desk, "web", "web.outcomes", 1)
    assert (escalated.type, escalated.data["ticket"]["escalated"]) == ("command.accepted", True)

    handed = ask(desk, "agent.a1", "t", "ticket.transfer", {**mine, "to_agent": "a2", "reason": "Knows cards"})
    assert handed.data["ticket"]["agent"] == {"id": "a2", "display_name": "Bea"}
    (told,) = outcomes(desk, "agent.a2", "agent.a2.inbox", 1)
    assert [entry["kind"] for entry in told.data["history"]] == ["opened", "assigned", "note_added", "escalated"]

    edit = {"requester": who, "number": number}
    assert ask(desk, "web", "w1", "ticket.edit", {**edit, "body": "Anew"}).type == "command.accepted"
    assert ask(desk, "web", "w2", "ticket.edit", {**edit, "body": "Anew"}).data["code"] == "invalid"
    theirs = {"agent_id": "a2", "number": number}
    filed_again = ask(desk, "agent.a2", "r", "ticket.reclassify", {**theirs, "category": "safety"})
    assert filed_again.data["ticket"]["priority"] == 1
    merged = ask(desk, "agent.a2", "m", "ticket.merge_into", {**theirs, "to_number": other})
    assert merged.data["ticket"]["merged_into"] == other
    replied = ask(desk, "web", "w3", "ticket.reply", {"requester": who, "number": number, "body": "And now?"})
    assert (replied.data["ticket"]["number"], replied.data["ticket"]["status"]) == (other, "new")
