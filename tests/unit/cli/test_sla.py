"""`casebus sla explain`: what it says of a deadline, on a terminal and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from deploy.cli.sla import Clocked, as_json, duration, hours_of, page, unusual_days
from services.sla.domain.calendar import Calendar, OwnDay, Window, YearDay
from services.sla.domain.explanation import explain
from services.sla.domain.policy import Policy
from tests.unit.sla.stories import CALENDAR, POLICY, Desk, story

NOW = datetime(2026, 6, 9, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def clocked(desk: Desk) -> list[Clocked]:
    return [Clocked(countdown, CALENDAR, explain(countdown, CALENDAR, NOW)) for countdown in desk.ticket.countdowns]


def paused_and_late() -> Desk:
    """Asked after an hour, answered, asked and answered again, and then nothing."""
    desk = Desk()
    desk.hear(*story(("assign", 0.5), ("ask", 1), ("customer", 2), ("ask", 4), ("customer", 6)))
    desk.fire(NOW)
    return desk


def shown(desk: Desk, of: list[Clocked]) -> list[str]:
    console = Console(width=160, force_terminal=False)
    with console.capture() as capture:
        console.print(page(desk.ticket, of, NOW))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_a_deadline_that_was_paused_and_missed() -> None:
    desk = paused_and_late()
    lines = shown(desk, clocked(desk))
    assert lines[:2] == ["00000001  Lost", "standard requester, category general; times in UTC"]
    assert [line.split()[-2:] for line in lines[4:10]] == [
        ["new", "1"],
        ["assigned", "2"],
        ["need_more_info", "3"],
        ["needs_reply", "4"],
        ["need_more_info", "5"],
        ["needs_reply", "6"],
    ]
    assert "first reply  met" in lines
    text = "\n".join(lines)
    assert "next reply  breached, and the requester still waits" in text
    assert "4 business days, category general" in text
    assert ": mon–fri 08:00-18:00" in text
    assert "the same time of day, 4 business days on; 2 h of business time paused" in text
    assert "Fri 2026-06-05 13:00:00 UTC" in text
    assert "40 h of business time" in text
    assert [line.split()[-3:] for line in lines if " over " in line] == [["over", "19", "h"]]
    assert "Mon 2026-06-01 13:00:00 UTC  Mon 2026-06-01 15:00:00 UTC  paused         2 h" in text


def test_what_is_ahead_is_told() -> None:
    desk = Desk()
    desk.hear(*story(("assign", 0.5), ("suggest", 24 * 7)))
    lines = shown(desk, clocked(desk))
    ahead = [line.split() for line in lines[lines.index("ahead") + 1 :]]
    assert [" ".join(line[:4]) for line in ahead] == ["closing soon Sun 2026-06-14", "auto close Mon 2026-06-15"]


def test_versions_that_sla_has_not_heard_of_are_named() -> None:
    desk = Desk()
    versions = story(("assign", 0.5), ("work", 1), ("customer", 2))
    desk.hear(versions[0], versions[3])
    assert ["not", "received", "yet", "2–3"] in [line.split() for line in shown(desk, clocked(desk))]


def test_a_deadline_whose_calendars_were_not_kept_is_shown_as_it_is() -> None:
    desk = paused_and_late()
    unknown = [Clocked(countdown, None, None) for countdown in desk.ticket.countdowns]
    assert sum("not kept" in line for line in shown(desk, unknown)) == 2
    assert "segments" not in as_json(desk.ticket, unknown)["clocks"][0]


def test_closed_days_and_a_start_outside_hours_are_named() -> None:
    calendar = Calendar("business", "1", ZoneInfo("UTC"), CALENDAR.hours, frozenset({date(2026, 6, 8)}))
    desk = Desk()
    desk.hear(*story(at=datetime(2026, 6, 6, 12, tzinfo=UTC), category="safety"))
    countdown = desk.ticket.countdowns[0]
    text = "\n".join(shown(desk, [Clocked(countdown, calendar, explain(countdown, calendar, NOW))]))
    assert "it started outside hours, so it counts from the next opening" in text
    assert "Sat 2026-06-06, Sun 2026-06-07, Mon 2026-06-08 (closed day)" in text


def test_a_holiday_is_called_by_its_name_and_other_hours_are_shown() -> None:
    own: dict[OwnDay, tuple[Window, ...]] = {YearDay(6, 9): (Window.parse("08:00-12:00"),), date(2026, 6, 10): ()}
    names = {date(2026, 6, 8): "Midsummer"}
    calendar = replace(CALENDAR, closed_days=frozenset(names), own_hours=own, names=names)
    desk = Desk(policy=Policy({"business": calendar}, POLICY.terms))
    desk.hear(*story(at=datetime(2026, 6, 5, 12, tzinfo=UTC), category="general"))
    countdown = desk.ticket.countdowns[0]
    shows = Clocked(countdown, calendar, explain(countdown, calendar, NOW))
    text = " ".join("\n".join(shown(desk, [shows])).split())
    assert "Mon 2026-06-08 (Midsummer), Wed 2026-06-10 (closed day)" in text
    assert "other hours on Tue 2026-06-09 08:00-12:00 (own hours)" in text
    assert as_json(desk.ticket, [shows])["clocks"][0]["other_hours_on"] == ["2026-06-09"]


def test_the_days_of_a_year_are_those_that_have_not_the_hours_of_their_weekday() -> None:
    own: dict[OwnDay, tuple[Window, ...]] = {
        YearDay(12, 24): (Window.parse("08:00-12:00"),),
        YearDay(2, 29): (),
        date(2026, 11, 28): (Window.parse("10:00-11:00"), Window.parse("12:00-13:00")),
        date(2026, 11, 30): CALENDAR.hours[0],
    }
    names = {date(2026, 12, 25): "Christmas Day", date(2026, 12, 26): "Boxing Day"}
    calendar = replace(CALENDAR, closed_days=frozenset(names), own_hours=own, names=names)
    console = Console(width=120)
    with console.capture() as capture:
        console.print(unusual_days(calendar, 2026))
    assert [line.split() for line in capture.get().splitlines()[2:]] == [
        ["Sat", "2026-11-28", "10:00-11:00", "12:00-13:00", "own", "hours"],
        ["Thu", "2026-12-24", "08:00-12:00", "own", "hours"],
        ["Fri", "2026-12-25", "closed", "Christmas", "Day"],
    ], "26 December is a Saturday anyway"


def test_as_json_it_adds_up() -> None:
    desk = paused_and_late()
    told = json.loads(json.dumps(as_json(desk.ticket, clocked(desk))))
    late = told["clocks"][1]
    assert (late["due_at"], late["worked"], late["paused"], late["remaining"]) == (
        "2026-06-05T13:00:00Z",
        40 * 3600,
        2 * 3600,
        0,
    )
    assert sum(segment["open_for"] for segment in late["segments"] if segment["counts"] == "worked") == late["worked"]
    assert late["segments"][0] == {
        "from": "2026-06-01T11:00:00Z",
        "to": "2026-06-01T13:00:00Z",
        "counts": "worked",
        "open_for": 2 * 3600,
    }


@pytest.mark.parametrize(
    ("length", "text"),
    [(0 * HOUR, "0 s"), (HOUR, "1 h"), (1.5 * HOUR, "1 h 30 min"), (40 * HOUR + timedelta(seconds=1), "40 h 1 s")],
)
def test_a_duration_as_people_say_it(length: timedelta, text: str) -> None:
    assert duration(length) == text


def test_hours_as_people_write_them() -> None:
    lunch = (Window.parse("08:00-12:00"), Window.parse("13:00-17:00"))
    night = (Window.parse("22:00-06:00"),)
    calendar = Calendar("shifts", "1", ZoneInfo("UTC"), (lunch, lunch, (), lunch, (), night, ()))
    assert hours_of(calendar) == "mon–tue 08:00-12:00 13:00-17:00, thu 08:00-12:00 13:00-17:00, sat 22:00-06:00"
