"""Notifications as a process: real broker, real database, real mail; every event twice, in any order."""

from __future__ import annotations

import json
import operator
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from typer.testing import CliRunner

from contracts.envelope import Event, parse
from contracts.notifications import Resend
from contracts.topology import EVENTS
from deploy import settings
from deploy.cli.main import app
from deploy.cli.notifications.failed import Choice, failed
from deploy.cli.operator import each_of
from deploy.local.desk import Desk
from deploy.mail import ARRIVALS
from deploy.trouble import Trouble
from services.chassis.database import open_database
from services.chassis.decision import Message, derived_id
from services.chassis.unit_of_work import Store, Work, Write
from services.client.blocking import Client
from services.client.core import by_hand
from services.notifications.domain.decide import decide
from services.notifications.domain.state import Delivery, Policy
from services.notifications.repository import INDEXES, Repository, to_document
from tests.raw_amqp import open_channel
from tests.unit.notifications.builders import (
    NOW,
    PlainWording,
    a_contact_change,
    a_preferences_change,
    an_entry,
    an_event,
)
from tests.unit.notifications.receiver import SECRET, receiving
from tests.unit.notifications.test_articles import a_suggestion, a_withdrawal, an_article
from tests.unit.notifications.test_mailer import silent_server
from tests.waiting import wait

REQUESTERS = 60
ALL_FAILED = Choice()
PATIENCE = 60.0
"""Seconds; timers that a killed instance had claimed are free again after 30."""


def messages_of(n: int) -> list[Message[Any]]:
    """What intake announces of one requester's ticket, the address included; the agent's answer too."""
    ticket: dict[str, Any] = {
        "number": f"{n:08}",
        "requester": {"id": f"r{n}", "kind": "account", "display_name": f"Ada {n}", "tier": "standard"},
        "contact_version": 1,
    }
    return [
        an_event("ticket.opened", f"opened-{n}", **ticket),
        an_event("ticket.assigned", f"assigned-{n}", agent={"id": "a1", "display_name": "Grace"}, **ticket),
        an_event("ticket.solution_suggested", f"answered-{n}", an_entry("Log out and in again."), **ticket),
        a_contact_change(1, f"ada{n}@example.org", f"r{n}"),
    ]


def publish(desk: Desk, messages: list[Message[Any]]) -> None:
    with Client(desk.amqp_url("intake")) as client:
        confirms = []
        for message in messages:
            at = datetime.now(UTC)
            event = Event(message.id, message.type, "/services/intake", at, message.data, message.subject)
            confirms.append(client.publish(by_hand(event, EVENTS, message.type)))
        for confirmed in confirms:
            confirmed.result(PATIENCE)


def drain(desk: Desk, user: str, queue: str) -> list[Event]:
    """All that waits in a queue."""
    found = []
    with open_channel(desk.amqp_url(user)) as channel:
        while message := channel.basic_get(queue, no_ack=True):
            body = message.body
            found.append(parse(body if isinstance(body, bytes) else body.encode()))
    return found


def deliveries(desk: Desk) -> Counter[tuple[str, str, str]]:
    """How many there are, by kind, channel and status."""
    with MongoClient[dict[str, Any]](desk.admin_mongo_url) as client:
        rows = client[f"{desk.db_prefix}_notifications"]["deliveries"].find()
        return Counter((row["kind"], row["channel"], row["status"]) for row in rows)


def settled(desk: Desk, number: int = 7 * REQUESTERS) -> Counter[tuple[str, str, str]]:
    """Deliveries once there are `number` of them and all are sent or failed."""

    def are_done(found: Counter[tuple[str, str, str]]) -> bool:
        return found.total() == number and not any(status in ("waiting", "pending") for _, _, status in found)

    return wait(
        lambda: deliveries(desk), f"{number} deliveries, sent or failed", are_done, patience=PATIENCE, every=0.1
    )


def test_titles_of_articles_are_stored_and_read_as_they_were(desk: Desk) -> None:
    database = open_database(desk.mongo_url("notifications"), f"{desk.name}_notifications", "tests")
    store = Store(database, "notifications")
    store.prepare(INDEXES)
    repository = Repository(database, PlainWording(), Policy())
    for heard in (
        an_article(3, "Get a refund", languages=("en", "pt-BR")),
        a_withdrawal(4, "pt-BR", languages=("en",)),
    ):
        view = repository.load([heard], NOW)
        for change in decide(view, heard, NOW).changes:
            view.apply(change)
        written = view.articles["refunds"]
        store.commit(Work(heard.id, NOW, repository.writes(view)))
        assert repository.load([heard, a_suggestion("refunds", "gone")], NOW).articles == {"refunds": written}
    assert written.shown == {"en": "Get a refund"}
    database.client.close()


def test_an_address_that_an_older_version_stored_under_the_id_alone_is_found_and_stays_there(desk: Desk) -> None:
    database = open_database(desk.mongo_url("notifications"), f"{desk.name}_notifications", "tests")
    Store(database, "notifications").prepare(INDEXES)
    old = {"_id": "r1", "version": 3, "contact_version": 1, "email": "ada@example.org"}
    database["contacts"].insert_one(old)
    repository = Repository(database, PlainWording(), Policy())
    view = repository.load([a_contact_change(2, None)], NOW)
    assert view.contacts["account:r1"].email == "ada@example.org"
    for change in decide(view, a_contact_change(2, None), NOW).changes:
        view.apply(change)
    assert repository.writes(view) == [
        Write("contacts", {"_id": "r1", "version": 4, "contact_version": 2}, ("version", 3)),
    ]
    database.client.close()


def test_of_a_person_who_is_erased_no_failed_mail_is_kept(desk: Desk) -> None:
    database = open_database(desk.mongo_url("notifications"), f"{desk.name}_notifications", "tests")
    Store(database, "notifications").prepare(INDEXES)
    of_ada = Delivery("d1", "e1", "closed", "00000042", "r1", "email", "failed", NOW, person="account:r1", text="Ada")
    of_others = replace(of_ada, id="d2", person="temporary:r1"), replace(of_ada, id="d3", status="pending")
    database["deliveries"].insert_many([to_document(delivery) for delivery in (of_ada, *of_others)])
    repository = Repository(database, PlainWording(), Policy())
    view = repository.load([a_contact_change(2, None)], NOW)
    for change in decide(view, a_contact_change(2, None), NOW).changes:
        view.apply(change)
    (write,) = (write for write in repository.writes(view) if write.collection == "deliveries")
    assert (write.document["_id"], write.document["status"], "text" in write.document) == ("d1", "skipped", False)
    database.client.close()


ALL = Counter(
    {
        (kind, channel_, "sent"): REQUESTERS
        for kind, channel_ in [
            ("receipt", "channel"),
            ("receipt", "email"),
            ("assigned", "channel"),
            ("assigned", "email"),
            ("assigned_to_agent", "agent"),
            ("solution_suggested", "channel"),
            ("solution_suggested", "email"),
        ]
    }
)


@pytest.mark.parametrize("kills", [0, 3])
def test_each_is_told_once_by_each_channel(desk: Desk, kills: int) -> None:
    """Two instances; with `kills`, one of them dies that often in the middle of it."""
    dice = random.Random(kills)
    messages = 2 * [message for n in range(REQUESTERS) for message in messages_of(n)]
    dice.shuffle(messages)
    desk.start_all([("notifications", 1), ("notifications", 2)])
    step = len(messages) // (kills + 1)
    for place in range(0, len(messages), step):
        publish(desk, messages[place : place + step])
        if kills:
            desk.kill("notifications", 1)
            desk.start("notifications", 1)
    assert settled(desk) == ALL
    desk.terminate("notifications", 1)
    desk.terminate("notifications", 2)

    shown = drain(desk, "web", "web.outcomes") + drain(desk, "agent.a1", "agent.a1.inbox")
    ids = Counter(event.id for event in shown)
    assert len(ids) == 4 * REQUESTERS
    if not kills:
        assert set(ids.values()) == {1}
    for n in range(REQUESTERS):
        assert derived_id(f"opened-{n}", f"r{n}", "channel") in ids
    kinds = Counter({event.id: event.data["kind"] for event in shown}.values())
    assert kinds == dict.fromkeys(["receipt", "assigned", "assigned_to_agent", "solution_suggested"], REQUESTERS)

    mails = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in desk.mail_folder.glob("*.eml")]
    assert Counter(mail["To"] for mail in mails) == {f"ada{n}@example.org": 3 for n in range(REQUESTERS)}
    answers = [mail.get_content() for mail in mails if "An answer" in mail["Subject"]]
    assert len(answers) == REQUESTERS
    assert all("Log out and in again." in text and "7 days" in text for text in answers)


def opened(n: int, **more: Any) -> Message[Any]:
    requester = {"id": f"r{n}", "kind": "account", "display_name": f"Ada {n}", "tier": "standard"}
    return an_event("ticket.opened", f"opened-{n}", number=f"{n:08}", requester=requester, **more)


def test_a_webhook_and_a_mail_server_that_never_answer_delay_nothing_else(desk: Desk, tmp_path: Path) -> None:
    """200 deliveries by the channel and by another webhook are through within seconds."""
    with receiving() as (kept, url), silent_server() as mute:
        file = tmp_path / "webhooks.yaml"
        hooks = [f"  - {{name: {name}, url: '{url}{path}', secrets: [{SECRET}]}}\n" for name, path in HOOKS.items()]
        file.write_text("webhooks:\n" + "".join(hooks), encoding="utf-8")
        desk.settings |= {"CASEBUS_WEBHOOKS": str(file), "CASEBUS_SMTP": f"smtp://127.0.0.1:{mute}"}
        desk.start("notifications")
        publish(desk, [a_contact_change(1, f"ada{n}@example.org", f"r{n}") for n in range(100)])
        publish(desk, [opened(n, contact_version=1) for n in range(100)])
        through = {("receipt", "channel", "sent"): 100, ("receipt", "webhook", "sent"): 100}
        wait(
            lambda: deliveries(desk), "what goes by others", lambda found: through.items() <= found.items(), patience=10
        )
        assert deliveries(desk)["receipt", "email", "sent"] == 0
        publish(desk, [opened(n) for n in range(100, 110)])
        wanted = {derived_id(f"opened-{n}", "well", "webhook") for n in range(110)}
        wait(lambda: wanted - {id_ for id_, _ in list(kept.verified)}, "what comes later", operator.not_, patience=15)
        came = Counter(id_ for id_, _ in kept.verified)
        assert {came[id_] for id_ in wanted} == {1}
        assert 0 < kept.asked.count(HOOKS["dead"]) <= 16, "one that never answers is asked less and less often"


HOOKS = {"dead": "/silent", "well": "/status/200"}


def failed_now(desk: Desk, choice: Choice = ALL_FAILED) -> list[Delivery]:
    """What has failed, as the command line reads it."""
    with MongoClient[dict[str, Any]](desk.operator_mongo_url, tz_aware=True) as client:
        return list(failed(client[f"{desk.db_prefix}_notifications"], choice))


def test_what_failed_is_sent_again_once_for_each_time_that_it_is_asked_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = {"CASEBUS_SMTP": "smtp://127.0.0.1:1", "CASEBUS_MAIL_GIVE_UP_HOURS": "0.0003"}  # a second
    desk.settings_of["notifications"] = away
    desk.start("notifications")
    people = range(30)
    publish(desk, [a_contact_change(1, f"ada{n}@example.org", f"r{n}") for n in people])
    publish(desk, [opened(n, contact_version=1) for n in people])
    assert settled(desk, 60)["receipt", "email", "failed"] == 30
    monkeypatch.setenv("CASEBUS_MONGO", desk.operator_mongo_url)
    monkeypatch.setenv("CASEBUS_AMQP_OPERATOR", desk.amqp_url("operator"))
    monkeypatch.setenv("CASEBUS_DB_PREFIX", desk.db_prefix)
    asked = CliRunner().invoke(app, ["notifications", "failed", "--kind", "receipt", "--since", "1h", "--json"])
    rows = [json.loads(line) for line in asked.output.splitlines()]
    assert {row["recipient"] for row in rows} == {f"r{n}" for n in people}
    assert "@" not in asked.output
    dry = CliRunner().invoke(app, ["notifications", "resend", "--all", "--dry-run"])
    assert "30 deliveries" in dry.output
    assert deliveries(desk)["receipt", "email", "failed"] == 30

    before = rows[0]["attempts"]
    in_vain = CliRunner().invoke(app, ["notifications", "resend", rows[0]["id"]])
    assert "Sent again: 1 delivery." in in_vain.output
    # At once, at the end of its time, and perhaps once more, when a server that is left alone is asked again.
    wait(
        lambda: failed_now(desk, Choice(ids=frozenset({rows[0]["id"]}))),
        "another try",
        lambda found: [(each.attempts_before, each.attempts >= before + 2) for each in found] == [(before, True)],
        patience=PATIENCE,
    )

    desk.terminate("notifications")
    desk.settings_of["notifications"] = {}
    desk.start_all([("notifications", 1), ("notifications", 2)])
    chosen = [delivery.id for delivery in failed_now(desk)]
    with ThreadPoolExecutor(2) as operators:
        counts = [*operators.map(lambda _: resent(chosen), range(2))]
    assert sum(counts) == 30, "two operators at once"
    assert settled(desk, 60)["receipt", "email", "sent"] == 30
    mails = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in desk.mail_folder.glob("*.eml")]
    assert Counter(mail["To"] for mail in mails) == {f"ada{n}@example.org": 1 for n in people}
    assert {mail[ARRIVALS] for mail in mails} == {"1"}
    again = CliRunner().invoke(app, ["notifications", "resend", rows[0]["id"]])
    assert isinstance(again.exception, Trouble), "it has not failed any more"


def resent(ids: list[str]) -> int:
    """How many are sent again, by the outcome; seven a command."""
    with Client(settings.load().get("AMQP_OPERATOR")) as desk:
        return each_of(desk, "notifications.resend", lambda some: Resend(deliveries=some), "deliveries", ids, 7)


def test_what_a_requester_has_set_is_kept_and_honoured(desk: Desk) -> None:
    desk.start("notifications")
    set_: dict[str, Any] = {"language": "de-AT", "notify": {"closed": {"email": False}}}
    hours = {"starts": "00:00", "ends": "23:59", "time_zone": "UTC"}
    publish(
        desk,
        [
            a_preferences_change(1, "r1", **set_),
            a_contact_change(1, "ada@example.org", "r1", code="12345678"),
            a_preferences_change(1, "r2", quiet_hours=hours),
            a_contact_change(1, "bob@example.org", "r2"),
        ],
    )
    assert settled(desk, 1)["contact_code", "email", "sent"] == 1
    publish(desk, [opened(1, contact_version=1), opened(2, contact_version=1)])
    closed = replace(opened(1, contact_version=1), id="closed-1", type="ticket.closed")
    publish(desk, [closed])
    expected = {
        ("contact_code", "email", "sent"): 1,
        ("receipt", "channel", "sent"): 2,
        ("receipt", "email", "sent"): 1,
        ("receipt", "email", "pending"): 1,
        ("closed", "channel", "sent"): 1,
    }
    wait(lambda: deliveries(desk), "these deliveries", lambda found: found == expected, patience=PATIENCE)
    mails = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in desk.mail_folder.glob("*.eml")]
    subjects = sorted(mail["Subject"] for mail in mails)
    assert subjects == ["Ihr Code, um diese Adresse zu bestätigen", "Wir haben Ihre Anfrage 00000001 erhalten"]
    shown = {event.data["title"] for event in drain(desk, "web", "web.outcomes")}
    assert "We have your case 00000002" in shown


def test_a_mail_server_that_is_away_keeps_nobody_from_being_told_by_the_channel(desk: Desk) -> None:
    desk.settings |= {"CASEBUS_SMTP": "smtp://127.0.0.1:1", "CASEBUS_MAIL_GIVE_UP_HOURS": "0.0006"}  # two seconds
    desk.start("notifications")
    publish(desk, messages_of(1))
    found = settled(desk, 7)
    assert {key: number for key, number in found.items() if key[1] == "email"} == {
        (kind, "email", "failed"): 1 for kind in ("receipt", "assigned", "solution_suggested")
    }
    assert len(drain(desk, "web", "web.outcomes")) == 3
