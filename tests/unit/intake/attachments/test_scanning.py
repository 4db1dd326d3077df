"""With a scanner, a file is in quarantine until it is known to be clean; nobody may have a harmful one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from contracts import registry
from services.chassis.decision import Arm, Decision, Message
from services.intake.domain.attachments.scanning import LONGEST_RETRY
from services.intake.domain.values.file import Clean, Harmful, Verdict
from tests.unit.intake.attachments.test_attachments import WORDS, by_reference
from tests.unit.intake.desk import Desk, Plain, on_the_wire


def quarantined(desk: Desk, **more: Any) -> tuple[str, str, Sequence[Any]]:
    """A ticket with a file in quarantine: number, reference, timers."""
    number = desk.opened(**more)
    ref = desk.keep("account:ann", WORDS, state="quarantined")
    heard = desk.reply(number, attachments=[by_reference(ref), by_reference(ref, name="twice.txt")])
    return number, ref, heard.decision.timers


def fire(desk: Desk, timer: Arm, verdict: Verdict | None) -> Plain:
    desk.sent += 1
    key = f"t{desk.sent}"
    desk.prepare(verdicts={key: verdict})
    message = Message(key, timer.timer.type_(), "intake", timer.timer, timer.about, key)
    return desk.take(desk.decide(message))


def test_a_file_in_quarantine_is_looked_at_when_a_ticket_names_it() -> None:
    desk = Desk()
    number, ref, timers = quarantined(desk)
    assert {(arm.id, arm.timer.due, arm.lane) for arm in timers} == {(f"scan:{ref}:{number}", desk.now, "scanner")}
    decision = fire(desk, timers[0], Clean())
    assert not decision.said
    assert desk.state.files[ref].state == "stored"
    assert not desk.reply(number, attachments=[by_reference(ref)]).decision.timers, "once is enough"


@pytest.mark.parametrize("status", ["new", "assigned", "closed"])
def test_the_history_says_that_a_file_was_harmful(status: str) -> None:
    desk = Desk()
    number, ref, timers = quarantined(desk)
    if status != "new":
        desk.assign(number)
    if status == "closed":
        desk.agent("ticket.close", number)
    before = desk.ticket(number)
    decision = fire(desk, timers[0], Harmful())
    assert desk.state.files[ref].state == "infected"
    event, live = decision.said
    assert live.type == "ticket.changed"
    registry.TYPES["event", event.type].schema.load(on_the_wire(event.data))
    assert (event.type, event.data["entry"]["author"]["kind"]) == ("ticket.note_added", "service")
    assert "again.txt" in event.data["entry"]["text"]
    after = desk.ticket(number)
    assert (after.version, after.status, after.status_version) == (
        before.version + 1,
        before.status,
        before.status_version,
    )
    assert desk.requester("attachment.download", number, ref=ref).code == "wrong_status"


def test_what_is_said_of_an_agents_internal_file_is_internal_too() -> None:
    desk = Desk()
    number = desk.opened(status="assigned")
    ref = desk.keep("agent:a1", WORDS, state="quarantined")
    (internal,) = desk.agent("ticket.add_note", number, attachments=[by_reference(ref)]).decision.timers
    (public,) = desk.agent("ticket.ask_info", number, attachments=[by_reference(ref)]).decision.timers
    assert isinstance(internal, Arm)
    assert isinstance(public, Arm)
    assert internal.id != public.id
    told = [fire(desk, timer, Harmful()).said[0].data["entry"]["visibility"] for timer in (internal, public)]
    assert told == ["internal", "public"]


def test_every_ticket_that_names_a_harmful_file_says_so() -> None:
    desk = Desk()
    _, ref, (timer, *_) = quarantined(desk)
    other = desk.opened(subject="Something else entirely", distinct_from=["10000001"])
    (second,) = desk.reply(other, attachments=[by_reference(ref)]).decision.timers
    assert isinstance(second, Arm)
    fire(desk, timer, Harmful())
    assert [say.type for say in fire(desk, second, None).said] == ["ticket.note_added", "ticket.changed"]


def test_a_scanner_that_is_away_is_asked_again_after_longer_and_longer() -> None:
    desk = Desk()
    _, ref, (timer, *_) = quarantined(desk)
    waits = []
    for _ in range(12):
        decision = fire(desk, timer, None)
        (timer,) = (arm for arm in decision.timers if isinstance(arm, Arm))
        waits.append(timer.timer.due - desk.now)
    assert waits[:3] == [timedelta(seconds=seconds) for seconds in (1, 2, 4)]
    assert waits[-1] == LONGEST_RETRY
    assert desk.state.files[ref].state == "quarantined"
    fire(desk, timer, Clean())
    assert desk.state.files[ref].state == "stored"


def test_a_scan_of_what_is_gone_does_nothing() -> None:
    desk = Desk()
    _, ref, (timer, *_) = quarantined(desk)
    del desk.state.files[ref]
    assert fire(desk, timer, Clean()) == Decision()
