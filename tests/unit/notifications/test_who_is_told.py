"""Which event tells whom what, by which channel, and what may be shown."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chassis.decision import derived_id
from services.notifications.domain import decide, owed
from services.notifications.templates import Templates
from tests.unit.notifications.builders import (
    DAY,
    NOW,
    Desk,
    PlainWording,
    a_contact_change,
    an_entry,
    an_event,
    check_against_contract,
)

WEB = "web.notification.message"
AGENT = "agent.a7.notification.message"

TOLD_BY_EVENT = {
    "ticket.opened": [(WEB, "receipt")],
    "ticket.assigned": [(WEB, "assigned"), (AGENT, "assigned_to_agent")],
    "ticket.info_requested": [(WEB, "info_requested")],
    "ticket.solution_suggested": [(WEB, "solution_suggested")],
    "ticket.closed": [(WEB, "closed")],
    "ticket.note_added": [],
    "ticket.edited": [],
    "ticket.unassigned": [],
    "ticket.work_started": [],
    "ticket.customer_replied": [],
    "ticket.reclassified": [],
    "ticket.linked": [],
    "ticket.transferred": [],
}


@pytest.mark.parametrize("type_", TOLD_BY_EVENT)
def test_kind_by_event(type_: str) -> None:
    desk = Desk()
    desk.hear(an_event(type_, entry=an_entry("What is your name there?")))
    assert desk.told() == [(key, kind, "00000042") for key, kind in TOLD_BY_EVENT[type_]]


@pytest.mark.parametrize("type_", TOLD_BY_EVENT)
def test_requester_is_mailed_where_an_address_is_known(type_: str) -> None:
    desk = Desk()
    desk.hear(a_contact_change(1))
    desk.hear(an_event(type_, contact_version=1))
    desk.let_time_pass(NOW)
    mailed = [(mail.kind, mail.status) for mail in desk.mails()]
    assert mailed == [(kind, "sent") for key, kind in TOLD_BY_EVENT[type_] if key == WEB]
    assert all(mail.recipient == "r1" for mail in desk.mails())


def test_no_mail_without_an_address() -> None:
    desk = Desk()
    desk.hear(an_event("ticket.opened", contact_version=0))
    assert desk.mails() == []
    assert desk.timers == {}


def test_the_agent_is_never_mailed() -> None:
    assert {(one.recipient, one.channel) for one in owed(an_event("ticket.assigned"))} == {
        ("r1", "channel"),
        ("r1", "email"),
        ("a7", "agent"),
    }


def test_event_that_tells_nobody_anything_is_not_remembered() -> None:
    desk = Desk()
    decision = decide(_view(desk), an_event("ticket.note_added"), NOW)
    assert (decision.remember, decision.changes, decision.said) == (False, (), ())


def test_each_delivery_is_announced_once() -> None:
    desk = Desk()
    desk.hear(a_contact_change(3))
    desk.hear(an_event("ticket.assigned", contact_version=3))
    desk.let_time_pass(NOW + DAY)
    sent = [(data["recipient"], data["channel"], data["kind"]) for data in desk.announced("notification.sent")]
    assert sorted(sent) == [
        ("a7", "agent", "assigned_to_agent"),
        ("r1", "channel", "assigned"),
        ("r1", "email", "assigned"),
    ]


def test_ids_are_derived_so_that_a_retry_says_the_same() -> None:
    desk = Desk()
    desk.hear(an_event("ticket.opened", "e9"))
    (message,) = [say for say in desk.said if say.type == "notification.message"]
    assert message.id == derived_id("e9", "r1", "channel")
    assert message.id in desk.deliveries


@pytest.mark.parametrize("type_", TOLD_BY_EVENT)
def test_all_that_is_said_is_of_the_contract(type_: str) -> None:
    desk = Desk()
    desk.hear(a_contact_change(1), an_event(type_, contact_version=1))
    desk.let_time_pass(NOW)
    for say in desk.said:
        check_against_contract(say)


@pytest.mark.parametrize("type_", ["ticket.info_requested", "ticket.solution_suggested"])
def test_an_answer_is_shown(type_: str) -> None:
    desk = Desk()
    desk.hear(an_event(type_, entry=an_entry("Please try again now.")))
    assert desk.said[0].data["text"] == "Ada|Grace|Charged twice|Please try again now."


@pytest.mark.parametrize("type_", TOLD_BY_EVENT)
@pytest.mark.parametrize("contact_version", [0, 1, 2])
def test_internal_notes_are_never_shown(type_: str, contact_version: int) -> None:
    desk = Desk()
    desk.hear(a_contact_change(1))
    desk.hear(an_event(type_, entry=an_entry("SECRET", "internal"), contact_version=contact_version))
    assert "SECRET" not in repr((desk.said, desk.deliveries))


@pytest.mark.parametrize("type_", ["ticket.opened", "ticket.assigned", "ticket.closed"])
def test_what_is_no_answer_is_not_shown(type_: str) -> None:
    desk = Desk()
    desk.hear(an_event(type_, entry=an_entry("what the entry says")))
    assert "what the entry says" not in repr(desk.said)


def test_solution_states_the_rule_of_7_days() -> None:
    view = _view(Desk())
    view.wording = Templates()
    decision = decide(view, an_event("ticket.solution_suggested", entry=an_entry("Log out and in.")), NOW)
    text = decision.said[0].data["text"]
    assert "Log out and in." in text
    assert "within 7 days" in text
    assert "close the case" in text


@settings(deadline=None)
@given(subject=st.text(min_size=1, max_size=200), name=st.text(max_size=100), answer=st.text(max_size=500))
def test_whatever_people_write_stays_within_the_contract(subject: str, name: str, answer: str) -> None:
    view = _view(Desk())
    view.wording = TEMPLATES
    requester = {"id": "r1", "kind": "account", "display_name": name, "tier": "vip"}
    event = an_event("ticket.info_requested", entry=an_entry(answer), subject=subject, requester=requester)
    for say in decide(view, event, NOW).said:
        check_against_contract(say)


TEMPLATES = Templates()


def _view(desk: Desk):  # type: ignore[no-untyped-def]
    from services.notifications.domain import View

    return View(PlainWording(), desk.give_up_after)
