"""Nothing more is said about somebody who is erased, whatever comes when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.chassis.decision import Disarm, Message
from services.notifications.domain.decide import decide
from services.notifications.domain.state import RECORDED, Contact, Delivery, Policy, Preferences, View, done, person_of
from tests.unit.notifications.builders import (
    NOW,
    Desk,
    PlainWording,
    a_contact_change,
    an_entry,
    an_event,
    payload,
    with_data,
)

EVERYTHING = Policy(webhooks={"crm": frozenset({"receipt", "escalated", "info_requested"})}, has_manager=True)
ADA = person_of("account", "r1")


def an_erasure(at: timedelta = timedelta(hours=1)) -> Message[Any]:
    data = {"account_id": "r1", "kind": "account", "content": True, "at": NOW + at}
    return Message(f"x-{at}", "account.erased", "intake", payload("account.erased", data), "r1", f"intake\x1fx-{at}")


def heard(view: View, *messages: Message[Any]) -> list[str]:
    """What was said of these, and the timers that were taken away."""
    said: list[str] = []
    for message in messages:
        decision = decide(view, message, NOW)
        for change in decision.changes:
            view.apply(change)
        said += [say.type for say in decision.said]
        said += [timer.id for timer in decision.timers if isinstance(timer, Disarm)]
    return said


def a_view() -> View:
    return View(PlainWording(), EVERYTHING)


ESCALATED = an_event("ticket.escalated", "e2", an_entry("words", by="requester"), contact_version=1)
ASKED = an_event("ticket.info_requested", "e3", an_entry("words"), contact_version=1)


def test_what_waits_to_be_sent_is_dropped_when_its_ticket_is_erased() -> None:
    view = a_view()
    heard(view, a_contact_change(1), an_event("ticket.opened", contact_version=1), ESCALATED, ASKED)
    holding = [delivery for delivery in view.deliveries.values() if delivery.text]
    assert {delivery.channel for delivery in holding} == {"email", "webhook"}
    assert {delivery.recipient for delivery in holding} >= {"community-manager", "r1", "crm"}
    dropped = heard(view, an_event("ticket.edited", "e9", erased=True))
    assert len(dropped) == len(holding)
    assert not any(delivery.text or delivery.title for delivery in view.deliveries.values())


@pytest.mark.parametrize("event", [ESCALATED, ASKED], ids=lambda delivery: delivery.type)
def test_nothing_is_told_about_what_was_erased(event: Message[Any]) -> None:
    view = a_view()
    assert heard(view, an_erasure(), event) == [], "one that comes late tells nobody, not the agent either"
    assert not view.deliveries
    assert heard(a_view(), event), "else it does"


def test_what_was_decided_as_they_were_erased_goes_nowhere() -> None:
    """Another instance has read that nobody is erased, and stores the deliveries after it has heard of it."""
    desk = Desk(policy=EVERYTHING)
    desk.hear(a_contact_change(1), ESCALATED)
    held = [delivery for delivery in desk.deliveries.values() if delivery.text]
    assert {delivery.recipient for delivery in held} == {"community-manager", "r1", "crm"}
    desk.contacts = {id_: replace(contact, erased_at=NOW) for id_, contact in desk.contacts.items()}
    desk.let_time_pass(NOW + timedelta(days=4))
    assert desk.attempts == []
    assert {desk.deliveries[delivery.id].status for delivery in held} == {"skipped"}
    assert not any(delivery.text or delivery.requester for delivery in desk.deliveries.values())


def test_who_comes_back_is_told_as_anybody() -> None:
    view = a_view()
    later = an_event("ticket.opened", "e7", opened_at=NOW + timedelta(hours=2))
    assert "notification.message" in heard(view, an_erasure(), later)


def test_the_latest_erasure_counts() -> None:
    view = a_view()
    heard(view, an_erasure(timedelta(hours=3)), an_erasure(timedelta(hours=1)))
    assert view.contacts[ADA].erased_at == NOW + timedelta(hours=3)


@pytest.mark.parametrize("subject", [False, True])
def test_of_a_redacted_entry_nothing_more_is_told(subject: bool) -> None:
    view = a_view()
    other = an_event("ticket.info_requested", "e4", an_entry("other", id="n2"), contact_version=1)
    heard(view, a_contact_change(1), ASKED, other)
    redacted = an_event("ticket.redacted", "e9", an_entry("why", redacts="n1"))
    redacted = with_data(redacted, subject=subject)
    heard(view, redacted)
    left = {delivery.entry for delivery in view.deliveries.values() if delivery.text}
    assert left == (set() if subject else {"n2"})


def test_what_an_older_version_put_down_goes_with_any_entry() -> None:
    view = a_view()
    heard(view, a_contact_change(1), ASKED)
    view.deliveries = {id_: replace(delivery, entry="") for id_, delivery in view.deliveries.items()}
    redacted = an_event("ticket.redacted", "e9", an_entry("why", redacts="another"))
    heard(view, with_data(redacted, subject=False))
    assert not any(delivery.text for delivery in view.deliveries.values())


def test_every_field_of_what_is_stored_is_classified() -> None:
    """What `done` drops by itself, what it keeps, and what `account.contact_changed` or similar events replace."""
    dropped = {"title", "text", "reason", "next_attempt_at", "requester", "opened_at"}
    assert set(Delivery.__dataclass_fields__) == RECORDED | dropped | {"status", "version", "expires_at"}
    desks = {"id", "version", "contact_version", "awaited_by", "row", "erased_at"}
    assert set(Contact.__dataclass_fields__) == desks | {"email"}
    replaced = {"preferences_version", "language", "notify", "quiet_hours"}
    assert set(Preferences.__dataclass_fields__) == {"id", "version"} | replaced


def test_a_delivery_that_is_done_keeps_no_words() -> None:
    view = a_view()
    heard(view, a_contact_change(1), ESCALATED)
    held = [delivery for delivery in view.deliveries.values() if delivery.text]
    assert held
    for delivery in held:
        left = done(replace(delivery, reason="words"), "skipped", NOW)
        changed = {name for name in Delivery.__dataclass_fields__ if getattr(left, name) != getattr(delivery, name)}
        assert (left.title, left.text, left.reason, left.next_attempt_at) == ("", "", "", None)
        assert changed <= {
            "title", "text", "next_attempt_at", "status", "version", "expires_at", "requester", "opened_at",
        }  # fmt: skip
