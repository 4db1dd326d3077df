"""When a mail is sent, waits, is tried again, is given up; and that nothing is told twice, whatever comes how often."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.notifications import Channel
from services.chassis.decision import Arm, Message
from services.notifications.domain.addresses import ADDRESS_WAIT, WAITS, AddressWaitTimer
from services.notifications.domain.attempts import FIRST_PAUSE, LONGEST_PAUSE, SendTimer, pause, send_again
from services.notifications.domain.state import KEPT, MANAGER, Delivery, Outcome, Policy, failed
from services.notifications.repository import delivery_of
from tests.unit.notifications.builders import (
    ACCEPTED,
    DAY,
    DEFERRED,
    NOW,
    REFUSED,
    Desk,
    a_contact_change,
    an_entry,
    an_event,
    fired,
)

SECOND = timedelta(seconds=1)


# Waiting for the address


@pytest.mark.parametrize(
    ("known", "needed", "status"),
    [
        (None, 0, None),  # never had one
        (None, 1, "waiting"),
        (1, 0, "sent"),  # a late event: the address came since
        (1, 1, "sent"),
        (1, 2, "waiting"),
        (3, 2, "sent"),  # the newest address, not that of the event
    ],
)
def test_a_mail_waits_until_its_address_version_is_known(known: int | None, needed: int, status: str | None) -> None:
    desk = Desk()
    if known is not None:
        desk.hear(a_contact_change(known))
    desk.hear(an_event("ticket.opened", contact_version=needed))
    desk.let_time_pass(NOW)
    assert [mail.status for mail in desk.mails()] == ([status] if status else [])
    assert len(desk.told()) == 1, "the channel does not wait"


def test_the_address_comes_in_time() -> None:
    desk = Desk()
    desk.hear(an_event("ticket.opened", contact_version=1))
    desk.let_time_pass(NOW + ADDRESS_WAIT - SECOND)
    desk.hear(a_contact_change(1))
    desk.let_time_pass(NOW + DAY)
    assert desk.mail().status == "sent"
    assert [moment for moment, _, _ in desk.attempts] == [NOW + ADDRESS_WAIT - SECOND]
    assert desk.contacts["account:r1"].awaited_by == ()


def test_the_address_comes_in_the_same_turn() -> None:
    desk = Desk()
    desk.hear(an_event("ticket.opened", contact_version=1), a_contact_change(1))
    desk.let_time_pass(NOW)
    assert desk.mail().status == "sent"


def test_after_60_seconds_the_channel_only() -> None:
    desk = Desk()
    desk.hear(an_event("ticket.opened", contact_version=1))
    (arm,) = desk.timers.values()
    assert (arm.timer, arm.lane) == (AddressWaitTimer(due=NOW + ADDRESS_WAIT), WAITS), "it waits behind no mail"
    desk.let_time_pass(NOW + ADDRESS_WAIT)
    assert desk.mail().status == "failed"
    assert [data["reason"] for data in desk.announced("notification.failed")] == ["address unknown"]
    assert desk.attempts == []


def test_an_address_that_comes_after_all_is_mailed_to_unless_it_is_too_late() -> None:
    desk = Desk()
    desk.hear(an_event("ticket.opened", contact_version=1))
    desk.let_time_pass(NOW + ADDRESS_WAIT)
    desk.hear(a_contact_change(1))
    desk.let_time_pass(NOW + ADDRESS_WAIT + SECOND)
    assert desk.mail().status == "sent"
    assert len(desk.attempts) == len(desk.announced("notification.sent")) - 1 == 1, "the channel was told at once"
    assert desk.contacts["account:r1"].awaited_by == ()


def test_an_address_that_comes_when_the_mail_would_be_given_up_changes_nothing() -> None:
    desk = Desk()
    desk.hear(an_event("ticket.opened", contact_version=1))
    desk.let_time_pass(NOW + 2 * DAY)
    desk.hear(a_contact_change(1))
    desk.let_time_pass(NOW + 3 * DAY)
    assert (desk.mail().status, desk.mail().reason, desk.attempts) == ("failed", "address unknown", [])


def test_an_older_address_does_not_end_the_wait() -> None:
    desk = Desk()
    desk.hear(an_event("ticket.opened", contact_version=2), a_contact_change(1))
    assert desk.mail().status == "waiting"
    desk.hear(a_contact_change(2))
    desk.let_time_pass(NOW)
    assert desk.mail().status == "sent"


def test_an_older_address_never_replaces_a_newer_one() -> None:
    desk = Desk()
    desk.hear(a_contact_change(2, "new@example.org"), a_contact_change(1, "old@example.org"))
    assert desk.contacts["account:r1"].email == "new@example.org"


def test_an_account_and_a_temporary_account_of_one_id_have_each_their_own_address() -> None:
    desk = Desk()
    desk.hear(a_contact_change(2, "ada@example.org"), a_contact_change(1, "zoe@example.org", kind="temporary"))
    assert {id_: contact.email for id_, contact in desk.contacts.items()} == {
        "account:r1": "ada@example.org",
        "temporary:r1": "zoe@example.org",
    }
    requester = {"id": "r1", "kind": "temporary", "display_name": "Zoe", "tier": "standard"}
    desk.hear(an_event("ticket.opened", contact_version=1, requester=requester))
    assert desk.mail().person == "temporary:r1"


def test_an_erased_address_ends_what_waits_for_it_and_what_is_tried_again() -> None:
    desk = Desk(server=lambda _mail, _attempt: DEFERRED)
    desk.hear(an_event("ticket.opened", "e1", contact_version=1))
    desk.hear(a_contact_change(1))
    desk.let_time_pass(NOW)
    desk.hear(an_event("ticket.assigned", "e2", contact_version=2))
    desk.hear(a_contact_change(2, None))
    tried = len(desk.attempts)
    desk.let_time_pass(NOW + DAY)
    assert [(mail.status, mail.text) for mail in desk.mails()] == [("skipped", "")] * 2
    assert len(desk.attempts) == tried
    assert desk.announced("notification.failed") == []


def test_an_erased_address_ends_what_had_failed_and_was_sent_again_lately() -> None:
    desk = Desk(server=lambda _mail, _attempt: REFUSED)
    desk.hear(a_contact_change(1), a_contact_change(1, requester="r2"), an_event("ticket.closed", contact_version=1))
    other = {"id": "r2", "kind": "account", "display_name": "Bob", "tier": "standard"}
    desk.let_time_pass(NOW + KEPT - SECOND)
    _sent_again(desk)
    desk.hear(an_event("ticket.closed", "e2", contact_version=1, requester=other))
    desk.let_time_pass(NOW + KEPT)
    desk.hear(a_contact_change(2, None))
    assert {mail.recipient: (mail.status, bool(mail.text)) for mail in desk.mails()} == {
        "r1": ("skipped", False),
        "r2": ("failed", True),
    }


def test_waits_in_either_turn_write_the_same_contact_record() -> None:
    desk = Desk()
    desk.hear(an_event("ticket.opened", contact_version=1))
    waiting = desk.contacts["account:r1"]
    assert waiting.awaited_by == (desk.mail().id,)
    desk.hear(a_contact_change(1))
    assert desk.contacts["account:r1"].version == waiting.version + 1


# Sending, and trying again


def test_text_is_dropped_once_sent_and_the_record_ends_after_30_days() -> None:
    desk = _desk_with_a_mail()
    assert desk.mail().text
    desk.let_time_pass(NOW)
    sent = desk.mail()
    assert (sent.status, sent.attempts, sent.title, sent.text, sent.expires_at) == ("sent", 1, "", "", NOW + KEPT)


@pytest.mark.parametrize("attempt", range(1, 40))
def test_pauses_double_up_to_an_hour_with_jitter(attempt: int) -> None:
    longest = min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE)
    pauses = [pause(f"delivery {number}", attempt) for number in range(50)]
    assert all(longest / 2 <= each <= longest for each in pauses)
    assert len(set(pauses)) > 40, "mails that failed together come back apart"
    assert pauses == [pause(f"delivery {number}", attempt) for number in range(50)]


def test_a_deferred_mail_is_tried_again_until_it_is_taken() -> None:
    desk = _desk_with_a_mail(lambda _mail, attempt: ACCEPTED if attempt == 4 else DEFERRED)
    desk.let_time_pass(NOW + DAY)
    moments = [moment for moment, _, _ in desk.attempts]
    id_ = desk.mail().id
    assert moments == [NOW, *(NOW + sum((pause(id_, n) for n in range(1, m)), timedelta()) for m in (2, 3, 4))]
    assert (desk.mail().status, desk.mail().attempts, desk.mail().reason) == ("sent", 4, "")
    assert desk.announced("notification.failed") == []


def test_given_up_after_a_day_with_a_last_attempt_at_its_end() -> None:
    desk = _desk_with_a_mail(lambda _mail, _attempt: DEFERRED)
    desk.let_time_pass(NOW + 10 * DAY)
    mail = desk.mail()
    assert desk.attempts[-1][0] == NOW + DAY
    assert (mail.status, mail.reason, mail.expires_at) == ("failed", "451 4.3.0", NOW + KEPT)
    assert mail.text, "kept for an operator to send again"
    (failed,) = desk.announced("notification.failed")
    assert (failed["reason"], failed["channel"], failed["recipient"]) == ("451 4.3.0", "email", "r1")
    assert desk.timers == {}


def test_a_webhook_has_a_patience_of_its_own() -> None:
    policy = Policy(mail_give_up=DAY, webhook_give_up=2 * DAY, webhooks={"crm": frozenset({"receipt"})})
    desk = Desk(server=lambda _request, _attempt: DEFERRED, policy=policy)
    desk.hear(an_event("ticket.opened"))
    desk.let_time_pass(NOW + 10 * DAY)
    assert desk.attempts[-1][0] == NOW + 2 * DAY
    (failed,) = desk.announced("notification.failed")
    assert (failed["recipient"], failed["channel"]) == ("crm", "webhook")


def test_a_refused_mail_fails_at_once() -> None:
    desk = _desk_with_a_mail(lambda _mail, _attempt: REFUSED)
    desk.let_time_pass(NOW + DAY)
    assert (desk.mail().status, desk.mail().attempts) == ("failed", 1)
    assert [data["reason"] for data in desk.announced("notification.failed")] == ["550 5.1.1"]


def test_sent_again_by_an_operator_it_is_tried_as_if_it_were_new() -> None:
    desk = _desk_with_a_mail(lambda _mail, _attempt: DEFERRED)
    desk.let_time_pass(NOW + 3 * DAY)
    before = desk.mail()
    made = len(desk.attempts)
    again, arm = send_again(before, desk.now)
    assert again.expires_at is None, "it does not end while it is tried"
    desk.deliveries[again.id], desk.timers[arm.id] = again, arm
    desk.let_time_pass(NOW + 6 * DAY)
    assert desk.mail().expires_at == NOW + 3 * DAY + KEPT
    moments = [moment for moment, _, _ in desk.attempts[made:]]
    assert moments[0] == NOW + 3 * DAY
    assert moments[1] - moments[0] <= FIRST_PAUSE
    assert moments[-1] == NOW + 4 * DAY
    assert (desk.mail().status, desk.mail().attempts) == ("failed", len(desk.attempts))
    assert len(desk.announced("notification.failed")) == 2


def _sent_again(desk: Desk) -> None:
    again, arm = send_again(desk.mail(), desk.now)
    desk.deliveries[again.id], desk.timers[arm.id] = again, arm


def test_sent_again_by_an_operator_it_still_goes_to_no_address_that_the_requester_has_left() -> None:
    desk = Desk()
    desk.hear(a_contact_change(1, "left@example.org"), an_event("ticket.opened", contact_version=2))
    desk.let_time_pass(NOW + 2 * DAY)
    _sent_again(desk)
    desk.let_time_pass(desk.now)
    assert (desk.mail().status, desk.mail().reason, desk.attempts) == ("failed", "address unknown", [])
    desk.hear(a_contact_change(2))
    desk.let_time_pass(desk.now)
    assert (desk.mail().status, len(desk.attempts)) == ("sent", 1), "the address that it needs came after all"


@pytest.mark.parametrize(("recipient", "channel"), [("crm", "webhook"), (MANAGER, "email")])
def test_sent_again_what_names_a_requester_to_others_is_kept_no_longer_than_what_is_kept_of_them(
    recipient: str, channel: Channel
) -> None:
    told = Delivery("d1", "e1", "escalated", "00000001", recipient, channel, "pending", NOW, text="Ann")
    again, _ = send_again(failed(told, "503"), NOW + 20 * DAY)
    assert failed(again, "503").expires_at == NOW + KEPT


def test_no_attempt_has_the_number_of_an_earlier_one() -> None:
    """The process remembers by its number how an attempt went: it must not be taken for an earlier one."""
    desk = _desk_with_a_mail(lambda _mail, _attempt: REFUSED)
    desk.let_time_pass(NOW)
    _sent_again(desk)
    (arm,) = desk.timers.values()
    assert isinstance(arm.timer, SendTimer)
    assert arm.timer.attempt == 2
    desk.server = lambda _mail, _attempt: ACCEPTED
    desk.let_time_pass(NOW)
    assert (desk.mail().status, desk.mail().attempts) == ("sent", 2)


def test_a_failed_mail_leaves_the_channels_delivery_as_it_is() -> None:
    desk = _desk_with_a_mail(lambda _mail, _attempt: REFUSED)
    desk.let_time_pass(NOW)
    assert [delivery.status for delivery in desk.deliveries.values() if delivery.channel == "channel"] == ["sent"]


def test_a_timer_of_an_earlier_attempt_does_nothing() -> None:
    desk = _desk_with_a_mail(lambda _mail, attempt: DEFERRED if attempt == 1 else ACCEPTED)
    (first,) = desk.timers.values()
    desk.let_time_pass(NOW)
    before = desk.mail()
    desk.hear(fired(first))
    assert desk.mail() == before


def test_a_mail_that_an_older_version_stored_is_sent() -> None:
    row = {
        "_id": "old", "event_id": "e1", "kind": "receipt", "number": "00000042", "recipient": "r1", "channel": "email",
        "status": "pending", "created_at": NOW, "version": 2, "attempts": 0, "contact_version": 1, "title": "T",
        "text": "B", "next_attempt_at": NOW, "of_a_later_release": 1,
    }  # fmt: skip
    desk = Desk()
    desk.hear(a_contact_change(1))
    desk.deliveries["old"] = delivery_of(row)
    desk.timers["mail:old"] = Arm("mail:old", SendTimer(due=NOW, attempt=1), "old")
    desk.let_time_pass(NOW)
    assert (desk.mail().status, len(desk.attempts)) == ("sent", 1)


# Redelivery and reordering

EVENTS = [
    an_event("ticket.opened", "e1", contact_version=1),
    an_event("ticket.assigned", "e2", contact_version=1),
    an_event("ticket.note_added", "e3", contact_version=1),
    an_event("ticket.info_requested", "e4", an_entry("Which order?"), contact_version=2),
    an_event("ticket.solution_suggested", "e5", an_entry("Paid back."), contact_version=2),
    an_event("ticket.closed", "e6", contact_version=2),
    an_event("ticket.assigned", "e2b", number="00000043", contact_version=2),
    a_contact_change(1),
    a_contact_change(2, "ada@example.com"),
]
TOLD = sorted(
    [
        ("web", "receipt", "00000042"),
        ("web", "assigned", "00000042"),
        ("agent.a7", "assigned_to_agent", "00000042"),
        ("web", "info_requested", "00000042"),
        ("web", "solution_suggested", "00000042"),
        ("web", "closed", "00000042"),
        ("web", "assigned", "00000043"),
        ("agent.a7", "assigned_to_agent", "00000043"),
    ]
)


@settings(deadline=None)
@given(
    order=st.permutations(EVENTS * 2), cuts=st.sets(st.integers(1, 17)), pauses=st.lists(st.integers(0, 3), max_size=18)
)
def test_told_once_for_each_event_recipient_and_channel(
    order: list[Message[Any]], cuts: set[int], pauses: list[int]
) -> None:
    """Every message twice, in any order and any turns: without the chassis's own memory of what was handled."""
    desk = Desk()
    edges = [0, *sorted(cuts), len(order)]
    for number, (start, end) in enumerate(pairwise(edges)):
        desk.hear(*order[start:end])
        desk.let_time_pass(desk.now + SECOND * (pauses[number] if number < len(pauses) else 0))
    desk.let_time_pass(desk.now + DAY)
    said = sorted((key.removesuffix(".notification.message"), kind, number) for key, kind, number in desk.told())
    assert said == TOLD
    assert len(desk.attempts) == len({id_ for _, id_, _ in desk.attempts}) == 6
    assert {mail.status for mail in desk.mails()} == {"sent"}
    assert len(desk.announced("notification.sent")) == len(TOLD) + 6
    assert desk.announced("notification.failed") == []
    assert desk.timers == {}


@settings(deadline=None)
@given(
    script=st.lists(st.sampled_from([ACCEPTED, DEFERRED, DEFERRED, DEFERRED, REFUSED]), max_size=60),
    give_up_hours=st.integers(1, 48),
    late=st.integers(0, 7200),
)
def test_a_mail_ends_sent_or_failed_and_is_taken_once(script: list[Outcome], give_up_hours: int, late: int) -> None:
    """Whatever the server answers, and however late the timers fire."""
    desk = _desk_with_a_mail(lambda _mail, attempt: script[attempt - 1] if attempt <= len(script) else DEFERRED)
    desk.policy = Policy(mail_give_up=timedelta(hours=give_up_hours))
    dice = random.Random(late)
    while desk.timers:
        due = min(arm.timer.due for arm in desk.timers.values())
        desk.now = max(desk.now, due) + timedelta(seconds=dice.randint(0, late))
        desk.let_time_pass(desk.now)
    taken = [outcome for _, _, outcome in desk.attempts if outcome.verdict == "accepted"]
    status = desk.mail().status
    assert status in ("sent", "failed")
    assert len(taken) == (1 if status == "sent" else 0)
    assert len(desk.announced("notification.failed")) == (1 if status == "failed" else 0)
    assert all(moment <= NOW + desk.policy.mail_give_up + timedelta(seconds=late) for moment, _, _ in desk.attempts)


def _desk_with_a_mail(server=lambda _mail, _attempt: ACCEPTED) -> Desk:  # type: ignore[no-untyped-def]
    """A desk with one mail that is due now."""
    desk = Desk(server=server)
    desk.hear(a_contact_change(1))
    desk.hear(an_event("ticket.opened", contact_version=1))
    return desk
