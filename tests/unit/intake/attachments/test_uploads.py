"""A large file comes in parts: each is answered, and the last one with the file's reference."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest

from contracts.attachments import Upload
from contracts.payload import read
from services.chassis.decision import Message
from services.intake.domain.accounts.caller import owner_of_files
from services.intake.domain.attachments.attaching import HARMFUL
from services.intake.domain.needs import AgentOf, TicketOf
from services.intake.domain.taken import TAKEN
from services.intake.domain.values.agent import KnownAgent
from services.intake.domain.values.file import Brought, Contradicted, PartTaken, TooMany, Unfit
from tests.unit.intake.attachments.test_attachments import WORDS, by_reference
from tests.unit.intake.desk import MORNING, Desk, Heard, account, temporary


def part(desk: Desk, became: PartTaken | None = None, **more: Any) -> Heard:
    """Part 1 of 2, and what became of it before the turn."""
    if became is not None:
        desk.uploaded = became
    file = {"upload": "u1", "name": "film.mp4", "media_type": "video/mp4", "part": 1, "parts": 2}
    content = b64encode(b"0" * 10).decode()
    return desk.send("attachment.upload", {"requester": account(), **file, "content": content, **more})


def test_a_part_is_accepted_and_the_last_is_answered_with_the_file() -> None:
    desk = Desk()
    heard = part(desk)
    assert (heard.type, heard.data) == ("command.accepted", {})
    ref = desk.keep("account:ann", WORDS)
    heard = part(desk, Brought("words.txt", "text/plain", ref), part=2)
    assert heard.type == "attachment.stored"
    stored = heard.data["attachment"]
    assert stored == by_reference(ref, name="words.txt")
    assert desk.reply(desk.opened(), attachments=[stored]).type == "command.accepted"
    assert heard.decision.remember, "the same part again gets the same answer"


@pytest.mark.parametrize(
    ("became", "code", "errors"),
    [
        (Contradicted("Another content."), "conflict", {}),
        (Unfit("media_type", "A program."), "invalid", {"media_type": ["A program."]}),
        (
            Unfit("content", "A file may have at most 1 MiB.", True),
            "too_large",
            {"content": ["A file may have at most 1 MiB."]},
        ),
    ],
)
def test_a_part_that_is_not_taken_is_told_why(became: PartTaken, code: str, errors: dict[str, Any]) -> None:
    heard = part(Desk(), became)
    assert (heard.code, heard.data["errors"]) == (code, errors)


def test_who_begins_too_many_files_hears_from_when_on_they_may_again() -> None:
    heard = part(Desk(), TooMany(MORNING + timedelta(hours=3)))
    assert (heard.code, heard.data["retry_at"]) == ("rate_limited", MORNING + timedelta(hours=3))


def test_an_upload_of_what_is_known_to_be_harmful_is_refused() -> None:
    desk = Desk()
    ref = desk.keep("account:ann", WORDS, state="infected")
    assert part(desk, Brought("a", "text/plain", ref)).data["message"] == HARMFUL


UPLOAD = {"upload": "u", "name": "a", "media_type": "text/plain", "part": 1, "parts": 1, "content": ""}


def test_an_agent_uploads_for_a_ticket_that_they_have_or_may_have() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    desk.uploaded = Brought("a", "text/plain", desk.keep("agent:a1", b"words"))
    for agent in ("a1", "a2"):
        heard = desk.send("attachment.upload", {**UPLOAD, "agent_id": agent, "number": number}, f"agent.{agent}")
        assert heard.type == "attachment.stored"
    desk.state.agents["a3"] = KnownAgent("a3", "A3", ("safety",))
    heard = desk.send("attachment.upload", {**UPLOAD, "agent_id": "a3", "number": number}, "agent.a3")
    assert heard.code == "forbidden"
    heard = desk.send("attachment.upload", {**UPLOAD, "agent_id": "a1"}, "agent.a1")
    assert list(heard.data["errors"]) == ["number"]
    message = Message(
        "m", "attachment.upload", "agent.a1", read(Upload, {**UPLOAD, "agent_id": "a1"}).data, None, "agent.a1\x1fm"
    )
    assert not list(TAKEN["attachment.upload"].door.needs(desk.state, message)), "no ticket, nobody to read"


def test_whether_an_agent_may_have_the_ticket_is_read_once_it_is_known_and_not_theirs() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    needs = TAKEN["attachment.upload"].door.needs
    for agent, more in (("a1", []), ("a2", [AgentOf("a2")])):
        data = read(Upload, {**UPLOAD, "agent_id": agent, "number": number}).data
        message = Message("m", "attachment.upload", f"agent.{agent}", data)
        assert list(needs(Desk().state, message)) == [TicketOf(number)]
        assert list(needs(desk.state, message)) == [TicketOf(number), *more]


@pytest.mark.parametrize(
    ("sender", "who", "owner"),
    [
        ("web", {"requester": account()}, "account:ann"),
        ("web", {"requester": temporary("t1", "s")}, "temporary:t1"),
        ("agent.a1", {"agent_id": "a1"}, "agent:a1"),
        ("agent.a1", {"agent_id": "a2"}, None),
        ("agent.a1", {"requester": account()}, None),
        ("web", {"agent_id": "a1"}, None),
    ],
)
def test_a_file_is_of_who_sends_it_and_of_nobody_whom_they_only_name(
    sender: str, who: dict[str, Any], owner: str | None
) -> None:
    data = {**UPLOAD, **who, "number": "10000001"}
    assert owner_of_files(Message("m1", "attachment.upload", sender, read(Upload, data).data)) == owner
    if owner is None:
        assert Desk().send("attachment.upload", data, sender).type == "command.rejected"
