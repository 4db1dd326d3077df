"""Files come into a ticket's history by reference, once for each content of a person, and within limits."""

from __future__ import annotations

import base64
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from services.intake.documents import ticket_document, ticket_of
from services.intake.domain.attachments import HARMFUL, MOST_OF_A_TICKET, NO_SUCH_FILE
from services.intake.domain.files import File, TooMany, Unfit
from tests.unit.intake.desk import MORNING, Desk, account

WORDS = b"It does not start."


def attachment(content: bytes = WORDS, name: str = "words.txt", **more: Any) -> dict[str, Any]:
    """A file in the message."""
    return {"name": name, "media_type": "text/plain", "content": base64.b64encode(content).decode(), **more}


def by_reference(ref: str, content: bytes = WORDS, **more: Any) -> dict[str, Any]:
    """A file that is there already."""
    told = {"ref": ref, "sha256": sha256(content).hexdigest(), "size": len(content)}
    return {"name": "again.txt", "media_type": "text/plain", **told, **more}


def files(desk: Desk) -> list[File]:
    return list(desk.state.files.values())


@pytest.mark.parametrize("status", ["new", "assigned", "closed"])
def test_a_file_stands_in_the_history_by_reference_and_never_by_content(status: str) -> None:
    desk = Desk()
    number = desk.opened(status=status)
    heard = desk.reply(number, attachments=[attachment(), attachment(b"other", "other.txt")])
    entry = heard.event().data["entry"]
    (one, other) = files(desk)
    assert entry["attachments"] == [
        {
            "name": "words.txt",
            "media_type": "text/plain",
            "ref": one.ref,
            "sha256": sha256(WORDS).hexdigest(),
            "size": len(WORDS),
        },
        {**entry["attachments"][1], "name": "other.txt", "ref": other.ref},
    ]
    assert base64.b64encode(WORDS).decode() not in str(heard.decision)
    assert all(file.used for file in files(desk))


def test_a_submission_brings_its_files_also_as_a_note_on_what_is_open() -> None:
    desk = Desk()
    opened = desk.submit(attachments=[attachment()])
    noted = desk.submit(attachments=[attachment(b"more")])
    assert (opened.type, noted.type) == ("ticket.opened", "ticket.duplicate")
    assert [len(heard.event().data["entry"]["attachments"]) for heard in (opened, noted)] == [1, 1]
    assert desk.ticket(opened.ticket["number"]).attached == len(WORDS) + len(b"more")


def test_the_agent_hears_of_the_files() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    heard = desk.reply(number, attachments=[attachment()])
    (say,) = [say for say in heard.decision.said if say.type == "ticket.customer_replied" and "agent" in say.exchange]
    assert say.data["entry"]["attachments"][0]["name"] == "words.txt"


@pytest.mark.parametrize(
    ("kept_as", "named", "taken"),
    [
        ("text/csv", "text/csv; charset=utf-8", True),
        ("text/plain", "Text/CSV", True),
        ("application/json", "text/plain", True),
        ("text/plain", "text/html", False),
        ("image/png", "text/plain", False),
        ("text/plain", "image/png", False),
    ],
)
def test_a_file_that_is_there_may_be_called_what_its_content_may_be(kept_as: str, named: str, taken: bool) -> None:
    desk = Desk()
    ref = desk.keep("account:ann", WORDS, kept_as)
    heard = desk.reply(desk.opened(), attachments=[by_reference(ref, media_type=named)])
    if taken:
        assert heard.event().data["entry"]["attachments"][0]["media_type"] == named
    else:
        assert list(heard.data["errors"]) == ["attachments.0.media_type"]


def test_a_content_is_stored_once_for_a_requester() -> None:
    desk = Desk()
    number = desk.opened()
    for _ in range(2):
        desk.reply(number, attachments=[attachment(), attachment(name="the same.txt")])
    assert len(files(desk)) == 1
    assert files(desk)[0].version == 2, "it is marked as used once"


def test_a_file_may_be_named_by_its_reference() -> None:
    desk = Desk()
    ref = desk.keep("account:ann", WORDS)
    heard = desk.reply(desk.opened(), attachments=[by_reference(ref)])
    assert heard.event().data["entry"]["attachments"][0]["ref"] == ref
    assert desk.state.files[ref].used


@pytest.mark.parametrize("owner", ["account:bob", "temporary:ann"])
def test_another_persons_file_is_as_one_that_does_not_exist(owner: str) -> None:
    desk = Desk()
    number = desk.opened()
    errors = [
        desk.reply(number, attachments=[by_reference(ref)]).data["errors"]
        for ref in (desk.keep(owner, WORDS), "no such reference")
    ]
    assert errors == [{"attachments.0.ref": [NO_SUCH_FILE]}] * 2
    assert desk.ticket(number).version == 1


@pytest.mark.parametrize("state", ["writing", "removing"])
def test_a_file_that_is_not_whole_does_not_exist(state: Any) -> None:
    desk = Desk()
    ref = desk.keep("account:ann", WORDS, state=state)
    heard = desk.reply(desk.opened(), attachments=[by_reference(ref)])
    assert heard.data["errors"] == {"attachments.0.ref": [NO_SUCH_FILE]}


def test_a_harmful_file_is_refused_however_it_comes() -> None:
    desk = Desk()
    ref = desk.keep("account:ann", WORDS, state="infected")
    heard = desk.reply(desk.opened(), attachments=[by_reference(ref), attachment()])
    assert heard.data["errors"] == {"attachments.0.ref": [HARMFUL], "attachments.1.content": [HARMFUL]}


@pytest.mark.parametrize(("field", "value"), [("media_type", "text/html"), ("sha256", "0" * 64), ("size", 1)])
def test_a_file_is_not_called_what_it_is_not(field: str, value: Any) -> None:
    desk = Desk()
    ref = desk.keep("account:ann", WORDS)
    heard = desk.reply(desk.opened(), attachments=[by_reference(ref, **{field: value})])
    assert list(heard.data["errors"]) == [f"attachments.0.{field}"]


def test_what_is_wrong_with_files_is_said_by_field_and_nothing_of_the_command_is_done() -> None:
    desk = Desk()
    desk.unfit["b"] = Unfit("media_type", "It is a program.")
    number = desk.opened()
    heard = desk.reply(number, attachments=[attachment(), attachment(name="b")])
    assert (heard.code, heard.data["errors"]) == ("invalid", {"attachments.1.media_type": ["It is a program."]})
    assert not heard.decision.changes
    desk.unfit["b"] = Unfit("content", "A file may have 1 MiB.", too_large=True)
    assert desk.submit(account("bob"), attachments=[attachment(name="b")]).code == "too_large"


def test_all_files_of_a_ticket_have_a_limit_together() -> None:
    desk = Desk()
    refs = [desk.keep("account:ann", bytes([n]), size=MOST_OF_A_TICKET // 2) for n in range(3)]
    number = desk.opened()
    sent = [by_reference(ref, bytes([n]), size=MOST_OF_A_TICKET // 2) for n, ref in enumerate(refs)]
    assert desk.reply(number, attachments=[sent[0], sent[0]]).type == "command.accepted"
    assert desk.reply(number, attachments=[sent[1]]).type == "command.accepted"
    heard = desk.reply(number, attachments=[sent[2]])
    assert heard.code == "too_large"
    assert desk.ticket(number).version == 3
    assert not desk.state.files[refs[2]].used


def test_a_ticket_of_before_there_were_files_has_none() -> None:
    desk = Desk()
    document = ticket_document(desk.ticket(desk.opened()))
    del document["attached"]
    assert ticket_of(document).attached == 0


def test_who_sends_too_many_files_that_no_case_names_hears_from_when_on_they_may_again() -> None:
    desk = Desk()
    desk.unfit["b"] = TooMany(MORNING + timedelta(hours=3), unnamed=True)
    heard = desk.submit(attachments=[attachment(), attachment(b"more", "b")])
    assert (heard.code, heard.data["retry_at"]) == ("rate_limited", MORNING + timedelta(hours=3))
    assert "no case names" in heard.data["message"]
    assert not desk.state.tickets
    assert desk.submit(attachments=[attachment()]).type == "ticket.opened"
