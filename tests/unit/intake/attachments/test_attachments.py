"""Files come into a ticket's history by reference, once for each content of a person, and within limits."""

from __future__ import annotations

import base64
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from contracts.names import AGENTS, EVENTS
from services.intake.documents import entry_document, entry_of, ticket_document, ticket_of
from services.intake.domain.attachments.attaching import (
    ANOTHER,
    HARMFUL,
    MOST_OF_A_TICKET,
    NO_ROOM,
    NO_SUCH_FILE,
    TOO_MANY,
)
from services.intake.domain.values.file import File, TooMany, Unfit
from services.intake.domain.values.history import size
from tests.unit.intake.desk import MORNING, Desk, Heard

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
    (file, other) = files(desk)
    assert entry["attachments"] == [
        {
            "name": "words.txt",
            "media_type": "text/plain",
            "ref": file.ref,
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
    ("kept_as", "named", "shown_as"),
    [
        ("text/csv", "text/csv; charset=utf-8", "text/csv; charset=utf-8"),
        ("text/plain", "Text/CSV", "Text/CSV"),
        ("application/json", "text/plain", "text/plain"),
        ("text/plain", "text/plain; x=\n", "text/plain"),
        ("text/plain", "text/html", "text/plain"),
        ("image/png", "text/plain", "image/png"),
        ("image/jpeg", "image/jpg", "image/jpeg"),
        ("text/plain", "", "text/plain"),
        ("text/plain", "nonsense", "text/plain"),
    ],
)
def test_a_file_is_shown_as_what_it_is_by_its_content(kept_as: str, named: str, shown_as: str) -> None:
    desk = Desk()
    ref = desk.keep("account:ann", WORDS, kept_as)
    heard = desk.reply(desk.opened(), attachments=[by_reference(ref, media_type=named)])
    assert heard.event().data["entry"]["attachments"][0]["media_type"] == shown_as


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


def reasons(heard: Heard) -> list[str]:
    """Why files were left out, as the outcome says."""
    return [file["reason"] for file in heard.data["left_out"]]


@pytest.mark.parametrize("owner", ["account:bob", "temporary:ann"])
def test_another_persons_file_is_as_one_that_does_not_exist(owner: str) -> None:
    desk = Desk()
    number = desk.opened()
    for ref in (desk.keep(owner, WORDS), "no such reference"):
        assert reasons(desk.reply(number, attachments=[by_reference(ref)])) == [NO_SUCH_FILE]
    assert [file.used for file in files(desk)] == [False]


@pytest.mark.parametrize("state", ["writing", "removing"])
def test_a_file_that_is_not_whole_does_not_exist(state: Any) -> None:
    desk = Desk()
    ref = desk.keep("account:ann", WORDS, state=state)
    assert reasons(desk.reply(desk.opened(), attachments=[by_reference(ref)])) == [NO_SUCH_FILE]


def test_a_harmful_file_is_left_out_however_it_comes() -> None:
    desk = Desk()
    ref = desk.keep("account:ann", WORDS, state="infected")
    assert reasons(desk.reply(desk.opened(), attachments=[by_reference(ref), attachment()])) == [HARMFUL] * 2


@pytest.mark.parametrize(("field", "value"), [("sha256", "0" * 64), ("size", 1)])
def test_a_file_that_was_uploaded_is_not_taken_for_another(field: str, value: Any) -> None:
    desk = Desk()
    ref = desk.keep("account:ann", WORDS)
    assert reasons(desk.reply(desk.opened(), attachments=[by_reference(ref, **{field: value})])) == [ANOTHER]


@pytest.mark.parametrize("status", [None, "new", "assigned", "solution_suggested", "closed"])
def test_a_file_that_may_not_be_taken_is_left_out_and_named_and_its_command_goes_on(status: str | None) -> None:
    desk = Desk()
    desk.unfit["b/a\u202e.png"] = Unfit("media_type", "It is a program.")
    desk.unfit["film.mp4"] = Unfit("content", "A file may have at most 1 MiB.", too_large=True)
    sent = [attachment(), attachment(name="b/a\u202e.png"), attachment(name="film.mp4")]
    if status is None:
        heard = desk.submit(attachments=sent)
    else:
        heard = desk.reply(desk.opened(status=status), attachments=sent)
    left_out = [
        {"name": "a.png", "reason": "It is a program.", "code": "invalid"},
        {"name": "film.mp4", "reason": "A file may have at most 1 MiB.", "code": "too_large"},
    ]
    expected = {None: "ticket.opened", "closed": "ticket.reopened"}.get(status, "command.accepted")
    assert (heard.type, heard.data["left_out"]) == (expected, left_out)
    first, note = [say for say in heard.decision.said if say.exchange == EVENTS]
    assert [file["name"] for file in first.data["entry"]["attachments"]] == ["words.txt"]
    assert first.data["entry"]["left_out"] == left_out
    assert note.type == "ticket.note_added"
    entry = note.data["entry"]
    assert (entry["author"]["kind"], entry["visibility"], entry["kind"]) == ("service", "public", "note_added")
    assert entry["text"] == (
        "2 files were left out.\na.png: It is a program.\nfilm.mp4: A file may have at most 1 MiB."
    )
    assert note.data["ticket"]["version"] == first.data["ticket"]["version"] + 1
    assert note.data["ticket"]["status"] == first.data["ticket"]["status"]
    told = [say.data["ticket"] for say in heard.decision.said if say.exchange == AGENTS]
    assert [heard.ticket, *told] == [note.data["ticket"]] * (1 + len(told)), "who answers is not behind"
    ticket = desk.ticket(heard.ticket["number"])
    assert ticket.history_size == sum(size(entry) for entry in desk.state.history(ticket))


def test_the_files_of_a_duplicate_are_left_out_one_by_one_too() -> None:
    desk = Desk()
    desk.opened()
    desk.unfit["b"] = Unfit("media_type", "It is a program.")
    heard = desk.submit(attachments=[attachment(), attachment(name="b")])
    assert (heard.type, reasons(heard)) == ("ticket.duplicate", ["It is a program."])
    assert heard.data["note_id"] == heard.decision.said[0].data["entry"]["id"]


def test_a_file_of_the_wrong_form_is_left_out() -> None:
    desk = Desk()
    heard = desk.submit(attachments=[attachment(), {**attachment(name="b"), "content": "****"}])
    assert heard.type == "ticket.opened"
    assert reasons(heard) == ["It is malformed (content: Not base64.)."]


def test_of_too_many_files_the_first_are_taken() -> None:
    desk = Desk()
    heard = desk.submit(attachments=[attachment(bytes([65 + n]), f"{n}.txt") for n in range(40)])
    assert len(heard.decision.said[0].data["entry"]["attachments"]) == 10
    assert reasons(heard) == [TOO_MANY] * 30
    assert heard.decision.said[1].data["entry"]["text"].endswith("\n… and 10 more.")


def test_all_files_of_a_ticket_have_a_limit_together_and_those_that_fit_are_taken() -> None:
    desk = Desk()
    sizes = [MOST_OF_A_TICKET // 2, MOST_OF_A_TICKET // 2, MOST_OF_A_TICKET // 4, 7]
    refs = [desk.keep("account:ann", bytes([n]), size=size) for n, size in enumerate(sizes)]
    number = desk.opened()
    sent = [by_reference(ref, bytes([n]), size=sizes[n]) for n, ref in enumerate(refs)]
    assert "left_out" not in desk.reply(number, attachments=[sent[0], sent[0]]).data
    heard = desk.reply(number, attachments=[sent[2], sent[1], sent[3]])
    assert (heard.type, reasons(heard)) == ("command.accepted", [NO_ROOM])
    assert [file["size"] for file in heard.decision.said[0].data["entry"]["attachments"]] == [sizes[2], 7]
    assert desk.ticket(number).attached == sizes[0] + sizes[2] + 7
    assert not desk.state.files[refs[1]].used


def test_a_new_ticket_has_the_limit_too() -> None:
    desk = Desk()
    refs = [desk.keep("account:ann", bytes([n]), size=MOST_OF_A_TICKET // 2 + 1) for n in range(2)]
    sent = [by_reference(ref, bytes([n]), size=MOST_OF_A_TICKET // 2 + 1) for n, ref in enumerate(refs)]
    assert reasons(desk.submit(attachments=sent)) == [NO_ROOM]


def test_a_ticket_of_before_there_were_files_has_none() -> None:
    desk = Desk()
    document = ticket_document(desk.ticket(desk.opened()))
    assert "attached" not in document
    assert ticket_of(document).attached == 0


def test_who_sends_too_many_files_that_no_case_names_hears_from_when_on_they_may_again() -> None:
    desk = Desk()
    desk.unfit["b"] = TooMany(MORNING + timedelta(hours=3), unnamed=True)
    heard = desk.submit(attachments=[attachment(), attachment(b"more", "b")])
    (left,) = heard.data["left_out"]
    assert (heard.type, left["code"], left["retry_at"]) == (
        "ticket.opened",
        "rate_limited",
        MORNING + timedelta(hours=3),
    )
    assert "no case uses" in left["reason"]


@pytest.mark.parametrize("status", ["new", "assigned", "solution_suggested", "closed"])
@pytest.mark.parametrize("words", [{}, {"body": None}, {"body": ""}, {"body": "\u200b "}])
def test_a_requester_may_send_a_file_without_words(status: str, words: dict[str, Any]) -> None:
    desk = Desk()
    number = desk.opened(status=status)
    heard = desk.requester("ticket.reply", number, **words, attachments=[attachment()])
    entry = heard.event().data["entry"]
    assert (entry["text"], [file["name"] for file in entry["attachments"]]) == ("", ["words.txt"])
    assert desk.ticket(number).status == {"new": "new", "closed": "reopened"}.get(status, "needs_reply")


def test_a_reply_that_is_nothing_but_files_of_which_none_is_taken_changes_nothing() -> None:
    desk = Desk()
    desk.unfit["b"] = Unfit("media_type", "It is a program.")
    number = desk.opened(status="solution_suggested")
    heard = desk.requester("ticket.reply", number, attachments=[attachment(name="b"), attachment(name="b")])
    assert (heard.code, heard.data["errors"]) == (
        "invalid",
        {f"attachments.{place}.content": ["It is a program."] for place in range(2)},
    )
    assert "b: It is a program." in heard.data["message"]
    assert not heard.decision.changes
    desk.unfit["b"] = TooMany(MORNING + timedelta(hours=3))
    limited = desk.requester("ticket.reply", number, attachments=[attachment(name="b")])
    assert (limited.code, limited.data["retry_at"]) == ("rate_limited", MORNING + timedelta(hours=3))
    assert desk.reply(number, attachments=[attachment(name="b")]).type == "command.accepted"


@pytest.mark.parametrize("name", ["..\\..\\words.txt", "words.txt\u202e", "C:words.txt", "\x00words.txt. "])
def test_a_name_is_safe_in_the_history(name: str) -> None:
    desk = Desk()
    entry = desk.submit(attachments=[attachment(name=name)]).event().data["entry"]
    assert entry["attachments"][0]["name"] == "words.txt"


def test_a_name_that_an_older_version_stored_is_safe_as_it_is_read() -> None:
    desk = Desk()
    ticket = desk.ticket(desk.submit(attachments=[attachment()]).ticket["number"])
    document = entry_document(desk.state.history(ticket)[0])
    document["details"] = {"attachments": [{**document["details"]["attachments"][0], "name": "../../x\u202e.txt"}]}
    assert entry_of(document).attachments[0].name == "x.txt"


@pytest.mark.parametrize("command", ["ticket.ask_info", "ticket.suggest_solution", "ticket.add_note"])
def test_an_agents_files_stand_in_the_history_as_visible_as_what_they_came_with(command: str) -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    desk.unfit["b"] = Unfit("media_type", "It is a program.")
    heard = desk.agent(command, number, attachments=[attachment(), attachment(name="b")])
    first, note = [say.data["entry"] for say in heard.decision.said if say.exchange == EVENTS]
    expected = "internal" if command == "ticket.add_note" else "public"
    assert [first["visibility"], note["visibility"]] == [expected] * 2
    (named,) = first["attachments"]
    assert desk.state.files[named["ref"]].owner == "agent:a1"
    assert (heard.type, reasons(heard)) == ("command.accepted", ["It is a program."])
    assert heard.ticket["version"] == desk.ticket(number).version
    asked = {"number": number, "ref": named["ref"]}
    by_agent = desk.send("attachment.download", {**asked, "agent_id": "a1"}, "agent.a1")
    by_requester = desk.requester("attachment.download", **asked)
    assert by_agent.type == "attachment.content"
    assert by_requester.code == ("invalid" if expected == "internal" else None)
    seen = [entry["text"] for entry in desk.requester("ticket.view", number).data["history"]]
    assert any("It is a program" in text for text in seen) == (expected == "public")


def test_an_agent_names_no_file_of_another() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    for owner in ("account:ann", "agent:a2", "account:a1"):
        sent = [by_reference(desk.keep(owner, WORDS))]
        assert reasons(desk.agent("ticket.add_note", number, attachments=sent)) == [NO_SUCH_FILE]
    assert desk.agent("ticket.ask_info", number, attachments=[], body="What?").type == "command.accepted"
