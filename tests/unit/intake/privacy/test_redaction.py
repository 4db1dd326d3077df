"""A supervisor takes out what should never have been written. (In no collection: integration/test_erasure.py.)"""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from contracts.snapshot import Change
from contracts.staff import staff_from
from services.intake.domain.decide import decide
from services.intake.domain.privacy.redaction import REDACTED
from services.intake.domain.values.file import archives_of
from services.intake.domain.values.ticket import snapshot
from tests.unit.intake.desk import Desk, Heard, on_the_wire
from tests.unit.intake.pairs import NOW, meeting, message

CARD = "4111 1111 1111 1111"
STAFF = staff_from(
    {
        "members": [
            {"agent_id": "a1", "roles": ["agent"], "teams": ["front"], "skills": ["*"]},
            {"agent_id": "s1", "roles": ["supervisor"], "teams": ["front"], "display_name": "Sue"},
            {"agent_id": "s2", "roles": ["supervisor"], "teams": ["back"]},
        ]
    }
)


def a_desk() -> tuple[Desk, str]:
    """A ticket that a1 has, with a card number in what was filed and in its subject."""
    desk = Desk()
    desk.state.staff = STAFF
    number = desk.opened(status="assigned", subject=f"Card {CARD}", body=f"It is {CARD}")
    return desk, number


def entry_of(desk: Desk, number: str, kind: str) -> Any:
    """The newest entry of that kind."""
    return [entry for entry in desk.state.history(desk.ticket(number)) if entry.kind == kind][-1]


def redact(desk: Desk, number: str, kind: str = "opened", by: str = "s1", **more: Any) -> Heard:
    entry_id = entry_of(desk, number, kind).id
    data = {"agent_id": by, "number": number, "entry_id": entry_id, "reason": "A card number", **more}
    return desk.send("ticket.redact", data, f"agent.{by}")


def test_words_and_subject_go_and_the_history_says_who_when_and_why() -> None:
    desk, number = a_desk()
    before = desk.ticket(number)
    heard = redact(desk, number, subject=True)
    assert (heard.type, heard.events()) == ("command.accepted", ["ticket.redacted"])
    ticket = desk.ticket(number)
    assert (ticket.subject, ticket.opening, ticket.status) == (REDACTED, "", before.status)
    assert entry_of(desk, number, "opened").text == REDACTED
    said = entry_of(desk, number, "redacted")
    assert (said.author.id, said.author.display_name, said.text, said.visibility) == (
        "s1",
        "Sue",
        "A card number",
        "internal",
    )
    assert said.details.redacts == entry_of(desk, number, "opened").id
    for left in (heard.decision.said, snapshot(ticket), ticket, desk.state.history(ticket)):
        assert CARD not in str(left).replace("card 4111", "")
    assert desk.agent("ticket.suggest_solution", number).type == "command.accepted", "it goes on as it was"


def test_without_subject_the_subject_stays() -> None:
    desk, number = a_desk()
    redact(desk, number)
    assert desk.ticket(number).subject == f"Card {CARD}"


def test_what_an_edit_repeats_goes_too() -> None:
    desk, number = a_desk()
    desk.requester("ticket.edit", number, subject="Mine", body="Nothing")
    desk.requester("ticket.edit", number, body="Something else")
    redact(desk, number)
    first = next(entry for entry in desk.state.history(desk.ticket(number)) if entry.kind == "edited")
    assert first.details.changed == {
        "subject": Change(old=f"Card {CARD}", new="Mine"),
        "body": Change(old=REDACTED, new="Nothing"),
    }
    redact(desk, number, "edited")
    last = entry_of(desk, number, "edited")
    assert last.details.changed["body"] == Change(old=REDACTED, new=REDACTED)
    first = next(entry for entry in desk.state.history(desk.ticket(number)) if entry.kind == "edited")
    assert first.details.changed is not None
    assert first.details.changed["body"] == Change(old=REDACTED, new=REDACTED), "what the last one replaced"


def test_twice_is_harmless_and_what_is_not_there_is_named() -> None:
    desk, number = a_desk()
    redact(desk, number)
    version = desk.ticket(number).version
    again = redact(desk, number)
    assert (again.type, again.events(), desk.ticket(number).version) == ("command.accepted", [], version)
    unknown = desk.agent("ticket.redact", number, "s1", entry_id="nothing", reason="-")
    assert list(unknown.data["errors"]) == ["entry_id"]
    assert redact(desk, number, "assigned", expected_version=1).code == "conflict"


@pytest.mark.parametrize("by", ["a1", "s2"])
def test_only_supervisors_of_the_team_redact(by: str) -> None:
    desk, number = a_desk()
    assert redact(desk, number, by=by).code == "forbidden"
    desk.state.staff = None
    assert redact(desk, number).code == "forbidden", "nobody, where the operator names none"
    assert entry_of(desk, number, "opened").text == f"It is {CARD}"


def test_a_file_goes_unless_another_entry_names_it() -> None:
    desk, number = a_desk()
    text, other = ({"name": f"{n}.txt", "media_type": "text/plain", "content": "QUJD" * n} for n in (1, 2))
    desk.reply(number, attachments=[text, other])
    refs = [named.ref for named in entry_of(desk, number, "customer_replied").attachments]
    desk.state.named_elsewhere = frozenset(refs[:1])
    redact(desk, number, "customer_replied")
    assert [desk.state.files[ref].state for ref in refs] == ["stored", "removing"]
    assert not entry_of(desk, number, "customer_replied").attachments


def test_the_reason_of_the_close_goes_with_its_entry() -> None:
    desk, number = a_desk()
    desk.agent("ticket.close", number, reason=f"Paid with {CARD}")
    assert redact(desk, number).ticket["close_reason"] == f"Paid with {CARD}", "that is another entry's"
    heard = redact(desk, number, "closed")
    assert heard.ticket["close_reason"] == desk.ticket(number).close_reason == REDACTED
    assert heard.event().data["ticket"]["close_reason"] == REDACTED


def test_a_close_without_words_keeps_its_reason() -> None:
    desk, number = a_desk()
    desk.agent("ticket.suggest_solution", number, body="Here")
    desk.requester("ticket.accept_solution", number)
    before = desk.ticket(number).close_reason
    redact(desk, number, "closed")
    assert (before, desk.ticket(number).close_reason) == ("accepted", "accepted")


def test_archives_with_the_ticket_go() -> None:
    desk, number = a_desk()
    with_it, another = (desk.keep(archives_of(f"account:{name}"), b"zip") for name in ("ann", "bob"))
    desk.state.archived = {desk.ticket(number).id: [with_it]}
    redact(desk, number)
    assert [desk.state.files[ref].state for ref in (with_it, another)] == ["removing", "stored"]


@pytest.mark.parametrize("subject", [True, False])
def test_answers_that_are_kept_for_redelivery_tell_it_no_more(subject: bool) -> None:
    desk, number = a_desk()
    desk.agent("ticket.close", number, reason=f"Paid with {CARD}")
    ticket = on_the_wire(snapshot(desk.ticket(number)))
    others = {**ticket, "number": "10000009"}
    bodies = [{"ticket": ticket}, {"candidates": [others, ticket]}, {"ticket": others}, {"hints": {}}]
    desk.state.told_of = {
        desk.ticket(number).id: [
            {"_id": str(place), "body": orjson.dumps({"data": data})} for place, data in enumerate(bodies)
        ]
    }
    redact(desk, number, "closed", subject=subject)
    told = {kept.document["_id"]: orjson.loads(kept.document["body"])["data"] for kept in desk.state.rewritten_answers}
    assert told.keys() == {"0", "1"}, "the others show nothing of it"
    assert told["1"]["candidates"][0] == others
    for shown in (told["0"]["ticket"], told["1"]["candidates"][1]):
        assert (shown["close_reason"], shown["subject"]) == (REDACTED, REDACTED if subject else f"Card {CARD}")


def test_the_desk_remembers_that_dead_letters_may_hold_the_entry() -> None:
    desk, number = a_desk()
    entry = entry_of(desk, number, "opened")
    redact(desk, number)
    (remembered,) = desk.state.erasures.values()
    assert (remembered.entries, remembered.done, remembered.content, remembered.accounts) == (
        (entry.id,),
        True,
        True,
        (),
    )
    redact(desk, number, subject=True)
    assert desk.state.erasures == {remembered.id: remembered}, "once"


def test_an_edit_of_the_same_turn_is_stored_once_without_the_words() -> None:
    """Stored as written and as redacted, it would be there twice, which the database refuses."""
    at = meeting("assigned")
    view = at.view()
    for name in ("edit", "redact"):
        for change in decide(view, message(name, at, name), NOW).changes:
            view.apply(change)
    (edit,) = (entry for entry in view.written_entries.values() if entry.kind == "edited")
    assert (edit.details.changed or {})["body"] == Change(old=REDACTED, new="In other words")
    assert list(view.erased_entries) == [at.opening.id]
