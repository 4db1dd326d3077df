"""What sla decides: a ticket event moves clocks, timers and verdicts; a timer that fires announces what it was armed
for.

With each event, sla derives a ticket's clocks again from its versions, so what it arms and announces depends on which
events came, not on their order. It announces every warning, breach and met once for each clock. The page is
docs/sla.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from contracts.names import AGENTS, DESK, EVENTS
from contracts.payload import Payload
from contracts.sla import Armed, ClosingSoon, Fired
from contracts.statuses import CLOSES_AFTER
from contracts.tickets import AutoClose, Joined, TicketEvent
from services.chassis.decision import Arm, Decision, Disarm, Message, Say, Timer, derived_id
from services.sla.domain.clocks import Clock, clocks
from services.sla.domain.state import Countdown, Ticket, View
from services.sla.domain.versions import span_of, with_version

CLOSING_SOON_BEFORE = timedelta(days=1)
"""How long before the closing `sla.closing_soon` comes (docs/rules.md, "Time")."""

MOST_TOLD = 100
"""Supervisors who are told of one ticket at most, those whom the staff file names first."""


class WarningTimer(Timer):
    """75 % of a target's time is over; `clock` is the id of the clock that runs."""

    kind = "warning"

    clock: str


class BreachTimer(Timer):
    """A target's time is over; `clock` as in a warning."""

    kind = "breach"

    clock: str


class ClosingSoonTimer(Timer):
    """A day is left before a suggested solution closes its ticket; `status_version` is the version that suggests it."""

    kind = "closing_soon"

    status_version: int


class AutoCloseTimer(Timer):
    """A suggested solution closes its ticket; `status_version` as before."""

    kind = "auto_close"

    status_version: int


def version_needed(message: Message[TicketEvent]) -> str:
    """The ticket that the event is about."""
    return message.data.ticket.id


def timer_needed(timer: Message[Timer]) -> str:
    """The ticket that armed it."""
    return timer.subject or ""


def version_heard(view: View, message: Message[TicketEvent], now: datetime) -> Decision:  # noqa: ARG001 - as others have it
    """A version of a ticket: unless sla knows it already, it derives the ticket's clocks again from all versions."""
    event, snapshot = message.data, message.data.ticket
    before = view.tickets.get(snapshot.id)
    waits_since = event.waits_since if isinstance(event, Joined) else None
    spans = with_version(before.spans if before else (), span_of(snapshot, waits_since))
    if before is None:
        ticket = Ticket(snapshot.id, 1, snapshot, spans)
    elif spans is before.spans:
        return Decision()
    else:
        newest = max(before.newest, snapshot, key=lambda version: version.version)
        ticket = replace(before, revision=before.revision + 1, newest=newest, spans=spans)
    ticket, said = _judged(view, _told_anew(ticket, view))
    ticket, armed = _announced(ticket)
    return Decision(changes=[ticket], said=[*said, *armed], timers=_timer_changes(before, ticket))


def warning_due(view: View, timer: Message[WarningTimer], now: datetime) -> Decision:
    """75 % of the target's time is over: a warning, unless the clock has stopped or moved, or the breach has come."""
    ticket = _still_armed(view, timer)
    if ticket is None or ticket.running is None:
        return Decision()
    countdown = ticket.running
    said = _to_desk(view, ticket, "sla.warning", countdown) if now < countdown.deadline.due_at else []
    return _with_running(ticket, replace(countdown, warned=True), said)


def breach_due(view: View, timer: Message[BreachTimer], now: datetime) -> Decision:  # noqa: ARG001 - as others have it
    """The target's time is over and the requester still waits: a breach."""
    ticket = _still_armed(view, timer)
    if ticket is None or ticket.running is None:
        return Decision()
    countdown = ticket.running
    return _with_running(ticket, replace(countdown, breached=True), _to_desk(view, ticket, "sla.breached", countdown))


def closing_soon_due(view: View, timer: Message[ClosingSoonTimer], now: datetime) -> Decision:
    """A day is left: announced once for each suggestion, unless the ticket has moved on or its closing is due
    already."""
    ticket = _still_armed(view, timer)
    if ticket is None:
        return Decision()
    entered, closes_at = ticket.newest.status_version, ticket.newest.status_since + CLOSES_AFTER
    data = ClosingSoon(
        number=ticket.newest.number,
        ticket_id=ticket.id,
        status_version=entered,
        closes_at=closes_at,
        ticket=ticket.newest,
    )
    said = [_event(ticket, "sla.closing_soon", data)] if now < closes_at else []
    return Decision(changes=[replace(ticket, revision=ticket.revision + 1, closing_soon_said=entered)], said=said)


def closing_due(
    view: View,
    timer: Message[AutoCloseTimer],
    now: datetime,  # noqa: ARG001 - as others have it
) -> Decision:
    """7 days without a reply: ask intake to close the ticket, if it is still in the suggestion that armed this
    timer."""
    ticket = _still_armed(view, timer)
    if ticket is None:
        return Decision()
    number, version = ticket.newest.number, ticket.newest.status_version
    data = AutoClose(number=number, status_version=version)
    return Decision(said=[Say(DESK, "ticket.auto_close", "ticket.auto_close", data, number)])


def _told_anew(ticket: Ticket, view: View) -> Ticket:
    """The ticket with the clocks that its versions tell of. A deadline once set holds until its basis changes."""
    known = {countdown.clock.id: countdown for countdown in ticket.countdowns}
    tier = ticket.newest.requester.tier
    told = clocks(ticket.spans, ticket.newest.opened_at)
    countdowns = [_counted_down(known.get(clock.id), clock, tier, view) for clock in told]
    for gone in known.keys() - {clock.id for clock in told}:
        countdowns = _inherited(countdowns, known[gone])
    return replace(ticket, countdowns=tuple(countdowns))


def _inherited(countdowns: list[Countdown], gone: Countdown) -> list[Countdown]:
    """If a late event shows that a clock was part of another, that other clock takes over what was announced of it."""
    return [
        replace(countdown, warned=countdown.warned or gone.warned, breached=countdown.breached or gone.breached)
        if any(ends == gone.clock.started_at for _, ends in countdown.clock.pauses)
        else countdown
        for countdown in countdowns
    ]


def _counted_down(known: Countdown | None, clock: Clock, tier: str, view: View) -> Countdown:
    if known is not None and known.clock == clock:
        return known
    if known is not None and _promised(known.clock) == _promised(clock):
        # What was promised holds, whatever the files say now; pauses count by the calendar of the promise.
        policy, days = view.in_force(known.deadline.calendar_version), known.deadline.days
        if (known.clock.pauses, known.clock.unanswered_since) == (clock.pauses, clock.unanswered_since):
            return replace(known, clock=clock)
    else:
        policy = view.policy
        days = policy.days(clock.category, tier, clock.target, escalated=clock.escalated)
    deadline = policy.deadline(
        clock.category, clock.started_at, days, tier, pauses=clock.pauses, unanswered_since=clock.unanswered_since
    )
    return replace(known, clock=clock, deadline=deadline) if known else Countdown(clock, deadline)


def _promised(clock: Clock) -> tuple[object, ...]:
    """What a promise is made of: when one of these changes, there is another promise."""
    return clock.started_at, clock.category, clock.escalated


def _judged(view: View, ticket: Ticket) -> tuple[Ticket, list[Say]]:
    """For each clock that has ended, once everything about it is known, announce whether its target was met.

    An answer in time is `sla.met` even if a breach was announced while its event was on the way: the last word counts.
    """
    said: list[Say] = []
    countdowns = []
    for countdown in ticket.countdowns:
        counted = countdown.clock.counted_until
        if counted is not None and countdown.clock.complete:
            if counted > countdown.deadline.due_at and not countdown.breached:
                said += _to_desk(view, ticket, "sla.breached", countdown)
                countdown = replace(countdown, breached=True)
            elif countdown.clock.answered and counted <= countdown.deadline.due_at and not countdown.met:
                said.append(_event(ticket, "sla.met", Fired(**_armed(ticket, countdown), ticket=ticket.newest)))
                countdown = replace(countdown, met=True)
        countdowns.append(countdown)
    return replace(ticket, countdowns=tuple(countdowns)), said


def _announced(ticket: Ticket) -> tuple[Ticket, list[Say]]:
    """Announce by when the desk should reply: once for each wait of the requester, and when that moment moves."""
    countdown = ticket.running
    if countdown is None:
        return replace(ticket, announced=None), []
    # With the message that waits longest: whoever knows of an older one waits for an event, even if no moment moves.
    moments = countdown.deadline.due_at, countdown.deadline.escalatable_at, countdown.clock.unanswered_since
    announced: tuple[str | int, ...] = (
        countdown.clock.id,
        len(countdown.clock.pauses),
        *(moment.isoformat() for moment in moments),
    )
    if announced == ticket.announced:
        return ticket, []
    return replace(ticket, announced=announced), [_event(ticket, "sla.armed", Armed(**_armed(ticket, countdown)))]


def _with_running(ticket: Ticket, countdown: Countdown, said: list[Say]) -> Decision:
    countdowns = (*ticket.countdowns[:-1], countdown)
    return Decision(changes=[replace(ticket, revision=ticket.revision + 1, countdowns=countdowns)], said=said)


# Timers


def timers(ticket: Ticket) -> dict[str, Arm]:
    """The timers that the ticket should have now, by kind: at most one of each kind.

    Ids are of ticket and kind, so that arming replaces; the timers name the clock or the suggestion that armed.
    """
    found: list[Timer] = []
    countdown = ticket.running
    if countdown is not None and not countdown.breached:
        clock, deadline = countdown.clock.id, countdown.deadline
        if not countdown.warned:
            found.append(WarningTimer(due=deadline.warn_at, clock=clock))
        found.append(BreachTimer(due=deadline.due_at, clock=clock))
    if ticket.newest.status == "solution_suggested":
        due, entered = ticket.newest.status_since + CLOSES_AFTER, ticket.newest.status_version
        found.append(AutoCloseTimer(due=due, status_version=entered))
        if ticket.closing_soon_said != entered:
            found.append(ClosingSoonTimer(due=due - CLOSING_SOON_BEFORE, status_version=entered))
    return {timer.kind: Arm(derived_id("timer", ticket.id, timer.kind), timer, ticket.id) for timer in found}


def _timer_changes(before: Ticket | None, after: Ticket) -> list[Arm | Disarm]:
    had, wanted = timers(before) if before else {}, timers(after)
    gone: list[Arm | Disarm] = [Disarm(arm.id) for kind, arm in had.items() if kind not in wanted]
    return gone + [arm for kind, arm in wanted.items() if had.get(kind) != arm]


def _still_armed(view: View, timer: Message[Timer]) -> Ticket | None:
    """The ticket, if it is still in the state that armed the timer which fired."""
    ticket = view.tickets.get(timer.subject or "")
    arm = timers(ticket).get(timer.data.kind) if ticket is not None else None
    return ticket if arm is not None and arm.timer == timer.data else None


# What is announced


def _armed(ticket: Ticket, countdown: Countdown) -> dict[str, Any]:
    deadline = countdown.deadline
    return {
        "number": ticket.newest.number,
        "ticket_id": ticket.id,
        "status_version": ticket.newest.status_version,
        "target": countdown.clock.target,
        "due_at": deadline.due_at,
        "warn_at": deadline.warn_at,
        "escalatable_at": deadline.escalatable_at,
        "calendar_version": deadline.calendar_version,
        "revision": ticket.revision,
        "unanswered_since": countdown.clock.unanswered_since,
    }


def _event(ticket: Ticket, type_: str, data: Payload) -> Say:
    return Say(EVENTS, type_, type_, data, ticket.newest.number)


def _to_desk(view: View, ticket: Ticket, type_: str, countdown: Countdown) -> list[Say]:
    """The event, and the same to the agent who has the ticket, or to the supervisors of a ticket that nobody has."""
    agent, number = ticket.newest.agent, ticket.newest.number
    supervisors = tuple(view.supervision.supervisors_of(ticket.newest)[:MOST_TOLD])
    told = supervisors or (() if agent is None else (agent.id,))
    data = Fired(**_armed(ticket, countdown), ticket=ticket.newest, supervisors=supervisors)
    return [
        _event(ticket, type_, data),
        *(Say(AGENTS, f"agent.{agent_id}.{type_}", type_, data, number) for agent_id in told),
    ]
