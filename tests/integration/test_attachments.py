"""Files through the real broker into the real database: encrypted there, stored once for each content, and back for
those who may have them."""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import MongoClient

from deploy.local.desk import Desk
from services.chassis.database import open_database
from services.intake.files.contents import opened
from services.intake.files.keeping import FileTerms, Keeping, file_of
from services.intake.files.keys import MasterKeys
from services.intake.files.sweeping import sweep
from tests.integration.test_intake import ask, database, outcomes, publish
from tests.unit.intake.desk import account, submission
from tests.waiting import wait

KEYS = f"first {'A' * 43}="
PROGRAM = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00" + bytes(48)
"""As every Windows program begins. (Of random bytes, one in a hundred passes for text.)"""

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3 the receipt of ann"


def attachment(content: bytes = PDF, media_type: str = "application/pdf", name: str = "receipt.pdf") -> dict[str, Any]:
    return {"name": name, "media_type": media_type, "content": base64.b64encode(content).decode()}


def test_a_file_in_a_command_is_encrypted_and_stored_once(desk: Desk) -> None:
    desk.start_all([("intake", 1), ("intake", 2)])
    opened = ask(desk, "web", "1", "ticket.submit", submission(account("ann"), attachments=[attachment()]))
    assert opened.type == "ticket.opened"
    number = opened.data["ticket"]["number"]
    more = {"requester": account("ann"), "number": number, "body": "Again."}
    replies = [
        (f"r{n}", "ticket.reply", {**more, "attachments": [attachment(), attachment(name="b")]}) for n in range(30)
    ]
    publish(desk, "web", replies)
    assert {event.type for event in outcomes(desk, "web", "web.outcomes", 30)} == {"command.accepted"}
    of_bob = ask(desk, "web", "2", "ticket.submit", submission(account("bob"), attachments=[attachment()]))
    assert of_bob.type == "ticket.opened"
    with database(desk) as documents:
        records = documents("attachments")
        assert {(record["owner"], record["state"], record["used"]) for record in records} == {
            ("account:ann", "stored", True),
            ("account:bob", "stored", True),
        }
        chunks = documents("files.chunks")
        assert {chunk["files_id"] for chunk in chunks} == {record["blob"] for record in records}
        assert len(chunks) == len(documents("files.files")) == len(records) == 2
        assert all(b"receipt" not in chunk["data"] for chunk in chunks)
        (entry,) = [entry for entry in documents("entries") if entry["version"] == 1 and "ann" in str(entry)]
        assert entry["details"]["attachments"][0]["ref"] == next(r["_id"] for r in records if "ann" in r["owner"])
    for plain in (b"the receipt of ann", base64.b64encode(PDF)):
        assert not in_any_database(desk, plain), "the content is nowhere but in its file"


def in_any_database(desk: Desk, what: bytes) -> bool:
    """Whether it stands anywhere in intake's database, for example in messages that wait to be sent."""
    with MongoClient[dict[str, Any]](desk.admin_mongo_url) as client:
        of_intake = client[f"{desk.db_prefix}_intake"]
        return any(
            what in repr(row).encode() for name in of_intake.list_collection_names() for row in of_intake[name].find()
        )


def test_a_file_that_may_not_be_taken_is_left_out_and_the_ticket_is_filed(desk: Desk) -> None:
    desk.settings_of["intake"] = {
        "CASEBUS_ATTACHMENT_MIB": "0.01",
        "CASEBUS_ATTACHMENT_TYPES": "application/pdf text/plain text/csv application/x-foo",
    }
    desk.start("intake")
    sent = [
        attachment(PROGRAM, name="C:\\me\u202egnp.exe"),
        attachment(b"<html></html>", "text/html", "a.html"),
        attachment(PDF + bytes(11_000), name="large.pdf"),
        {**attachment(name="odd.pdf"), "content": "****"},
        attachment(),
        attachment("Größe;Preis\r\n".encode("cp1252"), "application/vnd.ms-excel", "prices.csv"),
        attachment(b"\x01\x02\x03\x04" * 9, "application/x-foo", "own.foo"),
    ]
    heard = ask(desk, "web", "1", "ticket.submit", submission(account("ann"), attachments=sent))
    assert heard.type == "ticket.opened"
    left_out = {
        "megnp.exe": "Files of type application/vnd.microsoft.portable-executable are not accepted.",
        "a.html": "Files of type text/html are not accepted.",
        "large.pdf": "A file may have at most 0.01 MiB.",
        "odd.pdf": "It is malformed (content: Not base64.).",
    }
    assert {file["name"]: file["reason"] for file in heard.data["left_out"]} == left_out
    number = heard.data["ticket"]["number"]
    opening, note = ask(desk, "web", "v", "ticket.view", {"requester": account("ann"), "number": number}).data[
        "history"
    ]
    assert {file["name"]: file["media_type"] for file in opening["attachments"]} == {
        "receipt.pdf": "application/pdf",
        "prices.csv": "text/csv",
        "own.foo": "application/x-foo",
    }
    assert note["author"]["kind"] == "service"
    assert all(f"{name}: {reason}" in note["text"] for name, reason in left_out.items())
    again = ask(desk, "web", "1", "ticket.submit", submission(account("ann"), attachments=sent))
    assert again.data == heard.data, "the same command again has the same outcome"
    alone = {"requester": account("ann"), "number": number, "attachments": sent[:1]}
    assert ask(desk, "web", "2", "ticket.reply", alone).data["code"] == "invalid"
    with_file = {**alone, "attachments": sent[4:5]}
    assert ask(desk, "web", "3", "ticket.reply", with_file).type == "command.accepted"
    with database(desk) as documents:
        assert [record["used"] for record in documents("attachments")] == [True] * 3


def test_a_wrong_secret_stores_no_file(desk: Desk) -> None:
    desk.start("intake")
    requester = {"temporary": {"account_id": "nobody", "secret": "guessed"}}
    heard = ask(desk, "web", "1", "ticket.submit", submission(requester, attachments=[attachment()]))
    assert heard.data["code"] == "unauthenticated"
    with database(desk) as documents:
        assert not documents("attachments")
        assert not documents("files.chunks")


def test_a_file_comes_back_to_its_requester_and_to_the_agent_of_its_ticket(desk: Desk) -> None:
    desk.start("intake")
    opened = ask(desk, "web", "1", "ticket.submit", submission(account("ann"), attachments=[attachment()]))
    number = opened.data["ticket"]["number"]
    assigned = {"agent": {"id": "a1", "display_name": "A1"}, "assignment_seq": 0, "reason": "least loaded"}
    ask(desk, "routing", "2", "ticket.assign", {"number": number, **assigned})
    viewed = ask(desk, "web", "3", "ticket.view", {"requester": account("ann"), "number": number})
    ref = viewed.data["history"][0]["attachments"][0]["ref"]
    asked = {"number": number, "ref": ref}
    for user, who in (("web", {"requester": account("ann")}), ("agent.a1", {"agent_id": "a1"})):
        heard = ask(desk, user, "d", "attachment.download", {**asked, **who})
        assert base64.b64decode(heard.data["content"]) == PDF
    refused = ask(desk, "web", "4", "attachment.download", {**asked, "requester": account("bob")})
    assert refused.data["code"] == "forbidden"
    with MongoClient[dict[str, Any]](desk.admin_mongo_url) as client:
        of_intake = client[f"{desk.db_prefix}_intake"]
        assert not any("attachment.content" in str(row) for row in of_intake["handled"].find())
        of_intake["files.chunks"].update_one({}, {"$set": {"data": b"something else"}})
        spoilt = ask(desk, "web", "5", "attachment.download", {**asked, "requester": account("ann")})
        assert spoilt.data["code"] == "wrong_status"
        assert of_intake["attachments"].count_documents({"damaged": True}) == 1


def test_a_large_file_goes_in_and_comes_out_in_parts(desk: Desk) -> None:
    desk.start_all([("intake", 1), ("intake", 2)])
    film = b"\x00\x00\x00\x18ftypmp42" + os.urandom(1_000_000)
    pieces = [film[at : at + 262_144] for at in range(0, len(film), 262_144)]
    told = {"requester": account("ann"), "upload": "u1", "name": "film.mp4", "media_type": "video/mp4", "parts": 4}
    parts = [
        (f"u{number}", "attachment.upload", {**told, "part": number, "content": base64.b64encode(piece).decode()})
        for number, piece in enumerate(pieces, 1)
    ]
    publish(desk, "web", [parts[2], parts[0], parts[3]])
    assert {event.type for event in outcomes(desk, "web", "web.outcomes", 3)} == {"command.accepted"}
    stored = ask(desk, "web", *parts[1])
    assert stored.type == "attachment.stored"
    assert ask(desk, "web", *parts[1]).id == stored.id
    sent = submission(account("ann"), attachments=[stored.data["attachment"]])
    number = ask(desk, "web", "s", "ticket.submit", sent).data["ticket"]["number"]
    asked = {"requester": account("ann"), "number": number, "ref": stored.data["attachment"]["ref"]}
    commands = [(f"d{part}", "attachment.download", {**asked, "part": part}) for part in range(1, 5)]
    publish(desk, "web", commands)
    heard = sorted(outcomes(desk, "web", "web.outcomes", 4), key=lambda event: event.data["part"])
    assert b"".join(base64.b64decode(event.data["content"]) for event in heard) == film


def test_a_file_of_a_temporary_account_is_named_by_the_real_one_after_a_merge(desk: Desk) -> None:
    desk.start("intake")
    opened_ = ask(desk, "web", "1", "account.open_temporary", {"contact_email": "zoe@example.org"}).data
    gone = {"temporary": {"account_id": opened_["account_id"], "secret": opened_["secret"]}}
    file = {"upload": "u", "name": "a.pdf", "media_type": "application/pdf", "part": 1, "parts": 1}
    file["content"] = base64.b64encode(PDF).decode()
    stored = ask(desk, "web", "2", "attachment.upload", {"requester": gone, **file})
    assert stored.type == "attachment.stored"
    before = ask(desk, "web", "b", "ticket.submit", submission(account("ann"))).data["ticket"]["number"]
    alone = {"requester": account("ann"), "number": before, "attachments": [stored.data["attachment"]]}
    assert ask(desk, "web", "3", "ticket.reply", alone).data["code"] == "invalid"
    assert ask(desk, "web", "4", "account.merge", {"requester": account("ann"), **gone}).type == "command.accepted"
    heard = ask(desk, "web", "5", "ticket.reply", alone)
    assert (heard.type, "left_out" in heard.data) == ("command.accepted", False)


def test_an_instance_that_is_killed_over_files_loses_none_and_leaves_none(desk: Desk) -> None:
    desk.settings_of["intake"] = {"CASEBUS_ATTACHMENT_KEYS": KEYS}
    desk.start("intake")
    film = {"upload": "u", "name": "film.mp4", "media_type": "video/mp4", "part": 1, "parts": 2}
    film["content"] = base64.b64encode(b"\x00\x00\x00\x18ftypmp42" + bytes(50_000)).decode()
    commands: list[tuple[str, str, dict[str, Any]]] = []
    for n in range(60):
        who = account(f"p{n}")
        file = attachment(PDF + bytes([n]))
        commands.append((f"s{n}", "ticket.submit", submission(who, attachments=[file, file])))
        commands.append((f"u{n}", "attachment.upload", {**film, "requester": who}))
    publish(desk, "web", commands)
    of_files = open_database(desk.mongo_url("intake"), f"{desk.db_prefix}_intake", "tests")
    kept = Keeping(of_files, MasterKeys.parse(KEYS), "k" * 32, FileTerms())
    wait(lambda: kept.records.count_documents({}), "20 files", lambda count: count >= 20, every=0.005)
    desk.kill("intake")  # in the middle of what it does before a turn
    desk.start("intake")
    heard: set[str | None] = set()
    while len(heard) < len(commands):  # after a crash an outcome may come twice
        (event,) = outcomes(desk, "web", "web.outcomes", 1)
        assert event.type in ("ticket.opened", "command.accepted")
        heard.add(event.causationid)
    desk.terminate("intake")
    assert kept.records.count_documents({"used": True, "state": "stored"}) == 60
    while sweep(kept, datetime.now(UTC) + timedelta(days=2)):
        pass
    records = [file_of(row) for row in kept.records.find()]
    assert all(opened(kept, file, 1).startswith(PDF) for file in records)
    assert of_files["files.chunks"].count_documents({}) == of_files["files.files"].count_documents({}) == 60
    assert of_files["uploads"].count_documents({}) == 0
    of_files.client.close()
