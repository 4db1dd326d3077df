"""A person is erased on a real broker and database: nothing of them is found in any collection of any service.

`found` is the heart of it: it walks every document of every database of the desk, and every dead letter.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import amqp
from pymongo import MongoClient
from typer.testing import CliRunner

from contracts.names import SERVICES
from contracts.topology import DESK, INTAKE
from deploy.cli.main import app
from deploy.local.desk import Desk
from deploy.trouble import Trouble
from services.chassis.database import open_database
from services.intake.files.keeping import FileTerms, Keeping
from services.intake.files.keys import MasterKeys
from services.intake.files.sweeping import sweep
from tests.integration.test_intake import ask
from tests.raw_amqp import open_channel
from tests.unit.notifications.receiver import SECRET
from tests.waiting import wait

NAME, ADDRESS, WORDS = "Zoe-the-Name", "zoe-the-address@example.org", "zoe-the-words"
ID = "zoe-the-id"
ZOE = {"account_id": ID, "display_name": NAME, "tier": "vip", "email": ADDRESS}
KEYS = f"first {'A' * 43}="

ID_STAYS = {
    "intake.accounts",
    "intake.erasures",
    "intake.handled",
    "notifications.contacts",
    "notifications.preferences",
    "notifications.deliveries",
}
"""The id that the channel gave the account stays there; docs/privacy.md says for how long."""


def rows(desk: Desk) -> Iterator[tuple[str, bytes]]:
    """All documents of all services, each with the name of its collection."""
    with MongoClient[dict[str, Any]](desk.admin_mongo_url) as client:
        for service in SERVICES:
            database = client[f"{desk.db_prefix}_{service}"]
            for name in database.list_collection_names():
                for row in database[name].find():
                    yield f"{service}.{name}", repr(row).encode()


def letters(desk: Desk) -> Iterator[bytes]:
    """All dead letters; they stay."""
    with open_channel(desk.amqp_url("operator")) as held:
        while message := held.basic_get("helpdesk.dead"):
            body = message.body
            yield body if isinstance(body, bytes) else body.encode()


def found(desk: Desk, *what: str) -> set[str]:
    """Where any of these stands."""
    hits = {where for where, row in rows(desk) if any(word.encode() in row for word in what)}
    return hits | {"dead" for body in letters(desk) if any(word.encode() in body for word in what)}


def file(name: str) -> dict[str, Any]:
    content = base64.b64encode(f"{WORDS} in the file {name}".encode()).decode()
    return {"name": name, "media_type": "text/plain", "content": content}


def submission(subject: str = f"Charged twice, {WORDS}", **more: Any) -> dict[str, Any]:
    return {
        "requester": ZOE,
        "category": "billing",
        "subject": subject,
        "body": f"My card was charged twice for the order {WORDS}.",
        "fields": {"order": WORDS},
        **more,
    }


def number_of(desk: Desk, id_: str, **more: Any) -> str:
    opened = ask(desk, "web", id_, "ticket.submit", submission() | more)
    assert opened.type == "ticket.opened", opened.data
    number: str = opened.data["ticket"]["number"]
    return number


def agent_of(desk: Desk, number: str) -> None:
    """Wait until the agent has it."""
    with MongoClient[dict[str, Any]](desk.admin_mongo_url) as client:
        tickets = client[f"{desk.db_prefix}_intake"]["tickets"]
        wait(lambda: (tickets.find_one({"number": number}) or {}).get("agent"), "no agent")


def as_agent(desk: Desk, id_: str, type_: str, number: str, **more: Any) -> Mapping[str, Any]:
    data: Mapping[str, Any] = ask(desk, "agent.a1", id_, type_, {"agent_id": "a1", "number": number, **more}).data
    return data


def lived_through(desk: Desk) -> list[str]:
    """All the ways in which words, name and address of a person come into the desk. Returns the numbers of her
    tickets."""
    for type_, more in (
        ("account.set_preferences", {"language": "de", "notify": {"receipt": {"email": True}}}),
        ("attachment.upload", {"upload": "u", "name": WORDS, "media_type": "text/plain", "part": 1, "parts": 2}),
    ):
        content = {"content": base64.b64encode(WORDS.encode() * 10).decode()} if "upload" in more else {}
        ask(desk, "web", type_, type_, {"requester": ZOE, **more, **content})
    whole = {"upload": "w", "name": WORDS, "media_type": "text/plain", "part": 1, "parts": 1}
    wholly = base64.b64encode(b"whole " + WORDS.encode()).decode()
    stored = ask(desk, "web", "whole", "attachment.upload", {"requester": ZOE, **whole, "content": wholly})
    assert stored.type == "attachment.stored", stored.data
    first = number_of(desk, "s1", attachments=[file(f"{WORDS}.txt")])
    agent_of(desk, first)
    assert ask(desk, "web", "s2", "ticket.submit", submission()).type == "ticket.duplicate"
    similar = submission(f"I was charged twice, {WORDS} again")
    assert ask(desk, "web", "s3", "ticket.submit", similar).type == "ticket.similar"
    edit = {"requester": ZOE, "number": first, "subject": f"Still {WORDS}", "body": f"And more {WORDS}"}
    assert ask(desk, "web", "e1", "ticket.edit", edit).type == "command.accepted"
    as_agent(desk, "n1", "ticket.add_note", first, body=f"She says {WORDS}; {NAME}")
    assert as_agent(desk, "c1", "ticket.ask_info", first, body="?", expected_version=1)["code"] == "conflict"
    as_agent(desk, "a1", "ticket.ask_info", first, body=f"Dear {NAME}, which {WORDS}?")
    reply = {"requester": ZOE, "number": first, "body": f"These {WORDS}", "attachments": [file("second.txt")]}
    assert ask(desk, "web", "r1", "ticket.reply", reply).type == "command.accepted"
    another = submission("Something else", body=f"Sound is gone {WORDS}", category="technical", fields={})
    second = number_of(desk, "s4", **another, distinct_from=[first])
    agent_of(desk, second)
    as_agent(desk, "a2", "ticket.close", second, reason=f"Done for {NAME}: {WORDS}")
    for exchange, body in ((INTAKE, f'{{"no": "event", "of": "{ID}", "{WORDS}": 1}}'), (DESK, f"no json {WORDS} {ID}")):
        with open_channel(desk.amqp_url("casebus_admin")) as held:
            message = amqp.Message(body, user_id="casebus_admin")
            held.basic_publish(message, exchange=exchange, routing_key="ticket.submit")
    return [first, second]


def swept(desk: Desk) -> None:
    """What intake does once a minute."""
    database = open_database(desk.mongo_url("intake"), f"{desk.db_prefix}_intake", "test")
    sweep(Keeping(database, MasterKeys.parse(KEYS), "k" * 32, FileTerms()), datetime.now(UTC))
    database.client.close()


def start(desk: Desk, tmp_path: Path) -> None:
    """The whole desk, with a mail server and a webhook that are away: what it was to tell them is kept."""
    hooks = tmp_path / "webhooks.yaml"
    hooks.write_text(
        f"webhooks:\n  - {{name: crm, url: 'http://127.0.0.1:9/', secrets: [{SECRET}]}}\n", encoding="utf-8"
    )
    more = {"CASEBUS_WEBHOOKS": str(hooks), "CASEBUS_COMMUNITY_MANAGER": "manager@example.org"}
    desk.settings_of["notifications"] = more | {"CASEBUS_SMTP": "smtp://127.0.0.1:9"}
    desk.start_all([(service, 1) for service in SERVICES])
    signed_on = {"agent_id": "a1", "display_name": "Grace", "capacity": 50, "skills": ["*"]}
    ask(desk, "agent.a1", "on", "agent.sign_on", signed_on)


def environment(desk: Desk) -> dict[str, str]:
    """What the command line needs to know."""
    return {
        "CASEBUS_AMQP_OPERATOR": desk.amqp_url("operator"),
        "CASEBUS_MONGO": desk.operator_mongo_url,
        "CASEBUS_DB_PREFIX": desk.db_prefix,
    }


def quiet(desk: Desk) -> bool:
    """Whether every erasure is done, and everything said and heard."""
    with MongoClient[dict[str, Any]](desk.admin_mongo_url) as client:
        of = {service: client[f"{desk.db_prefix}_{service}"] for service in SERVICES}
        waiting = any(of[service]["outbox"].find_one() for service in SERVICES)
        undone = of["intake"]["erasures"].find_one({"done": False}) or not of["intake"]["erasures"].find_one()
        words = of["notifications"]["deliveries"].find_one({"text": {"$gt": ""}})
        return not (waiting or undone or words)


def test_nothing_of_who_is_erased_is_found_anywhere(desk: Desk, tmp_path: Path) -> None:
    start(desk, tmp_path)
    numbers = lived_through(desk)
    before = found(desk, NAME, ADDRESS, WORDS)
    assert {
        "intake.accounts",
        "intake.tickets",
        "intake.entries",
        "intake.handled",
        "intake.uploads",
        "sla.tickets",
        "notifications.contacts",
        "notifications.deliveries",
        "dead",
    } <= before, "the walk finds what there is"

    erased = ask(desk, "web", "erase", "account.erase", {"requester": ZOE, "content": True})
    assert erased.type == "command.accepted", erased.data
    wait(lambda: quiet(desk), "not quiet")
    swept(desk)
    assert found(desk, NAME, ADDRESS, WORDS) == {"dead"}
    assert found(desk, ID) - {"dead"} <= ID_STAYS
    assert not [where for where, _ in rows(desk) if where in ("intake.attachments", "intake.files.chunks")]

    runner = CliRunner()
    dropped = runner.invoke(app, ["dead", "erase"], env=environment(desk))
    assert dropped.exit_code == 0, dropped.output
    assert "2 dead letters" in dropped.output
    with MongoClient[dict[str, Any]](desk.operator_mongo_url) as client:
        (noted,) = client[f"{desk.db_prefix}_intake"]["erasures"].find()
        assert noted["swept_at"] is not None
    assert found(desk, NAME, ADDRESS, WORDS, ID) <= ID_STAYS

    again = ask(desk, "web", "erase", "account.erase", {"requester": ZOE, "content": True})
    assert again.id == erased.id
    once_more = ask(desk, "web", "s1", "ticket.submit", submission())
    assert (once_more.type, once_more.data["ticket"]["subject"]) == ("ticket.opened", "erased")
    late = {"requester": ZOE, "number": numbers[0], "body": "Hello?"}
    assert ask(desk, "web", "late", "ticket.reply", late).data["code"] == "forbidden"
    assert ask(desk, "web", "l", "ticket.list", {"requester": ZOE}).data["tickets"] == []
    seen = as_agent(desk, "v", "ticket.view", numbers[0])
    assert (seen["ticket"]["requester"]["display_name"], seen["ticket"]["erased"]) == ("erased", True)
    assert {look["text"] for look in seen["history"]} == {"", "erased", "The requester was erased."}
    new = ask(desk, "web", "back", "ticket.submit", submission(subject="I am back"))
    assert new.type == "ticket.opened"
    assert new.data["ticket"]["contact_version"] > 1


def part_of(desk: Desk, id_: str, ref: str, part: int) -> bytes:
    asked = {"requester": ZOE, "ref": ref, "part": part}
    content: str = ask(desk, "web", id_, "attachment.download", asked).data["content"]
    return base64.b64decode(content)


def test_an_archive_holds_all_that_the_account_may_see_and_goes_with_it(desk: Desk, tmp_path: Path) -> None:
    desk.start_all([("intake", 1), ("intake", 2)])
    ask(desk, "web", "p", "account.set_preferences", {"requester": ZOE, "language": "de"})
    big = base64.b64encode(b"x" * 249_999).decode()
    large = [{"name": f"{n}/../<b>.txt", "media_type": "text/plain", "content": big[n:] + "A" * n} for n in (0, 4, 8)]
    first = number_of(desk, "s1", attachments=[file("a.txt"), *large])
    second = number_of(desk, "s2", subject="<script>", body="Another thing entirely", distinct_from=[first])
    exported = ask(desk, "web", "x1", "account.export", {"requester": ZOE})
    assert exported.type == "account.exported", exported.data
    told = exported.data["attachment"]
    parts = range(1, -(-told["size"] // 262_144) + 1)
    assert len(parts) > 1
    content = b"".join(part_of(desk, f"d{part}", told["ref"], part) for part in parts)
    assert hashlib.sha256(content).hexdigest() == told["sha256"]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert {"account.json", "index.html", f"tickets/{first}/ticket.json", f"tickets/{second}/ticket.html"} <= {
            *names
        }
        assert not any(".." in name.split("/") for name in names)
        assert json.loads(archive.read("account.json"))["contact_email"] == ADDRESS
        history = json.loads(archive.read(f"tickets/{first}/ticket.json"))["history"]
        assert WORDS in history[0]["text"]
        assert b"<script>" not in archive.read("index.html") + archive.read(f"tickets/{second}/ticket.html")
        files = [archive.read(name) for name in names if "/files/" in name]
        assert sorted(map(len, files))[-1] == 249_999
        assert any(WORDS.encode() in content for content in files)
    again = ask(desk, "web", "x2", "account.export", {"requester": ZOE})
    assert again.data["attachment"]["ref"] == told["ref"], "one a day"
    other = {"requester": {**ZOE, "account_id": "bob"}, "ref": told["ref"]}
    assert ask(desk, "web", "o", "attachment.download", other).data["code"] == "invalid"
    named = {"requester": ZOE, "number": first, "body": "?", "attachments": [told]}
    assert ask(desk, "web", "n", "ticket.reply", named).data.get("left_out"), "no file of a ticket's"
    runner, env, target = CliRunner(), environment(desk), tmp_path / "zoe.zip"
    written = runner.invoke(app, ["account", "export", ID, "--to", str(target)], env=env)
    assert written.exit_code == 0, written.output
    assert target.read_bytes() == content
    assert isinstance(runner.invoke(app, ["account", "export", ID, "--to", str(target)], env=env).exception, Trouble)
    ask(desk, "web", "e", "account.erase", {"requester": ZOE, "content": True})
    wait(lambda: quiet(desk), "not quiet")
    swept(desk)
    assert not [where for where, _ in rows(desk) if where in ("intake.attachments", "intake.files.chunks")]


def test_the_operator_erases_a_temporary_account_through_the_bus(desk: Desk) -> None:
    desk.start("intake")
    opened = ask(desk, "web", "o", "account.open_temporary", {"display_name": NAME, "contact_email": ADDRESS})
    temporary = {"account_id": opened.data["account_id"], "secret": opened.data["secret"]}
    filed = ask(desk, "web", "f", "ticket.submit", submission() | {"requester": {"temporary": temporary}})
    assert filed.type == "ticket.opened"
    runner, env = CliRunner(), environment(desk)
    unknown = runner.invoke(app, ["account", "erase", "nobody", "-y"], env=env)
    assert isinstance(unknown.exception, Trouble)
    erase = ["account", "erase", temporary["account_id"], "--temporary"]
    assert runner.invoke(app, erase, env=env, input="n\n").exit_code == 1
    assert runner.invoke(app, [*erase, "--content", "-y"], env=env).exit_code == 0
    wait(lambda: not found(desk, NAME, ADDRESS, WORDS), "something is left")
    assert (
        ask(desk, "web", "v", "ticket.list", {"requester": {"temporary": temporary}}).data["code"] == "unauthenticated"
    )
    assert runner.invoke(app, [*erase, "-y"], env=env).exit_code == 0, "again is harmless"


def test_what_is_redacted_is_found_nowhere(desk: Desk, tmp_path: Path) -> None:
    staff = tmp_path / "staff.yaml"
    staff.write_text("members:\n  - {agent_id: a1, roles: [agent, manager], skills: ['*']}\n", encoding="utf-8")
    desk.settings["CASEBUS_STAFF"] = str(staff)
    start(desk, tmp_path)
    number = number_of(desk, "s1", attachments=[file("card.txt")], fields={"order": WORDS}, category="billing")
    agent_of(desk, number)
    ask(desk, "web", "s2", "ticket.submit", submission(body="Nothing new."))
    as_agent(desk, "q1", "ticket.ask_info", number, body=f"Is it {WORDS}?")
    as_agent(desk, "q2", "ticket.suggest_solution", number, body="Log out and in.")
    history = as_agent(desk, "v1", "ticket.view", number)["history"]
    written = [entry["id"] for entry in history if WORDS in str(entry)]
    assert {"intake.entries", "intake.tickets", "intake.handled", "sla.tickets", "notifications.deliveries"} <= found(
        desk, WORDS
    )
    for place, entry_id in enumerate(written):
        done = as_agent(desk, f"x{place}", "ticket.redact", number, entry_id=entry_id, reason="Secret", subject=True)
        assert done["ticket"]["subject"] == "[redacted]"
    wait(lambda: not found(desk, WORDS), "something is left")
    swept(desk)
    assert not [where for where, _ in rows(desk) if where in ("intake.attachments", "intake.files.chunks")]
    after = as_agent(desk, "v2", "ticket.view", number)["history"]
    assert [(entry["author"]["id"], entry["text"]) for entry in after if entry["kind"] == "redacted"] == [
        ("a1", "Secret") for _ in written
    ]
    assert ask(desk, "web", "s1", "ticket.submit", submission()).data["ticket"]["subject"] == "[redacted]"
    as_agent(desk, "q3", "ticket.ask_info", number, body="And now?")
    with MongoClient[dict[str, Any]](desk.admin_mongo_url) as client:
        deliveries = client[f"{desk.db_prefix}_notifications"]["deliveries"]
        wait(lambda: deliveries.find_one({"kind": "info_requested", "text": {"$gt": ""}}), "nothing is told any more")
