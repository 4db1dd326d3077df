"""`casebus sla explain`: why a deadline of a ticket is what it is. `casebus sla days`: the days of a calendar.

It reads sla's database and shows the result of `services/sla/domain/explanation.py`; `days` reads the calendars file.
The page is docs/sla.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from contracts import zones
from contracts.catalogue import BUSINESS
from contracts.envelope import rfc3339
from deploy import settings
from deploy.trouble import Trouble
from services.chassis.yaml_file import WrongFile
from services.sla.calendars_file import read_calendars
from services.sla.domain.calendar import WEEKDAYS, Calendar
from services.sla.domain.explanation import Counts, Explanation, explain
from services.sla.domain.policy import digest_of
from services.sla.domain.state import Countdown, Ticket
from services.sla.domain.timekeeping import timers
from services.sla.domain.versions import follows
from services.sla.policies import Policies
from services.sla.repository import from_document
from services.sla.settings import CALENDARS

from . import show
from .desk import Desk, database_now, number_of

app = typer.Typer(help="Reply targets: explain deadlines and show calendars.", no_args_is_help=True)
console = show.console()

COLOURS = {Counts.WORKED: "green", Counts.OUTSIDE_HOURS: "dim", Counts.PAUSED: "magenta", Counts.OVER: "red"}


@dataclass(frozen=True, slots=True)
class Clocked:
    """A countdown, the calendar of its deadline, and the explanation by it; both None if the calendar was not kept."""

    countdown: Countdown
    calendar: Calendar | None
    explanation: Explanation | None

    @property
    def state(self) -> str:
        """The state of this target, in a few words."""
        clock = self.countdown.clock
        if self.countdown.met:
            return "met"
        if self.countdown.breached:
            return "breached" if clock.ended_at else "breached, and the requester still waits"
        if clock.ended_at:
            return "ended without a verdict" if clock.complete else "ended; earlier events have not been heard yet"
        return "paused: the desk waits for the requester" if clock.paused_at else "running: the requester waits"


@app.command("explain")
def explain_(
    number: Annotated[str, typer.Argument(help="The ticket's 8 digits; you may leave out leading zeros.")],
    json_: Annotated[
        bool, typer.Option("--json", help="Print JSON, with times in UTC and durations in seconds.")
    ] = False,
) -> None:
    """Show a ticket's timeline (worked, paused, closed) and explain each deadline."""
    wanted = number_of(number)
    with Desk(settings.load()) as desk:
        ticket = from_document(desk.clocked(wanted))
        now = database_now(desk.client)
        clocked = list(_clocked(desk, ticket, now))
    if json_:
        typer.echo(json.dumps(as_json(ticket, clocked)))
    else:
        console.print(page(ticket, clocked, now))


@app.command("days")
def days_(
    year: Annotated[int | None, typer.Option(min=1970, max=2199, help="The year. (default: this year)")] = None,
    calendar: Annotated[str, typer.Option(help="The calendar's name.")] = BUSINESS,
    file: Annotated[Path, typer.Option(envvar="CASEBUS_CALENDARS", help="The file of calendars.")] = CALENDARS,
) -> None:
    """Show on which days the desk is closed or has other hours than on that weekday, and why."""
    try:
        calendars = read_calendars(file)
    except WrongFile as error:
        raise Trouble(str(error)) from error
    if calendar not in calendars:
        raise Trouble(f"{file} has no calendar {calendar!r}; it has {', '.join(calendars)}.")
    found = calendars[calendar]
    console.print(unusual_days(found, year or datetime.now(found.zone).year))


def unusual_days(calendar: Calendar, year: int) -> RenderableType:
    """Each day of the year that does not have the hours of its weekday."""
    table = Table("day", "hours", "why", box=None, pad_edge=False)
    first = date(year, 1, 1)
    for day in (first + timedelta(days=n) for n in range(366)):
        if day.year == year and not calendar.is_usual(day):
            table.add_row(f"{day:%a %Y-%m-%d}", hours_on(calendar, day), show.plain(why(calendar, day)))
    usual = Text(f"{calendar.name}, version {calendar.version}, {calendar.zone.key}: {hours_of(calendar)}; but")
    return Group(usual, table)


def _clocked(desk: Desk, ticket: Ticket, now: datetime) -> Iterator[Clocked]:
    digests = {digest_of(countdown.deadline.calendar_version) for countdown in ticket.countdowns}
    policies = Policies(desk.sla).find(digests)
    for countdown in ticket.countdowns:
        policy = policies.get(digest_of(countdown.deadline.calendar_version))
        calendar = policy.calendar(countdown.clock.category) if policy else None
        yield Clocked(countdown, calendar, explain(countdown, calendar, now) if calendar else None)


# On a terminal


def page(ticket: Ticket, clocked: Sequence[Clocked], now: datetime) -> RenderableType:
    """The ticket's timeline, its clocks and its timers at `now`, in the zone of the last clock's calendar."""
    newest = ticket.newest
    zone = next((explained.calendar.zone for explained in reversed(clocked) if explained.calendar), zones.zone("UTC"))
    title = Text(f"{newest.number}  {show.plain(newest.subject)}", "bold")
    head = Text(show.plain(f"{newest.requester.tier} requester, category {newest.category}; times in {zone.key}"))
    parts: list[RenderableType] = [title, head, Text(), _statuses(ticket, zone)]
    for explained in clocked:
        parts += [Text(), _clock(explained)]
    ahead = sorted((arm.timer for arm in timers(ticket).values()), key=lambda timer: timer.due)
    if ahead:
        rows = [
            (timer.kind.replace("_", " "), f"{_at(timer.due, zone)}{'' if timer.due > now else ', due now'}")
            for timer in ahead
        ]
        parts += [Text(), Text("ahead", "bold"), _facts(rows)]
    return Group(*parts)


def _statuses(ticket: Ticket, zone: ZoneInfo) -> RenderableType:
    table = Table("since", "status", "versions", box=None, pad_edge=False)
    before = None
    for span in ticket.spans:
        if span.first > 1 and not (before and follows(before, span)):
            gap = f"{before.last + 1 if before else 1}–{span.first - 1}"
            table.add_row("", Text("not received yet", "yellow"), gap)
        versions = f"{span.first}–{span.last}" if span.last > span.first else str(span.first)
        table.add_row(_at(span.status_since, zone), show.status_text(span.status), versions)
        before = span
    return table


def _clock(clocked: Clocked) -> RenderableType:
    countdown, calendar, explanation = clocked.countdown, clocked.calendar, clocked.explanation
    zone = calendar.zone if calendar else zones.zone("UTC")
    deadline = countdown.deadline
    title = Text.assemble((countdown.clock.target.replace("_", " "), "bold"), f"  {clocked.state}")
    escalated = ", escalated: as for a vip" if countdown.clock.escalated else ""
    rows = [
        ("target", f"{_days(deadline.days)}, category {countdown.clock.category}{escalated}"),
        ("calendar", f"{deadline.calendar_version}{f': {hours_of(calendar)}' if calendar else ''}"),
        ("started", _at(countdown.clock.started_at, zone)),
        ("warning", _at(deadline.warn_at, zone)),
        ("due", _at(deadline.due_at, zone)),
    ]
    if countdown.clock.ended_at is not None:
        rows.append(("answered" if countdown.clock.answered else "closed", _at(countdown.clock.ended_at, zone)))
    if calendar is None or explanation is None:
        rows.append(("why", "the calendars of that time were not kept, so the deadline cannot be computed again"))
        return Group(title, _facts(rows))
    why = f"the same time of day, {_days(deadline.days)} on"
    if not calendar.is_open(countdown.clock.started_at):
        why += "; it started outside hours, so it counts from the next opening"
    if explanation.paused:
        why += f"; {duration(explanation.paused)} of business time paused"
    rows.append(("why", why))
    if explanation.skipped:
        rows.append(("closed on", ", ".join(_closed(calendar, explanation.skipped))))
    if explanation.own_hours:
        rows.append(("other hours on", ", ".join(_other_hours(calendar, explanation.own_hours))))
    if countdown.clock.ended_at is None:
        rows.append(("may be escalated", _at(deadline.escalatable_at, zone)))
    left = f", {duration(explanation.remaining)} left" if explanation.remaining else ""
    rows.append(("worked", f"{duration(explanation.worked)} of business time{left}"))
    table = Table("from", "to", "", "open for", box=None, pad_edge=False)
    for segment in explanation.segments:
        counts = Text(segment.counts, COLOURS[segment.counts])
        open_for = duration(segment.open_for) if segment.open_for else "–"
        table.add_row(_at(segment.begins, zone), _at(segment.ends, zone), counts, open_for)
    return Group(title, _facts(rows), Padding(table, (1, 0, 0, 2)))


def _facts(rows: Iterable[tuple[str, str]]) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    for name, value in rows:
        grid.add_row(Text(name, "dim"), Text(show.plain(value)))
    return Padding(grid, (0, 0, 0, 2))


def _at(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%a %Y-%m-%d %H:%M:%S %Z")


def _days(days: int) -> str:
    return f"{days} business day{'s' if days > 1 else ''}"


def duration(length: timedelta) -> str:
    """`2 h 5 min 7 s`, without zero parts."""
    minutes, seconds = divmod(round(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def hours_of(calendar: Calendar) -> str:
    """A calendar's hours as people write them: `mon–fri 08:00-18:00, sat 10:00-12:00`."""
    runs: list[tuple[int, int, str]] = []
    for day, windows in enumerate(calendar.hours):
        text = " ".join(map(str, windows))
        if runs and runs[-1][2] == text:
            runs[-1] = (runs[-1][0], day, text)
        else:
            runs.append((day, day, text))
    short = [name[:3] for name in WEEKDAYS]
    named = [
        (short[first] if first == last else f"{short[first]}–{short[last]}", text) for first, last, text in runs if text
    ]
    return ", ".join(f"{days} {text}" for days, text in named)


def _closed(calendar: Calendar, days: Iterable[date]) -> Iterator[str]:
    for day in days:
        yield f"{day:%a %Y-%m-%d}{'' if calendar.is_usual(day) else f' ({why(calendar, day)})'}"


def _other_hours(calendar: Calendar, days: Iterable[date]) -> Iterator[str]:
    for day in days:
        yield f"{day:%a %Y-%m-%d} {hours_on(calendar, day)} ({why(calendar, day)})"


def hours_on(calendar: Calendar, day: date) -> str:
    """`08:00-12:00 13:00-18:00`, or `closed`."""
    return " ".join(map(str, calendar.windows_on(day))) or "closed"


def why(calendar: Calendar, day: date) -> str:
    """The name of a day that does not have the hours of its weekday; the operator's own days have no name."""
    return calendar.names.get(day, "own hours" if calendar.windows_on(day) else "closed day")


# As JSON


def as_json(ticket: Ticket, clocked: Iterable[Clocked]) -> dict[str, Any]:
    """The same for programs: times RFC 3339 in UTC, durations in seconds of business time."""
    newest = ticket.newest
    return {
        "number": newest.number,
        "ticket_id": ticket.id,
        "tier": newest.requester.tier,
        "statuses": [
            {
                "status": span.status,
                "since": rfc3339(span.status_since),
                "first_version": span.first,
                "last_version": span.last,
            }
            for span in ticket.spans
        ],
        "clocks": [_clock_json(explained) for explained in clocked],
        "ahead": {kind: rfc3339(arm.timer.due) for kind, arm in timers(ticket).items()},
    }


def _clock_json(clocked: Clocked) -> dict[str, Any]:
    clock, deadline, explanation = clocked.countdown.clock, clocked.countdown.deadline, clocked.explanation
    found: dict[str, Any] = {
        "target": clock.target,
        "state": clocked.state,
        "category": clock.category,
        "escalated": clock.escalated,
        "business_days": deadline.days,
        "calendar_version": deadline.calendar_version,
        "started_at": rfc3339(clock.started_at),
        "paused_at": clock.paused_at and rfc3339(clock.paused_at),
        "ended_at": clock.ended_at and rfc3339(clock.ended_at),
        "warn_at": rfc3339(deadline.warn_at),
        "due_at": rfc3339(deadline.due_at),
        "escalatable_at": rfc3339(deadline.escalatable_at),
    }
    if explanation is not None:
        found |= {
            "worked": explanation.worked.total_seconds(),
            "paused": explanation.paused.total_seconds(),
            "remaining": explanation.remaining.total_seconds(),
            "closed_on": [day.isoformat() for day in explanation.skipped],
            "other_hours_on": [day.isoformat() for day in explanation.own_hours],
            "segments": [
                {
                    "from": rfc3339(segment.begins),
                    "to": rfc3339(segment.ends),
                    "counts": segment.counts,
                    "open_for": segment.open_for.total_seconds(),
                }
                for segment in explanation.segments
            ],
        }
    return found
