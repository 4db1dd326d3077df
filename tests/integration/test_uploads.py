"""Parts of files on the real database: in any order, again, at two instances at once, and contradicting each other."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from gridfs import GridFSBucket
from pymongo.database import Database

from contracts.attachments import Upload
from contracts.file_forms import AttachmentContent, AttachmentNamed, Unusable
from deploy.local.stack import Stack
from services.intake.domain.values.file import Awaited, Brought, Contradicted, PartTaken, TooMany, Unfit
from services.intake.files.contents import opened
from services.intake.files.keeping import (
    KEPT_UNUSED,
    MOST_UNNAMED_FROM_AN_ORIGIN,
    MOST_UNNAMED_OF_AN_ACCOUNT,
    FileTerms,
    Keeping,
    Sender,
    file_of,
)
from services.intake.files.keys import MasterKeys, Wrapped
from services.intake.files.parts import MOST_FROM_AN_ORIGIN, MOST_OF_AN_ACCOUNT, UNFINISHED, Uploads
from services.intake.files.sealing import SEGMENT, TAG
from services.intake.repository import INDEXES
from tests.integration.turn_stores import stores

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KEYS = MasterKeys.parse(f"first {'A' * 43}=")
FILES = ("attachments", "uploads", "files.files", "files.chunks")
HEAD = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3"


@pytest.fixture(scope="module")
def clients(stack: Stack) -> Iterator[list[Database[dict[str, Any]]]]:
    """One database of intake's, as five instances have it."""
    with stores(stack, "intake", 5, INDEXES) as opened_stores:
        yield [store.database for store in opened_stores]


@pytest.fixture
def database(clients: list[Database[dict[str, Any]]]) -> Database[dict[str, Any]]:
    """As one of them has it, and empty."""
    for name in FILES:
        clients[0][name].delete_many({})
    return clients[0]


def keeping(database: Database[dict[str, Any]], mib: float = 20) -> Keeping:
    return Keeping(database, KEYS, "k" * 32, FileTerms(int(mib * 1024**2)))


def parts_of(content: bytes, size: int, **more: Any) -> list[dict[str, Any]]:
    """The data of each `attachment.upload`."""
    pieces = [content[at : at + size] for at in range(0, len(content), size)] or [b""]
    told = {"upload": "u1", "name": "a.pdf", "media_type": "application/pdf", "parts": len(pieces), **more}
    return [{**told, "part": number, "content": piece} for number, piece in enumerate(pieces, 1)]


def send(
    uploads: Uploads, part: dict[str, Any], owner: str = "account:ann", at: datetime = NOW, origin: str = ""
) -> PartTaken:
    return uploads.take(Sender(owner, "web", origin), Upload(agent_id="a1", **part), at)


def content_of(kept: Keeping, ref: str) -> bytes:
    file = file_of(kept.records.find_one({"_id": ref}) or {})
    return b"".join(opened(kept, file, part) for part in range(1, file.parts + 1))


@pytest.mark.parametrize("size", [SEGMENT, 1000, 4096])
def test_parts_in_any_order_make_the_file(database: Database[dict[str, Any]], size: int) -> None:
    kept = keeping(database)
    content = HEAD + os.urandom(3 * size)
    parts = parts_of(content, size)
    random.Random(size).shuffle(parts)
    answers = [send(Uploads(kept), part) for part in parts]
    assert answers[:-1] == [Awaited()] * 3
    last = answers[-1]
    assert isinstance(last, Brought)
    assert content_of(kept, last.ref) == content
    record = file_of(kept.records.find_one({"_id": last.ref}) or {})
    assert (record.size, record.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    whole = GridFSBucket(database, "files").open_download_stream(record.blob)
    assert len(whole.read()) == len(content) + 4 * TAG, "it is a file of GridFS"
    assert [send(Uploads(kept), part) for part in parts] == [last] * 4, "a part that comes again changes nothing"
    assert database["files.chunks"].count_documents({}) == 4


def test_the_same_content_is_stored_once_however_it_comes(database: Database[dict[str, Any]]) -> None:
    kept = keeping(database)
    content = HEAD + b"a little"
    (small,) = kept.bring(
        Sender("account:ann"), [AttachmentContent(name="b", media_type="application/pdf", content=content)], NOW
    )
    assert isinstance(small, Brought)
    ways = [parts_of(content, size, upload=f"u{size}") for size in (SEGMENT, 10)]
    refs = {send(Uploads(kept), parts[-1]) and send(Uploads(kept), parts[0]) for parts in ways[:1]}
    assert {ref.ref for ref in refs if isinstance(ref, Brought)} == {small.ref}
    last = [send(Uploads(kept), part) for part in ways[1]][-1]
    assert isinstance(last, Brought)
    assert last.ref == small.ref
    (other,) = kept.bring(
        Sender("account:bob"), [AttachmentContent(name="b", media_type="application/pdf", content=content)], NOW
    )
    assert isinstance(other, Brought)
    assert other.ref != small.ref, "but nobody learns whether another has it"
    assert kept.records.count_documents({}) == 2


def test_each_file_has_a_key_of_its_own_also_for_the_same_content(database: Database[dict[str, Any]]) -> None:
    kept = keeping(database)
    brought = [AttachmentContent(name="b", media_type="application/pdf", content=HEAD)]
    assert all(isinstance(kept.bring(Sender(who), brought, NOW)[0], Brought) for who in ("account:ann", "account:bob"))
    assert isinstance([send(Uploads(kept), part) for part in parts_of(HEAD + bytes(30), 16)][-1], Brought)
    files = [file_of(row) for row in kept.records.find()]
    assert len({KEYS.unwrap(Wrapped(file.key_by, file.key)) for file in files}) == len(files) == 3
    sealed = [kept.files.segment(file.blob, 0) or b"" for file in files if file.size == len(HEAD)]
    assert len({each[: len(HEAD)] for each in sealed}) == 2, "nor does what is stored show that it is the same"


def test_two_instances_that_take_parts_at_once_agree(clients: list[Database[dict[str, Any]]], database: object) -> None:
    content = HEAD + os.urandom(7000)
    parts = parts_of(content, 1000) * 2
    random.Random(1).shuffle(parts)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda job: send(Uploads(keeping(clients[job[0] % 4])), job[1]), enumerate(parts)))
    stored = {brought.ref for brought in found if isinstance(brought, Brought)}
    assert all(isinstance(brought, Brought | Awaited) for brought in found)
    assert len(stored) == 1
    assert content_of(keeping(clients[0]), stored.pop()) == content


def test_two_instances_that_keep_one_content_at_once_agree(
    clients: list[Database[dict[str, Any]]], database: Database[dict[str, Any]]
) -> None:
    brought = [AttachmentContent(name="b", media_type="application/pdf", content=HEAD)]
    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(lambda n: keeping(clients[n % 4]).bring(Sender("account:ann"), brought, NOW)[0], range(16))
        )
    refs = {brought.ref for brought in found if isinstance(brought, Brought)}
    assert len(refs) == 1
    assert content_of(keeping(clients[0]), refs.pop()) == HEAD
    assert database["files.chunks"].count_documents({}) == 1, "who was too late left nothing"


def test_parts_that_contradict_are_refused(database: Database[dict[str, Any]]) -> None:
    uploads = Uploads(keeping(database))
    first, second, third = parts_of(HEAD + bytes(30), 16)
    assert send(uploads, second) == Awaited()
    for wrong in (
        {**second, "content": b"x" * 16},
        {**first, "content": HEAD},
        {**first, "name": "b.pdf"},
        {**first, "parts": 4},
        {**third, "content": bytes(17)},
    ):
        assert isinstance(send(uploads, wrong), Contradicted)
    assert send(uploads, third) == Awaited()
    assert isinstance(send(uploads, first), Brought)


def test_a_last_part_that_is_too_large_is_found_out_in_the_end(database: Database[dict[str, Any]]) -> None:
    uploads = Uploads(keeping(database))
    first, last = parts_of(HEAD + bytes(20), len(HEAD))[:2]
    assert send(uploads, {**last, "parts": 2, "content": bytes(len(HEAD) + 1)}) == Awaited()
    assert isinstance(send(uploads, {**first, "parts": 2}), Contradicted)


def test_what_will_not_be_taken_is_not_kept(database: Database[dict[str, Any]]) -> None:
    uploads = Uploads(keeping(database, mib=0.001))
    for part, field in (
        (parts_of(HEAD + bytes(1200), 300)[1], "content"),
        (parts_of(b"MZ" + bytes(60), 300)[0], "media_type"),
        ({**parts_of(HEAD, 300)[0], "part": 2}, "part"),
        ({**parts_of(HEAD, 300)[0], "parts": 2, "content": b""}, "content"),
    ):
        unfit = send(uploads, part)
        assert isinstance(unfit, Unfit)
        assert unfit.field == field
    assert database["files.chunks"].count_documents({}) == database["uploads"].count_documents({}) == 0


@pytest.mark.parametrize("size", [1, 2, 16])
def test_a_file_is_judged_by_its_content_however_small_its_first_part_is(
    database: Database[dict[str, Any]], size: int
) -> None:
    uploads = Uploads(keeping(database))
    for upload, content, found in (
        ("archive", b"PK\x03\x04" + bytes(60), "application/zip"),
        ("page", b"<!doctype html><script>alert(1)</script>", "text/html"),
    ):
        told = [send(uploads, part) for part in parts_of(content, size, upload=upload, media_type="text/plain")]
        assert told[:-1] == [Awaited()] * (len(told) - 1)
        assert told[-1] == Unfit("media_type", f"Files of type {found} are not accepted.")
    assert database["attachments"].count_documents({}) == 0
    assert isinstance([send(uploads, part) for part in parts_of(HEAD + bytes(30), size)][-1], Brought)


@pytest.mark.parametrize(
    ("claimed", "content", "kept_as"),
    [
        ("application/vnd.ms-excel", "Größe;Preis\r\n1;2\r\n".encode("cp1252"), "text/csv"),
        ("application/octet-stream", HEAD, "application/pdf"),
        ("", b"It does not start.", "text/plain"),
    ],
)
def test_an_upload_is_kept_as_what_its_content_is(
    database: Database[dict[str, Any]], claimed: str, content: bytes, kept_as: str
) -> None:
    kept = keeping(database)
    parts = parts_of(content, 8, media_type=claimed, name="C:\\a\u202e.csv")
    stored = [send(Uploads(kept), part) for part in parts][-1]
    assert isinstance(stored, Brought)
    row = database["attachments"].find_one({"_id": stored.ref})
    assert row is not None
    assert (row["media_type"], stored.name) == (kept_as, "a.csv")


def test_an_empty_file_is_a_file(database: Database[dict[str, Any]]) -> None:
    kept = keeping(database)
    (part,) = parts_of(b"", SEGMENT, media_type="text/plain")
    stored = send(Uploads(kept), part)
    assert isinstance(stored, Brought)
    assert content_of(kept, stored.ref) == b""


def test_who_finishes_nothing_may_not_begin_more(database: Database[dict[str, Any]]) -> None:
    uploads = Uploads(keeping(database))
    part = parts_of(HEAD + bytes(20), 16)[0]
    for number in range(MOST_OF_AN_ACCOUNT):
        assert send(uploads, {**part, "upload": f"u{number}"}, at=NOW + timedelta(minutes=number)) == Awaited()
    assert send(uploads, {**part, "upload": "more"}) == TooMany(NOW + UNFINISHED)
    assert send(uploads, {**part, "upload": "more"}, owner="account:bob") == Awaited()
    assert send(uploads, {**part, "upload": "u0"}) == Awaited(), "what is begun may go on"


UPLOADED = AttachmentNamed(name="b", media_type="a/b", ref="r", sha256="0" * 64, size=1)


def attached(content: bytes) -> AttachmentContent:
    return AttachmentContent(name="b", media_type="application/pdf", content=content)


def test_who_names_nothing_may_not_send_more(database: Database[dict[str, Any]]) -> None:
    kept = keeping(database)
    for number in range(MOST_UNNAMED_OF_AN_ACCOUNT):
        kept.bring(Sender("account:ann", "web"), [attached(HEAD + bytes([number]))], NOW + timedelta(minutes=number))
    soon, full = NOW + timedelta(minutes=30), TooMany(NOW + KEPT_UNUSED, unnamed=True)
    assert kept.crowded(Sender("account:ann", "web"), soon) == full
    assert kept.crowded(Sender("account:bob", "web"), soon) is None
    # Neither in a command, except what is there already, nor in parts, except what was begun.
    assert kept.bring(Sender("account:ann", "web"), [attached(HEAD)], soon, full) == [full]
    (again,) = kept.bring(Sender("account:ann", "web"), [attached(HEAD + b"\0")], soon, full)
    assert isinstance(again, Brought)
    uploads, parts = Uploads(kept), parts_of(HEAD + bytes(20), 16)
    assert send(uploads, parts[0], at=soon) == full
    assert database["uploads"].count_documents({}) == 0
    assert send(uploads, parts[0], "account:bob", at=soon) == Awaited()
    # What an entry names, or what is a day old, makes room.
    database["attachments"].update_one({"_id": again.ref}, {"$set": {"used": True}})
    assert send(uploads, parts[0], at=soon) == Awaited()
    kept.bring(Sender("account:ann", "web"), [attached(HEAD + b"one more")], soon)
    assert [isinstance(send(uploads, part, at=soon), Brought) for part in parts[1:]][-1], "what is begun may end"
    assert kept.crowded(Sender("account:ann", "web"), NOW + KEPT_UNUSED + timedelta(minutes=2)) is None


PAGE = b"<html><p>" + bytes(range(65, 91)) * 4000


@pytest.mark.parametrize("size", [70_000, 20_000], ids=["known by the first part", "known by all"])
@pytest.mark.parametrize("turned", [False, True], ids=["in order", "last part first"])
def test_a_file_in_parts_that_is_refused_is_no_unfinished_upload(
    database: Database[dict[str, Any]], size: int, turned: bool
) -> None:
    uploads = Uploads(keeping(database))
    for number in range(MOST_OF_AN_ACCOUNT + 1):
        parts = parts_of(PAGE, size, upload=f"u{number}", media_type="text/plain")
        answers = [send(uploads, part) for part in (reversed(parts) if turned else parts)]
        assert not [answer for answer in answers if isinstance(answer, TooMany)], "they may send another"
        refused = Unfit("media_type", "Files of type text/html are not accepted.")
        assert refused in answers
        assert send(uploads, parts[-1]) == refused
    assert database["files.chunks"].count_documents({}) == 0
    others = parts_of(HEAD + os.urandom(70_000), size, upload="u0")
    assert isinstance([send(uploads, part) for part in others][-1], Brought), "another one under its name"


def test_of_one_command_no_more_is_kept_than_it_may_have(database: Database[dict[str, Any]]) -> None:
    kept = keeping(database)
    contents = [attached(HEAD + bytes([number])) for number in range(30)]
    refused = Unusable(name="a", fault="It came in a wrong form.")
    found = kept.bring(Sender("account:ann", "web"), [refused, *contents, UPLOADED], NOW)
    assert [type(brought) for brought in found] == [Unfit, *[Brought] * 10, *[Unfit] * 20, Brought]
    assert kept.records.count_documents({}) == 10
    assert kept.crowded(Sender("account:ann", "web"), NOW) is None, "they may send others"


def test_an_upload_that_an_older_version_began_goes_on(database: Database[dict[str, Any]]) -> None:
    kept, parts = keeping(database), parts_of(HEAD + bytes(20), 16)
    parts = [{**part, "name": "C:\\scans\\one\u202e.pdf"} for part in parts]
    for part in parts[:-1]:
        assert send(Uploads(kept), part) == Awaited()
    database["uploads"].update_one({}, {"$set": {"name": parts[0]["name"]}, "$unset": {"origin": ""}})
    last = send(Uploads(kept), parts[-1])
    assert isinstance(last, Brought)
    assert last.name == "one.pdf"


def test_a_channel_may_send_only_so_many_files_that_no_case_names(
    database: Database[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.intake.files.keeping.MOST_UNNAMED_OF_A_CHANNEL", 3)
    kept = keeping(database)
    for name in ("ann", "bob", "eve"):
        assert kept.crowded(Sender(f"account:{name}", "web"), NOW) is None
        kept.bring(Sender(f"account:{name}", "web"), [attached(HEAD)], NOW)
    assert kept.crowded(Sender("account:zoe", "web"), NOW) == TooMany(NOW + KEPT_UNUSED, unnamed=True)
    assert kept.crowded(Sender("account:zoe", "game"), NOW) is None


def test_from_an_origin_come_only_so_many_files_that_no_case_names_and_another_goes_on(
    database: Database[dict[str, Any]],
) -> None:
    kept = keeping(database)
    for number in range(MOST_UNNAMED_FROM_AN_ORIGIN):
        sender = Sender(f"account:{number}", "web", "mallory's browser")
        assert kept.crowded(sender, NOW) is None
        kept.bring(sender, [attached(HEAD)], NOW)
    assert kept.crowded(Sender("account:more", "web", "mallory's browser"), NOW) is not None
    for other in (Sender("account:ann", "web", "ann's browser"), Sender("account:ann", "web")):
        assert kept.crowded(other, NOW) is None
        assert send(Uploads(kept), parts_of(HEAD, 300)[0], origin=other.origin) is not None


def test_from_an_origin_come_only_so_many_uploads_that_are_not_finished(database: Database[dict[str, Any]]) -> None:
    uploads, part = Uploads(keeping(database)), parts_of(HEAD + bytes(20), 16)[0]
    for number in range(MOST_FROM_AN_ORIGIN):
        assert send(uploads, part, f"account:{number}", origin="mallory's") == Awaited()
    assert send(uploads, part, "account:more", origin="mallory's") == TooMany(NOW + UNFINISHED)
    assert send(uploads, part, "account:more", origin="ann's") == Awaited()
    assert send(uploads, part, "account:other") == Awaited()
    assert send(uploads, part, "account:0", origin="mallory's") == Awaited(), "what is begun may go on"


def test_the_same_content_under_other_names_takes_no_space(database: Database[dict[str, Any]]) -> None:
    kept = keeping(database)
    content = HEAD + bytes(40)
    stored = set()
    for number in range(MOST_UNNAMED_OF_AN_ACCOUNT + 5):
        stored.add([send(Uploads(kept), part) for part in parts_of(content, 16, upload=f"u{number}")][-1])
    (last,) = stored
    assert isinstance(last, Brought)
    assert database["files.chunks"].count_documents({}) == len(parts_of(content, 16))
    again = {send(Uploads(kept), part) for part in parts_of(content, 16, upload="u7")}
    assert again == {last}, "a part that comes again gets the same answer"
    assert database["files.chunks"].count_documents({}) == len(parts_of(content, 16))
    assert content_of(kept, last.ref) == content
