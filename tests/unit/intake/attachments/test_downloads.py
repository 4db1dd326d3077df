"""Files go back to those who may see the ticket that names them, and to nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from contracts.file_forms import AttachmentRef
from services.intake.domain.attachments.attaching import HARMFUL
from services.intake.domain.attachments.downloads import CANNOT_BE_READ, NOT_LOOKED_AT, NOT_OF_THIS_CASE
from services.intake.domain.values.agent import KnownAgent
from services.intake.domain.values.erasure import EntryErased
from tests.unit.intake.attachments.test_attachments import WORDS, attachment, by_reference
from tests.unit.intake.desk import Desk, Heard, account


def with_a_file(desk: Desk, status: str = "assigned") -> tuple[str, str]:
    """A ticket of ann's, and the reference of its file."""
    number = desk.opened(status=status)
    entry = desk.reply(number, attachments=[attachment()]).event().data["entry"]
    return number, entry["attachments"][0]["ref"]


def by_agent(desk: Desk, number: str, ref: str, agent: str = "a1", **more: Any) -> Heard:
    return desk.send("attachment.download", {"agent_id": agent, "number": number, "ref": ref, **more}, f"agent.{agent}")


def test_the_requester_gets_back_what_they_sent() -> None:
    desk = Desk()
    number, ref = with_a_file(desk)
    heard = desk.requester("attachment.download", number, ref=ref)
    assert heard.type == "attachment.content"
    assert heard.data["content"] == WORDS
    assert (heard.data["part"], heard.data["parts"]) == (1, 1)
    assert heard.data["attachment"]["name"] == "words.txt"
    assert not heard.decision.remember


def test_another_requester_gets_nothing() -> None:
    desk = Desk()
    number, ref = with_a_file(desk)
    assert desk.requester("attachment.download", number, account("bob"), ref=ref).code == "forbidden"


def test_a_file_is_given_only_with_a_ticket_that_names_it() -> None:
    desk = Desk()
    number, ref = with_a_file(desk)
    other = desk.opened(subject="Something else", distinct_from=[number])
    unused = desk.keep("account:ann", b"never sent")
    for number, asked in ((other, ref), (other, unused), (other, "no such")):
        heard = desk.requester("attachment.download", number, ref=asked)
        assert heard.data["errors"] == {"ref": [NOT_OF_THIS_CASE]}


def test_the_tickets_agent_and_those_who_may_have_it_get_its_files() -> None:
    desk = Desk()
    number, ref = with_a_file(desk)
    assert [by_agent(desk, number, ref, agent).type for agent in ("a1", "a2")] == ["attachment.content"] * 2
    desk.state.agents["a3"] = KnownAgent("a3", "A3", ("safety",))
    assert by_agent(desk, number, ref, "a3").code == "forbidden"


def test_a_file_that_only_an_internal_entry_names_is_not_for_requesters() -> None:
    desk = Desk()
    number, _ = with_a_file(desk)
    ref = desk.keep("account:ann", b"internal")
    desk.agent("ticket.add_note", number)
    note = [*desk.state.written_entries.values()][-1]
    assert note.visibility == "internal"
    named = AttachmentRef(**by_reference(ref, b"internal"))
    desk.state.apply(EntryErased(replace(note, attachments=[named])))
    assert desk.requester("attachment.download", number, ref=ref).code == "invalid"
    assert by_agent(desk, number, ref).type == "attachment.content"


def test_a_file_has_as_many_parts_as_it_has() -> None:
    desk = Desk()
    number, ref = with_a_file(desk)
    heard = by_agent(desk, number, ref, part=2)
    assert heard.data["errors"] == {"part": ["This file has 1 part."]}


@pytest.mark.parametrize(("state", "said"), [("quarantined", NOT_LOOKED_AT), ("infected", HARMFUL)])
def test_what_is_not_known_to_be_harmless_is_not_given(state: Any, said: str) -> None:
    desk = Desk()
    number, ref = with_a_file(desk)
    desk.keep("account:ann", WORDS, state=state)
    heard = desk.requester("attachment.download", number, ref=ref)
    assert (heard.code, heard.data["message"]) == ("wrong_status", said)


def test_what_cannot_be_read_is_said_so() -> None:
    desk = Desk()
    number, ref = with_a_file(desk)
    del desk.contents[ref]
    heard = desk.requester("attachment.download", number, ref=ref)
    assert (heard.code, heard.data["message"]) == ("wrong_status", CANNOT_BE_READ)
