"""A person is erased: what is open closes, agents see that they are erased, and nothing of theirs is left in any value.

That nothing is left in any collection: tests/integration/test_erasure.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest
from msgspec.structs import replace as altered

from contracts.file_forms import AttachmentRef, LeftOut
from contracts.snapshot import Author, Change, EntryDetails
from services.chassis.decision import Arm, Decision, Disarm, Message
from services.intake.domain.privacy import erasing
from services.intake.domain.privacy.erasing import EraseTimer, erase_due, rewritten, without_words
from services.intake.domain.values.account import Account
from services.intake.domain.values.erasure import Erasure, Portion, UploadForgotten
from services.intake.domain.values.file import Brought, archives_of
from services.intake.domain.values.history import Entry
from services.intake.domain.values.ticket import snapshot
from services.intake.domain.values.whose import ERASED
from tests.unit.intake.desk import MORNING, Desk, Heard, account, on_the_wire, temporary

EMAIL = "zoe@example.org"
ZOE = account("zoe", email=EMAIL)
OTHER = {"subject": "No sound", "body": "I hear nothing at all.", "category": "technical"}
ALL = Erasure("e1", 1, ("account:zoe",), content=True, at=MORNING)
NAMES = replace(ALL, content=False)


def erased(desk: Desk, requester: dict[str, Any] | None = None, *accounts: str, **more: Any) -> Heard:
    """`account.erase` of a requester (or as `more` says), whose accounts are these."""
    desk.state.persons = {accounts[0]: accounts}
    data = {"requester": requester} if requester else {}
    return desk.send("account.erase", {**data, **more}, **({} if requester else {"sender": "operator"}))


def portion_of(desk: Desk, portion: Portion) -> Decision:
    """The timer of the one erasure fires, and finds this."""
    (erasure,) = desk.state.erasures.values()
    desk.state.erasing = {erasure.id: portion}
    desk.sent += 1
    return desk.take(desk.decide(fired(desk, erasure)))


def fired(desk: Desk, erasure: Erasure) -> Message[EraseTimer]:
    """The erasure's timer, as it comes now."""
    timer, id_ = EraseTimer(due=desk.now), f"t{erasure.id}{desk.sent}"
    return Message(id_, timer.type_(), "intake", timer, erasure.id, f"timer\x1f{id_}")


def test_what_is_open_closes_first_and_its_agent_hears_it() -> None:
    desk = Desk()
    number = desk.opened(status="assigned", requester=ZOE)
    another = desk.opened(requester=ZOE, **OTHER)
    others = desk.opened(requester=account("bob"))
    heard = erased(desk, ZOE, "account:zoe", content=True)
    assert heard.type == "command.accepted"
    assert heard.events() == ["account.erased", "account.contact_changed", "ticket.closed", "ticket.closed"]
    assert heard.to_agents() == ["agent.a1.ticket.closed"]
    for each in (number, another):
        ticket = desk.ticket(each)
        assert (ticket.status, ticket.close_reason, ticket.subject, ticket.opening) == ("closed", ERASED, ERASED, "")
        told = snapshot(ticket)
        assert (told.requester.display_name, told.erased) == (ERASED, True)
    for trace in ("Zoe", EMAIL, "Card does not", "No sound"):
        assert trace not in str(heard.decision.said) + str(desk.state.accounts) + str(desk.state.tickets[ticket.id])
    assert desk.ticket(others).is_open
    assert not snapshot(desk.ticket(others)).erased


def test_who_comes_back_is_somebody_new_with_nothing() -> None:
    desk = Desk()
    number = desk.opened(requester=ZOE)
    version = desk.state.accounts["account:zoe"].contact_version
    erased(desk, ZOE, "account:zoe")
    assert desk.reply(number, ZOE).code == "forbidden"
    assert desk.view(number, ZOE).code == "forbidden"
    desk.later(minutes=1)
    again = desk.submit(ZOE)
    assert again.type == "ticket.opened"
    assert again.ticket["contact_version"] == version + 2, "later than the version that erased it"


def test_a_temporary_account_ends_and_its_secret_is_nobodys() -> None:
    desk = Desk()
    id_ = desk.send("account.open_temporary", {"contact_email": EMAIL, "display_name": "Zoe"}).data["account_id"]
    desk.secrets.add((id_, "right"))
    desk.opened(requester=temporary(id_, "right"))
    heard = erased(desk, temporary(id_, "right"), f"temporary:{id_}")
    assert "account.temporary_expired" in heard.events()
    assert desk.submit(temporary(id_, "right")).code == "unauthenticated"
    assert erased(desk, temporary(id_, "right"), f"temporary:{id_}").code == "unauthenticated"


def test_of_an_account_stay_its_versions_and_its_block() -> None:
    at = MORNING
    whole: dict[str, Any] = {
        name: at if "datetime" in str(of) else "words" if "str" in str(of) else True if of == "bool" else 7
        for name, of in Account.__annotations__.items()
    }
    was = Account(**whole | {"key": "temporary:zoe", "preferences": {"language": "de"}, "blocked_until": None})
    (written,) = erasing._ended(was, was.key, ALL, was, at).changes
    left = written.account
    kept = {name for name, value in whole.items() if getattr(left, name) == getattr(was, name)}
    assert kept == {"key", "ended_at", "blocked_at", "blocked_until", "blocked_by"}
    assert {name for name in whole if getattr(left, name) == getattr(Account("", 0, None, 0), name)} == {
        *("contact_email", "display_name", "secret_hash", "opened_at", "expires_at", "preferences", "code_version"),
        *("confirmed_version", "confirmed_at", "joined", "leads", "merged_into", "wrote_since", "wrote"),
        "blocked_until",
    }


def test_all_accounts_of_the_person_are_erased() -> None:
    desk = Desk()
    for name in ("zoe", "ann"):
        desk.submit(account(name, email=EMAIL))
    heard = erased(desk, account("ann"), "account:ann", "account:zoe")
    assert [say.subject for say in heard.decision.said if say.type == "account.erased"] == ["ann", "zoe"]
    assert EMAIL not in str(desk.state.accounts)
    assert [ticket.is_open for ticket in desk.state.tickets.values()] == [False, False]


@pytest.mark.parametrize("sender", ["web", "agent.a1"])
def test_only_the_operator_names_an_account(sender: str) -> None:
    desk = Desk()
    desk.opened(requester=ZOE)
    named = {"account": {"kind": "account", "account_id": "zoe"}}
    desk.state.persons = {"account:zoe": ("account:zoe",)}
    assert desk.send("account.erase", named, sender).code == "forbidden"
    assert erased(desk, None, "account:nobody", **named).data["errors"].keys() == {"account"}
    assert erased(desk, None, "account:zoe", **named).type == "command.accepted"
    assert EMAIL not in str(desk.state.accounts)


def test_portions_go_on_until_nothing_is_left() -> None:
    desk = Desk()
    number = desk.opened(status="closed", requester=ZOE)
    ticket = desk.ticket(number)
    entries = desk.state.history(ticket)
    erased(desk, ZOE, "account:zoe", content=True)
    cut = portion_of(desk, Portion(tickets=(ticket.id,)))
    assert [say.type for say in cut.said] == ["ticket.edited", "ticket.changed"]
    assert desk.ticket(number).person == desk.state.erasures[cut.changes[-1].id].person
    assert cut.timers
    read = portion_of(desk, Portion(entries=entries, read_to=(number, 3), finished=False))
    assert read.timers
    left = desk.state.history(ticket)[: len(entries)]
    assert [entry.kind for entry in left] == ["opened", "assigned", "closed"]
    assert {entry.text for entry in left} == {ERASED}
    last = portion_of(desk, Portion())
    assert not last.timers
    (erasure,) = desk.state.erasures.values()
    assert (erasure.done, erasure.read_to) == (True, (number, 3))
    assert erase_due(desk.state, fired(desk, erasure), desk.now) == Decision()


def test_two_erasures_of_one_person_in_one_turn_cut_each_ticket_off_once() -> None:
    desk = Desk()
    ticket = desk.ticket(desk.opened(status="closed", requester=ZOE))
    for content in (True, False):
        erased(desk, ZOE, "account:zoe", content=content)
    first, second = desk.state.erasures.values()
    desk.state.erasing = {erasure.id: Portion(tickets=(ticket.id,)) for erasure in (first, second)}
    said = []
    for erasure in (first, second):
        decision = desk.take(desk.decide(fired(desk, erasure)))
        assert decision.timers, "it goes on"
        said += [say.type for say in decision.said]
    assert said == ["ticket.edited", "ticket.changed"]
    assert desk.ticket(ticket.number).person == first.person


def test_a_ticket_that_was_reopened_or_filed_in_the_same_moment_is_closed_by_its_portion() -> None:
    desk = Desk()
    erased(desk, ZOE, "account:zoe")
    number = desk.opened(status="assigned", requester=ZOE)
    cut = portion_of(desk, Portion(tickets=(desk.ticket(number).id,)))
    told = ["ticket.closed", "ticket.closed", "ticket.changed"]
    assert [say.type for say in cut.said] == told, "announced, and its agent told, and its pages"
    assert desk.ticket(number).status == "closed"
    assert desk.ticket(number).person.startswith("erased:")


def an_entry(kind: Any = "requester", files: Sequence[AttachmentRef] = (), **details: Any) -> Entry:
    return Entry(
        "n",
        "t",
        2,
        "note_added",
        Author(kind=kind, id="x1", display_name="Zoe"),
        "public",
        "words",
        MORNING,
        0,
        files,
        EntryDetails(**details),
    )


KEPT = {"refers_to": "10000001", "to_number": "10000002", "granted": True, "articles": ["a"]}
CHANGED = {"category": Change(old="billing", new="safety"), "subject": Change(old="words", new="words")}
FILE = AttachmentRef(name="words", media_type="text/plain", ref="r", sha256="0" * 64, size=1)


@pytest.mark.parametrize(
    ("details", "left"),
    [
        (KEPT, KEPT),
        ({"fields": {"order": "words"}}, {}),
        ({"files": [FILE]}, {}),
        ({"left_out": [LeftOut(name="words", reason="words", code="invalid")]}, {}),
        ({"changed": CHANGED}, {"changed": {"category": CHANGED["category"]}}),
    ],
)
def test_of_an_entry_are_left_who_when_and_what_holds_no_words(details: dict[str, Any], left: dict[str, Any]) -> None:
    for by in ("requester", "agent", "service", "moderator"):
        after = without_words(an_entry(by, **details), ALL)
        assert (after.text, after.attachments, after.details) == (ERASED, (), EntryDetails(**left))
        assert (after.author.display_name == ERASED) == (by == "requester")
    names = without_words(an_entry(**details), NAMES)
    before = an_entry(**details)
    assert (names.text, names.attachments, names.details) == ("words", before.attachments, before.details)
    assert names.author.id == "e1"
    assert without_words(an_entry("agent", **details), NAMES) == an_entry("agent", **details)


@pytest.mark.parametrize("shown_as", ["ticket", "candidates"])
def test_an_answer_that_is_kept_for_redelivery_tells_no_more(shown_as: str) -> None:
    desk = Desk()
    number = desk.opened(requester=ZOE, issue_key="words")
    told = {**on_the_wire(snapshot(desk.ticket(number))), "close_reason": "words", "subject": "words"}
    body = orjson.dumps({"data": {shown_as: told if shown_as == "ticket" else [told]}})
    for erasure in (ALL, NAMES):
        left = rewritten(body, erasure, ())
        assert b"Zoe" not in left
        assert (b"words" in left) == (erasure is NAMES)
        data = orjson.loads(left)["data"]
        nobody = data["ticket"] if shown_as == "ticket" else data["candidates"][0]
        assert nobody["requester"]["id"] == "e1"
    assert rewritten(body, replace(ALL, accounts=("account:bob",)), ()) == body
    for also in (
        {"attachment": {"name": "words", "ref": "r"}},
        {"left_out": [{"name": "words", "reason": "words.txt is too large"}]},
        {"code": "invalid", "message": "words", "errors": {"attachments.0.content": ["words"]}},
    ):
        assert b"words" not in rewritten(orjson.dumps({"data": also}), ALL, ())
    assert b"Zoe" not in rewritten(body, replace(ALL, accounts=()), (number,))


def test_an_answer_without_an_entry_is_found_by_the_tickets_that_it_shows() -> None:
    desk = Desk()
    number = desk.opened(status="assigned", requester=ZOE)
    conflict = desk.agent("ticket.start_work", number, expected_version=1)
    assert conflict.decision.answer is not None
    assert (conflict.code, conflict.decision.answer.about) == ("conflict", [number])
    replied = desk.reply(number, ZOE)
    assert replied.decision.answer is not None
    assert not replied.decision.answer.about, "its entry leads there"


def test_files_go_unless_an_entry_of_somebody_else_names_them() -> None:
    desk = Desk()
    shared, own = (desk.keep("agent:a1", name, used=True) for name in (b"shared", b"own"))
    number = desk.opened(requester=ZOE)
    named = [altered(FILE, ref=ref) for ref in (shared, own)]
    entry = replace(an_entry("agent", named), ticket_id=desk.ticket(number).id)
    erased(desk, ZOE, "account:zoe", content=True)
    portion_of(desk, Portion(entries=[entry], finished=False, named_elsewhere=frozenset({shared})))
    assert desk.state.files[own].state == "removing"
    assert (desk.state.files[own].used, desk.state.files[own].at) == (False, erasing.GONE)
    assert desk.state.files[shared].state == "stored"


def test_a_block_outlives_the_erasure_without_its_reason() -> None:
    desk = Desk()
    desk.opened(requester=ZOE)
    zoe = desk.state.accounts["account:zoe"]
    desk.state.accounts["account:zoe"] = replace(zoe, blocked_at=MORNING, blocked_by="s1", blocked_reason="words")
    desk.state.accounts["account:ann"] = replace(zoe, key="account:ann")
    erased(desk, ZOE, "account:zoe", "account:ann")
    for name in ("account:zoe", "account:ann"):
        assert desk.state.accounts[name].is_blocked(desk.now), "with all accounts of the person"
    assert "words" not in str(desk.state.accounts)


def swept(desk: Desk, *ids: str) -> Heard:
    return desk.send("erasures.confirm_swept", {"erasures": list(ids)}, "operator")


def test_an_operator_says_of_which_no_dead_letter_tells_any_more() -> None:
    desk = Desk()
    done = replace(ALL, done=True)
    desk.state.erasures = {"e1": done, "e2": replace(ALL, id="e2")}
    heard = swept(desk, "e0", "e1", "e2", "e1")
    assert (heard.type, sorted(heard.data["hints"])) == ("command.accepted", ["erasures.0", "erasures.2"])
    assert heard.decision.changes == [replace(done, version=2, swept_at=desk.now)]
    desk.later(days=1)
    assert swept(desk, "e1").type == "command.accepted"
    assert desk.state.erasures["e1"].swept_at == desk.now
    refused = swept(desk, "e2")
    assert (refused.code, list(refused.data["errors"])) == ("invalid", ["erasures.0"])


def answer_about(desk: Desk, number: str) -> dict[str, Any]:
    """A document of an answer that is kept for redelivery and shows the ticket."""
    body = orjson.dumps({"data": {"ticket": on_the_wire(snapshot(desk.ticket(number)))}})
    return {"_id": "web\x1fm1", "turn": "t1", "about": [number], "body": body}


def test_a_portion_of_entries_takes_its_answers_and_its_files_scans_along() -> None:
    desk = Desk()
    file = desk.keep("agent:a1", b"own", used=True)
    number = desk.opened(requester=ZOE)
    answer = answer_about(desk, number)
    entry = replace(an_entry("agent", [altered(FILE, ref=file)]), ticket_id=desk.ticket(number).id)
    internal = replace(entry, visibility="internal")
    erased(desk, ZOE, "account:zoe", content=True)
    read = portion_of(desk, Portion(entries=[entry, internal], finished=False, answers=[answer]))
    assert [timer for timer in read.timers if isinstance(timer, Disarm)] == [
        Disarm(f"scan:{file}:{number}"),
        Disarm(f"scan:{file}:{number}:internal"),
    ]
    (kept,) = desk.state.rewritten_answers
    assert {name: kept.document[name] for name in answer if name != "body" and name in kept.document} == {
        "_id": "web\x1fm1",
        "turn": "t1",
    }, "what it is about leads nowhere any more"
    assert b"Zoe" not in kept.document["body"]


def test_names_alone_leave_the_files_of_entries() -> None:
    desk = Desk()
    file = desk.keep("account:zoe", b"own", used=True)
    number = desk.opened(requester=ZOE)
    entry = replace(an_entry(files=[altered(FILE, ref=file)]), ticket_id=desk.ticket(number).id)
    erased(desk, ZOE, "account:zoe", content=False)
    read = portion_of(desk, Portion(entries=[entry], finished=False))
    assert not [timer for timer in read.timers if isinstance(timer, Disarm)]
    assert desk.state.files[file].state == "stored"


def test_what_is_left_beside_tickets_goes_last() -> None:
    desk = Desk()
    number = desk.opened(requester=ZOE)
    file = desk.keep(archives_of("account:zoe"), b"the archive")
    upload = {"_id": "u1", "owner": "account:zoe", "at": desk.now}
    answer = answer_about(desk, number)
    erased(desk, ZOE, "account:zoe", content=True)
    left = portion_of(desk, Portion(files=[file], uploads=[upload], answers=[answer]))
    (erasure,) = desk.state.erasures.values()
    again = Arm(f"account_erase:{erasure.id}", EraseTimer(due=desk.now), erasure.id, "erasure")
    assert left.timers == [again], "there may be more"
    assert (erasure.done, erasure.version) == (False, 2)
    assert desk.state.files[file].state == "removing"
    assert desk.state.forgotten_uploads == [UploadForgotten(upload, {**upload, "at": erasing.GONE})]
    assert [b"Zoe" in kept.document["body"] for kept in desk.state.rewritten_answers] == [False]


def test_an_answer_that_asks_which_case_is_meant_is_found_by_those_that_it_shows() -> None:
    desk = Desk()
    number = desk.opened(requester=ZOE)
    again = {"subject": "Card does not arrive at all", "body": "I ordered my card two weeks ago and it is not here!"}
    heard = desk.submit(ZOE, **again)
    assert (heard.type, heard.decision.answer and heard.decision.answer.about) == ("ticket.similar", [number])


def test_an_answer_that_names_files_is_found_by_the_account_that_sent_them() -> None:
    desk = Desk()
    number = desk.opened(requester=ZOE)
    part = {"upload": "u1", "name": "f.txt", "media_type": "text/plain", "part": 1, "parts": 1, "content": "QUJD"}
    desk.uploaded = Brought("f.txt", "text/plain", desk.keep("account:zoe", b"ABC"))
    stored = desk.send("attachment.upload", {"requester": ZOE, **part})
    unknown = {"name": "f.txt", "media_type": "text/plain", "ref": "f" * 32, "sha256": "0" * 64, "size": 3}
    refused = desk.reply(number, ZOE, body="", attachments=[unknown])
    assert (stored.type, refused.code) == ("attachment.stored", "invalid")
    for heard in (stored, refused):
        assert heard.decision.answer is not None
        assert heard.decision.answer.about == ["account:zoe"]
