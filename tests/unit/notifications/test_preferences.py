"""What requesters set: languages, what they want to hear of, and quiet hours, against an oracle too."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.notifications import Message as Shown
from services.chassis.decision import Message
from services.notifications.domain.preferences import quiet_until
from services.notifications.domain.state import QuietHours
from tests.unit.notifications.builders import (
    ACCEPTED,
    DAY,
    DEFERRED,
    NOW,
    Desk,
    a_contact_change,
    a_preferences_change,
    an_event,
)
from tests.unit.said import as_a

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
NIGHT = {"starts": "22:00", "ends": "07:00", "time_zone": "Europe/Berlin"}
"""NOW is 10:00 in Berlin."""

AROUND_NOW = {"starts": "09:30", "ends": "12:00", "time_zone": "Europe/Berlin"}
END = NOW + 2 * HOUR


def a_desk(*changes: Message[Any], **more: object) -> Desk:
    desk = Desk(**more)  # type: ignore[arg-type]
    desk.hear(a_contact_change(1), *changes)
    return desk


# What is wanted


def test_a_kind_switched_off_for_a_channel_is_not_told_by_it() -> None:
    desk = a_desk(a_preferences_change(1, notify={"receipt": {"email": False}, "closed": {"channel": False}}))
    desk.hear(an_event("ticket.opened", "e1", contact_version=1), an_event("ticket.closed", "e2", contact_version=1))
    desk.let_time_pass(NOW + DAY)
    assert [kind for _, kind, _ in desk.told()] == ["receipt"]
    assert [mail.kind for mail in desk.mails()] == ["closed"]


def test_what_is_not_named_is_wanted() -> None:
    desk = a_desk(a_preferences_change(1, notify={"receipt": {"email": True}}, language="de"))
    desk.hear(an_event("ticket.closed", contact_version=1))
    assert (len(desk.told()), len(desk.mails())) == (1, 1)


def test_an_agent_hears_whatever_the_requester_switched_off() -> None:
    desk = a_desk(a_preferences_change(1, notify={"assigned_to_agent": {"agent": False}}))
    desk.hear(an_event("ticket.assigned"))
    assert "assigned_to_agent" in [kind for _, kind, _ in desk.told()]


def test_preferences_of_a_temporary_account_are_not_those_of_an_account_with_its_id() -> None:
    desk = a_desk(a_preferences_change(1, kind="temporary", notify={"receipt": {"channel": False}}))
    desk.hear(an_event("ticket.opened"))
    assert len(desk.told()) == 1


def test_the_newest_preferences_count_whatever_comes_last() -> None:
    older, newer = a_preferences_change(1, language="de"), a_preferences_change(2, language="fr")
    for order in ([older, newer], [newer, older], [newer, newer, older]):
        desk = Desk()
        desk.hear(*order)
        assert desk.preferences["account:r1"].language == "fr"


def test_an_erased_account_has_no_preferences_left() -> None:
    desk = a_desk(a_preferences_change(1, language="de", notify={"receipt": {"email": False}}, quiet_hours=NIGHT))
    desk.hear(a_preferences_change(2))
    left = desk.preferences["account:r1"]
    assert (left.language, left.notify, left.quiet_hours) == ("", {}, None)


def test_a_kind_switched_off_while_its_mail_waits_is_not_sent() -> None:
    desk = a_desk(server=lambda _mail, attempt: DEFERRED if attempt == 1 else ACCEPTED)
    desk.hear(an_event("ticket.opened", contact_version=1))
    desk.let_time_pass(NOW)
    desk.hear(a_preferences_change(1, notify={"receipt": {"email": False}}))
    desk.let_time_pass(NOW + DAY)
    assert (len(desk.attempts), desk.mail().status, desk.mail().text) == (1, "skipped", "")


# Languages


@pytest.mark.parametrize(
    ("preferred", "of_ticket", "asked_for"),
    [(None, None, ""), (None, "pt-BR", " [pt-BR]"), ("de", None, " [de]"), ("de", "pt-BR", " [de] [pt-BR]")],
)
def test_the_requesters_language_comes_before_the_tickets(
    preferred: str | None, of_ticket: str | None, asked_for: str
) -> None:
    desk = a_desk(*([a_preferences_change(1, language=preferred)] if preferred else []))
    desk.hear(an_event("ticket.opened", language=of_ticket))
    assert as_a(Shown, desk.said[0].data).text == "Ada||Charged twice||" + asked_for


def test_the_agent_is_told_in_english() -> None:
    desk = a_desk(a_preferences_change(1, language="de"))
    desk.hear(an_event("ticket.customer_replied"))
    assert "[de]" not in as_a(Shown, desk.said[0].data).text


# Quiet hours


def test_a_mail_waits_until_quiet_hours_end_and_the_channel_does_not() -> None:
    desk = a_desk(a_preferences_change(1, quiet_hours=AROUND_NOW))
    desk.hear(an_event("ticket.opened", contact_version=1))
    desk.let_time_pass(END - MINUTE)
    assert (len(desk.told()), len(desk.attempts), desk.mail().status) == (1, 0, "pending")
    desk.let_time_pass(END)
    assert [(moment, mail) for moment, mail, _ in desk.attempts] == [(END, desk.mail().id)]
    assert (desk.mail().status, desk.mail().attempts) == ("sent", 1)


def test_quiet_hours_set_while_a_mail_waits_are_kept() -> None:
    desk = a_desk(server=lambda _mail, attempt: DEFERRED if attempt == 1 else ACCEPTED)
    desk.hear(an_event("ticket.opened", contact_version=1))
    desk.let_time_pass(NOW)
    desk.hear(a_preferences_change(1, quiet_hours=AROUND_NOW))
    desk.let_time_pass(NOW + DAY)
    assert [moment for moment, _, _ in desk.attempts] == [NOW, END]


def test_quiet_hours_lifted_while_a_mail_waits_for_their_end_keep_it_no_longer_than_said() -> None:
    desk = a_desk(a_preferences_change(1, quiet_hours=AROUND_NOW))
    desk.hear(an_event("ticket.opened", contact_version=1))
    desk.let_time_pass(NOW + MINUTE)
    desk.hear(a_preferences_change(2))
    desk.let_time_pass(NOW + DAY)
    assert [moment for moment, _, _ in desk.attempts] == [END]


def test_a_night_before_the_first_attempt_is_no_time_in_which_it_was_tried() -> None:
    all_day = {"starts": "10:00", "ends": "09:59", "time_zone": "Europe/Berlin"}
    desk = a_desk(a_preferences_change(1, quiet_hours=all_day), server=lambda _mail, _attempt: DEFERRED)
    desk.hear(an_event("ticket.opened", contact_version=1))
    desk.let_time_pass(NOW + DAY)
    desk.hear(a_preferences_change(2))
    desk.let_time_pass(NOW + 3 * DAY)
    first, *_, last = (moment for moment, _, _ in desk.attempts)
    assert last - first == desk.policy.mail_give_up
    assert desk.mail().status == "failed"


@pytest.mark.parametrize(
    ("starts", "ends", "zone", "now", "until"),
    [
        ("22:00", "07:00", "UTC", "2026-03-02T21:59", None),
        ("22:00", "07:00", "UTC", "2026-03-02T22:00", "2026-03-03T07:00"),
        ("22:00", "07:00", "UTC", "2026-03-03T06:59", "2026-03-03T07:00"),
        ("22:00", "07:00", "UTC", "2026-03-03T07:00", None),
        ("12:00", "13:00", "UTC", "2026-03-03T12:30", "2026-03-03T13:00"),
        ("12:00", "12:00", "UTC", "2026-03-03T12:00", None),  # none
        ("00:00", "23:59", "UTC", "2026-03-03T00:00", "2026-03-03T23:59"),
        ("22:00", "07:00", "Europe/Berlin", "2026-07-01T20:00", "2026-07-02T05:00"),
        ("22:00", "07:00", "Nowhere/Atall", "2026-07-01T23:00", None),
        ("22:00", "07:00", "../etc/passwd", "2026-07-01T23:00", None),
        ("22:00", "07:00", "America", "2026-07-01T23:00", None),
        # The clock is set forward at 01:00 UTC: 02:00 to 03:00 does not exist.
        ("22:00", "02:30", "Europe/Berlin", "2026-03-29T00:59", "2026-03-29T01:00"),
        ("02:30", "07:00", "Europe/Berlin", "2026-03-29T00:59", None),
        ("02:30", "07:00", "Europe/Berlin", "2026-03-29T01:00", "2026-03-29T05:00"),
        ("02:10", "02:50", "Europe/Berlin", "2026-03-29T01:00", None),
        # The clock is set back at 01:00 UTC: 02:00 to 03:00 comes twice.
        ("22:00", "02:30", "Europe/Berlin", "2026-10-25T00:29", "2026-10-25T00:30"),
        ("22:00", "02:30", "Europe/Berlin", "2026-10-25T01:10", None),
        ("02:30", "07:00", "Europe/Berlin", "2026-10-25T01:10", "2026-10-25T06:00"),
        # At midnight.
        ("23:00", "00:30", "America/Sao_Paulo", "2015-10-18T02:30", "2015-10-18T03:00"),
    ],
)
def test_quiet_hours_by_the_wall_clock(starts: str, ends: str, zone: str, now: str, until: str | None) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    expected = datetime.fromisoformat(until).replace(tzinfo=UTC) if until else None
    assert quiet_until(QuietHours(starts, ends, zone), moment) == expected


@settings(deadline=None, max_examples=60)
@given(
    starts=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    ends=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    zone=st.sampled_from(["Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
    day=st.sampled_from(["2026-03-29", "2026-10-25", "2015-10-18", "2026-04-05", "2026-10-04", "2026-06-01"]),
    minute=st.integers(-1440, 2880),
)
def test_quiet_hours_are_those_of_an_oracle_that_walks_the_minutes(
    starts: time, ends: time, zone: str, day: str, minute: int
) -> None:
    now = datetime.fromisoformat(day).replace(tzinfo=UTC) + minute * MINUTE
    hours = QuietHours(starts.strftime("%H:%M"), ends.strftime("%H:%M"), zone)
    assert quiet_until(hours, now) == _walked(starts, ends, ZoneInfo(zone), now)


def _walked(starts: time, ends: time, zone: ZoneInfo, now: datetime) -> datetime | None:
    """Walks minute by minute: the hours begin when the wall clock first shows `starts` or later on a day, and end when
    it first shows `ends` or later on the day of their end."""
    if starts == ends:
        return None
    moment = now - 3 * DAY
    ending, begun = None, set()
    while moment <= now or ending is not None:
        wall = moment.astimezone(zone)
        if ending is not None and (wall.date(), wall.time()) >= (ending, ends):
            if moment > now:
                return moment
            ending = None
        if wall.time() >= starts and wall.date() not in begun:
            begun.add(wall.date())
            ending = wall.date() if starts < ends else wall.date() + DAY
            if (wall.date(), wall.time()) >= (ending, ends):
                ending = None
        if moment >= now and ending is None:
            return None
        moment += MINUTE
    return None
