"""Reconciliation: compares the services' databases with one another: tickets, agents' load, deadlines, timers,
outboxes.

Pure: `evidence.py` reads. The services' own rules say to which agent a ticket is charged and which timers it has. While
a message is on its way between two services they differ for a moment, so only a difference that is found twice, seconds
apart, counts. The page is docs/operating.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.routing.domain.state import Agent
from services.routing.domain.state import Ticket as Routed
from services.sla.domain.state import Ticket as Clocked
from services.sla.domain.timekeeping import timers as timers_of

from .finding import Finding, Level, some

SETTLED = timedelta(minutes=1)
"""A running service acts at once. After this long without effect, something is stuck."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault; `what` describes all that have it."""

    level: Level
    where: str
    what: str
    do: str


RESTART = "Read the log of {} and restart it. If this stays, send it with the log to the maintainers of Casebus."

UNKNOWN_TO_ROUTING = Kind(
    "error",
    "routing",
    "open in intake and unknown to routing, so routing looks for no agent",
    RESTART.format("routing"),
)
UNKNOWN_TO_INTAKE = Kind("error", "routing", "open in routing, but not in intake", RESTART.format("routing"))
ROUTING_DIFFERS = Kind("error", "routing", "different in routing and in intake", RESTART.format("routing"))
NOT_WAITING = Kind(
    "error", "routing", "without an agent, but not on the list of those that wait for one", RESTART.format("routing")
)
EXPIRED = Kind("error", "routing", "with a reservation that has expired", "Start routing, or restart it.")
WRONG_LOAD = Kind(
    "error",
    "routing",
    "agents whose stored load differs from the number of their tickets",
    "Until it is corrected they get too many tickets or too few. db.agents.updateOne({_id: AGENT, load: STORED},"
    " {$set: {load: COUNTED}, $inc: {revision: 1}}) in routing's database corrects it, even while routing runs.",
)
OVERLOADED = Kind(
    "warning",
    "routing",
    "agents with more tickets than their capacity",
    "Replies and reopened tickets can cause this. These agents get no new tickets until they have room."
    " Sign on more agents.",
)
HELD = Kind(
    "warning",
    "intake",
    "held as part of a burst of equal submissions, so no agent gets them",
    "Ask a supervisor to look at them and send ticket.release (docs/abuse.md).",
)
UNKNOWN_TO_SLA = Kind(
    "error", "sla", "open in intake and unknown to sla, so nothing watches their deadlines", RESTART.format("sla")
)
SLA_DIFFERS = Kind("error", "sla", "of different versions in sla and in intake", RESTART.format("sla"))
NOBODYS = Kind(
    "warning",
    "sla",
    "open and overdue, and without an agent",
    "Sign on agents with the right skills, or let a supervisor give each to an agent (`ticket.assign_to`).",
)
WITH_WHO_IS_GONE = Kind(
    "warning",
    "sla",
    "open and overdue, and with agents who are not signed on",
    "Let a supervisor give each to another agent (`ticket.assign_to`), or set CASEBUS_SIGNED_OFF_AFTER.",
)
TIMERS_MISSING = Kind("error", "sla", "without timers that they should have", RESTART.format("sla"))
TIMERS_ASTRAY = Kind(
    "warning",
    "sla",
    "with timers that they should not have",
    "You need to do nothing: these timers have no effect when they fire.",
)

Suspicions = dict[tuple[Kind, str], str]
"""A possible fault: the kind, the ticket or agent, and the details."""


@dataclass(frozen=True, slots=True)
class Books:
    """The content of the databases at one instant. Tickets by id, only open ones."""

    now: datetime
    tickets: Mapping[str, Mapping[str, Any]]
    """Intake's tickets: `number`, `version`, `status`, `assignment_seq`, `agent`."""
    routed: Mapping[str, Routed]
    listed: frozenset[str]
    """The tickets that routing's database lists as waiting."""
    agents: Mapping[str, Agent]
    clocked: Mapping[str, Clocked]
    timers: Mapping[str, Mapping[str, datetime]]
    """Sla's timers: when they are due, by ticket and kind."""


def suspicions(books: Books) -> Suspicions:
    """Everything that differs."""
    return {
        (kind, item): how
        for check in (_routing, _loads, _reservations, _sla, _overdue, _timers)
        for kind, item, how in check(books)
    }


def findings(first: Suspicions, second: Suspicions) -> Iterator[Finding]:
    """The findings for suspicions that came up both times, a sentence for each kind."""
    lasting: dict[Kind, list[str]] = {}
    for (kind, item), how in sorted(second.items(), key=lambda suspicion: suspicion[0][1]):
        if (kind, item) in first:
            lasting.setdefault(kind, []).append(f"{item} ({how})" if how else item)
    for kind, items in lasting.items():
        yield Finding(kind.level, kind.where, f"{len(items):,} {kind.what}: {some(items)}.", kind.do)


Found = Iterator[tuple[Kind, str, str]]


def _routing(books: Books) -> Found:
    for id_, ticket in books.tickets.items():
        routed = books.routed.get(id_)
        number = f"ticket {ticket['number']}"
        if ticket.get("held"):
            yield HELD, number, ticket["status"]
        if routed is None:
            yield UNKNOWN_TO_ROUTING, number, ticket["status"]
            continue
        agent = ticket["agent"]["id"] if ticket["agent"] else None
        here = (ticket["version"], ticket["status"], ticket["assignment_seq"], agent)
        there = (routed.version, routed.status, routed.assignment_seq, routed.agent)
        if here != there:
            yield ROUTING_DIFFERS, number, f"{_told(here)} in intake, {_told(there)} in routing"
        if routed.waiting != (id_ in books.listed):
            yield NOT_WAITING, number, routed.status
    for id_, routed in books.routed.items():
        if id_ not in books.tickets:
            yield UNKNOWN_TO_INTAKE, f"ticket {routed.number}", routed.status


def _told(state: tuple[int, str, int, str | None]) -> str:
    return f"version {state[0]} {state[1]} with {state[3] or 'nobody'}"


def _loads(books: Books) -> Found:
    counted = Counter(ticket.charged_to for ticket in books.routed.values())
    for agent in books.agents.values():
        if agent.load != counted[agent.id]:
            yield WRONG_LOAD, f"agent {agent.id}", f"{agent.load} stored, {counted[agent.id]} counted"
        elif agent.signed_on and agent.load > agent.capacity:
            yield OVERLOADED, f"agent {agent.id}", f"{agent.load} of {agent.capacity}"


def _reservations(books: Books) -> Found:
    for ticket in books.routed.values():
        if ticket.reservation is not None and ticket.reservation.is_over(books.now - SETTLED):
            yield EXPIRED, f"ticket {ticket.number}", f"until {ticket.reservation.until:%H:%M:%S}"


def _sla(books: Books) -> Found:
    for id_, ticket in books.tickets.items():
        clocked = books.clocked.get(id_)
        if clocked is None:
            yield UNKNOWN_TO_SLA, f"ticket {ticket['number']}", ticket["status"]
        elif clocked.newest.version != ticket["version"]:
            versions = f"version {ticket['version']} in intake, {clocked.newest.version} in sla"
            yield SLA_DIFFERS, f"ticket {ticket['number']}", versions


def _overdue(books: Books) -> Found:
    """Overdue tickets that nobody at the desk works on."""
    for id_, ticket in books.tickets.items():
        clocked = books.clocked.get(id_)
        countdown = clocked.running if clocked is not None else None
        if clocked is None or countdown is None or (countdown.deadline.due_at > books.now and not countdown.breached):
            continue
        how = f"{clocked.newest.category}, due {countdown.deadline.due_at:%Y-%m-%d %H:%M} UTC"
        if ticket["agent"] is None:
            yield NOBODYS, f"ticket {ticket['number']}", how
        elif (agent := books.agents.get(ticket["agent"]["id"])) is None or not agent.signed_on:
            yield WITH_WHO_IS_GONE, f"ticket {ticket['number']}", f"{ticket['agent']['id']}, {how}"


def _timers(books: Books) -> Found:
    for id_, clocked in books.clocked.items():
        number, has = f"ticket {clocked.newest.number}", books.timers.get(id_, {})
        wanted = timers_of(clocked)
        # A due timer has fired, or is stuck, which another check reports.
        missing = [kind for kind, arm in wanted.items() if arm.timer.due > books.now and has.get(kind) != arm.timer.due]
        if missing:
            yield TIMERS_MISSING, number, some(sorted(missing))
        if astray := set(has) - set(wanted):
            yield TIMERS_ASTRAY, number, some(sorted(astray))
    for id_ in books.timers.keys() - books.clocked.keys():
        yield TIMERS_ASTRAY, f"ticket {id_}", some(sorted(books.timers[id_]))


def unsent(service: str, turns: int, since: datetime | None) -> Iterator[Finding]:
    """`turns`: how many turns have had unsent messages for longer than SETTLED, the oldest `since`."""
    if turns:
        yield Finding(
            "error",
            f"outbox of {service}",
            f"The messages of {turns:,} turns are unsent, the oldest since {since:%Y-%m-%d %H:%M:%S} UTC.",
            f"Start {service}: it sends them within 10 s. If it is running, its log says why it does not.",
        )


def stuck(service: str, timers: int, since: datetime | None, failing: int) -> Iterator[Finding]:
    """`timers`: how many are due for longer than SETTLED, the oldest `since`; `failing` of them were claimed
    repeatedly."""
    if timers:
        trying = f" {failing:,} of them fail each time." if failing else ""
        yield Finding(
            "error",
            f"timers of {service}",
            f"{timers:,} are due and have not fired, the oldest since {since:%Y-%m-%d %H:%M:%S} UTC.{trying}",
            f"Start {service}: it fires them. If it is running, its log says why it does not"
            + (" (`a timer could not be decided`)." if failing else "."),
        )


def untold(deliveries: int, since: datetime | None) -> Iterator[Finding]:
    """`deliveries`: how many notifications failed, the oldest of them `since`."""
    if deliveries:
        yield Finding(
            "warning",
            "notifications",
            f"{deliveries:,} deliveries failed, the oldest of {since:%Y-%m-%d}.",
            "`casebus notifications failed` says why, `casebus notifications resend` sends them again.",
        )
