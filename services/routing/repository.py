"""Routing's database: agents, the newest snapshot of each ticket, and the pool.

A turn reads every agent who is signed on, the tickets that its messages touch, and only as many waiting tickets as
there may be room for. It decides nothing. The page is docs/routing.md.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.database import Database

from contracts.agents import ANY_SKILL
from contracts.languages import covering
from contracts.staff import Staff
from contracts.statuses import DESKS_TURN
from services.chassis.database import KEPT_AFTER_CLOSING, Document, fields_of
from services.chassis.decision import Cause, Message
from services.chassis.operators_files import OperatorsFiles
from services.chassis.pipeline import Find, find
from services.chassis.unit_of_work import Write, conditional_writes
from services.routing.domain.decide import candidates, needs
from services.routing.domain.matching import MOST_A_TURN
from services.routing.domain.needs import AgentOf, AwaitingOf, Need, ReservedAs, TicketOf
from services.routing.domain.presence import leaving
from services.routing.domain.state import Agent, Pool, Reservation, Terms, Ticket, View

URGENCY = [
    ("priority", ASCENDING),
    ("escalated", DESCENDING),
    ("tier", DESCENDING),  # vip before standard
    ("opened_at", ASCENDING),
    ("number", ASCENDING),
]
"""The order of `matching.urgency`, as an index has it."""

_WAITING = {"waiting": True}
_KEEPING = {"signed_on": False, "load": {"$gt": 0}, "releases": {"$ne": True}}
"""Agents who have signed off and keep what awaits the desk."""
_RESERVED = {"reservation.command_id": {"$exists": True}}
_LEASED = {"reservation.until": {"$exists": True}}

AGED_AT_ONCE = 200
"""How many tickets one look each second makes more urgent, the longest overdue first."""

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "agents": [
        IndexModel([("signed_on", ASCENDING)]),
        IndexModel([("load", ASCENDING)], name="gone", partialFilterExpression={"signed_on": False}),
    ],
    "tickets": [
        IndexModel([*URGENCY, ("language", ASCENDING), ("skill", ASCENDING)], partialFilterExpression=_WAITING),
        IndexModel([("skill", ASCENDING), *URGENCY, ("language", ASCENDING)], partialFilterExpression=_WAITING),
        IndexModel([("agent", ASCENDING), ("status", ASCENDING)]),
        # Partial, not sparse: the strict Stable API does not include sparse indexes, and its queries ignore them.
        IndexModel([("reservation.command_id", ASCENDING)], name="reserved", partialFilterExpression=_RESERVED),
        IndexModel([("reservation.until", ASCENDING)], name="leased", partialFilterExpression=_LEASED),
        IndexModel([("ages_at", ASCENDING)], name="growing_older", partialFilterExpression=_WAITING),
        IndexModel([("category", ASCENDING), ("skill", ASCENDING)], name="asking", partialFilterExpression=_WAITING),
        IndexModel([("forget_at", ASCENDING)], expireAfterSeconds=0),
    ],
    "pool": [],
    "gates": [],
}


class Repository:
    """Reads what a turn may touch and says what it changed."""

    def __init__(self, database: Database[Document], files: Callable[[], OperatorsFiles], terms: Terms) -> None:
        self.db = database
        self._files = files
        self._terms = terms

    def load(self, messages: Sequence[Message[Any]], now: datetime) -> View:
        """The state that these messages and the matching after them may touch."""
        files = self._files()
        skills = {category.id: category.skill for category in files.catalogue.categories.values()}
        ids = _by_kind(needs(messages))
        agents = [Find("agents", {"$or": [{"signed_on": True}, {"_id": {"$in": sorted(ids[AgentOf])}}]})]
        tickets = [Find("tickets", _touched(ids, now))]
        looks = not messages  # once a second
        if looks:
            agents += [Find("agents", _KEEPING)] if self._some_must_leave(files.staff) else []
            tickets += [_due_to_age(now)] if self._terms.ageing is not None else []
            tickets += [_asking_as_before(skills)]
        # The pool comes first: if room or a waiting ticket changes after this read, the turn conflicts.
        pools, *found = find(self.db, Find("pool", {"_id": Pool().id}), *agents, *tickets)
        view = View(
            skills,
            [agent_of(document) for documents in found[: len(agents)] for document in documents],
            [ticket_of(document) for documents in found[len(agents) :] for document in documents],
            Pool(pools[0]["revision"]) if pools else None,
            self._terms,
            files.staff,
        )
        if looks and self._some_must_leave(files.staff):
            view.leaving = leaving(view, now)
            self._read_what_awaits(view, view.leaving)
        self._read_who_else_is_charged(view)
        view.know(tickets=self._waiting_for(candidates(view, messages, now), view.tickets))
        return view

    def writes(self, view: View) -> list[Write]:
        """What the turn changed, each conditional on the revision that was loaded."""
        before = {view.loaded_pool.id: view.loaded_pool} if view.loaded_pool else {}
        after = {view.pool.id: view.pool} if view.pool else {}
        return [
            *conditional_writes("pool", before, after, _pool_document, "revision"),
            *conditional_writes("agents", view.loaded_agents, view.agents, _agent_document, "revision"),
            *conditional_writes("tickets", view.loaded_tickets, view.tickets, _ticket_document, "revision"),
        ]

    def _some_must_leave(self, staff: Staff | None) -> bool:
        """Whether anybody may have to go although no message says so."""
        return staff is not None or self._terms.absent_after is not None

    def _read_what_awaits(self, view: View, agents: Sequence[str]) -> None:
        """The tickets of these agents that await the desk."""
        if agents:
            (found,) = find(self.db, Find("tickets", _awaiting(agents)))
            view.know(tickets=map(ticket_of, found))

    def _read_who_else_is_charged(self, view: View) -> None:
        """Agents who have signed off and whom a touched ticket is still charged to."""
        charged = {ticket.charged_to for ticket in view.tickets.values() if ticket.charged_to is not None}
        if others := charged - view.agents.keys():
            (found,) = find(self.db, Find("agents", {"_id": {"$in": sorted(others)}}))
            view.know(agents=map(agent_of, found))

    def _waiting_for(self, candidates: Collection[Agent], touched: Mapping[str, Ticket]) -> list[Ticket]:
        """The waiting tickets that a matching of these agents can reach.

        With room for n tickets in all, a matching in order of urgency never gets past the first n that an agent may
        take: all before the ticket that it gives them were given too. So the first n for each kind of agent are enough,
        not counting those that were changed away from one of them. As many as are touched are added, because the turn
        may take those out of the order.
        """
        # A touched ticket may give its place back within this turn.
        returning = Counter(ticket.charged_to for ticket in touched.values())
        room = [(agent, agent.charged(-returning[agent.id]).room) for agent in candidates]
        kinds: dict[tuple[tuple[str, ...], ...], set[str]] = {}
        for agent, free in room:
            if free > 0:
                kinds.setdefault((agent.skills, agent.languages, agent.tiers), set()).add(agent.id)
        if not kinds:
            return []
        most = min(MOST_A_TURN, sum(free for _, free in room)) + len(touched)
        first = self._first_waiting({}, most)
        if len(first) < most:
            return first  # there are no more
        return [ticket for kind in sorted(kinds) for ticket in self._first_for(kind, kinds[kind], most)]

    def _first_for(self, kind: tuple[tuple[str, ...], ...], agents: Collection[str], most: int) -> list[Ticket]:
        """The first waiting tickets for agents of this kind: enough for each of them to take `most`, or all."""
        limit = most
        while True:
            found = self._first_waiting(_may_take(*kind), limit)
            left = Counter(ticket.changed_from for ticket in found)
            wanted = most + max(left[agent] for agent in agents)
            if len(found) < limit or wanted <= limit:
                return found
            limit = wanted

    def _first_waiting(self, condition: Document, most: int) -> list[Ticket]:
        (found,) = find(self.db, Find("tickets", {**_WAITING, **condition}, URGENCY, most))
        return [ticket_of(document) for document in found]


def _by_kind(wanted: Iterable[Need]) -> Mapping[type[Need], list[str]]:
    """The ids that are asked for, by the kind of need."""
    ids: dict[type[Need], list[str]] = {AgentOf: [], TicketOf: [], ReservedAs: [], AwaitingOf: []}
    for need in wanted:
        match need:
            case AgentOf(id=id_) | TicketOf(id=id_) | ReservedAs(command_id=id_) | AwaitingOf(agent=id_):
                ids[type(need)].append(id_)
    return ids


def _touched(ids: Mapping[type[Need], Sequence[str]], now: datetime) -> Document:
    """The tickets that messages need, and those whose lease has run out."""
    either: list[Document] = [{"reservation.until": {"$lte": now}}]
    if ids[TicketOf]:
        either.append({"_id": {"$in": ids[TicketOf]}})
    if ids[ReservedAs]:
        either.append({"reservation.command_id": {"$in": ids[ReservedAs]}})
    if ids[AwaitingOf]:
        either.append(_awaiting(ids[AwaitingOf]))
    return {"$or": either}


def _awaiting(agents: Sequence[str]) -> Document:
    """The tickets of these agents that await the desk."""
    return {"agent": {"$in": list(agents)}, "status": {"$in": list(DESKS_TURN)}}


def _due_to_age(now: datetime) -> Find:
    """Waiting tickets that are due to count as more urgent; also those that an older version stored without a date."""
    return Find("tickets", {**_WAITING, "ages_at": {"$not": {"$gt": now}}}, [("ages_at", ASCENDING)], AGED_AT_ONCE)


def _asking_as_before(skills: Mapping[str, str]) -> Find:
    """Waiting tickets that ask for another skill than their category does now. (A category that is gone stands for
    itself.)"""
    changed: list[Document] = [{"category": id_, "skill": {"$ne": skill}, **_WAITING} for id_, skill in skills.items()]
    gone = {"$type": "string", "$nin": list(skills)}
    changed.append({"category": gone, "$expr": {"$ne": ["$skill", "$category"]}, **_WAITING})
    return Find("tickets", {"$or": changed}, limit=AGED_AT_ONCE)  # each condition uses its own index


def _may_take(skills: Sequence[str], languages: Sequence[str], tiers: Sequence[str]) -> Document:
    """The rule `may_have` as a query, for all agents of one kind."""
    condition: Document = {}
    if ANY_SKILL not in skills:
        condition["skill"] = {"$in": list(skills)}
    if languages:
        condition["language"] = {"$in": [None, re.compile(covering(languages), re.IGNORECASE)]}
    if tiers:
        condition["tier"] = {"$in": list(tiers)}
    return condition


def _document(value: Agent | Ticket | Reservation | Pool) -> Document:
    named = {name: getattr(value, name) for name in value.__dataclass_fields__}
    return {"_id": named.pop("id"), **named} if "id" in named else named


def _pool_document(pool: Pool) -> Document:
    return _document(pool)


def _agent_document(agent: Agent) -> Document:
    return _document(agent)


_LISTS = ("skills", "listed", "said_languages", "languages", "tiers")


def agent_of(document: Document) -> Agent:
    """The agent that a document of `agents` stores."""
    values = fields_of(Agent, document, "id")
    values |= {name: tuple(values.get(name, ())) for name in _LISTS}
    return Agent(**values)


def _ticket_document(ticket: Ticket) -> Document:
    document = _document(ticket)
    if ticket.reservation is None:
        del document["reservation"]
    else:
        document["reservation"] = _document(ticket.reservation)
    if ticket.cause is not None:
        document["cause"] = asdict(ticket.cause)
    if ticket.waiting:
        document["waiting"] = True
    if ticket.closed_at is not None and ticket.status == "closed":
        document["forget_at"] = ticket.closed_at + KEPT_AFTER_CLOSING
    return document


def ticket_of(document: Document) -> Ticket:
    """The ticket that a document of `tickets` stores."""
    known = fields_of(Ticket, document, "id")
    if "reservation" in known:
        known["reservation"] = Reservation(**known["reservation"])
    if known.get("cause") is not None:
        known["cause"] = Cause(**known["cause"])
    return Ticket(**known)
