"""Which event tells whom what, by which channel, and what may be shown."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from contracts.envelope import parse
from contracts.notifications import SWITCHABLE_CHANNELS, SWITCHABLE_KINDS, Channel
from contracts.notifications import Message as Shown
from services.chassis.decision import derived_id
from services.notifications.domain.decide import TAKEN, decide
from services.notifications.domain.preferences import ALWAYS
from services.notifications.domain.state import KEPT, Facts, KindForRequester, Policy, View
from services.notifications.domain.telling import FOR_WEBHOOKS, TELLS, WRITTEN, Tells, facts_of, owed, tell
from services.notifications.templates import Templates
from tests.unit.notifications.builders import (
    ACCEPTED,
    DAY,
    DEFERRED,
    NOW,
    Desk,
    PlainWording,
    a_contact_change,
    a_preferences_change,
    an_entry,
    an_event,
    with_data,
)
from tests.unit.said import as_a, assert_may_be_said

WEB = "web.notification.message"
AGENT = "agent.a7.notification.message"

TOLD_BY_EVENT = {
    "ticket.opened": [(WEB, "receipt")],
    "ticket.assigned": [(WEB, "assigned"), (AGENT, "assigned_to_agent")],
    "ticket.info_requested": [(WEB, "info_requested")],
    "ticket.solution_suggested": [(WEB, "solution_suggested")],
    "sla.closing_soon": [(WEB, "reminder")],
    "ticket.closed": [(WEB, "closed")],
    "ticket.merged": [(WEB, "closed")],
    "ticket.reopened": [(WEB, "reopened"), (AGENT, "replied")],
    "ticket.escalated": [(WEB, "escalated"), (AGENT, "escalated_to_agent")],
    "ticket.consent_requested": [(WEB, "consent_requested")],
    "ticket.consent_answered": [(AGENT, "consent_answered")],
    "ticket.customer_replied": [(AGENT, "replied")],
    "sla.warning": [(AGENT, "warning")],
    "sla.breached": [(AGENT, "breach")],
    "ticket.transferred": [(WEB, "assigned"), (AGENT, "assigned_to_agent")],
    "ticket.note_added": [],
    "ticket.edited": [],
    "ticket.unassigned": [],
    "ticket.work_started": [],
    "ticket.reclassified": [],
    "ticket.linked": [],
}


@pytest.mark.parametrize("type_", TOLD_BY_EVENT)
def test_kind_by_event(type_: str) -> None:
    desk = Desk()
    by = "requester" if type_ == "ticket.reopened" else "agent"
    desk.hear(an_event(type_, entry=an_entry("What is your name there?", by=by)))
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


@pytest.mark.parametrize("type_", TOLD_BY_EVENT)
def test_of_a_ticket_that_a_machine_filed_its_requester_hears_only_what_an_agent_wrote(type_: str) -> None:
    desk = Desk()
    desk.hear(a_contact_change(1))
    event = an_event(type_, contact_version=1)
    desk.hear(with_data(event, ticket=structs.replace(event.data.ticket, automatic=True)))
    desk.let_time_pass(NOW)
    wanted = [(key, kind) for key, kind in TOLD_BY_EVENT[type_] if key == AGENT or kind in WRITTEN]
    assert [(key, kind) for key, kind, _ in desk.told()] == wanted
    assert [mail.kind for mail in desk.mails()] == [kind for key, kind in wanted if key == WEB]


@pytest.mark.parametrize("automatic", [True, False])
def test_of_a_machines_note_nobody_is_told(automatic: bool) -> None:
    desk = Desk()
    author = {"kind": "requester", "id": "r1", "display_name": "Ada"}
    more = {"automatic": True} if automatic else {}
    desk.hear(an_event("ticket.note_added", entry={**an_entry("I am away."), "author": author, **more}))
    assert [kind for _, kind, _ in desk.told()] == ([] if automatic else ["replied"])


def test_no_mail_without_an_address() -> None:
    desk = Desk()
    desk.hear(an_event("ticket.opened", contact_version=0))
    assert desk.mails() == []
    assert desk.timers == {}


def test_kinds_that_a_requester_may_switch_off_are_those_of_the_contract() -> None:
    assert {row.requester for row in TELLS} == {*SWITCHABLE_KINDS, None}
    assert set(get_args(KindForRequester)) == {*SWITCHABLE_KINDS, *ALWAYS}
    assert set(SWITCHABLE_CHANNELS) < set(get_args(Channel))


def test_every_event_that_tells_somebody_something_comes() -> None:
    assert {row.event for row in TELLS} <= {type_ for type_, line in TAKEN.items() if line.decide is tell}


def test_every_row_of_an_event_may_hold() -> None:
    always = Tells.__dataclass_fields__["only_if"].default
    events = [row.event for row in TELLS if row.only_if is always]
    assert len(events) == len(set(events)), "the first that always holds is the only one"
    last = {row.event: row for row in TELLS}
    assert all(last[event].only_if is always for event in events), "those below it never count"


def test_the_agent_is_never_mailed() -> None:
    assert {(delivery.recipient, delivery.channel) for delivery in owed(an_event("ticket.assigned"), Policy())} == {
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
    assert bool(desk.said) == bool(TOLD_BY_EVENT[type_])


SHOWN = ["ticket.info_requested", "ticket.solution_suggested", "ticket.consent_requested", "ticket.customer_replied"]


@pytest.mark.parametrize("type_", SHOWN)
def test_what_one_writes_to_the_other_is_shown(type_: str) -> None:
    desk = Desk()
    desk.hear(an_event(type_, entry=an_entry("Please try again now.")))
    assert as_a(Shown, desk.said[0].data).text == "Ada|Grace|Charged twice|Please try again now.|"


@pytest.mark.parametrize(("by", "told"), [("requester", [(AGENT, "replied", "00000042")]), ("agent", [])])
def test_the_agent_is_told_of_the_requesters_notes_only(by: str, told: list[tuple[str, str, str]]) -> None:
    desk = Desk()
    desk.hear(an_event("ticket.note_added", entry=an_entry("One thing more.", by=by)))
    assert desk.told() == told


def test_what_a_supervisor_reopens_is_its_agents_again_and_the_requester_is_told() -> None:
    desk = Desk()
    desk.hear(an_event("ticket.reopened", entry=an_entry("Closed by mistake.")))
    assert desk.told() == [(WEB, "reopened", "00000042"), (AGENT, "assigned_to_agent", "00000042")]


@pytest.mark.parametrize(("type_", "kind"), [("sla.warning", "warning"), ("sla.breached", "breach")])
def test_the_supervisors_are_told_of_a_target_of_what_nobody_has(type_: str, kind: str) -> None:
    desk = Desk()
    event = an_event(type_, agent=None)
    desk.hear(with_data(event, supervisors=("lead", "boss")))
    keys = [f"agent.{id_}.notification.message" for id_ in ("lead", "boss")]
    assert desk.told() == [(key, kind, "00000042") for key in keys]


def test_a_ticket_transferred_to_nobody_tells_nobody() -> None:
    desk = Desk()
    desk.hear(an_event("ticket.transferred", agent=None))
    assert desk.said == []


@pytest.mark.parametrize("type_", ["ticket.customer_replied", "sla.warning", "sla.breached", "ticket.escalated"])
def test_without_an_agent_no_agent_is_told(type_: str) -> None:
    desk = Desk()
    desk.hear(an_event(type_, agent=None))
    assert [key for key, _, _ in desk.told() if key == AGENT] == []


def test_an_escalation_is_mailed_to_the_community_manager_where_there_is_one() -> None:
    desk = Desk(policy=Policy(has_manager=True))
    desk.hear(an_event("ticket.escalated", entry=an_entry("A week without a word.", by="requester")))
    desk.let_time_pass(NOW)
    mail = desk.mail()
    assert (mail.kind, mail.recipient, mail.status) == ("escalated_to_manager", "community-manager", "sent")
    without = Desk()
    without.hear(an_event("ticket.escalated"))
    assert without.mails() == []


def test_a_requester_with_the_managers_name_gets_their_own_mail() -> None:
    desk = Desk(policy=Policy(has_manager=True))
    requester = {"id": "community-manager", "kind": "account", "display_name": "Eve", "tier": "standard"}
    desk.hear(a_contact_change(1, "eve@example.org", "community-manager"))
    desk.hear(an_event("ticket.escalated", requester=requester, contact_version=1))
    desk.let_time_pass(NOW)
    assert sorted((mail.kind, mail.status) for mail in desk.mails()) == [
        ("escalated", "sent"),
        ("escalated_to_manager", "sent"),
    ]


# The code that confirms an address


def test_the_code_is_mailed_to_the_address_that_it_confirms_whatever_was_set() -> None:
    desk = Desk()
    hours = {"starts": "00:00", "ends": "23:59", "time_zone": "UTC"}
    desk.hear(a_preferences_change(1, notify={"contact_code": {"email": False}}, quiet_hours=hours))
    desk.hear(a_contact_change(1, code="12345678"))
    desk.let_time_pass(NOW)
    mail = desk.mail()
    assert (mail.kind, mail.status, mail.text) == ("contact_code", "sent", "")
    assert len(desk.attempts) == 1
    (sent,) = desk.announced("notification.sent")
    assert "number" not in sent


def test_the_code_of_an_older_address_goes_to_nobody() -> None:
    desk = Desk(server=lambda _mail, _attempt: DEFERRED)
    desk.hear(a_contact_change(1, "old@example.org", code="11111111"))
    desk.let_time_pass(NOW)
    desk.hear(a_contact_change(2, "new@example.org", code="22222222"))
    desk.hear(a_contact_change(1, "old@example.org", code="11111111"))
    desk.server = lambda _mail, _attempt: ACCEPTED
    desk.let_time_pass(NOW + DAY)
    assert sorted((mail.contact_version, mail.status) for mail in desk.mails()) == [(1, "skipped"), (2, "sent")]


def test_a_code_that_is_asked_for_is_mailed_to_the_same_address_again() -> None:
    desk = Desk()
    desk.hear(a_contact_change(1))
    for id_ in ("asked", "asked again"):
        desk.hear(replace(a_contact_change(1, code="12345678"), id=id_, key=f"intake\x1f{id_}"))
        desk.let_time_pass(NOW)
    assert [(mail.kind, mail.status) for mail in desk.mails()] == [("contact_code", "sent")] * 2


def test_the_code_is_in_no_message_and_is_mailed_once() -> None:
    desk = Desk()
    change = a_contact_change(1, code="12345678")
    desk.hear(change, change)
    desk.hear(change)
    desk.let_time_pass(NOW)
    assert len(desk.attempts) == 1
    assert "12345678" not in repr(desk.said)


# Webhooks


def test_a_webhook_gets_each_event_of_its_kinds_once() -> None:
    desk = Desk(policy=Policy(webhooks={"crm": frozenset({"assigned", "breach"}), "log": frozenset({"breach"})}))
    for type_ in TOLD_BY_EVENT:
        desk.hear(an_event(type_, f"e {type_}"))
    desk.let_time_pass(NOW)
    hooks = sorted(
        (delivery.recipient, delivery.kind) for delivery in desk.deliveries.values() if delivery.channel == "webhook"
    )
    assert hooks == [("crm", "assigned"), ("crm", "assigned"), ("crm", "breach"), ("log", "breach")]  # and transferred
    assert {delivery.status for delivery in desk.deliveries.values()} == {"sent"}


def test_what_a_webhook_is_sent() -> None:
    desk = Desk(policy=Policy(webhooks={"crm": frozenset({"receipt"})}))
    desk.hear(a_contact_change(1, code="12345678"))
    desk.hear(an_event("ticket.opened", "e9", contact_version=1))
    (hook,) = [delivery for delivery in desk.deliveries.values() if delivery.channel == "webhook"]
    event = parse(hook.text.encode())
    assert (event.id, event.type, event.source, event.subject, event.causationid) == (
        hook.id, "ticket.opened", "/services/notifications", "00000042", "e9",
    )  # fmt: skip
    assert set(event.data) == {"kind", "title", "text", "ticket"}
    assert event.data["ticket"]["number"] == "00000042"
    assert "@" not in hook.text
    assert "12345678" not in hook.text


@pytest.mark.parametrize("type_", TOLD_BY_EVENT)
def test_what_is_internal_reaches_no_webhook(type_: str) -> None:
    desk = Desk(policy=Policy(webhooks={"all": frozenset(FOR_WEBHOOKS)}))
    desk.hear(an_event(type_, entry=an_entry("SECRET", "internal", by="requester")))
    assert "SECRET" not in repr((desk.said, desk.deliveries))


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
    text = as_a(Shown, decision.said[0].data).text
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
    said = decide(view, event, NOW).said
    assert [say.type for say in said] == ["notification.message", "notification.sent"]
    for say in said:
        assert_may_be_said("notifications", say)


TEMPLATES = Templates()


def _view(desk: Desk) -> View:
    return View(PlainWording(), desk.policy)


def test_a_template_may_say_all_this_of_an_event() -> None:
    consent = an_event(
        "ticket.consent_answered", entry=an_entry(None, by="requester", granted=True), merged_into="00000007",
        subject=" My\tcard\n is gone", category="money", priority=3,
    )  # fmt: skip
    assert facts_of(consent) == Facts(
        number="00000042", subject="My card is gone", category="money", priority=3, requester="Ada", agent="Grace",
        merged_into="00000007", granted=True,
    )  # fmt: skip
    opened = facts_of(an_event("ticket.opened", entry=an_entry("Twice!", by="requester")))
    assert (opened.agent, opened.message, opened.granted, opened.moment) == ("", "", False, "")
    assert facts_of(an_event("ticket.info_requested", entry=an_entry("Which card?"))).message == "Which card?"
    assert facts_of(an_event("ticket.info_requested", entry=an_entry("Hm.", visibility="internal"))).message == ""
    assert facts_of(an_event("sla.warning")).moment == f"{NOW + DAY:%Y-%m-%d %H:%M} UTC"
    assert facts_of(an_event("sla.closing_soon")).moment == f"{NOW + DAY:%Y-%m-%d %H:%M} UTC"


def test_the_requester_is_told_in_the_tickets_language_and_the_agent_in_english() -> None:
    desk = Desk()
    desk.hear(an_event("ticket.assigned", language="de"))
    words = {say.routing_key: as_a(Shown, say.data).text for say in desk.said if say.type == "notification.message"}
    assert words.keys() == {WEB, AGENT}
    assert words[WEB].endswith(" [de]")
    assert "[" not in words[AGENT]


def test_ids_are_the_same_in_every_release() -> None:
    """What came twice is known by them, also after a change of release."""
    policy = Policy(webhooks={"crm": frozenset({"escalated"})}, has_manager=True)
    assert {(each.channel, each.recipient): each.id for each in owed(an_event("ticket.escalated", "e9"), policy)} == {
        ("channel", "r1"): derived_id("e9", "r1", "channel"),
        ("email", "r1"): derived_id("e9", "r1", "email"),
        ("agent", "a7"): derived_id("e9", "a7", "agent"),
        ("email", "community-manager"): derived_id("e9", "community-manager", "email", "escalated_to_manager"),
        ("webhook", "crm"): derived_id("e9", "crm", "webhook"),
    }


def test_what_is_shown_at_once_is_kept_as_sent() -> None:
    desk = Desk()
    desk.hear(an_event("ticket.assigned"))
    shown = {(each.channel, each.status, each.attempts, each.expires_at) for each in desk.deliveries.values()}
    assert shown == {(channel, "sent", 1, NOW + KEPT) for channel in ("channel", "agent")}
